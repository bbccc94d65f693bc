"""Makes CrewAI's own work around the model's shorter: import it before or after crewai.

Same results, same events, same order; what is not known exactly, the original does.
"""

import os

from fast_jvm import register

from ._patches import PATCHES

__all__: "list[str]" = []
__version__ = "1.0.0"

# the Rust package's switch: there 1 is needed, here what is not off is on
if os.environ.get("FAST_CREWAI_ACCELERATION", "1").strip().lower() not in ("0", "off", "false"):
    register(PATCHES)
