"""Makes LangGraph faster: import it before langgraph, and its checkpoint codec runs as Java.

Same bytes, same objects, same errors; what Java can't do exactly, the original does.
"""

from fast_jvm import register

from ._patches import PATCHES

__all__: "list[str]" = []
__version__ = "1.0.0"

register(PATCHES)
