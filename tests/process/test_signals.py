"""Signals stay Python's."""

from __future__ import annotations

import pytest

INTERRUPT = """
def interrupt(after):
    def kill():
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=kill, daemon=True).start()
"""
# in functions: a bare `while True` inside try is left by the compiler outside of the try's range
LOOPS = """
def calls():
    while True: shapes.nothing()
def python():
    while True: pass
"""
WAITS = {
    "calls": "calls()",
    "python": "python()",
    "sleep": "time.sleep(20)",
    "lock": "threading.Lock().acquire() and threading.Event().wait(20)",
}


@pytest.mark.line("processes", "signals: SIGINT while calling, waiting, in a loop", "as without us")
@pytest.mark.parametrize("wait", WAITS)
def test_sigint_is_caught(same, wait: str) -> None:
    done = same(f"""
{INTERRUPT}{LOOPS}
live()
for _ in range(3):
    interrupt(0.3)
    start = time.perf_counter()
    try:
        {WAITS[wait]}
    except KeyboardInterrupt:
        print("interrupted", time.perf_counter() - start < 15)
print("goes on", shapes.nothing())
""")
    assert done.stdout == "interrupted True\n" * 3 + "goes on None\n"


@pytest.mark.line("processes", "signals: SIGINT while calling, waiting, in a loop", "as without us")
def test_sigint_ends_a_process(same) -> None:
    code = "live()\ninterrupt(0.3)\ntime.sleep(20)"
    done = same(INTERRUPT + code)
    assert done.returncode == -2
    assert done.stderr.endswith("KeyboardInterrupt\n")


@pytest.mark.line("processes", "signals: SIGINT while calling, waiting, in a loop", "as without us")
def test_sigint_in_an_event_loop(same) -> None:
    done = same(f"""
{INTERRUPT}
import asyncio
async def main():
    await asyncio.to_thread(live)
    interrupt(0.3)
    try:
        await asyncio.sleep(20)
    finally:
        print("cleaned up", flush=True)
try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(4)
""")
    assert (done.returncode, done.stdout) == (4, "cleaned up\n")


@pytest.mark.line("processes", "signals: handlers set before and after the boot", "as without us")
@pytest.mark.parametrize("when", ["before", "after"])
def test_handlers(same, when: str) -> None:
    """Handlers for every signal that a program may want, set before or after the boot."""
    install = """
seen = []
wanted = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGCHLD, signal.SIGXFSZ, signal.SIGALRM, signal.SIGTRAP]
for number in wanted:
    signal.signal(number, lambda number, frame: seen.append(signal.Signals(number).name))
"""
    done = same(f"""
{install if when == "before" else ""}
live(); shapes.nothing()
{install if when == "after" else ""}
for number in wanted:
    os.kill(os.getpid(), number)
    time.sleep(0.01)
    shapes.nothing()
print(seen)
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.3)
print(seen[-1], len(seen))
""")
    assert "SIGUSR2" in done.stdout


@pytest.mark.line("processes", "signals: SIGPIPE, the wakeup descriptor", "as without us")
def test_default_sigpipe(same) -> None:
    done = same("""
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
live(); shapes.nothing()
read, write = os.pipe()
os.close(read)
os.write(write, b"x")
print("still here")
""")
    assert done.returncode == -13


@pytest.mark.line("processes", "signals: SIGPIPE, the wakeup descriptor", "as without us")
def test_broken_pipe(same) -> None:
    done = same("""
live(); shapes.nothing()
read, write = os.pipe()
os.close(read)
try:
    os.write(write, b"x")
except BrokenPipeError:
    print("broken")
""")
    assert done.stdout == "broken\n"


@pytest.mark.line("processes", "signals: SIGPIPE, the wakeup descriptor", "as without us")
def test_the_wakeup_descriptor(same) -> None:
    same("""
live(); shapes.nothing()
read, write = os.pipe()
os.set_blocking(write, False)
signal.set_wakeup_fd(write)
signal.signal(signal.SIGUSR1, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR1)
print(os.read(read, 1))
""")
