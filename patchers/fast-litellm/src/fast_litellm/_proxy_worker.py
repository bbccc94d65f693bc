"""A worker's heap, once the proxy has started: Python's collector leaves it alone.

LiteLLM's proxy holds some 700,000 objects that its imports made and that stay. Each full collection walks over all of them, half a second with
the GIL held, and under load there is one every few hundred requests. When a worker has started, what is there is collected once more and
then kept out of all later collections (``gc.freeze``); so is what the first full collection after that leaves, since the first requests import
100,000 objects more. All of it is freed as ever with its last reference; only what hangs in a cycle, was there at one of these two moments (at the
second: a few requests in flight), and is dropped later stays in memory. A preloading master has no start-up of its own: it freezes nothing.

Young objects are looked at after 5,000 new ones instead of 700 (2,000 from CPython 3.13 on), if nobody has set another number: so many are
those of some 20 requests. Some 15 objects of a request that succeeds are in cycles; of one that fails, its frames, which hold its body.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, Callable, Dict, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_APPLICATION = "litellm.proxy.proxy_server"
#: CPython's own thresholds of the youngest generation, and ours.
_DEFAULTS, _YOUNG = (700, 2000), 5_000


class _Once:
    """Freezes once more, when the next full collection is over."""

    def __call__(self, phase: str, info: Dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            gc.freeze()
            if gc.callbacks[-1] is self:  # (another's would be passed over this time)
                gc.callbacks.pop()


def make_startup(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of uvicorn's LifespanOn.startup and its switch."""
    serving = Serving("litellm.proxy_heap")

    async def startup(self: Any) -> None:
        await original(self)
        if (
            not self.should_exit
            and _APPLICATION in sys.modules
            and gc.isenabled()
            and not gc.get_debug()
            and not gc.get_freeze_count()  # somebody sees to it, or it is our second start-up
            and (serving.live or serving)
        ):
            gc.collect()
            gc.freeze()
            gc.callbacks.append(_Once())
            youngest, *older = gc.get_threshold()
            if youngest in _DEFAULTS and not os.getenv("PYTHON_GC_THRESHOLD"):
                gc.set_threshold(_YOUNG, *older)
            replacement.served += 1
        else:
            replacement.declined += 1

    replacement: Any = startup
    return finish(replacement, serving)
