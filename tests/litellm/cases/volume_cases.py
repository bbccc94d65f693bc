"""Texts by the hundred thousand, of all scripts, emoji, blanks, look-alikes of special tokens and code, for every encoding: counts and
lists are tiktoken's, and what Java may decline is told apart from what it has to serve."""

from __future__ import annotations

import functools
import inspect
import random
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import litellm
import pytest
import tiktoken
from conftest import LONG
from litellm.litellm_core_utils import token_counter
from texts import PARTS, encodings

import fast_litellm

MANY = 100_000 if LONG else 600
COUNT, ENCODE, DECODE = "litellm.tokens", "litellm.encode", "litellm.decode"

BLANKS = [" ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "\x0b", "\x0c", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\u200b", "\ufeff"]  # fmt: skip
SPECIALS = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|", "|>", "<|endof", "text|>", "< |endoftext| >", "<|ENDOFTEXT|>", "<|endoftext|", "<s>", "</s>", "[INST]", "<tool_call>", "<|eot_id|>"]  # fmt: skip
EMOJI = ["🙂", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇫🇷", "❤️", "☺", "1️⃣", "🫠", "🧑🏿‍🚀", "©️", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\u200d", "\ufe0f"]  # fmt: skip


@functools.cache
def blocks() -> list[list[str]]:
    """What is assigned, in rows of 64: a script's letters, marks, digits and signs lie beside each other."""
    rows: dict[int, list[str]] = {}
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        if unicodedata.category(c) not in ("Cn", "Cs", "Co"):
            rows.setdefault(code >> 6, []).append(c)
    many = list(rows.values())
    # ideographs and syllables are a thousand rows of their own: one in eight stands for them
    wide = [row for row in many if "\u3400" <= row[0] <= "\ud7ff" or row[0] > "\U00016fff"]
    few = [row for row in many if row not in wide]
    return few + wide[::8]


@functools.cache
def sources() -> list[str]:
    """Code, as it is written."""
    folder = Path(litellm.__file__).parent
    found = [folder / "router.py", folder / "utils.py", *sorted(folder.glob("types/**/*.py"))[:20]]
    found += sorted(folder.glob("**/*.json"))[:4] + sorted(folder.glob("**/*.md"))[:4]
    return [file.read_text(encoding="utf-8")[:400_000] for file in found]


def generated(source: random.Random) -> str:
    """One text of one or several kinds."""
    kinds = source.choices(
        (script, blanks, look_alike, emoji, code, repeated, mixed), k=source.randint(1, 3)
    )
    return "".join(kind(source) for kind in kinds)


def script(source: random.Random) -> str:
    row = source.choice(blocks())
    letters = source.choices(row, k=source.randint(1, 30))
    for _ in range(source.randint(0, 4)):
        letters.insert(source.randrange(len(letters) + 1), source.choice(" .,-'\n"))
    return "".join(letters)


def blanks(source: random.Random) -> str:
    return "".join(source.choice(BLANKS) * source.randint(1, 20) for _ in range(3)) + "x"


def look_alike(source: random.Random) -> str:
    found = source.choice(SPECIALS)
    place = source.randrange(len(found) + 1)
    return source.choice((found, found * 3, found[:place] + " " + found[place:], "a" + found))


def emoji(source: random.Random) -> str:
    return "".join(source.choices(EMOJI, k=source.randint(1, 8)))


def code(source: random.Random) -> str:
    text = source.choice(sources())
    start = source.randrange(max(1, len(text) - 400))
    return text[start : start + source.randint(1, 300)]


def repeated(source: random.Random) -> str:
    return source.choice(PARTS[:-20]) * source.randint(1, 120)


def mixed(source: random.Random) -> str:
    return "".join(source.choice(PARTS) for _ in range(source.randint(1, 20)))


def known(text: str) -> bool:
    """Whether each code point was there in this Python's Unicode: Java's and tiktoken's are younger."""
    return not any(unicodedata.category(c) in ("Cn", "Cs") for c in text)


def counts(*names: str) -> list[int]:
    stats: Any = fast_litellm.get_performance_stats()
    return [stats[name]["served"] for name in names]


@pytest.mark.parametrize("part", range(4))
def test_texts(part: int) -> None:
    """A fourth of them each, so that a failure tells the seed."""
    source = random.Random(1000 + part)
    texts: list[str] = []
    odd = 0
    while len(texts) < MANY // 4:
        text = generated(source)
        if known(text):
            texts.append(text)
        else:
            odd += 1
    encode: Any = inspect.unwrap(tiktoken.Encoding.encode)
    decode: Any = inspect.unwrap(tiktoken.Encoding.decode)
    found = encodings()
    for name, encoding in found.items():
        before, begin = counts(COUNT, ENCODE, DECODE), time.process_time()
        for text in texts:
            theirs = encode(encoding, text, disallowed_special=())
            assert token_counter._encoding_count(encoding, text) == len(theirs), (name, text)
            assert encoding.encode(text, disallowed_special=()) == theirs, (name, text)
            assert encoding.decode(theirs) == decode(encoding, theirs), (name, text)
        after = counts(COUNT, ENCODE, DECODE)
        assert [b - a for a, b in zip(before, after)] == [len(texts)] * 3, name  # none was declined
        print(
            f"{name}: {len(texts)} texts of {sum(map(len, texts))} characters, counted, encoded and decoded alike, "
            f"each by Java; {time.process_time() - begin:.1f} s of CPU"
        )
    assert odd < MANY // 4  # texts with code points that nobody assigned are tokens_cases'
