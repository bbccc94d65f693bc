"""Huge pages under a heap that stays, with Linux's ``madvise(MADV_COLLAPSE)``.

A process of hundreds of megabytes of small objects spends a tenth of its time on finding out where its 4 KiB pages are (misses of the TLB). The
kernel copies full neighbours into one page of 2 MiB; addresses and contents stay as they are. Where it can't (before 6.1, other
systems, memory in pieces, an administrator's ``never``), nothing happens.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import Any, Iterable, Set

from . import _platform

_SETTINGS = "/sys/kernel/mm/transparent_hugepage/"
_LARGEST = 4 << 20
_COLLAPSE = 25  # MADV_COLLAPSE of linux/mman.h
_FULL = 0.75  # of a huge page's bytes have to be in memory already


def size() -> int:
    """Return the bytes of a huge page, 0 where there are none to be had."""
    if not _platform.SYSTEM.startswith("linux"):
        return 0
    try:
        with open(_SETTINGS + "enabled", encoding="ascii") as enabled:
            if "[never]" in enabled.read():
                return 0
        with open(_SETTINGS + "hpage_pmd_size", encoding="ascii") as pmd:
            found = int(pmd.read())
    except (OSError, ValueError):
        return 0
    return found if found <= _LARGEST else 0


def places(objects: Iterable[Any]) -> Set[int]:
    """Return where objects are, as numbers of huge pages from address 0; all objects live in few."""
    one = size()
    return {id(each) // one for each in objects} if one else set()


def _malloc_places(one: int) -> Set[int]:
    """Return the places of malloc's own heap, where larger dicts have their tables."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            if line.endswith("[heap]\n"):
                start, end = (int(bound, 16) for bound in line.split(None, 1)[0].split("-"))
                return set(range(-(-start // one), end // one))
    return set()


def collapse(found: Set[int], seconds: float = 5.0) -> int:
    """Put the pages of such places, and of malloc's heap, into huge ones; slow, without the GIL.

    A place that is partly empty stays, as a huge page would fill it: a process grows by less than a
    third of what was collapsed, by a hundredth as a rule. Returns the bytes that lie in huge pages now; ends
    early, after *seconds*.
    """
    one = size()
    if not found or not one:
        return 0
    done = 0
    end = time.monotonic() + seconds
    try:
        small = os.sysconf("SC_PAGE_SIZE")
        # of eight that stand for a page, the byte whose first bit says that it is in memory
        highest = 7 if sys.byteorder == "little" else 0
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        entries = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        try:
            for place in sorted(found | _malloc_places(one)):
                held = os.pread(entries, 8 * one // small, 8 * (place * one // small))
                present = sum(byte >> 7 for byte in held[highest::8])
                if present * small >= _FULL * one and not madvise(place * one, one, _COLLAPSE):
                    done += one
                if time.monotonic() > end:
                    break
        finally:
            os.close(entries)
    except (OSError, ValueError, AttributeError):  # no /proc, no such function
        pass
    return done
