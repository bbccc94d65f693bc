"""tiktoken's encode and decode: the original's lists, texts and errors."""

from __future__ import annotations

import inspect
import random
from typing import Any

import litellm
import pytest
import tiktoken
from calls import outcome
from conftest import LONG
from litellm.rust_bridge.tokenizer import get_encoding
from sides import originals, served
from texts import PARTS, text_of, without_blanks
from texts import encodings as loaded_encodings

ENCODE, DECODE = "litellm.encode", "litellm.decode"
MANY = 100_000 if LONG else 2_000


@pytest.fixture(scope="module")
def encodings() -> dict[str, tiktoken.Encoding]:
    """All of them loaded."""
    return loaded_encodings()


def compare(encodings: dict[str, tiktoken.Encoding], texts: list[str]) -> None:
    encode: Any = inspect.unwrap(tiktoken.Encoding.encode)
    decode: Any = inspect.unwrap(tiktoken.Encoding.decode)
    for name, encoding in encodings.items():
        for text in texts:
            theirs = encode(encoding, text, disallowed_special=())
            assert encoding.encode(text, disallowed_special=()) == theirs, (name, text)
            assert encoding.decode(theirs) == decode(encoding, theirs), (name, text)
            half = theirs[len(theirs) // 3 :] * 2  # cut amid characters
            assert encoding.decode(half) == decode(encoding, half), (name, text)


def test_generated(encodings: dict[str, tiktoken.Encoding]) -> None:
    source = random.Random(12)
    encoded, decoded = served(ENCODE), served(DECODE)
    compare(encodings, [text_of(source) for _ in range(MANY)])
    assert served(ENCODE) - encoded > 0.5 * MANY * len(encodings)
    assert served(DECODE) - decoded > MANY * len(encodings)


@pytest.mark.parametrize("text", ["a", " ", "\n", "🙂", "ab ", "é", "0", "\u0301", "=-", "x1"])
def test_long_runs(encodings: dict[str, tiktoken.Encoding], text: str) -> None:
    before = served(ENCODE)
    texts = [text * length for length in (1, 48, 49, 50, 4097, 30_000)]
    compare(encodings, texts)
    assert served(ENCODE) - before == len(texts) * len(encodings)


def test_one_piece(encodings: dict[str, tiktoken.Encoding]) -> None:
    """What is merged in windows."""
    source = random.Random(8)
    before = served(ENCODE)
    texts = []
    for length in (2_040, 2_049, 5_000, 9_000):
        for _ in range(20 if LONG else 2):
            texts += without_blanks(source, length)
    compare(encodings, texts)
    assert served(ENCODE) - before == len(texts) * len(encodings)


def test_blanks_beyond_the_regex() -> None:
    """tiktoken's regex gives up at a million blanks in a row."""
    encoding = get_encoding("o200k_base")
    for text in (" " * 70_000 + "x", " " * 1_200_000, "\n" + " " * 1_200_000 + "x"):
        ours = outcome(encoding.encode, text)
        with originals():
            assert outcome(encoding.encode, text) == ours


SPECIALS: list[dict[str, Any]] = [
    {},
    {"disallowed_special": ()},
    {"allowed_special": "all"},
    {"allowed_special": {"<|endoftext|>"}},
    {"allowed_special": frozenset({"<|endoftext|>"}), "disallowed_special": ()},
    {"allowed_special": {"<|nothing|>"}},
    {"allowed_special": ["<|endoftext|>"], "disallowed_special": ()},
    {"allowed_special": {""}, "disallowed_special": ()},
    {"allowed_special": {3}, "disallowed_special": ()},
    {"allowed_special": None},
    {"disallowed_special": ["<|endoftext|>", "hello"]},
    {"disallowed_special": {"hello world"}},
    {"disallowed_special": None},
    {"disallowed_special": 3},
    {"allowed_special": "all", "disallowed_special": "all"},
    {"allowed_special": "none"},
]


@pytest.mark.parametrize("given", SPECIALS, ids=str)
def test_special_tokens_and_errors(
    encodings: dict[str, tiktoken.Encoding], given: dict[str, Any]
) -> None:
    texts: list[Any] = ["", "hello world, hello", "a<|endoftext|>b and some more of it"]
    texts += ["<|endoftext|>" * 3, "<|fim_prefix|> and <|endofprompt|>", "a lone \ud800 one here"]
    texts += [None, 3, b"hello, hello, hello", ["hello"] * 20]
    for encoding in encodings.values():
        if not encoding.special_tokens_set:
            continue  # tiktoken panics
        for text in texts:
            ours = outcome(encoding.encode, text, **given)
            with originals():
                assert ours == outcome(encoding.encode, text, **given), text


def test_lists_that_decode_as_they_did(encodings: dict[str, tiktoken.Encoding]) -> None:
    class Number(int):
        pass

    encoding = encodings["cl100k_base"]
    start = encoding.encode("a text with some words in it, " * 3)
    special = encoding.eot_token
    lists: list[Any] = [[], start, [*start, special] * 2, tuple(start), range(40), [3.5] * 30]
    for odd in (-1, 99_999_999, 2**40, special, "x", None, True, Number(70), 100_300, 3.0):
        lists.append([*start, odd])
    lists += [None, 3, "abc" * 10, encoding.encode("🙂" * 40)[:-1]]
    for tokens in lists:
        for errors in ("replace", "strict", "ignore", "nothing"):
            ours = outcome(encoding.decode, tokens, errors)
            with originals():
                assert ours == outcome(encoding.decode, tokens, errors), tokens


def test_through_litellm(encodings: dict[str, tiktoken.Encoding]) -> None:
    source = random.Random(4)
    for model in ("gpt-4o", "gpt-3.5-turbo", "", "nobody/knows"):
        before = served(ENCODE), served(DECODE)
        for text in [text_of(source) for _ in range(40)] + PARTS + ["a sentence of words, " * 30]:
            tokens = litellm.encode(model=model, text=text)
            back = litellm.decode(model=model, tokens=tokens)
            with originals():
                assert tokens == litellm.encode(model=model, text=text)
                assert back == litellm.decode(model=model, tokens=tokens)
        assert served(ENCODE) > before[0] and served(DECODE) > before[1]


def test_another_class_is_left_alone(encodings: dict[str, tiktoken.Encoding]) -> None:
    class Mine(tiktoken.Encoding):
        pass

    known = encodings["cl100k_base"]
    mine = Mine(
        "mine",
        pat_str=known._pat_str,
        mergeable_ranks=known._mergeable_ranks,
        special_tokens=known._special_tokens,
    )
    before = served(ENCODE), served(DECODE)
    tokens = mine.encode("some text that is long enough " * 5)
    assert mine.decode(tokens) == "some text that is long enough " * 5
    assert (served(ENCODE), served(DECODE)) == before
