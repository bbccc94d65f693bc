"""Which Pythons are served."""

from __future__ import annotations

import sys

from ._reasons import Kind, Reason

SERVED = ((3, 10), (3, 11), (3, 12), (3, 13))


def unsupported() -> Reason:
    """Say why this interpreter is not served; empty when it is."""
    return Reason(_unsupported(), Kind.PYTHON)


def _unsupported() -> str:
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} is not CPython"
    if sys.version_info[:2] not in SERVED:
        served = ", ".join("%d.%d" % pair for pair in SERVED)
        return "Python %d.%d is not served (%s)" % (*sys.version_info[:2], served)
    if sys.version_info.releaselevel not in ("final", "candidate"):
        return f"Python {sys.version.split()[0]} is a preview"
    if sys.maxsize < 2**32:
        return "this Python is a 32-bit build"
    if sys.byteorder != "little":
        return "this machine is big endian"
    if hasattr(sys, "gettotalrefcount") or hasattr(sys, "getobjects"):
        return "this Python is a debug build"
    if not has_gil():
        return "this Python is a free-threaded build"
    return ""


def has_gil() -> bool:
    """Say whether this is a build with the GIL."""
    if sys.version_info < (3, 13):
        return True
    import sysconfig

    return not sysconfig.get_config_var("Py_GIL_DISABLED")
