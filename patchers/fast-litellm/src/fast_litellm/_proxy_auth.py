"""What LiteLLM's proxy does with each request before the model is asked, where it comes to nothing.

``_seed_request_destinations`` imports LiteLLM's OpenTelemetry logger. Where a package that this needs is not installed, each request
reads that module's file again, runs it to the line that fails, and drops the error. Here the package that was missing is looked for
instead: once it is found, the original imports.
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any, Callable, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._found import found

_LOGGER = "litellm.integrations.otel.logger"


def _missing() -> Optional[str]:
    """Return the package without which the logger cannot be imported."""
    try:
        importlib.import_module(_LOGGER)
    except ModuleNotFoundError as error:
        name = error.name or ""
        return name if name.partition(".")[0] == "opentelemetry" else None
    except Exception:  # (the original drops it as well)
        return None
    return None


def make_seed_destinations(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _seed_request_destinations and its switch."""
    serving = Serving("litellm.proxy_destinations")
    logger = logging.getLogger("LiteLLM Proxy")
    looked = False
    missing: Optional[str] = None

    def _seed_request_destinations(user_api_key_dict: Any, request: Any = None) -> None:
        nonlocal looked, missing
        if serving:
            if not looked:
                looked, missing = True, _missing()
            if (
                missing is not None
                and _LOGGER not in sys.modules
                and not logger.isEnabledFor(logging.DEBUG)
                and not found(missing)
            ):
                replacement.served += 1
                return
        replacement.declined += 1
        original(user_api_key_dict, request)

    replacement: Any = _seed_request_destinations
    return finish(replacement, serving)
