"""Warms the builtins of this package once Java is up."""

from __future__ import annotations

from typing import Callable

from fast_jvm._registry import Builtins

from . import _embeddings, _huggingface, _rehearsal, _tokens


def prepare(builtins: Builtins, warm: Callable[[str, object, int], int]) -> None:
    """Bring Java to speed on samples of our own."""
    _embeddings.warm_up(builtins, warm)
    _tokens.warm_up(builtins)
    _huggingface.warm_up(builtins)
    _rehearsal.rehearse(builtins, warm)
