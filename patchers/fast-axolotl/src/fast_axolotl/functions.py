"""The functions of the Rust package of this name, with plain Python's results.

hashlib hashes, lists of Python ints are padded and packed by list operations, files are read by ``fast_jvm.datasets``'
sources: Java would only add a copy of each list, in and out, so none of it is Java.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

__all__ = [
    "concatenate_and_pack",
    "create_padding_mask",
    "deduplicate_indices",
    "pack_sequences",
    "pad_sequences",
    "parallel_hash_rows",
    "streaming_dataset_reader",
]


def parallel_hash_rows(rows: Sequence[str], num_threads: int = 0) -> List[str]:
    """Return the SHA-256 of each text, in hex; the number of threads is looked at by nobody.

    hashlib keeps the GIL for texts below 2 KB, and threads cost more than they win on longer ones.
    """
    sha256 = hashlib.sha256
    return [sha256(row.encode()).hexdigest() for row in rows]


def deduplicate_indices(
    rows: Sequence[str], existing_hashes: Optional[Sequence[str]] = None, num_threads: int = 0
) -> Tuple[List[int], List[str]]:
    """Return the places of rows whose hash was not seen before, and those hashes."""
    seen = set(existing_hashes or ())
    places: List[int] = []
    new: List[str] = []
    for place, found in enumerate(parallel_hash_rows(rows, num_threads)):
        if found not in seen:
            seen.add(found)
            places.append(place)
            new.append(found)
    return places, new


def pad_sequences(
    sequences: Sequence[List[int]],
    target_length: Optional[int] = None,
    pad_value: int = 0,
    padding_side: str = "right",
    pad_to_multiple_of: Optional[int] = None,
) -> List[List[int]]:
    """Return lists of one length, that of the longest unless it is given; what is longer is cut at its end."""
    if padding_side not in ("right", "left"):
        raise ValueError("padding_side must be 'right' or 'left'")
    length = max(map(len, sequences), default=0) if target_length is None else target_length
    if pad_to_multiple_of:
        length = -(-length // pad_to_multiple_of) * pad_to_multiple_of
    padded = []
    for sequence in sequences:
        some = [pad_value] * (length - len(sequence))
        kept = list(sequence[:length])
        padded.append(kept + some if padding_side == "right" else some + kept)
    return padded


def create_padding_mask(current_length: int, target_length: int) -> List[int]:
    """Return the position ids of what is padded."""
    return list(range(target_length - current_length))


def pack_sequences(
    sequences: Sequence[List[int]],
    max_length: int,
    pad_token_id: int,
    eos_token_id: int,
    label_pad_id: int = -100,
) -> Dict[str, List[List[int]]]:
    """Return rows of ``max_length``: each sequence, its end token and a pad token, as many to a row as follow each other there.

    A sequence that has no room in a row by itself is a ValueError.
    """
    return concatenate_and_pack(
        [[*sequence, eos_token_id, pad_token_id] for sequence in sequences],
        [[*sequence, eos_token_id, label_pad_id] for sequence in sequences],
        [[1] * (len(sequence) + 1) + [0] for sequence in sequences],
        max_length,
        pad_token_id,
        label_pad_id,
    )


def concatenate_and_pack(
    input_ids: Sequence[List[int]],
    labels: Sequence[List[int]],
    attention_masks: Sequence[List[int]],
    max_length: int,
    pad_token_id: int,
    label_pad_id: int = -100,
) -> Dict[str, List[List[int]]]:
    """Return rows of ``max_length``, sequence behind sequence, padded at their ends."""
    kinds = {"input_ids": pad_token_id, "labels": label_pad_id, "attention_mask": 0}
    packed: Dict[str, List[List[int]]] = {kind: [] for kind in kinds}
    rows: List[List[int]] = []
    for parts in zip(input_ids, labels, attention_masks):
        if len({len(part) for part in parts}) > 1:
            raise ValueError("ids, labels and mask of a sequence have one length")
        if len(parts[0]) > max_length:
            raise ValueError(f"a sequence takes {len(parts[0])} places, a row has {max_length}")
        if rows and len(rows[0]) + len(parts[0]) <= max_length:
            for row, part in zip(rows, parts):
                row += part
        else:
            rows = [list(part) for part in parts]
            for kind, row in zip(packed, rows):
                packed[kind].append(row)
    for kind, padding in kinds.items():
        for row in packed[kind]:
            row += [padding] * (max_length - len(row))
    return packed


def streaming_dataset_reader(
    file_path: str, dataset_type: str, batch_size: int = 1000, num_threads: int = 4
) -> Iterator[Dict[str, List[Any]]]:
    """Yield a file's rows in batches, a list for each column; never more of it is held than a batch and a block of the file.

    ``dataset_type`` is json (lines, or one array), jsonl, csv, text, parquet, arrow or feather; the file may end in .gz or .zst,
    Parquet and Arrow excepted. A row that cannot be read is a ValueError that names it. A text file's column is ``text``.
    """
    if batch_size < 1:
        raise ValueError("batch_size is 1 or more")
    rows = _rows(os.fspath(file_path), dataset_type)
    return _batches(rows, batch_size)


def _batches(rows: Iterator[Dict[str, Any]], size: int) -> Iterator[Dict[str, List[Any]]]:
    while True:
        some = list(itertools.islice(rows, size))
        if not some:
            return
        names = dict.fromkeys(name for row in some for name in row)
        yield {name: [row.get(name) for row in some] for name in names}


def _rows(path: str, kind: str) -> Iterator[Dict[str, Any]]:
    from fast_jvm.datasets import _sources

    name = {"text": "txt"}.get(kind.partition(".")[0], kind.partition(".")[0])
    if name not in ("json", "jsonl", "csv", "txt", "parquet", "arrow", "feather"):
        raise ValueError(f"{kind}: not a kind of file that is known")
    if not os.path.isfile(path):
        raise FileNotFoundError(2, os.strerror(2), path)
    for item in _sources._READERS[name](path):
        if isinstance(item.row, _sources.Bad):
            raise ValueError(f"{path}, line {item.line}: {item.row.reason}")
        yield item.row
