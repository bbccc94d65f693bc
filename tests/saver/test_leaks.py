"""What is put, got and closed leaves nothing behind."""

from __future__ import annotations

from typing import Callable

LIMIT_KB = 8 << 10


def test_puts_and_gets(program: Callable[..., str]) -> None:
    told = program(
        """
saver = ChronicleSaver(FOLDER)
def work(first, count):
    for n in range(first, first + count):
        put(saver, f"t{n % 10}", n, value=[["y" * 40, k] for k in range(n % 60)])
        check(saver, f"t{n % 10}", n)
        if n % 50 == 0:
            [*saver.list(config(f"t{n % 10}"), limit=5)]
work(0, 6000)
gc.collect()
before = anonymous_kb()
work(6000, 14000)
gc.collect()
print(anonymous_kb() - before)
""",
        timeout=110,
    )
    assert int(told) < LIMIT_KB


def test_shared_lists(program: Callable[..., str]) -> None:
    """What is put together outside the mapped files is given back at once, not when Java collects."""
    told = program("""
saver = ChronicleSaver(FOLDER)
value = [os.urandom(100).hex() for _ in range(1000)]
def work(first, count):
    for n in range(first, first + count):
        value.append(str(n))
        put(saver, "t", n, value=value)
        check(saver, "t", n)
work(0, 200)
gc.collect()
before = anonymous_kb()
peak = 0
for first in range(200, 600, 100):
    work(first, 100)
    peak = max(peak, anonymous_kb())
print(peak - before)
""")
    assert int(told) < 4 * LIMIT_KB


def test_closed_savers(program: Callable[..., str]) -> None:
    told = program("""
def maps():
    with open("/proc/self/maps") as file:
        return sum(FOLDER in line for line in file)
def opened():
    return sum(FOLDER in os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")
               if os.path.islink(f"/proc/self/fd/{each}"))
def work(count):
    for n in range(count):
        saver = ChronicleSaver(FOLDER, durability="disk" if n % 4 == 0 else "process")
        put(saver, f"t{n}", n)
        check(saver, f"t{n}", n)
        saver.close()
work(15)
gc.collect()
before = anonymous_kb()
work(25)
for _ in range(50):  # Chronicle's own thread may be closing
    if not maps() and not opened():
        break
    time.sleep(0.1)
print(maps(), opened(), anonymous_kb() - before)
""")
    mapped, opened, grown = map(int, told.split())
    assert (mapped, opened) == (0, 0)
    assert grown < 2 * LIMIT_KB
