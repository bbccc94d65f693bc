"""``token_counter._encoding_count``: how many tokens a text has, counted in Java without a list of them.

An encoding is served once its ranks are loaded, from the very object that the original counts with: those that tiktoken holds when
Java comes up at once, others by a thread of their own, while the original serves. Only tiktoken's own class, its own ``encode`` and
patterns that are known: all else the original counts.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

LOAD, COUNT = "litellm_load_ranks", "litellm_count_tokens"

_R50K = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
#: In the order of Java's Counter.Pattern.
PATTERNS = (_R50K, _CL100K, _O200K)

_NONE = -1  # an encoding that Java does not serve

_numbers: Dict[Any, int] = {}  # encodings hash by identity
_loading = threading.Lock()


def make_encoding_count(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _encoding_count and its switch."""
    count: Callable[[int, str], Any] | None = None
    load: Callable[..., Any] | None = None
    kind: Any = None
    encode: Any = None
    numbers = _numbers
    clock = time.thread_time_ns

    def _encoding_count(encoding: Any, text: str) -> int:
        if count is None:
            start = clock()
            try:
                return original(encoding, text)  # type: ignore[no-any-return]
            finally:
                meter(clock() - start)
        if type(encoding) is kind and kind.encode is encode and "encode" not in encoding.__dict__:
            number = numbers.get(encoding)
            if number is None:
                _load_aside(load, encoding)
            elif number >= 0:
                found = count(number, text)
                if found is not NotImplemented:
                    return found  # type: ignore[no-any-return]
        return original(encoding, text)  # type: ignore[no-any-return]

    def activate(builtins: Builtins | None) -> None:
        nonlocal count, load, kind, encode
        if builtins is None:
            count = None
            return
        kind = sys.modules["tiktoken"].Encoding
        encode = kind.encode
        load = builtins[LOAD]
        count = builtins[COUNT]

    return _encoding_count, activate


def _load(load: Any, encoding: Any) -> None:
    with _loading:
        if encoding not in _numbers:
            number: Any = NotImplemented
            pattern = getattr(encoding, "_pat_str", None)
            if pattern in PATTERNS:
                number = load(encoding._mergeable_ranks, PATTERNS.index(pattern))
            _numbers[encoding] = _NONE if number is NotImplemented else number


def _load_aside(load: Any, encoding: Any) -> None:
    if _loading.locked() or len(_numbers) >= 64:
        return
    try:
        threading.Thread(target=_load, args=(load, encoding), daemon=True).start()
    except RuntimeError:  # at exit no thread starts
        pass


def loaded(encoding: Any) -> Optional[bool]:
    """Say whether Java counts for an encoding; None while nobody knows."""
    number = _numbers.get(encoding)
    return None if number is None else number >= 0


def warm_up(builtins: Builtins, warm: Callable[[str, object, int], int]) -> None:
    """Load the encodings that tiktoken holds, and bring the builtin to speed."""
    registry = sys.modules.get("tiktoken.registry")
    for encoding in list(registry.ENCODINGS.values()) if registry is not None else []:
        _load(builtins[LOAD], encoding)
    served = [encoding for encoding, number in _numbers.items() if number >= 0]
    sample = (
        __doc__ or ""
    ) + "  It's 12345 o'clock;\n\n\treturn {'aB': [x/2, 'ZZZqqqyyy']}\r\n" * 4
    warm(COUNT, sample, 120)
    for encoding in served:
        number = _numbers[encoding]
        if builtins[COUNT](number, sample) != len(encoding.encode(sample, disallowed_special=())):
            raise RuntimeError(f"{encoding.name} is counted in another way")
        for _ in range(200):
            builtins[COUNT](number, sample)
        time.sleep(0.001)
