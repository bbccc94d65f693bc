"""Makes LiteLLM cheaper: import it before or after litellm; nothing else changes.

Same objects, same numbers, same errors; what is not known exactly, the original does.
"""

from fast_jvm import register

from ._health import get_performance_stats, health_check
from ._limiter import follow_setting, use_rate_limits
from ._limits import RateLimits
from ._patches import PATCHES

__all__ = ["RateLimits", "get_performance_stats", "health_check", "use_rate_limits"]
__version__ = "1.0.0"

register(PATCHES)
follow_setting()
