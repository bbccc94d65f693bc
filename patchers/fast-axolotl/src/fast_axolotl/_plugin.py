"""``plugins: [fast_axolotl.Plugin]``: axolotl imports the package, which is all that is needed."""

from __future__ import annotations

from axolotl.integrations.base import BasePlugin


class Plugin(BasePlugin):
    """Puts the patches in place in whichever process reads the YAML: command line, launcher, each rank."""
