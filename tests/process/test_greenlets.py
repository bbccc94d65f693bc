"""gevent and greenlets: what runs no user code is served, what would run some from Java goes to the original."""

from __future__ import annotations

import pytest

HERD = """
import dataclasses, warnings, logging
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
import fast_langgraph
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

switch = lambda: None

@dataclasses.dataclass
class Slow:  # its constructor lets others run
    n: int
    def __post_init__(self):
        switch()

class Odd:  # Java has no plan for it
    def __init__(self, n): self.n = n
    def model_dump(self):
        switch()
        return {"n": self.n}

serde = JsonPlusSerializer()
live_here = fast_jvm.wait_ready(60)
assert live_here or os.environ["FAST_JVM"] == "off", fast_jvm.status()

def counts(name):
    return fast_jvm._state.state.builtins[name].counters if live_here else None

# a deep stack of Java's own above each switch, and classes whose plans make garbage
def nest(value, depth=20):
    for _ in range(depth):
        value = [value, {"k": depth}]
    return value

def collect():
    if live_here:  # what plans leave behind, until the heap is collected
        for number in range(300):
            serde.dumps_typed([type("C%d" % number, (str,), {})("x")])

def herd(spawn, join):
    packed = {}
    def work(n):
        for turn in range(6):
            value = nest([Odd(n), "x" * 50])
            kind, data = serde.dumps_typed(value)
            packed.setdefault(n, data)
            assert packed[n] == data
            collect()
            plain = {"plain": list(range(n, n + 40)), "s": {n}}
            assert serde.loads_typed(serde.dumps_typed(plain)) == plain
            slow = nest(Slow(n))
            assert serde.loads_typed(serde.dumps_typed(slow)) == slow
    join([spawn(work, n) for n in range(8)])
    print(sorted((n, len(data)) for n, data in packed.items()))
"""

GEVENT = """
import gevent
switch = lambda: gevent.sleep(0)
herd(gevent.spawn, gevent.joinall)
switch()
"""

GREENLETS = """
import greenlet
main = greenlet.getcurrent()
switch = lambda: main.switch() if greenlet.getcurrent() is not main else None
def join(ones):
    while any(not one.dead for one in ones):
        for one in ones:
            if not one.dead: one.switch()
def spawn(function, n):
    return greenlet.greenlet(lambda: function(n))
herd(spawn, join)
"""

SERVED = """
if live_here:
    before = {name: counts(name) for name in ("langgraph_dumps", "langgraph_loads")}
    messages = [__import__("langchain_core.messages").messages.HumanMessage("x%d" % n, id=str(n)) for n in range(20)]
    run = lambda: serde.loads_typed(serde.dumps_typed(messages)) == messages
    answers = []
    one = gevent.spawn(lambda: answers.append([run() for _ in range(50)]))
    one.join()
    assert answers == [[True] * 50]
    for name, (calls, declines, called_back) in before.items():
        now = counts(name)
        assert now.calls - calls >= 50 and now.declines == declines, (name, now)
    # the same in the main greenlet, and with a callback: declined before any of it ran
    before = {name: counts(name) for name in ("langgraph_dumps", "langgraph_loads")}
    ran = []
    switch = lambda: ran.append(1)
    blob = serde.dumps_typed(nest([Odd(1)]))
    serde.loads_typed(serde.dumps_typed(nest(Slow(1))))
    assert len(ran) == 3, ran
    for name, (calls, declines, called_back) in before.items():
        now = counts(name)
        assert now.declines > declines and now.callbacks == called_back, (name, now)
"""


@pytest.mark.line("processes", "gevent: builtins, and user code that switches", "as without us")
def test_gevent(same) -> None:
    done = same(HERD + GEVENT + SERVED, timeout=180)
    assert done.stdout.count("194") == 8


@pytest.mark.line("processes", "greenlets that switch inside user code", "as without us")
def test_greenlets(same) -> None:
    same(HERD + GREENLETS, timeout=180)


@pytest.mark.line("processes", "gevent.monkey.patch_all before the boot", "served")
def test_monkey_patched(same) -> None:
    same("from gevent import monkey; monkey.patch_all()\n" + HERD + GEVENT + SERVED, timeout=180)
