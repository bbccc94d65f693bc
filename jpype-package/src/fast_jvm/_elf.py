"""A shared library made of names alone: each symbol is an address that the process has already.

Whoever looks a function up by its name in a library (dlsym) can so be given one of ours, without
a compiler. Format: the System V ABI's "Object Files" and "Dynamic Linking", elf.h; the symbols are
SHN_ABS, which glibc takes as absolute since 2.28.
"""

from __future__ import annotations

import platform
import struct
from typing import Mapping

_MACHINES = {"x86_64": 62, "aarch64": 183}  # e_machine: EM_X86_64, EM_AARCH64
_ET_DYN, _EV_CURRENT = 3, 1
_PT_LOAD, _PT_DYNAMIC, _PT_GNU_STACK = 1, 2, 0x6474E551
_PF_RW = 6
_DT_NULL, _DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT = 0, 4, 5, 6, 10, 11
_GLOBAL_FUNCTION, _SHN_ABS = 1 << 4 | 2, 0xFFF1
_EHDR, _PHDR, _SYM, _PAGE = 64, 56, 24, 4096  # sizes in bytes


def shared_object(symbols: Mapping[str, int]) -> bytes:
    """Return the bytes of a 64-bit little-endian library; KeyError on an unknown machine."""
    machine = _MACHINES[platform.machine()]
    names, table = b"\0", bytes(_SYM)
    for name, address in symbols.items():
        table += struct.pack("<IBBHQQ", len(names), _GLOBAL_FUNCTION, 0, _SHN_ABS, address, 0)
        names += name.encode() + b"\0"
    count = 1 + len(symbols)
    # one bucket: a chain through all symbols, 0 ends it
    chain = [0, *range(2, count), 0]
    hashes = struct.pack(f"<{3 + count}I", 1, count, 1, *chain)

    table_at = _EHDR + 3 * _PHDR
    hashes_at = table_at + len(table)
    names_at = hashes_at + len(hashes)
    dynamic_at = -(-(names_at + len(names)) // 8) * 8
    entries = (
        (_DT_HASH, hashes_at),
        (_DT_STRTAB, names_at),
        (_DT_SYMTAB, table_at),
        (_DT_STRSZ, len(names)),
        (_DT_SYMENT, _SYM),
        (_DT_NULL, 0),
    )
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack(
        "<HHIQQQIHHHHHH",
        *(_ET_DYN, machine, _EV_CURRENT, 0, _EHDR, 0, 0, _EHDR, _PHDR, 3, 0, 0, 0),
    )
    segments = (
        _segment(_PT_LOAD, 0, dynamic_at + len(dynamic), _PAGE)
        + _segment(_PT_DYNAMIC, dynamic_at, len(dynamic), 8)
        + _segment(_PT_GNU_STACK, 0, 0, 16)  # without it the loader asks for executable stacks
    )
    body = header + segments + table + hashes + names
    return body.ljust(dynamic_at, b"\0") + dynamic


def _segment(kind: int, offset: int, size: int, align: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, _PF_RW, offset, offset, offset, size, size, align)
