"""Texts that tell how an encoding cuts and merges, and tiktoken's encodings, loaded."""

from __future__ import annotations

import random
import time

import tiktoken
from litellm.litellm_core_utils import token_counter
from litellm.rust_bridge.tokenizer import get_encoding

from fast_litellm import _tokens

PARTS = [
    *"abcXYZ019 '\"!?/-_.,;:(){}[]<>|\\\t\n\r\x0b\x0c\x00\x1f\x7f\x85\xa0",
    *"éßſÉÅǅǈʰˮªºñ\u0301\u0308\u20dd\u0903\u200b\u200d\ufeff\u00ad\u2028\u2029\u202f\u3000\u1680\u2003",
    *"日本語中文한국어עבריתالعربيةहिन्दीไทย🙂👩‍👩‍👧🇩🇪❤️½²Ⅷ٣๓₿€∑→\U0001d400\U0001f1e6\U00010400\U000e0100\ue000\uffff\u0378",
    "'s", "'S", "'t", "'LL", "'ve", "'Re", "'d", "'m", "'ſ", "'lL", "'v", "'r", "''s",
    "    ", "\n\n", "\r\n", " \n ", "\t\t", "\n/", "//", "\r\r\n//", " \u00a0 ",
    "<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>", "<|im_start|>",
    "hello", " world", "Hello", "HELLO", "helloWorld", "HTTPServer", "don't", "I'LL", "12345", "3.14", "1,000",
    "def f(x):\n    return x", "if (a && b) {\n\t}\n", "http://example.com/a?b=c", "zzzzzzzz", "ABCdef", "\u0301\u0301",
    "Straße", "ΑΒΓαβγ", "Привет", " Привет", "Ǆǅ", "ABC\u0301d", "a\u0301B", "!\u0301", " \u0301", "1\u0301",
]  # fmt: skip


def text_of(source: random.Random) -> str:
    kind = source.random()
    if kind < 0.1:
        return "".join(chr(source.randrange(0x80)) for _ in range(source.randrange(40)))
    if kind < 0.2:
        top = source.choice([0x180, 0x800, 0x3000, 0xD800, 0x110000])
        return "".join(
            chr(code)
            for code in (source.randrange(top) for _ in range(20))
            if not 0xD800 <= code < 0xE000
        )
    if kind < 0.3:
        return source.choice(PARTS) * source.randrange(1, 200)
    return "".join(source.choice(PARTS) for _ in range(source.randrange(1, 24)))


def without_blanks(source: random.Random, length: int) -> list[str]:
    """Texts that are one piece each: letters in turn, Fibonacci's word, any letters, a period, one that is broken in places."""
    one, other = "a", "b"
    while len(one) < length:
        one, other = one + other, one
    few = source.choice(
        ["ab", "aA", "\u65e5\u672c\u8a9e", "abcdefghijklmnopqrstuvwxyz", "e\u0301a", "=-"]
    )
    period = "".join(source.choice(few) for _ in range(source.randrange(1, 90)))
    broken = list((period * length)[:length])
    for _ in range(length // 500):
        broken[source.randrange(length)] = source.choice(few)
    any_letters = "".join(source.choice(few) for _ in range(length))
    return [
        "ab" * (length // 2),
        one[:length],
        any_letters,
        (period * length)[:length],
        "".join(broken),
    ]


def _pairs(name: str, pattern: str) -> tiktoken.Encoding:
    """A vocabulary in which each pair of bytes is a token: where a text is cut shows in the count."""
    pairs = [bytes([one, other]) for one in range(256) for other in range(256)]
    random.Random(3).shuffle(pairs)
    ranks = {token: rank for rank, token in enumerate([bytes([i]) for i in range(256)] + pairs)}
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def _r50k() -> tiktoken.Encoding:
    """r50k_base is p50k_base without its last tokens, which are blanks."""
    of = get_encoding("p50k_base")
    ranks = {token: rank for token, rank in of._mergeable_ranks.items() if rank < 50256}
    return tiktoken.Encoding(
        "r50k_base",
        pat_str=of._pat_str,
        mergeable_ranks=ranks,
        special_tokens={"<|endoftext|>": 50256},
    )


def encodings() -> dict[str, tiktoken.Encoding]:
    """All of them, loaded."""
    found = {name: get_encoding(name) for name in ("cl100k_base", "o200k_base", "p50k_base")}
    found["r50k_base"] = _r50k()
    for place, pattern in enumerate(_tokens.PATTERNS):
        found[f"pairs {place}"] = _pairs(f"pairs {place}", pattern)
    end = time.monotonic() + 30
    for encoding in found.values():
        while not _tokens.loaded(encoding):
            token_counter._encoding_count(encoding, "x")
            time.sleep(0.01)
            assert time.monotonic() < end, encoding
    return found
