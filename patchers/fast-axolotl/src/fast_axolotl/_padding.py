"""What a collator's padding comes to, where it is axolotl's and the tokenizer's own.

Rows are laid into tensors of int64 straight from Arrow's or a file's memory; the originals make Python lists of them, arrays of
the lists, lists again for ``tokenizer.pad``, and tensors of these.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional


class Padding(NamedTuple):
    """How rows are padded."""

    multiple: Optional[int]
    right: bool
    token: int
    label: int

    def width(self, longest: int) -> int:
        """How wide rows become, the longest of which has so many tokens."""
        return longest if self.multiple is None else -(-longest // self.multiple) * self.multiple

    def fill(self, name: str, row: Any, parts: List[Any], count: int) -> Any:
        """Lay a row's parts, of so many tokens, into an array, what they are padded with beside them; return the tokens."""
        import numpy as np

        start = 0 if self.right else len(row) - count
        laid = np.concatenate(parts, out=row[start : start + count], casting="same_kind")
        if count < len(row):
            rest = row[count:] if self.right else row[:start]
            if name == "position_ids":
                rest[:] = np.arange(len(rest))
            else:
                rest[:] = {"input_ids": self.token, "labels": self.label}.get(name, 0)
        return laid


def padding_of(collator: Any) -> Optional[Padding]:
    """Return how a collator pads; None where it is not known to be the original's way."""
    multiple, label, tokenizer = (
        collator.pad_to_multiple_of, collator.label_pad_token_id, collator.tokenizer,
    )  # fmt: skip
    if collator.padding is not True or collator.max_length is not None:
        return None
    if collator.model is not None or collator.return_tensors != "pt":
        return None
    if multiple is not None and (type(multiple) is not int or multiple < 1):
        return None
    side, token = tokenizer.padding_side, tokenizer.pad_token_id
    if type(label) is not int or type(token) is not int or token < 0:
        return None
    if side not in ("left", "right") or not _own_way(type(tokenizer), vars(tokenizer)):
        return None
    names = tokenizer.model_input_names
    if names[0] != "input_ids" or "attention_mask" not in names:
        return None
    return Padding(multiple, side == "right", token, label)


def _own_way(kind: Any, replaced: Any) -> bool:
    """Say whether a tokenizer has no padding but that of transformers' base class."""
    from transformers import PreTrainedTokenizerBase as Base

    names = ("pad", "_pad", "_get_padding_truncation_strategies")
    return all(
        getattr(kind, name) is getattr(Base, name) and name not in replaced for name in names
    )
