"""Token counts: equal to tiktoken's for any text, for each encoding that can be had without a network."""

from __future__ import annotations

import inspect
import json
import random
import subprocess
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
from texts import PARTS, text_of
from texts import encodings as loaded_encodings

from fast_litellm import _tokens

NAME = "litellm.tokens"
MANY = 100_000 if LONG else 4_000


@pytest.fixture(scope="module")
def encodings() -> dict[str, tiktoken.Encoding]:
    """All of them loaded."""
    return loaded_encodings()


def compare(
    encodings: dict[str, tiktoken.Encoding], texts: list[str], all_served: bool = False
) -> None:
    before = served(NAME)
    encode: Any = inspect.unwrap(tiktoken.Encoding.encode)  # the original
    for name, encoding in encodings.items():
        for text in texts:
            ours = token_counter._encoding_count(encoding, text)
            theirs = len(encode(encoding, text, disallowed_special=()))
            assert ours == theirs, (name, text)
    if all_served:
        assert served(NAME) - before == len(texts) * len(encodings)


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
    for text in ["\ud800", "a\udfffb", "\U0001f600\ud83d", "\u0378", " " * 70_000, Text("abc")]:
        compare(encodings, [text])
    assert served(NAME) == before
    encoding = encodings["cl100k_base"]
    for wrong in (None, 3, b"x"):
        ours = outcome(token_counter._encoding_count, encoding, wrong)
        with originals():
            assert ours == outcome(token_counter._encoding_count, encoding, wrong)


READY = """
import json, time
import fast_jvm, fast_litellm, litellm
from fast_jvm import _registry
from litellm.litellm_core_utils import token_counter
from litellm.rust_bridge.tokenizer import get_encoding
from fast_litellm import _tokens

early = get_encoding("cl100k_base")
assert fast_jvm.wait_ready(60), fast_jvm.status()
stats = fast_litellm.get_performance_stats()
counts = {
    entry.patch.name: [stats[entry.patch.name][what] for what in ("served", "declined")]
    for entry in _registry.entries()
    if entry.patch.builtins and entry.state == "live"
}
late = get_encoding("o200k_base")
while not _tokens.loaded(late):
    token_counter._encoding_count(late, "x")
    time.sleep(0.01)
encode = late._core_bpe.encode_ordinary


def least(call):
    times = []
    for _ in range(20):
        start = time.thread_time_ns()
        for _ in range(100):
            call()
        times.append(time.thread_time_ns() - start)
    return min(times)


theirs = least(lambda: len(encode("say oh h")))
ours = least(lambda: token_counter._encoding_count(late, "say oh h"))
print(json.dumps([counts, ours / theirs]))
"""


def test_ready_means_quick_and_nothing_was_served() -> None:
    """Java's warm-up is no user's call; what it compiled is fast at the first calls with an encoding that comes later."""
    done = subprocess.run([sys.executable, "-c", READY], capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts, ratio = json.loads(done.stdout.splitlines()[-1])
    assert {NAME, "litellm.encode", "litellm.decode", "litellm.tokenizer_count"} <= set(counts)
    assert set(map(tuple, counts.values())) == {(0, 0)}, counts
    assert ratio < 1


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
