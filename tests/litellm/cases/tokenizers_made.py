"""Tokenizers of the shapes that LiteLLM's come in, trained here: no hub is reached."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

import litellm
from litellm.utils import claude_json_str
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from fast_litellm import _huggingface

GPT2, O200K, LLAMA3, QWEN2 = _huggingface._SPLITS
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
BARE = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def corpus() -> list[str]:
    """Code, and some of other scripts."""
    text = Path(litellm.__file__).read_text(encoding="utf-8")[:200_000]
    more = (
        "日本語の文章。中文 한국어 Привет мир, αβγ δοκιμή 🙂🙂 é ñ naïve עברית العربية  हिन्दी\n"
        * 30
    )
    return [text, more]


def split(pattern: str, behavior: str = "isolated", invert: bool = False) -> Any:
    """A regex that splits, and then bytes."""
    by = pre_tokenizers.Split(Regex(pattern), behavior, invert=invert)
    return pre_tokenizers.Sequence([by, BARE])


_trained: dict[int, str] = {}


def trained(pre_tokenizer: Any, normalizer: Any = None, size: int = 2000) -> Tokenizer:
    """A byte-level BPE tokenizer; what is trained of one size is trained once."""
    if size not in _trained:
        _trained[size] = _train(BYTES, size).to_str()
    made = Tokenizer.from_str(_trained[size])
    made.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        made.normalizer = normalizer
    return Tokenizer.from_str(made.to_str())  # with components of its own


def _train(pre_tokenizer: Any, size: int) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(corpus(), trainer)
    return made


def changed(tokenizer: Tokenizer, **model: Any) -> Tokenizer:
    """The tokenizer with something else in its model."""
    found = json.loads(tokenizer.to_str())
    found["model"].update(model)
    return Tokenizer.from_str(json.dumps(found))


def gpt2() -> Tokenizer:
    """Byte-level, one special token, ByteLevel as post-processor."""
    made = trained(BYTES)
    made.add_special_tokens(["<|endoftext|>"])
    made.post_processor = processors.ByteLevel(trim_offsets=True)
    return made


def llama3() -> Tokenizer:
    """A regex, many special tokens, one in front of each text, pieces that are tokens left whole."""
    made = trained(split(LLAMA3))
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>"]
    specials += [f"<|reserved_special_token_{i}|>" for i in range(200)]
    made.add_special_tokens([AddedToken(each, normalized=False) for each in specials])
    start = made.token_to_id("<|begin_of_text|>")
    template = processors.TemplateProcessing(
        single="<|begin_of_text|> $A",
        pair="<|begin_of_text|> $A $B:1",
        special_tokens=[("<|begin_of_text|>", start)],
    )
    made.post_processor = processors.Sequence([processors.ByteLevel(), template])
    vocab = json.loads(made.to_str())["model"]["vocab"]
    for each in ("\u0120unmergeable", "xqzj", "\u0120\u0120\u0120z"):  # tokens that no merge makes
        vocab.setdefault(each, len(vocab) + 300)
    return changed(made, ignore_merges=True, vocab=vocab)


def qwen2() -> Tokenizer:
    """NFC, each number alone, tokens that are not special."""
    made = trained(split(QWEN2, "removed", True), normalizers.NFC())
    made.add_special_tokens([AddedToken("<|im_start|>", normalized=False), "<|im_end|>"])
    made.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("ﬁn-caf\u00e9")])
    return made


def o200k() -> Tokenizer:
    """o200k's regex."""
    made = trained(split(O200K))
    made.add_special_tokens(["<|endoftext|>", "<|endofprompt|>", "<|end"])
    return made


def command_r() -> Tokenizer:
    """NFC, numbers one by one, a token in front and one behind."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    made = trained(pre_tokenizers.Sequence([digits, BYTES]), normalizers.NFC())
    made.add_special_tokens(["<BOS_TOKEN>", "<EOS_TOKEN>"])
    ids = [(each, made.token_to_id(each)) for each in ("<BOS_TOKEN>", "<EOS_TOKEN>")]
    made.post_processor = processors.TemplateProcessing(
        single="<BOS_TOKEN> $A <EOS_TOKEN>", special_tokens=ids
    )
    return made


def roberta() -> Tokenizer:
    """NFKC, and RoBERTa's two tokens."""
    made = trained(split(GPT2), normalizers.NFKC())
    made.add_special_tokens(["<s>", "</s>", "<mask>"])
    ids = {each: made.token_to_id(each) for each in ("<s>", "</s>")}
    made.post_processor = processors.RobertaProcessing(("</s>", ids["</s>"]), ("<s>", ids["<s>"]))
    return made


@functools.cache
def _llama2(normalized: bool) -> str:
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=1800, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False
    )
    texts = [line for text in corpus() for line in text.splitlines()]
    made.train_from_iterator(texts, trainer)
    found = json.loads(made.to_str())
    vocab = found["model"]["vocab"]
    for byte in range(256):
        vocab.setdefault("<0x%02X>" % byte, len(vocab))
    merges = found["model"]["merges"]
    for length in (1, 2, 4, 8):  # runs of blanks, as Llama 2 has them
        vocab.setdefault("\u2581" * 2 * length, len(vocab))
        merges.append(["\u2581" * length, "\u2581" * length])
    for token in found["added_tokens"]:
        token["normalized"] = normalized
    made = Tokenizer.from_str(json.dumps({**found, "pre_tokenizer": None}))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    blanks = decoders.Replace("\u2581", " ")
    made.decoder = decoders.Sequence(
        [blanks, decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))]
    )
    return made.to_str()


def llama2(normalized: bool = False) -> Tokenizer:
    """Characters, blanks as U+2581, bytes for what is no token."""
    return Tokenizer.from_str(_llama2(normalized))


def pairs(pre_tokenizer: Any, normalizer: Any = None) -> Tokenizer:
    """A vocabulary in which each pair of bytes is a token: where a text is cut shows in its tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    both = [(one, other) for one in alphabet for other in alphabet]
    random.Random(3).shuffle(both)
    names = alphabet + [one + other for one, other in both]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, both))
    made.pre_tokenizer = pre_tokenizer
    made.decoder = decoders.ByteLevel()
    if normalizer is not None:
        made.normalizer = normalizer
    return made


def made() -> dict[str, Tokenizer]:
    """All that are served."""
    return {
        "anthropic": Tokenizer.from_str(claude_json_str),
        "gpt2": gpt2(),
        "llama3": llama3(),
        "qwen2": qwen2(),
        "o200k": o200k(),
        "command_r": command_r(),
        "roberta": roberta(),
        "llama2": llama2(),
        "llama2, normalized": llama2(normalized=True),
    }


def odd() -> dict[str, Tokenizer]:
    """What is left to the original."""
    found: dict[str, Tokenizer] = {}
    for name in ("padding", "truncation", "lstrip", "rstrip", "single_word", "specials"):
        found[name] = trained(BYTES, size=400)
    found["padding"].enable_padding(length=300)
    found["truncation"].enable_truncation(20)
    for name in ("lstrip", "rstrip", "single_word"):
        found[name].add_tokens([AddedToken("token", **{name: True})])
    found["specials"].add_special_tokens(["<x>"])
    found["specials"].encode_special_tokens = True
    found["prefix space"] = trained(pre_tokenizers.ByteLevel(add_prefix_space=True), size=400)
    found["regex"] = trained(split(r"\w+|\W+"), size=400)
    found["behavior"] = trained(split(LLAMA3, "merged_with_next"), size=400)
    found["digits"] = trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(), BYTES]), size=400)
    found["no pre-tokenizer"] = trained(BARE, size=400)
    found["lowercase"] = trained(BYTES, normalizers.Lowercase(), size=400)
    found["nfd"] = trained(BYTES, normalizers.NFD(), size=400)
    found["subword prefix"] = changed(
        trained(BYTES, size=400), continuing_subword_prefix="x", merges=[]
    )
    found["dropout"] = changed(trained(BYTES, size=400), dropout=0.0)
    vocab = json.loads(trained(BYTES, size=400).to_str())["model"]["vocab"]
    few = {name: number for name, number in vocab.items() if name != "q"}
    found["a byte without a token"] = changed(trained(BYTES, size=400), vocab=few, merges=[])
    found["words"] = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    found["metaspace"] = llama2()
    found["metaspace"].pre_tokenizer = pre_tokenizers.Metaspace()
    over = json.loads(llama2().to_str())
    over["model"]["vocab"]["e\u2581"] = 99_000
    over["model"]["merges"].append(["e", "\u2581"])
    found["a blank behind"] = Tokenizer.from_str(json.dumps(over))
    return found
