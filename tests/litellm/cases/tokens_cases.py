"""Token counts: equal to tiktoken's for any text, for each encoding that can be had without a network."""

from __future__ import annotations

import random
import sys
import time
import unicodedata
from typing import Any

import litellm
import pytest
import tiktoken
from calls import outcome
from conftest import LONG
from litellm.litellm_core_utils import token_counter
from litellm.rust_bridge.tokenizer import get_encoding
from sides import originals, served

from fast_litellm import _tokens

NAME = "litellm.tokens"
MANY = 100_000 if LONG else 4_000


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


@pytest.fixture(scope="module")
def encodings() -> dict[str, tiktoken.Encoding]:
    """All of them loaded."""
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


def compare(
    encodings: dict[str, tiktoken.Encoding], texts: list[str], all_served: bool = False
) -> None:
    before = served(NAME)
    for name, encoding in encodings.items():
        for text in texts:
            ours = token_counter._encoding_count(encoding, text)
            theirs = len(encoding.encode(text, disallowed_special=()))
            assert ours == theirs, (name, text)
    if all_served:
        assert served(NAME) - before == len(texts) * len(encodings)


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


def test_generated(encodings: dict[str, tiktoken.Encoding]) -> None:
    source = random.Random(11)
    before = served(NAME)
    compare(encodings, [text_of(source) for _ in range(MANY)])
    assert served(NAME) - before > 0.6 * MANY * len(encodings)


def test_known_texts_are_served(encodings: dict[str, tiktoken.Encoding]) -> None:
    source = random.Random(5)
    known = [part for part in PARTS if "\u0378" not in part]
    texts = ["", *known]
    for _ in range(300):
        texts.append("".join(source.choice(known) for _ in range(12)))
    compare(encodings, texts, all_served=True)


def test_pairs_and_triples(encodings: dict[str, tiktoken.Encoding]) -> None:
    """Two and three parts beside each other: each border that a pattern can have."""
    parts = PARTS if LONG else PARTS[::3]
    compare(encodings, [one + other for one in PARTS for other in PARTS])
    few = [" ", "\n", "a", "A", "1", "!", "'", "\u0301", "ʰ", "中", "/", "s"]
    compare(
        encodings,
        [one + two + three + four for one in few for two in few for three in few for four in few][
            :: 1 if LONG else 5
        ],
    )
    compare(encodings, [one + " " + other + "\n" for one in parts for other in parts[:40]])


def test_every_code_point(encodings: dict[str, tiktoken.Encoding]) -> None:
    """Java's classes are the regex's: a letter, a mark, a number and a blank cut a text in other places."""
    step = 1 if LONG else 4
    chosen = {name: encodings[name] for name in ("pairs 0", "pairs 1", "pairs 2", "o200k_base")}
    texts = []
    for code in range(0, sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        if (
            kind in ("Cs", "Co")
            or (kind == "Cn" and code % 16)
            or (code >= 0x3400 and kind == "Lo" and code % (5 * step))
        ):
            continue
        c = chr(code)
        texts.append(f"a{c}b {c} 1{c}2{c} !{c}! A{c}B{c}c{c}{c} {c}\n{c}d'{c}")
    compare(chosen, texts[::step] if LONG else texts[:3000] + texts[3000::3])


@pytest.mark.parametrize("text", ["a", " ", "\n", "🙂", "ab", "é", "'", "0", "\u0301", "=-", "x1"])
def test_long_runs(encodings: dict[str, tiktoken.Encoding], text: str) -> None:
    compare(
        encodings,
        [text * length for length in (1, 2, 3, 47, 48, 49, 50, 1000, 4097)],
        all_served=True,
    )


def test_declines(encodings: dict[str, tiktoken.Encoding]) -> None:
    class Text(str):
        pass

    before = served(NAME)
    for text in ["\ud800", "a\udfffb", "\U0001f600\ud83d", "\u0378", "a" * 70_000, Text("abc")]:
        compare(encodings, [text])
    assert served(NAME) == before
    encoding = encodings["cl100k_base"]
    for wrong in (None, 3, b"x"):
        ours = outcome(token_counter._encoding_count, encoding, wrong)
        with originals():
            assert ours == outcome(token_counter._encoding_count, encoding, wrong)


def test_other_encodings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = {bytes([i]): i for i in range(256)}
    other = tiktoken.Encoding("other", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    partial = tiktoken.Encoding(
        "partial",
        pat_str=_tokens.PATTERNS[1],
        mergeable_ranks={b"a": 0, b"b": 1},
        special_tokens={},
    )

    class Mine(tiktoken.Encoding):
        def encode(self, text: str, **named: Any) -> list[int]:
            return [1, 2, 3]

    mine = Mine("mine", pat_str=_tokens.PATTERNS[1], mergeable_ranks=ranks, special_tokens={})
    before = served(NAME)
    for encoding in (other, partial):
        for _ in range(20):
            assert token_counter._encoding_count(encoding, "ab") == 2
            time.sleep(0.005)
    assert token_counter._encoding_count(mine, "x") == 3
    encoding = get_encoding("cl100k_base")
    monkeypatch.setattr(encoding, "encode", lambda text, **named: [0] * 9, raising=False)
    assert token_counter._encoding_count(encoding, "x") == 9
    monkeypatch.undo()
    monkeypatch.setattr(tiktoken.Encoding, "encode", lambda self, text, **named: [0] * 8)
    assert token_counter._encoding_count(encoding, "x") == 8
    assert served(NAME) == before


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Get the weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "enum": ["a", "b"]},
                    "days": {"type": "integer"},
                },
                "required": ["city"],
            },
        },
    }
]
MESSAGES: list[list[dict[str, Any]]] = [
    [],
    [{"role": "user", "content": "hello, world"}],
    [{"role": "system", "content": "You're kind."}, {"role": "user", "content": "日本語 🙂", "name": "ann"}],
    [{"role": "user", "content": [{"type": "text", "text": "what's this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]}],
    [{"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "a"}'}}]}],
    [{"role": "tool", "tool_call_id": "1", "content": "x" * 5000}],
    [{"role": "user", "content": 3}],
    [{"role": "user", "content": "a\ud800b"}],
]  # fmt: skip


@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-3.5-turbo-0301", "gpt-4o", "azure/gpt-35-turbo", "claude-3-opus-20240229", "text-davinci-003", "nobody/knows", ""])  # fmt: skip
def test_token_counter(encodings: dict[str, tiktoken.Encoding], model: str) -> None:
    calls: list[dict[str, Any]] = [
        {"text": text} for text in ("", "hello", "x y\n" * 2000, ["a", "b c"])
    ]
    for messages in MESSAGES:
        calls += [{"messages": messages}, {"messages": messages, "tools": TOOLS}]
        calls.append(
            {
                "messages": messages,
                "tools": TOOLS,
                "tool_choice": {"type": "function", "function": {"name": "weather"}},
            }
        )
    for call in calls:
        ours = outcome(litellm.token_counter, model=model, **call)
        with originals():
            assert ours == outcome(litellm.token_counter, model=model, **call), call
