"""Counts, and lists, of the tokens that a ``tokenizers.Tokenizer`` finds in a text, and the text of tokens, by Java.

LiteLLM counts with such a tokenizer for Anthropic's, Cohere's and Llama's models, and for one that a caller brings. It is read once it has
counted about a million characters, by a thread of its own; the original serves meanwhile. A tokenizer can change: what of it can be
read cheaply is compared with what was read then, once in each call of LiteLLM's, and a changed one is the original's from then on.

Served are BPE models, byte-level (GPT-2's, Llama 3's, Qwen 2's, o200k's, Command R's and Anthropic's ways to split) or with byte fallback as
Llama 2's, with added tokens that take no blanks along. All else the original counts.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

from . import _tokens

LOAD, TABLES = "litellm_load_tokenizer", "litellm_tokenizer_tables"
COUNT, ENCODE = "litellm_count_text", "litellm_encode_text"
DECODE = "litellm_decode_text"

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: A regex, and its place among Java's patterns.
_SPLITS = {_GPT2: 0, _tokens.PATTERNS[2]: 2, _LLAMA3: 3, _LLAMA3.replace("{1,3}", ""): 4}
_BYTES, _DIGITS, _BLANKS = 0, 5, 6
_BLANK = "\u2581"

#: Characters that the original counts before a tokenizer is read: to read one costs about as much.
_AHEAD = 1 << 20
#: Texts below go to the original, unless the tokenizer was compared in the same call; so do two more for each added token.
_LEAST = 48
#: Lists of fewer tokens go to the original.
_LEAST_TOKENS = 48
#: Tokenizers that are kept at once.
_MOST = 8


class _Shape(NamedTuple):
    """What of a tokenizer Java is told."""

    pattern: int
    normal: int
    ignore_merges: bool
    raw: Dict[bytes, int]
    normalized: Dict[bytes, int]
    before: List[int]
    after: List[int]
    decoder: int
    kept: Dict[bytes, int]
    skipped: Dict[bytes, int]


class Known:
    """A tokenizer that LiteLLM counts with."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.counted = 0
        self.least = _LEAST
        self.number: Optional[int] = None  # -1: not served
        self.tables = -1  # Java's number, which stays its own while anybody may ask
        self.state: Any = None
        self.before: List[int] = []
        self.after: List[int] = []
        self.decoder = 0


known: Dict[int, Known] = {}
_builtins: Builtins = {}
_loading = threading.Lock()


def _parts(component: Any, kind: str) -> List[Dict[str, Any]]:
    """The JSON of a component, a sequence as its members."""
    if component is None:
        return []
    found = json.loads(component.__getstate__())
    return list(found[kind]) if found["type"] == "Sequence" else [found]


def _normal(tokenizer: Any) -> Optional[int]:
    parts = _parts(tokenizer.normalizer, "normalizers")
    if not parts:
        return 0
    if len(parts) == 1 and parts[0]["type"] in ("NFC", "NFKC"):
        return 1 if parts[0]["type"] == "NFC" else 2
    blanks: List[Dict[str, Any]] = [
        {"type": "Prepend", "prepend": _BLANK},
        {"type": "Replace", "pattern": {"String": " "}, "content": _BLANK},
    ]
    return 3 if parts == blanks else None


def _pattern(tokenizer: Any, normal: int) -> Optional[int]:
    parts = _parts(tokenizer.pre_tokenizer, "pretokenizers")
    if normal == 3:
        return _BLANKS if not parts and tokenizer.model.byte_fallback else None
    if not parts or len(parts) > 2:
        return None
    last = parts[-1]
    if last["type"] != "ByteLevel" or last["add_prefix_space"]:
        return None
    if len(parts) == 1:
        return _BYTES if last["use_regex"] else None
    first = parts[0]
    if first == {"type": "Digits", "individual_digits": True}:
        return _DIGITS if last["use_regex"] else None
    if first["type"] != "Split" or last["use_regex"]:
        return None
    if (first["behavior"], first["invert"]) not in (("Isolated", False), ("Removed", True)):
        return None
    return _SPLITS.get(first["pattern"].get("Regex"))


def _around(tokenizer: Any) -> Optional[Tuple[List[int], List[int]]]:
    """The ids that post-processing puts before and behind a text's."""
    before: List[int] = []
    after: List[int] = []
    for part in _parts(tokenizer.post_processor, "processors"):
        if part["type"] == "ByteLevel":
            continue
        if part["type"] in ("BertProcessing", "RobertaProcessing"):
            before, after = [part["cls"][1], *before], [*after, part["sep"][1]]
            continue
        if part["type"] != "TemplateProcessing":
            return None
        single = part["single"]
        if [piece for piece in single if "Sequence" in piece] != [
            {"Sequence": {"id": "A", "type_id": 0}}
        ]:
            return None
        place = next(i for i, piece in enumerate(single) if "Sequence" in piece)
        ids = [
            part["special_tokens"][piece["SpecialToken"]["id"]]["ids"]
            if "SpecialToken" in piece
            else []
            for piece in single
        ]
        before = [*sum(ids[:place], []), *before]
        after = [*after, *sum(ids[place:], [])]
    right = len(before) + len(after) == tokenizer.num_special_tokens_to_add(False)
    return (before, after) if right else None


def _decoder(tokenizer: Any, normal: int) -> int:
    """The place among Java's decoders; 0 where ids are left to the original."""
    parts = _parts(tokenizer.decoder, "decoders")
    if normal != 3:
        return 1 if len(parts) == 1 and parts[0]["type"] == "ByteLevel" else 0
    blanks: List[Dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": _BLANK}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]
    return 2 if parts == blanks else 0


def _shape(tokenizer: Any) -> Optional[_Shape]:
    """What Java needs to know; None for a tokenizer that is not served."""
    model = tokenizer.model
    if type(model) is not sys.modules["tokenizers"].models.BPE or model.dropout is not None:
        return None
    if model.continuing_subword_prefix or model.end_of_word_suffix:
        return None
    if tokenizer.padding or tokenizer.truncation or tokenizer.encode_special_tokens:
        return None
    normal = _normal(tokenizer)
    pattern = None if normal is None else _pattern(tokenizer, normal)
    around = _around(tokenizer)
    if normal is None or pattern is None or around is None:
        return None
    raw: Dict[bytes, int] = {}
    normalized: Dict[bytes, int] = {}
    kept: Dict[bytes, int] = {}
    skipped: Dict[bytes, int] = {}
    added = tokenizer.get_added_tokens_decoder()
    for number, token in added.items():
        if token.lstrip or token.rstrip or token.single_word:
            return None
        text = token.content
        (skipped if token.special else kept)[text.encode()] = number
        if token.normalized and normal:
            text = tokenizer.normalizer.normalize_str(text)
        if token.normalized and normal == 3:
            text = text.replace(_BLANK, " ")  # as Java keeps it
        (normalized if token.normalized else raw)[text.encode()] = number
    if len(raw) + len(normalized) != len(added):
        return None
    decoder = _decoder(tokenizer, normal)
    return _Shape(
        *(pattern, normal, model.ignore_merges, raw, normalized, *around), decoder, kept, skipped
    )


def _state(tokenizer: Any) -> Tuple[Any, ...]:
    """What of a tokenizer is cheap to read and tells that it was changed."""
    model = tokenizer.model
    if type(model) is not sys.modules["tokenizers"].models.BPE:
        return ()
    size = tokenizer.get_vocab_size(False)
    parts = (
        tokenizer.normalizer,
        tokenizer.pre_tokenizer,
        tokenizer.post_processor,
        tokenizer.decoder,
    )
    return (
        size,
        *(model.id_to_token(size - 1 - (size * i >> 3)) for i in range(8)),
        model.dropout,
        model.unk_token,
        model.continuing_subword_prefix,
        model.end_of_word_suffix,
        model.fuse_unk,
        model.byte_fallback,
        model.ignore_merges,
        tokenizer.padding,
        tokenizer.truncation,
        tokenizer.encode_special_tokens,
        *(None if part is None else part.__getstate__() for part in parts),
        tokenizer.get_added_tokens_decoder(),
    )


def note(tokenizer: Any) -> Known:
    """Return what is known of a tokenizer; forgets those that nobody else holds."""
    found = known.get(id(tokenizer))
    if found is None:
        found = Known(tokenizer)
        if len(known) >= _MOST:
            _forget()
        if len(known) < _MOST:
            known[id(tokenizer)] = found
    return found


def _forget() -> None:
    for key, entry in list(known.items()):
        if sys.getrefcount(entry.tokenizer) <= 2 and not _loading.locked():
            del known[key]
            if entry.tables >= 0:
                _builtins[TABLES](entry.tables, 1)


def load(entry: Known) -> None:
    """Read a tokenizer, unless it was read; -1 is its number where it can't be served."""
    with _loading:
        if entry.number is not None:
            return
        number: Any = -1
        try:
            tokenizer = entry.tokenizer
            shape = _shape(tokenizer)
            if shape is not None:
                state = _state(tokenizer)
                text = tokenizer.model.__getstate__()
                found = _builtins[LOAD](text, *shape[:5], *shape[7:])
                if found is not NotImplemented:
                    if state == _state(tokenizer):
                        entry.state, number, entry.tables = state, found, found
                        entry.before, entry.after = shape.before, shape.after
                        entry.decoder = shape.decoder
                        entry.least = _LEAST + 2 * (len(shape.raw) + len(shape.normalized))
                    else:
                        _builtins[TABLES](found, 1)
        except Exception:  # a component that can't be read: the original serves
            number = -1
        entry.number = number


def _ask(entry: Known, characters: int) -> None:
    """Note that the original counts a text; may have the tokenizer read."""
    entry.counted += characters
    if entry.counted < _AHEAD or _loading.locked() or id(entry.tokenizer) not in known:
        return
    try:
        threading.Thread(target=load, args=(entry,), daemon=True).start()
    except RuntimeError:  # at exit no thread starts
        pass


def _fits(entry: Known) -> bool:
    """Whether a tokenizer is what it was; if not, it is the original's for good."""
    try:
        if _state(entry.tokenizer) == entry.state:
            return True
    except Exception:  # a component in Python, which can't be read
        pass
    entry.number = -1
    return False


def _is_tokenizer(chosen: Any) -> bool:
    """Whether what LiteLLM chose is a tokenizer of ``tokenizers``."""
    return chosen["type"] == "huggingface_tokenizer" and type(chosen["tokenizer"]) is getattr(
        sys.modules.get("tokenizers"), "Tokenizer", None
    )


def make_count_function(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _get_exact_count_function and its switch."""
    java: Callable[[int, str], Any] | None = None
    select: Any = None

    def _get_exact_count_function(model: Any, custom_tokenizer: Any = None) -> Any:
        if java is None or (model is None and custom_tokenizer is None):
            return original(model, custom_tokenizer)
        chosen = custom_tokenizer or select.select_tokenizer(model)
        if not _is_tokenizer(chosen):
            return original(model, chosen)
        tokenizer = chosen["tokenizer"]
        entry = note(tokenizer)
        count = java
        fits = False

        def count_tokens(text: str) -> int:
            nonlocal fits
            number = entry.number
            if type(text) is not str or number == -1:
                pass
            elif number is None:
                _ask(entry, len(text))
            elif fits or len(text) >= entry.least:
                fits = fits or _fits(entry)
                found = count(number, text) if fits else NotImplemented
                if found is not NotImplemented:
                    return found + len(entry.before) + len(entry.after)  # type: ignore[no-any-return]
            return len(tokenizer.encode_batch_fast([text])[0])

        return count_tokens

    def activate(builtins: Builtins | None) -> None:
        nonlocal java, select
        if builtins is None:
            java = None
            return
        select = sys.modules["litellm.utils"]
        java = builtins[COUNT]

    return _get_exact_count_function, activate


def make_encode(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of litellm.utils.encode and its switch."""
    java: Callable[[int, str], Any] | None = None
    select: Any = None

    def encode(model: Any = "", text: Any = "", custom_tokenizer: Any = None) -> Any:
        if java is None:
            return original(model, text, custom_tokenizer)
        chosen = custom_tokenizer or select.select_tokenizer(model=model)
        if type(text) is str and _is_tokenizer(chosen):
            entry = note(chosen["tokenizer"])
            number = entry.number
            if number is None:
                _ask(entry, len(text))
            elif number >= 0 and len(text) >= entry.least and _fits(entry):
                found = java(number, text)
                if found is not NotImplemented:
                    if entry.before or entry.after:
                        return [*entry.before, *found, *entry.after]
                    return found
        return original(model, text, chosen)

    def activate(builtins: Builtins | None) -> None:
        nonlocal java, select
        if builtins is None:
            java = None
            return
        select = sys.modules["litellm.utils"]
        java = builtins[ENCODE]

    return encode, activate


def make_decode(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of litellm.utils.decode and its switch."""
    java: Callable[[int, List[int]], Any] | None = None
    select: Any = None

    def decode(
        model: Any = "",
        tokens: Any = (),
        custom_tokenizer: Any = None,
        skip_special_tokens: Any = True,
    ) -> Any:
        if java is None:
            return original(model, tokens, custom_tokenizer, skip_special_tokens)
        chosen = custom_tokenizer or select.select_tokenizer(model=model)
        if (
            type(tokens) is list
            and len(tokens) >= _LEAST_TOKENS
            and skip_special_tokens is True
            and _is_tokenizer(chosen)
        ):
            entry = note(chosen["tokenizer"])
            number = entry.number
            if number is None:
                _ask(entry, 4 * len(tokens))
            elif number >= 0 and entry.decoder and _fits(entry):
                found = java(number, tokens)
                if found is not NotImplemented:
                    if entry.decoder == 1:
                        return found.decode("utf-8", "replace")
                    try:
                        text = found.decode()
                    except UnicodeDecodeError:  # the original knows which bytes are spoiled
                        pass
                    else:
                        return text[1:] if text.startswith(" ") else text
        return original(model, tokens, chosen, skip_special_tokens)

    def activate(builtins: Builtins | None) -> None:
        nonlocal java, select
        if builtins is None:
            java = None
            return
        select = sys.modules["litellm.utils"]
        java = builtins[DECODE]

    return decode, activate


def warm_up(builtins: Builtins) -> None:
    """Keep the builtins: tokenizers come later."""
    _builtins.update(builtins)


def made_up(builtins: Builtins, words: List[str]) -> List[int]:
    """Load vocabularies in which all beginnings of words are tokens."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]  # as they are in names of bytes
    others = [i for i in range(256) if i not in kept]
    names = {i: chr(i) for i in kept} | {i: chr(256 + place) for place, i in enumerate(others)}
    vocab = {name: number for number, name in names.items()}
    merges = []
    for word in words:
        letters = [names[i] for i in word.encode()]
        for end in range(1, len(letters)):
            pair = ["".join(letters[:end]), letters[end]]
            if "".join(pair) not in vocab:
                vocab["".join(pair)] = len(vocab)
                merges.append(pair)
    model = json.dumps(
        {"type": "BPE", "vocab": vocab, "merges": merges},
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    special = {b"<s>": len(vocab)}
    return [
        builtins[LOAD](model, pattern, normal, False, special, {}, 1, special, {})
        for pattern, normal in ((0, 2), (3, 0))
    ]
