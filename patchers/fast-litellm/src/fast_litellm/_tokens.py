"""``token_counter._encoding_count``: how many tokens a text has, counted in Java without a list of them.

An encoding is served once its ranks are loaded, from the very object that the original counts with: those that tiktoken holds when
Java comes up at once, others by a thread of their own, while the original serves. Only tiktoken's own class, its own ``encode`` and
patterns that are known: all else the original counts.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

LOAD, COUNT = "litellm_load_ranks", "litellm_count_tokens"
ENCODE, DECODE = "litellm_encode_tokens", "litellm_decode_tokens"

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

numbers: Dict[Any, int] = {}  # encodings hash by identity
encodes: Set[Any] = set()  # what may be Encoding.encode: the original and what stands for it
clock = time.thread_time_ns
_loading = threading.Lock()
_load_ranks: Optional[Callable[..., Any]] = None


def make_encoding_count(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _encoding_count and its switch."""
    count: Callable[[int, str], Any] | None = None
    kind: Any = None

    def _encoding_count(encoding: Any, text: str) -> int:
        if count is None:
            start = clock()
            try:
                return original(encoding, text)  # type: ignore[no-any-return]
            finally:
                meter(clock() - start)
        if type(encoding) is kind and kind.encode in encodes and "encode" not in encoding.__dict__:
            number = numbers.get(encoding)
            if number is None:
                load_aside(encoding)
            elif number >= 0:
                found = count(number, text)
                if found is not NotImplemented:
                    return found  # type: ignore[no-any-return]
        return original(encoding, text)  # type: ignore[no-any-return]

    def activate(builtins: Builtins | None) -> None:
        nonlocal count, kind
        if builtins is None:
            count = None
            return
        kind = sys.modules["tiktoken"].Encoding
        encodes.add(kind.encode)  # the gate knows it
        count = builtins[COUNT]

    return _encoding_count, activate


def _load(encoding: Any) -> None:
    with _loading:
        if encoding not in numbers:
            number: Any = NotImplemented
            pattern = getattr(encoding, "_pat_str", None)
            if pattern in PATTERNS and _load_ranks is not None:
                specials = {name.encode(): id for name, id in encoding._special_tokens.items()}
                ranks = encoding._mergeable_ranks
                number = _load_ranks(ranks, specials, PATTERNS.index(pattern))
            numbers[encoding] = _NONE if number is NotImplemented else number


def load_aside(encoding: Any) -> None:
    """Load an encoding in a thread of its own; the original serves meanwhile."""
    if _loading.locked() or len(numbers) >= 64:
        return
    try:
        threading.Thread(target=_load, args=(encoding,), daemon=True).start()
    except RuntimeError:  # at exit no thread starts
        pass


def loaded(encoding: Any) -> Optional[bool]:
    """Say whether Java counts for an encoding; None while nobody knows."""
    number = numbers.get(encoding)
    return None if number is None else number >= 0


def warm_up(builtins: Builtins) -> None:
    """Load the encodings that tiktoken holds."""
    global _load_ranks
    _load_ranks = builtins[LOAD]
    registry = sys.modules.get("tiktoken.registry")
    for encoding in list(registry.ENCODINGS.values()) if registry is not None else []:
        _load(encoding)
    count, encode, decode = builtins[COUNT], builtins[ENCODE], builtins[DECODE]
    sample = (
        __doc__ or ""
    ) + "  It's 12345 o'clock;\n\n\treturn {'aB': [x/2, 'ZZZqqqyyy']}\r\n" * 4
    for encoding, number in list(numbers.items()):
        if number < 0:
            continue
        tokens = encoding._core_bpe.encode_ordinary(sample)
        if (
            count(number, sample) != len(tokens)
            or encode(number, sample) != tokens
            or decode(number, tokens) != sample.encode()
        ):
            raise RuntimeError(f"{encoding.name} is counted in another way")


def made_up(builtins: Builtins, words: List[str]) -> List[int]:
    """Load a vocabulary of each pattern, in which all beginnings of words are tokens."""
    ranks = {bytes([i]): i for i in range(256)}
    for word in map(str.encode, words):
        for end in range(2, len(word) + 1):
            ranks.setdefault(word[:end], len(ranks))
    return [builtins[LOAD](ranks, {}, place) for place in range(len(PATTERNS))]
