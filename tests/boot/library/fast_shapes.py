"""Patches of ``shapes``, on the builtin ``noop``; importing registers and does nothing else."""

from __future__ import annotations

import os
from time import perf_counter_ns

from fast_jvm import Patch, register

CODES = {
    "nothing": "a11b73e749743acf",
    "empty": "06cd70f7a881c869",
    "static_empty": "645966e77f72e014",
    "class_empty": "c46595dc004affa7",
    "helper": "030483cc12288553",
}


def make(original, meter):
    """Serve with Java's noop once it is there."""
    serve = None

    def replacement(*args, **kwargs):
        if serve is not None:
            result = serve()
            if result is not NotImplemented:
                return result
        started = perf_counter_ns()
        try:
            return original(*args, **kwargs)
        finally:
            meter(perf_counter_ns() - started)

    def activate(builtins):
        nonlocal serve
        serve = builtins["noop"] if builtins is not None else None

    return replacement, activate


def make_narrow(original, meter):
    """Take fewer parameters than the original."""

    def replacement():
        return original()

    return replacement, lambda builtins: None


def make_other_default(original, meter):
    """Have another default."""

    def replacement(*, times=2):
        return original(times=times)

    return replacement, lambda builtins: None


def make_same(original, meter):
    """Take what the original takes."""

    def replacement(*, times=1):
        return original(times=times)

    return replacement, lambda builtins: None


def prepare(builtins, warm):
    """Call noop a few times."""
    if os.environ.get("SHAPES_PREPARE") == "fail":
        raise RuntimeError("Java is slower")
    for _ in range(100):
        builtins["noop"]()
    warm("noop", [], 1)
    return {"noop": (100, 50)}


def patch(name, target, code, **changes):
    """Return the record of one patch."""
    fields = {
        "name": f"shapes.{name}",
        "package": "fast_shapes",
        "target": f"shapes:{target}",
        "distribution": "shapes-lib",
        "versions": ">=1.0,<2",
        "codes": frozenset({code}),
        "builtins": ("noop",),
        "make": "fast_shapes:make",
        "prepare": "fast_shapes:prepare",
        **changes,
    }
    return Patch(**fields)


PATCHES = [
    patch("nothing", "nothing", CODES["nothing"], also={"shapes:helper": CODES["helper"]}),
    patch("empty", "Shape.empty", CODES["empty"]),
    patch("static_empty", "Shape.static_empty", CODES["static_empty"]),
    patch("class_empty", "Shape.class_empty", CODES["class_empty"]),
]

if os.environ.get("SHAPES_REGISTER") != "no":
    register(PATCHES)
