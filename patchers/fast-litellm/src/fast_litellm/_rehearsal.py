"""Brings the builtins of texts to speed before anyone calls them: Java compiles what is called often, for what it has seen by then.

What is called is what users call, on vocabularies that are made up, so that encodings and tokenizers that are loaded later find the
same code compiled. Lists and counts are compared meanwhile.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, Callable, List, Tuple

from fast_jvm._registry import Builtins

from . import _huggingface, _tokens
from ._tokens import clock

#: Its number; what counts, encodes and decodes with it.
_Vocabulary = Tuple[int, Callable[..., Any], Callable[..., Any], Callable[..., Any]]

#: Short lines, and what any text may bring: Java compiles no branch that was never taken, and does so again once it is.
SAMPLE = (
    "hello wo\nIt's 12:\n x = {a}\n naïve\n日本語中文\n🙂 Привет\n"
    + (__doc__ or "")
    + "  It's 12345 o'clock;\n\n\treturn {'aB': [x/2, 'ZZZqqqyyy']}\r\n"
    + "我们的话。" * 20
    + "हिन्दी буквально 👩‍👧\n"
)
#: Turns of a millisecond, each of all calls so often; Java's compiler has two or three times as long as they take.
_TURNS, _LEAST, _REPEATS = 80, 40, 6
_PAUSE_S = 0.01
_CPU_NS = 400_000_000
_RELOADS = (4, 8, 16, 32)


def words() -> List[str]:
    """Return what a made-up vocabulary has tokens of: beginnings of the sample's words, a blank before each."""
    return [" " + word[: 2 + place % 20] for place, word in enumerate(SAMPLE.split())]


def rehearse(builtins: Builtins, warm: Callable[[str, object, int], int]) -> None:
    """Work without the GIL, then call with it, a millisecond at a time, until Java has compiled all of it."""
    loaded = _load(builtins)
    warm(_tokens.COUNT, SAMPLE.encode(), 100)
    warm(_tokens.ENCODE, SAMPLE.encode(), 60)
    times: List[int] = []
    begun = clock()
    for turn in range(_TURNS):
        if turn in _RELOADS:  # a vocabulary's first call makes its counter
            _drop(builtins, loaded)
            loaded = _load(builtins)
        times.append(_turn(loaded))
        # compiled at last, it takes half as long or less
        done = turn > _LEAST and statistics.median(times[-5:]) < 0.55 * min(times[2:12])
        if done or clock() - begun > _CPU_NS:
            break
        time.sleep(_PAUSE_S)
    _drop(builtins, loaded)


def _load(builtins: Builtins) -> List[_Vocabulary]:
    loaded: List[_Vocabulary] = []
    for kind in (_tokens, _huggingface):
        numbers = kind.made_up(builtins, words())
        if NotImplemented in numbers:
            raise RuntimeError("a vocabulary is not read")
        names = (kind.COUNT, kind.ENCODE, kind.DECODE)
        loaded += [(number, *(builtins[name] for name in names)) for number in numbers]
    return loaded


def _drop(builtins: Builtins, loaded: List[_Vocabulary]) -> None:
    for number, *_ in loaded:
        builtins[_huggingface.TABLES](number, 1)


def _turn(loaded: List[_Vocabulary]) -> int:
    """Call with short texts, and say how long they take; then with what is rare."""
    calls = [
        (number, count, encode, decode, text, encode(number, text))
        for number, count, encode, decode in loaded
        for text in SAMPLE.split("\n")[:6]
    ]
    start = clock()
    for number, count, encode, decode, text, tokens in calls * _REPEATS:
        count(number, text)
        encode(number, text)
        decode(number, tokens)
    spent = clock() - start
    for number, count, encode, decode in loaded:
        for text in (SAMPLE, 12 * SAMPLE):  # the longer one without the GIL
            tokens = encode(number, text)
            if count(number, text) != len(tokens) or decode(number, tokens) != text.encode():
                raise RuntimeError("a text is counted, encoded and decoded in different ways")
        count(number, "\ud800")
        encode(number, "\ud800")
        decode(number, [-1])
    return spent
