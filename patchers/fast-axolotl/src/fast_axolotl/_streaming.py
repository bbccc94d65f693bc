"""Streaming pretraining in bounded memory: what wrap_streaming_dataset returns, with windows in place of batches.

The original collects ten thousand documents, tokenizes all of them into lists, and collates them all before the first one is
handed out. Here a document is tokenized, some at a time, by the same strategy when it is drawn, and its tokens go to a file;
packing needs lengths alone, and a batch is made when it is asked for. datasets' own map draws, counts and keeps the state.

A window that meets something it does not know (a text that is none, columns that Arrow would not take, a tokenizer's
error) is the original's: the documents lie in a second file until then, and are given to it as it would have drawn them.
"""

from __future__ import annotations

import functools
import pickle
import sys
from array import array
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._padding import Padding, padding_of
from ._spool import Log, plain

GROUP = 1 << 20
"""Documents of so many characters are tokenized at once."""
GROUP_ROWS = 1000
LONGEST = 2**31 - 1
"""Texts of more bytes are several arrays for Arrow."""

_STREAMING = "axolotl.utils.data.streaming"
_WRAPPERS = "axolotl.utils.data.wrappers"
# Arrow's types of these are datasets' choice
_OWN_TYPES = {"input_ids", "attention_mask", "special_tokens_mask", "token_type_ids"}

_counted: Any = None
"""wrap_streaming_dataset's replacement: windows are counted by it."""


class _Doubt(Exception):
    """The original has to do this one."""


def _count(served: bool) -> None:
    if _counted is None:  # a spawned worker's
        return
    if served:
        _counted.served += 1
    else:
        _counted.declined += 1


def make_wrap_streaming_dataset(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of wrap_streaming_dataset and its switch."""
    global _counted
    serving = Serving("axolotl.streaming")

    def wrap_streaming_dataset(dataset: Any, tokenizer: Any, cfg: Any, ds_wrapper_fn: Any) -> Any:
        wrapped = original(dataset, tokenizer, cfg, ds_wrapper_fn)
        if serving:
            if _windowed(wrapped):
                return wrapped
            replacement.declined += 1
        return wrapped

    replacement: Any = wrap_streaming_dataset
    _counted = replacement
    return finish(replacement, serving)


def _windowed(wrapped: Any) -> bool:
    """Put windows into a dataset that the original has wrapped; False where it is to stay as it is."""
    from datasets import IterableDataset
    from datasets.iterable_dataset import (
        BufferShuffledExamplesIterable,
        FormattedExamplesIterable,
        MappedExamplesIterable,
    )

    from ._iterables import Windowed, shuffled

    if type(wrapped) is not IterableDataset:
        return False
    mapped = wrapped._ex_iterable
    if type(mapped) is not MappedExamplesIterable or mapped.formatting is not None:
        return False
    if not mapped.remove_columns or not mapped.batched:
        return False
    try:
        plan = _plan(mapped.function, tuple(mapped.remove_columns))
    except Exception:  # the original meets it when the first document is drawn
        return False
    if plan is None:
        return False
    above: Any = None
    below = mapped.ex_iterable
    if type(below) is FormattedExamplesIterable:
        above, below = below, below.ex_iterable
    if type(below) is BufferShuffledExamplesIterable:
        below = shuffled(below)
        if above is None:
            mapped.ex_iterable = below
        else:
            above.ex_iterable = below
    mapped.ex_iterable = Windowed(mapped.ex_iterable, plan)
    mapped.function = plan
    return True


def _plan(encode: Any, columns: Tuple[str, ...]) -> Any:
    streaming: Any = sys.modules[_STREAMING]
    if type(encode) is not functools.partial:
        return None
    if encode.func is streaming.encode_packed_streaming:
        plan = PackedPlan(encode, columns)
        return plan if plan.known() else None
    if encode.func is streaming.encode_streaming:
        return PlainPlan(encode, columns)
    return None


class _Rows:
    """A column of rows that are made one by one, as they are asked for; the columns of a row share it."""

    def __init__(self, source: Any, name: str) -> None:
        self._source = source
        self._name = name

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> Any:
        return self._source.row(number)[self._name]


class _Window:
    """The documents of one call of the original's encode."""

    def __init__(self, plan: Any) -> None:
        self.closed = False
        self._plan = plan
        self._columns = frozenset(plan.columns)
        self._handle = {plan.columns[0]: self}
        self._doubt = False
        self._examples = Log()
        self._others: List[Any] = []  # those from the first doubt on
        self._pending: List[str] = []
        self._size = 0
        self._tokens = Log()
        self._lengths = array("q")

    def add(self, example: Any) -> Dict[str, Any]:
        """Take a document, and return what the map gets in its place: what it removes stays here."""
        if not self._doubt:
            try:
                self._pending.append(self._text(example))
                self._examples.append(pickle.dumps(example, 5))
            except Exception:
                self._doubt = True
            else:
                self._size += len(self._pending[-1])
                if self._size >= GROUP or len(self._pending) >= GROUP_ROWS:
                    self._tokenize()
                return self._handle
        self._others.append(example)
        kept = {name: value for name, value in example.items() if name not in self._columns}
        return {**self._handle, **kept}

    def _text(self, example: Any) -> str:
        """Return a document's text, or raise what is a doubt."""
        raise NotImplementedError

    def _tokenized(self, texts: List[str]) -> Iterator[List[int]]:
        """Yield the rows that documents become."""
        raise NotImplementedError

    def _finished(self) -> Any:
        """Return what the original returns, or raise what is a doubt, with nothing drawn."""
        raise NotImplementedError

    def _tokenize(self) -> None:
        if self._doubt or not self._pending:
            return
        try:
            tokens = array("i")
            for row in self._tokenized(self._pending):
                tokens.extend(array("i", row))
                self._lengths.append(len(row))
            self._tokens.append(tokens)
        except Exception:  # the original is to meet it where it does
            self._doubt = True
        self._pending = []
        self._size = 0

    def finish(self) -> Any:
        """Return what the original makes of the documents."""
        from datasets.iterable_dataset import _examples_to_batch

        self.closed = True
        self._tokenize()
        if not self._doubt:
            try:
                found = self._finished()
                _count(True)
                return found
            except (_Doubt, OSError):
                pass
        _count(False)
        examples = [pickle.loads(piece) for piece in self._examples.pieces()]
        return self._plan.encode(_examples_to_batch(examples + self._others))

    def _starts(self) -> Any:
        import numpy as np

        return np.concatenate([[0], np.cumsum(np.frombuffer(self._lengths, np.int64))])

    def _mapped(self) -> Any:
        import numpy as np

        return np.frombuffer(self._tokens.mapped(), np.int32)


class PlainPlan(NamedTuple):
    """Windows for encode_streaming, and the function of the map over them."""

    encode: Any
    columns: Tuple[str, ...]

    def window(self) -> _PlainWindow:
        """Begin one."""
        return _PlainWindow(self)

    def __call__(self, batch: Dict[str, List[Any]]) -> Any:
        return batch[self.columns[0]][0].finish()


class _PlainWindow(_Window):
    def _text(self, example: Any) -> str:
        text = example[self._plan.encode.keywords["text_column"]]
        if (
            type(example) is not dict
            or type(text) is not str
            or not example.keys() <= self._columns
        ):
            raise _Doubt
        if not plain(example):
            raise _Doubt
        return text

    def _tokenized(self, texts: List[str]) -> Iterator[List[int]]:
        settings = self._plan.encode.keywords
        found = settings["tokenizer"](
            texts, truncation=True, max_length=settings["max_tokens"] - 2, add_special_tokens=True
        )
        for ids, mask in zip(found["input_ids"], found["attention_mask"]):
            # of nothing the original makes floats
            if not ids or mask.count(1) != len(ids):
                raise _Doubt
            yield ids

    def _finished(self) -> Any:
        settings = self._plan.encode.keywords
        tokenizer, most = settings["tokenizer"], settings["max_tokens"]
        if not settings["concatenate"]:
            rows: Any = _Documents(self._mapped(), self._starts())
        else:
            ends = tokenizer.eos_token_id, tokenizer.pad_token_id
            if any(type(token) is not int or abs(token) > LONGEST for token in ends):
                raise _Doubt
            rows = _Joined(self._mapped(), self._starts(), self._together(most), most, ends)
            sys.modules[_STREAMING].LOG.debug(len(rows))
        return {name: _Rows(rows, name) for name in ("input_ids", "labels", "attention_mask")}

    def _together(self, most: int) -> List[Tuple[int, int]]:
        """Return the first and last of the documents of each row: as many as it has room for."""
        bounds, first, used = [], 0, 0
        for number, length in enumerate(self._lengths):
            length += 2
            if length > most:
                raise _Doubt
            if used + length > most:
                bounds.append((first, number))
                first, used = number, 0
            used += length
        return [*bounds, (first, len(self._lengths))]


class _Documents:
    """Rows of encode_streaming that are documents."""

    def __init__(self, tokens: Any, starts: Any) -> None:
        self._tokens = tokens
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def row(self, number: int) -> Dict[str, Any]:
        """Return one as lists."""
        ids = self._tokens[self._starts[number] : self._starts[number + 1]].tolist()
        return {"input_ids": ids, "labels": ids.copy(), "attention_mask": [1] * len(ids)}


class _Joined:
    """Rows of encode_streaming that are documents behind each other, each with the tokens that end it."""

    def __init__(
        self,
        tokens: Any,
        starts: Any,
        bounds: List[Tuple[int, int]],
        width: int,
        ends: Tuple[int, int],
    ) -> None:
        self._tokens = tokens
        self._starts = starts
        self._bounds = bounds
        self._width = width
        self._ends = ends

    def __len__(self) -> int:
        return len(self._bounds)

    def row(self, number: int) -> Dict[str, Any]:
        """Return one as lists."""
        end, pad = self._ends
        ids: List[int] = []
        labels: List[int] = []
        mask: List[int] = []
        for document in range(*self._bounds[number]):
            part = self._tokens[self._starts[document] : self._starts[document + 1]].tolist()
            ids += part
            ids += (end, pad)
            labels += part
            labels += (end, -100)
            mask += [1] * (len(part) + 1)
            mask.append(0)
        rest = self._width - len(ids)
        return {
            "input_ids": ids + [pad] * rest,
            "labels": labels + [-100] * rest,
            "attention_mask": mask + [0] * rest,
        }


class PackedPlan(NamedTuple):
    """Windows for encode_packed_streaming, and the function of the map over them."""

    encode: Any
    columns: Tuple[str, ...]

    def window(self) -> _PackedWindow:
        """Begin one."""
        return _PackedWindow(self)

    def __call__(self, batch: Dict[str, List[Any]]) -> Any:
        return batch[self.columns[0]][0].finish()

    def known(self) -> bool:
        """Say whether documents become rows in the way that is done here."""
        wrappers: Any = sys.modules.get(_WRAPPERS)
        collate, wrapper = self.encode.args
        if wrappers is None or type(wrapper) is not functools.partial or wrapper.args:
            return False
        if wrapper.func is not wrappers.get_dataset_wrapper or set(wrapper.keywords) != {
            "dataset_config", "tokenizer", "cfg", "dataset_base_type",
        }:  # fmt: skip
            return False
        if wrapper.keywords["dataset_config"]["type"] != "pretrain":
            return False
        if wrapper.keywords["cfg"].skip_prepare_dataset or _OWN_TYPES & set(self.columns):
            return False
        return self.padding() is not None and self._strategy() is not None

    def padding(self) -> Optional[Padding]:
        """Return how the collator pads."""
        streaming: Any = sys.modules[_STREAMING]
        collate = self.encode.args[0]
        if type(collate) is not streaming.PretrainingBatchSamplerDataCollatorForSeq2Seq:
            return None
        if bool(collate.multipack_attn) != bool(self.encode.keywords["multipack_attn"]):
            return None
        return padding_of(collate)

    def strategy(self) -> Any:
        """Return what tokenizes a window, as the original loads it for each."""
        found = self._strategy()
        if found is None:
            raise _Doubt
        settings = self.encode.args[1].keywords
        wrappers: Any = sys.modules[_WRAPPERS]
        wrappers.LOG.info(
            f"Loading dataset: {settings['dataset_config']['path']} with base_type: "
            f"{settings['dataset_base_type']} and prompt_style: None"
        )
        return found

    def _strategy(self) -> Any:
        from axolotl.prompt_strategies.pretrain import PretrainTokenizationStrategy

        settings = self.encode.args[1].keywords
        config, wrappers = settings["dataset_config"], sys.modules[_WRAPPERS]
        found = wrappers.load(
            config["type"], settings["tokenizer"], settings["cfg"], config, processor=None
        )
        return found if type(found) is PretrainTokenizationStrategy else None


class _PackedWindow(_Window):
    def __init__(self, plan: PackedPlan) -> None:
        super().__init__(plan)
        self._kinds: Dict[str, Any] = {}
        self._bytes = 0
        self._strategy: Any = None
        settings = plan.encode.keywords
        self._longest: int = settings["max_seq_length"]
        self._attention = not settings["multipack_attn"]

    def _text(self, example: Any) -> str:
        if self._strategy is None:
            self._strategy = self._plan.strategy()
        if type(example) is not dict or not example.keys() <= self._columns:
            raise _Doubt
        text = example[self._strategy.text_column]
        if type(text) is not str:
            raise _Doubt
        for name, value in example.items():
            self._kinds[name] = _kind(value, self._kinds.get(name))
        self._bytes += len(text) if text.isascii() else len(text.encode())
        if self._bytes > LONGEST:
            raise _Doubt
        return text

    def _tokenized(self, texts: List[str]) -> Iterator[List[int]]:
        found = self._strategy._tokenize(texts)
        if set(found) != {"input_ids", "attention_mask", "overflow_to_sample_mapping"}:
            raise _Doubt
        for ids, mask in zip(found["input_ids"], found["attention_mask"]):
            if len(ids) != len(mask) or (self._attention and mask.count(1) != len(mask)):
                raise _Doubt
            if 2 <= len(ids) <= self._longest:
                yield ids

    def _finished(self) -> Any:
        padding = self._plan.padding()
        if not self._lengths or padding is None:
            raise _Doubt
        import numpy as np

        streaming: Any = sys.modules[_STREAMING]
        settings = self._plan.encode.keywords
        tokens, lengths = self._mapped(), np.array(self._lengths)
        sampler = streaming.MultipackBatchSampler(
            sampler=streaming.RandomSampler(range(len(lengths))),
            lengths=lengths,
            batch_size=1,
            batch_max_len=settings["batch_size"] * self._longest,
            drop_last=True,
            num_processes=1,
            bin_size=settings["bin_size"],
        )
        bins = [bin for batch in sampler for bin in batch]
        rows = _Packed(tokens, self._starts(), bins, padding, self._attention)
        return {name: _Rows(rows, name) for name in rows.names} if bins else {}


class _Packed:
    """Rows of encode_packed_streaming: tensors of the documents of a bin."""

    def __init__(
        self, tokens: Any, starts: Any, bins: List[List[int]], padding: Padding, attention: bool
    ) -> None:
        self._tokens = tokens
        self._starts = starts
        self._bins = bins
        self._padding = padding
        self.names = ("input_ids", "attention_mask" if attention else "position_ids", "labels")
        self._last: Tuple[int, Dict[str, Any]] = -1, {}

    def __len__(self) -> int:
        return len(self._bins)

    def row(self, number: int) -> Dict[str, Any]:
        """Return one: a row is asked for as often as it has columns."""
        import numpy as np
        import torch

        if self._last[0] == number:
            return self._last[1]
        bounds = [(self._starts[row], self._starts[row + 1]) for row in self._bins[number]]
        parts = [self._tokens[start:end] for start, end in bounds]
        count = sum(map(len, parts))
        width = self._padding.width(count)
        found = {}
        for name in self.names:
            if name == "attention_mask":
                laid: Sequence[Any] = [np.ones(count, np.int64)]
            elif name == "position_ids":
                laid = [np.arange(len(part)) for part in parts]
            else:
                laid = parts
            found[name] = torch.empty(width, dtype=torch.int64)
            self._padding.fill(name, found[name].numpy(), list(laid), count)
        self._last = number, found
        return found


def _kind(value: Any, known: Any) -> Any:
    """Return of which kind a column's values are, with one more; what Arrow may not put into one column is a doubt."""
    kind: Any = type(value)
    if value is None:
        return known
    if kind is int:
        if not -(2**63) <= value < 2**63:
            raise _Doubt
        if abs(value) <= 2**53 and known in (int, float, "short"):
            return known
        kind = "short" if abs(value) <= 2**53 else int
        known = None if known == "short" else known
    elif kind is float:
        known = None if known == "short" else known
    elif kind is str:
        value.encode()
    elif kind is list:
        inside = known[1] if type(known) is tuple else None
        for each in value:
            inside = _kind(each, inside)
        kind, known = (list, inside), known if type(known) is not tuple else None
    elif kind is dict:
        fields = dict(known) if type(known) is dict else {}
        for name, each in value.items():
            if type(name) is not str:
                raise _Doubt
            fields[name] = _kind(each, fields.get(name))
        kind, known = fields, known if type(known) is not dict else None
    elif kind is not bool:
        raise _Doubt
    if known is not None and known != kind:
        raise _Doubt
    return kind
