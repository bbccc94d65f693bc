"""Huge pages under what stays: nothing that a program can see changes, and memory does not grow."""

from __future__ import annotations

import ctypes
import mmap
import re
import sys
from pathlib import Path

import pytest

from fast_jvm import _pages, _platform

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone has them")


def status(name: str) -> int:
    """Bytes of a line of /proc/self/smaps_rollup."""
    found = re.search(rf"{name}: +(\d+) kB", Path("/proc/self/smaps_rollup").read_text())
    assert found is not None
    return int(found[1]) * 1024


@linux
def test_objects_stay_what_and_where_they_are() -> None:
    one = _pages.size() or pytest.skip("no huge pages here")
    made = [{"number": each, "text": str(each), "list": [each]} for each in range(200_000)]
    before = [id(each) for each in made]
    found, held = _pages.places(made), status("Rss")
    assert 10 < len(found) < 400
    done = _pages.collapse(found)
    assert [id(each) for each in made] == before
    assert made == [{"number": n, "text": str(n), "list": [n]} for n in range(200_000)]
    # 0 where it can't be had: an old kernel, a container's rules
    assert done % one == 0 and status("Rss") <= held + done / 3 + (8 << 20)
    assert status("AnonHugePages") >= done


@linux
@pytest.mark.parametrize("full", [False, True])
def test_what_is_mostly_empty_stays_so(full: bool) -> None:
    one = _pages.size() or pytest.skip("no huge pages here")
    with mmap.mmap(-1, 3 * one, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        place = -(-start // one)
        skipped = place * one - start
        for at in range(skipped, skipped + one, 4096 if full else 64 * 4096):
            memory[at] = 1
        before = _pages.collapse({0}), status("Rss")  # malloc's own heap is through
        done = _pages.collapse({place})
        if not full:
            assert done == before[0] and status("Rss") < before[1] + one // 2
        assert memory[skipped] == 1 and memory[skipped + 1] == 0
        assert sum(memory[skipped : skipped + one]) == (one // 4096 if full else one // 4096 // 64)


def test_what_is_not_mapped_is_passed_over() -> None:
    assert _pages.collapse({3}) == _pages.collapse({4})  # malloc's own heap alone


@pytest.mark.parametrize("why", ["system", "never", "unknown", "odd", "too large"])
def test_where_there_are_none(why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "enabled").write_text("always madvise [never]" if why == "never" else "[madvise]")
    (tmp_path / "hpage_pmd_size").write_text(
        {"odd": "two", "too large": str(1 << 29)}.get(why, "2")
    )
    monkeypatch.setattr(_pages, "_SETTINGS", f"{tmp_path}/{'no/' if why == 'unknown' else ''}")
    if why == "system":
        monkeypatch.setattr(_platform, "SYSTEM", "win32")
    assert _pages.size() == 0
    assert _pages.places([object()]) == set() and _pages.collapse({3}) == 0
