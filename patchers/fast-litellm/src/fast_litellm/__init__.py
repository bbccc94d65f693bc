"""Makes LiteLLM cheaper: import it before or after litellm; nothing else changes.

Same objects, same numbers, same errors; what is not known exactly, the original does.
``ResponseCache`` keeps responses in place of LiteLLM's in-memory cache, bounded by bytes.
"""

from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._health import get_performance_stats, health_check
from ._limiter import follow_setting, use_rate_limits
from ._limits import RateLimits
from ._patches import PATCHES

if TYPE_CHECKING:
    from ._response_cache import ResponseCache

__all__ = [
    "RateLimits",
    "ResponseCache",
    "get_performance_stats",
    "health_check",
    "use_rate_limits",
]
__version__ = "1.0.0"

register(PATCHES)
follow_setting()


def __getattr__(name: str) -> Any:
    if name != "ResponseCache":  # it imports litellm
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._response_cache import ResponseCache

    globals()[name] = ResponseCache
    return ResponseCache
