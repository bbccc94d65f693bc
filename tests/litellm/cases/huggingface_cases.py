"""Tokenizers of `tokenizers`: counts and lists are the original's, of every shape and whatever is done to one."""

from __future__ import annotations

import random
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import litellm
import pytest
import tokenizers_made
from calls import outcome
from conftest import LONG
from litellm.litellm_core_utils import token_counter
from sides import originals, served
from texts import PARTS, text_of, without_blanks
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from tokenizers_made import BYTES, LLAMA3, O200K, QWEN2, pairs, split, trained

from fast_litellm import _huggingface

COUNT, ENCODE = "litellm.tokenizer_count", "litellm.tokenizer_encode"
DECODE = "litellm.tokenizer_decode"
MANY = 100_000 if LONG else 400


def read(tokenizer: Tokenizer) -> _huggingface.Known:
    """What is known of a tokenizer once it was read; short texts are Java's too."""
    forget()
    entry = _huggingface.note(tokenizer)
    _huggingface.load(entry)
    entry.least = 0
    return entry


def forget() -> None:
    """Nothing is known."""
    for entry in _huggingface.known.values():
        if entry.tables >= 0:
            _huggingface._builtins[_huggingface.TABLES](entry.tables, 1)
    _huggingface.known.clear()


def custom(tokenizer: Tokenizer) -> dict[str, Any]:
    return {"type": "huggingface_tokenizer", "tokenizer": tokenizer}


def compare(tokenizer: Tokenizer, texts: list[str], all_served: bool = False) -> None:
    counted, encoded = served(COUNT), served(ENCODE)
    count = token_counter._get_exact_count_function(None, custom(tokenizer))
    for text in texts:
        theirs = tokenizer.encode(text).ids
        assert count(text) == len(theirs), text
        assert litellm.utils.encode(text=text, custom_tokenizer=custom(tokenizer)) == theirs, text
    if all_served:
        assert served(COUNT) - counted == len(texts)
        assert served(ENCODE) - encoded == len(texts)


@pytest.fixture(scope="module")
def made() -> dict[str, Tokenizer]:
    """All shapes that are served."""
    return tokenizers_made.made()


SHAPES = ["anthropic", "gpt2", "llama3", "qwen2", "o200k", "command_r", "roberta", "llama2", "llama2, normalized"]  # fmt: skip
MARKS = [
    "<EOT>", "<META_START>", "<META", "<|begin_of_text|>", "<|eot_id|>", "<|eot_id", "<|reserved_special_token_19|>",
    "<|im_start|>", "<|im_end|>", "<tool_call>", "ﬁn-caf\u00e9", "ﬁn-cafe\u0301", "fin-caf\u00e9", "<|end", "<|endofprompt|>", "<BOS_TOKEN>", "<s>",
    " <s>", "</s>", "<mask>", "<unk>", "\u2581", "\u2581\u2581", "<0x0A>", " unmergeable", "xqzj", "x'<s>s", "'<|end", "\u1100\u1161\u11a8",
    "e\u0301\u0323", "\u0958", "ﬃ", "\u2126", "\u00a0\u3000", "\u0f73\u0f71", "\ufdfa", "\u1e9b\u0323",
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_generated(made: dict[str, Tokenizer], shape: str) -> None:
    source = random.Random(7)
    assert (read(made[shape]).number or 0) >= 0
    texts = []
    for _ in range(MANY):
        text = text_of(source)
        for _ in range(source.choice((0, 0, 1, 2))):
            place = source.randrange(len(text) + 1)
            text = text[:place] + source.choice(MARKS) + text[place:]
        texts.append(text)
    before = served(COUNT)
    compare(made[shape], texts)
    assert served(COUNT) - before > 0.6 * MANY
    parts = [part for part in PARTS + MARKS if not set(part) & set("\u0378\U0010ffff")]
    compare(made[shape], ["", *parts, *(a + b for a in parts[::4] for b in parts[::7])], True)


@pytest.mark.parametrize("pattern", ["bytes", "llama3", "qwen2", "o200k", "digits", "nfkc", "nfc"])
def test_every_code_point(pattern: str) -> None:
    """Java's classes and normal forms are the tokenizer's, wherever it does not decline."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer = {
        "bytes": lambda: pairs(BYTES),
        "llama3": lambda: pairs(split(LLAMA3)),
        "qwen2": lambda: pairs(split(QWEN2)),
        "o200k": lambda: pairs(split(O200K)),
        "digits": lambda: pairs(pre_tokenizers.Sequence([digits, BYTES])),
        "nfkc": lambda: pairs(BYTES, normalizers.NFKC()),
        "nfc": lambda: pairs(BYTES, normalizers.NFC()),
    }[pattern]()
    assert (read(tokenizer).number or 0) >= 0
    texts: list[str] = []
    unknown: list[
        str
    ] = []  # what nobody assigned, by Unicode's age in this Python, Java may decline
    for code in range(0, sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))
        if (
            kind in ("Cs", "Co")
            or (kind == "Cn" and code % (8 if LONG else 1024))
            or (code >= 0x3400 and kind == "Lo" and code % (2 if LONG else 64))
        ):
            continue
        c = chr(code)
        marks = f" e{c}\u0301{c}\u0323 {c}\u3099" if pattern.startswith("nf") else ""
        (unknown if kind == "Cn" else texts).append(
            f"a{c}b {c} 1{c}2{c} !{c}! A{c}B{c}c{c}{c} {c}\n{c}d'{c}{marks}"
        )
    texts = texts if LONG else texts[:3000:5] + texts[3000::8]
    before = served(COUNT)
    compare(tokenizer, texts, all_served=not pattern.startswith("nf"))
    assert served(COUNT) - before > 0.8 * len(texts)
    compare(tokenizer, unknown if LONG else unknown[::8])


@pytest.mark.parametrize("shape", ["anthropic", "llama3", "command_r", "llama2"])
def test_long_runs(made: dict[str, Tokenizer], shape: str) -> None:
    assert (read(made[shape]).number or 0) >= 0
    texts = [
        part * length
        for part in ("a", " ", "\n", "🙂", "é", "0", "e\u0301", "=-", "x1", "zq", "<s>", "\u2581")
        for length in (47, 48, 49, 50, 3000)
    ]
    compare(made[shape], [*texts, " " * 70_000 + "x", "q" * 100_000], True)


@pytest.mark.parametrize("shape", ["anthropic", "llama3", "llama2"])
def test_one_piece(made: dict[str, Tokenizer], shape: str) -> None:
    """What is merged in windows."""
    source = random.Random(8)
    assert (read(made[shape]).number or 0) >= 0
    for length in (2_040, 2_049, 9_000):
        for _ in range(20 if LONG else 2):
            compare(made[shape], without_blanks(source, length), True)


def test_odd_tokenizers_are_left_alone() -> None:
    texts = ["a token of tokens, <x> 12345 e\u0301 q", "Hello World " * 30, "", "x" * 400]
    for name, tokenizer in tokenizers_made.odd().items():
        assert read(tokenizer).number == -1, name
        before = served(COUNT), served(ENCODE)
        compare(tokenizer, texts)
        assert (served(COUNT), served(ENCODE)) == before, name


def _another_model(tokenizer: Tokenizer) -> None:
    other = trained(BYTES, size=2000)
    other.train_from_iterator(
        ["another text altogether, zzz yyy xxx " * 9] * 50,
        trainers.BpeTrainer(
            vocab_size=tokenizer.get_vocab_size(False),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.model = other.model


def decoded(tokenizer: Tokenizer, tokens: Any, *more: Any) -> None:
    """Both ways, and the original's text or error."""
    ours = outcome(litellm.utils.decode, "", tokens, custom(tokenizer), *more)
    with originals():
        assert ours == outcome(litellm.utils.decode, "", tokens, custom(tokenizer), *more), tokens


@pytest.mark.parametrize("shape", SHAPES)
def test_decoded(made: dict[str, Tokenizer], shape: str) -> None:
    tokenizer = made[shape]
    source = random.Random(21)
    assert (read(tokenizer).number or 0) >= 0
    size = tokenizer.get_vocab_size(True)
    before = served(DECODE)
    many = MANY // 4
    for number in range(many):
        text = "".join(text_of(source) + source.choice(MARKS) for _ in range(6))
        ids = tokenizer.encode(text * 3).ids
        decoded(tokenizer, ids)
        decoded(tokenizer, ids[len(ids) // 3 :] * 2)  # cut amid characters
        decoded(tokenizer, [id for id in ids if source.random() < 0.9])
        decoded(tokenizer, [source.randrange(size) for _ in range(source.randrange(200))])
        if number % 20 == 0:
            decoded(tokenizer, [*ids, size + 5, *ids])
            decoded(tokenizer, ids, False)
    assert served(DECODE) - before > 1.5 * many
    decoded(tokenizer, tokenizer.encode("  blanks in front, " * 40).ids)


def test_every_token_is_decoded(made: dict[str, Tokenizer]) -> None:
    """All ids, each before one that is whole characters."""
    for name, tokenizer in made.items():
        read(tokenizer)
        around = tokenizer.encode("a b c d " * 20, add_special_tokens=False).ids
        size = tokenizer.get_vocab_size(True) + 400
        for start in range(0, size, 8 if LONG else 8 * (1 + size // 700)):
            ids = [each for id in range(start, start + 8) for each in (id, id, around[5])]
            decoded(tokenizer, [*around, *ids])
        before = served(DECODE)
        decoded(tokenizer, around)
        assert served(DECODE) == before + 1, name


def test_what_is_not_decoded(made: dict[str, Tokenizer]) -> None:
    class Number(int):
        pass

    tokenizer = made["gpt2"]
    read(tokenizer)
    ids = tokenizer.encode("a text of words, " * 30).ids
    before = served(DECODE)
    for odd in (-1, 2**32, 2**70, "x", None, 1.0, True, Number(70), [3]):
        decoded(tokenizer, [*ids, odd])
    for tokens in (None, 3, "abc" * 40, tuple(ids), range(90), [], ids[:5]):
        decoded(tokenizer, tokens)
    for skip in (False, None, 0, 1, "x"):
        decoded(tokenizer, ids, skip)
    assert served(DECODE) == before
    for bad in ({"type": "nothing"}, {"tokenizer": 3}, {"type": "huggingface_tokenizer"}):
        ours = outcome(litellm.utils.decode, tokens=ids, custom_tokenizer=bad)
        with originals():
            assert ours == outcome(litellm.utils.decode, tokens=ids, custom_tokenizer=bad)


DECODERS: dict[str, Any] = {
    "none": None,
    "metaspace": decoders.Metaspace(),
    "strip": decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)]),
    "fuse": decoders.Fuse(),
}


@pytest.mark.parametrize("name", DECODERS)
def test_other_decoders_are_left_alone(name: str) -> None:
    tokenizer = tokenizers_made.gpt2()
    entry = read(tokenizer)
    ids = tokenizer.encode("  a token, 12345 unmergeable " * 9).ids
    before = served(DECODE)
    decoded(tokenizer, ids)
    assert served(DECODE) == before + 1
    tokenizer.decoder = DECODERS[name]
    decoded(tokenizer, ids)
    assert entry.number == -1
    other = trained(BYTES)
    other.decoder = DECODERS[name]
    assert (read(other).number or 0) >= 0
    compare(other, ["it is counted, " * 20], True)
    decoded(other, ids)
    assert served(DECODE) == before + 1


CHANGES: dict[str, Callable[[Tokenizer], Any]] = {
    "normalizer": lambda made: setattr(made, "normalizer", normalizers.Lowercase()),
    "pre-tokenizer": lambda made: setattr(made, "pre_tokenizer", split(LLAMA3)),
    "its option": lambda made: setattr(made.pre_tokenizer, "add_prefix_space", True),
    "post-processor": lambda made: setattr(
        made,
        "post_processor",
        tokenizers_made.processors.TemplateProcessing(
            single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 2000)]
        ),
    ),
    "token": lambda made: made.add_tokens(["token"]),
    "a token's option": lambda made: made.add_special_tokens(
        [AddedToken("<|endoftext|>", lstrip=True, normalized=False)]
    ),
    "truncation": lambda made: made.enable_truncation(5),
    "padding": lambda made: made.enable_padding(length=500),
    "special tokens": lambda made: setattr(made, "encode_special_tokens", True),
    "dropout": lambda made: setattr(made.model, "dropout", 1.0),
    "merges": lambda made: setattr(made.model, "ignore_merges", True),
    "model": _another_model,
    "words": lambda made: setattr(made, "model", models.WordLevel({"a": 0}, unk_token="a")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_meanwhile(change: str) -> None:
    tokenizer = tokenizers_made.gpt2()
    assert (read(tokenizer).number or 0) >= 0
    text = "a token  <|endoftext|> of  <|endoftext|>Tokens, 12345 unmergeable " * 5
    compare(tokenizer, [text], True)
    CHANGES[change](tokenizer)
    before = served(COUNT), served(ENCODE)
    compare(tokenizer, [text, text.upper()])
    assert (served(COUNT), served(ENCODE)) == before


def test_it_is_read_once_it_has_counted_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_huggingface, "_AHEAD", 5_000)
    forget()
    tokenizer = tokenizers_made.gpt2()
    text = "some words of a text, " * 40
    theirs = len(tokenizer.encode(text).ids)
    before = served(COUNT)
    for _ in range(2_000):
        assert litellm.token_counter(text=text, custom_tokenizer=custom(tokenizer)) == theirs
        if served(COUNT) > before:
            break
    assert served(COUNT) > before


def test_few_are_kept() -> None:
    for _ in range(8 if LONG else 2):
        held = [trained(BYTES, size=400) for _ in range(9)]
        for tokenizer in held:
            entry = _huggingface.note(tokenizer)
            _huggingface.load(entry)
            entry.least = 0
            compare(tokenizer, ["a text of words " * 9])
        assert len(_huggingface.known) <= _huggingface._MOST
        del held, tokenizer, entry


def test_errors(made: dict[str, Tokenizer]) -> None:
    assert (read(made["gpt2"]).number or 0) >= 0
    for text in (None, 3, b"x" * 90, "a lone \ud800 one " * 9, ["a b c"], ("a", "b")):
        for function in (
            lambda text: token_counter._get_exact_count_function(None, custom(made["gpt2"]))(text),
            lambda text: litellm.utils.encode(text=text, custom_tokenizer=custom(made["gpt2"])),
        ):
            ours = outcome(function, text)
            with originals():
                assert ours == outcome(function, text), text
    for bad in ({"type": "nothing"}, {"tokenizer": 3}, {"type": "huggingface_tokenizer"}):
        ours = outcome(litellm.token_counter, text="abc", custom_tokenizer=bad)
        with originals():
            assert ours == outcome(litellm.token_counter, text="abc", custom_tokenizer=bad)


def test_anthropic_models() -> None:
    model = "claude-sonnet-4-5"
    tokenizer = litellm.utils.select_tokenizer(model)["tokenizer"]
    entry = _huggingface.note(tokenizer)
    _huggingface.load(entry)
    before = served(COUNT), served(ENCODE)
    source = random.Random(9)
    for _ in range(60):
        text = text_of(source) * source.choice((1, 20))
        content = [{"type": "text", "text": text}, "more of it " * 9]
        calls: list[dict[str, Any]] = [
            {"text": text},
            {"messages": [{"role": "user", "content": text, "name": "ann"}]},
            {"messages": [{"role": "user", "content": content}], "tools": []},
        ]
        for call in calls:
            ours = outcome(litellm.token_counter, model=model, **call)
            with originals():
                assert ours == outcome(litellm.token_counter, model=model, **call)
        ours = outcome(litellm.utils.encode, model=model, text=text)
        with originals():
            assert ours == outcome(litellm.utils.encode, model=model, text=text)
    assert served(COUNT) > before[0] and served(ENCODE) > before[1]


def test_decode_of_anthropic_models() -> None:
    model = "claude-sonnet-4-5"
    entry = _huggingface.note(litellm.utils.select_tokenizer(model)["tokenizer"])
    _huggingface.load(entry)
    before = served(DECODE)
    tokens = litellm.encode(model=model, text="<EOT>a text of words, \u65e5\u672c " * 20)
    text = litellm.decode(model=model, tokens=tokens)
    assert served(DECODE) == before + 1
    with originals():
        assert text == litellm.decode(model=model, tokens=tokens)
    assert litellm.decode(model="gpt-4o", tokens=[40] * 60) == "I" * 60
