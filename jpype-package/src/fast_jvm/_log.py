"""The one logger, its level set by FAST_JVM_LOG when the variable is there."""

from __future__ import annotations

import logging
import os

from . import _settings

log = logging.getLogger("fast_jvm")
if os.environ.get("FAST_JVM_LOG"):
    log.setLevel(_settings.get("FAST_JVM_LOG").upper())
