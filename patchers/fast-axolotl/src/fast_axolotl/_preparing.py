"""From tokenized rows to the prepared folder in one pass: filters, copies and positions are found before anything is written.

The original writes a cache of all columns for the positions, and starts processes that import torch again to save. Here the
rows that stay are found from Arrow's offsets and values, a batch at a time, and the folder is written in this process, with
positions and lengths made batch by batch on the way. Plain Python: what is left is copying.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._lengths import selected, sizes

_MODULE = "axolotl.utils.data.sft"
_STEPS = {
    "handle_long_seq_in_dataset": "axolotl.utils.data.utils",
    "process_datasets_for_packing": "axolotl.utils.trainer",
    "save_preprocessed_dataset": "axolotl.utils.data.shared",
}
_COLUMNS = {"input_ids", "attention_mask", "labels"}
#: Models whose datasets lose columns on the way.
_OTHERS = ("mamba", "gemma3", "falcon", "mistral")
#: Rows of a batch that is written; datasets has as many.
_BATCH = 1000
_MIN_ROWS_A_PROCESS = 256
_SHARD_BYTES = 500 * 1000**2
#: From here on the original's processes are worth their start.
_LARGE = 8 << 30


def make_load_raw_datasets(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _load_raw_datasets and its switch."""
    serving = Serving("axolotl.prepare")

    def _load_raw_datasets(
        cfg: Any,
        datasets_configs: Any,
        tokenizer: Any,
        split: Any,
        processor: Any = None,
        streaming: Any = False,
    ) -> Any:
        if not serving or streaming or not _served(cfg) or not _untouched():
            replacement.declined += 1
            return original(cfg, datasets_configs, tokenizer, split, processor, streaming)
        module: Any = sys.modules[_MODULE]
        dataset, prompters = _load(cfg, datasets_configs, tokenizer, split, processor)
        found = _prepare(cfg, datasets_configs, tokenizer, split, dataset)
        if found is None:
            replacement.declined += 1
            found = _as_the_original(module, cfg, datasets_configs, tokenizer, split, dataset)
        else:
            replacement.served += 1
        return found, prompters

    replacement: Any = _load_raw_datasets
    return finish(replacement, serving)


def _served(cfg: Any) -> bool:
    """Say whether a configuration asks for nothing but what is done here."""
    return not (
        cfg.skip_prepare_dataset
        or cfg.use_pose
        or cfg.group_by_length
        or cfg.push_dataset_to_hub
        or cfg.model_config_type in _OTHERS
        or (cfg.excess_length_strategy or "drop").lower() != "drop"
        or not _count(cfg.min_sample_len)
        or not _count(cfg.num_dataset_shards_to_save)
        or not _count(cfg.dataset_num_proc)
    )


def _count(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 0)


def _untouched() -> bool:
    module = sys.modules[_MODULE]
    return all(
        getattr(getattr(module, name), "__module__", None) == where
        and getattr(getattr(module, name), "__name__", None) == name
        for name, where in _STEPS.items()
    )


def _load(
    cfg: Any, configs: Any, tokenizer: Any, split: Any, processor: Any
) -> Tuple[Any, List[Any]]:
    """As the original begins."""
    module: Any = sys.modules[_MODULE]
    module.LOG.info("Loading raw datasets...", main_process_only=False)
    if not cfg.is_preprocess:
        module.LOG.warning(
            "Processing datasets during training can lead to VRAM instability. Please "
            "pre-process your dataset using `axolotl preprocess path/to/config.yml`."
        )
    datasets, prompters = [], []
    for config in module.datasets_with_name_generator(configs):
        dataset, prompter = module._load_and_process_single_dataset(
            dataset_config=config,
            cfg=cfg,
            tokenizer=tokenizer,
            split=split,
            seed=cfg.seed,
            processor=processor,
            streaming=False,
        )
        datasets.append(dataset)
        prompters.append(prompter)
    return module.merge_datasets(datasets, cfg), prompters


def _longest(cfg: Any, split: Any) -> Any:
    return cfg.eval_sequence_len if split == "test" and cfg.eval_sequence_len else cfg.sequence_len


def _packs(cfg: Any, split: Any) -> bool:
    return bool(
        (split == "train" and cfg.sample_packing) or (split == "test" and cfg.eval_sample_packing)
    )


def _as_the_original(
    module: Any, cfg: Any, configs: Any, tokenizer: Any, split: Any, dataset: Any
) -> Any:
    """As the original goes on."""
    dataset = module.handle_long_seq_in_dataset(dataset, _longest(cfg, split), cfg)
    if _packs(cfg, split):
        dataset, _ = module.process_datasets_for_packing(cfg, dataset, None)
    if cfg.dataset_exact_deduplication:
        dataset, _ = module.deduplicate_and_log_datasets(dataset=dataset)
    name = module.generate_dataset_hash_from_config(cfg, configs, tokenizer.name_or_path)
    module.save_preprocessed_dataset(cfg, dataset, name, split)
    return dataset


def _prepare(cfg: Any, configs: Any, tokenizer: Any, split: Any, dataset: Any) -> Optional[Any]:
    """Filter, deduplicate and save; None, and nothing done, where that is the original's."""
    import numpy as np
    from axolotl.utils import trainer
    from axolotl.utils.data import shared, utils

    longest, packs = _longest(cfg, split), _packs(cfg, split)
    if type(longest) is not int or not _known(dataset):
        return None
    before = len(dataset)
    lengths, trained = _measured(dataset)
    kept = (lengths >= (cfg.min_sample_len or 2)) & (lengths <= longest)
    fitting = int(kept.sum())
    if packs:
        kept &= trained
    left = int(kept.sum())
    if not left or _size(dataset, int(lengths[kept].sum()), left) > _LARGE:
        return None
    module: Any = sys.modules[_MODULE]
    name = module.generate_dataset_hash_from_config(cfg, configs, tokenizer.name_or_path)
    folder = shared.get_prepared_dataset_path(cfg, name)
    if any(os.path.samefile(each, folder) for each in _folders(dataset) if folder.exists()):
        return None
    if dataset._indices is not None and len(np.unique(_rows(dataset))) < before:
        return None

    utils._log_dataset_stats(dataset)
    if fitting < before:
        utils.LOG.info(
            f"Dropped {before - fitting} sequences outside valid range "
            f"([{cfg.min_sample_len}, {longest}])"
        )
    if left < fitting:
        trainer.LOG.warning(f"Dropped {fitting - left} samples with no trainable tokens")
    tokens = int(lengths[kept].sum())
    fingerprint = _fingerprint(dataset, cfg, longest, packs)
    # as a filter's result: totals are counted over its table, whatever was dropped of it
    fit = dataset = dataset._select_with_indices_mapping(np.flatnonzero(kept))
    size = _size(dataset, tokens, left) if packs else dataset._estimate_nbytes()
    if cfg.dataset_exact_deduplication:
        dataset, _ = module.deduplicate_and_log_datasets(dataset=dataset)
        size = size * len(dataset) // left
    processes = cfg.dataset_num_proc or shared.get_default_process_count()
    processes = min(max(1, len(dataset) // _MIN_ROWS_A_PROCESS), processes)
    shards = cfg.num_dataset_shards_to_save
    if shards is None:
        shards = min(left, max(size // _SHARD_BYTES + 1, processes))
    os.makedirs(folder, exist_ok=True)
    _save(dataset, str(folder), shards, packs, fingerprint)
    if not packs:
        return dataset
    made = module.Dataset.load_from_disk(str(folder))
    return made if len(dataset) == left else _with_copies(made, fit, dataset)


def _known(dataset: Any) -> bool:
    """Say whether a dataset is plain, of lists of ints under the names that a strategy gives."""
    import datasets
    import pyarrow.types as types
    from axolotl.datasets import TokenizedPromptDataset
    from datasets.utils.py_utils import asdict

    if type(dataset) not in (datasets.Dataset, TokenizedPromptDataset) or not len(dataset):
        return False
    if set(dataset.column_names) != _COLUMNS or dataset.list_indexes():
        return False
    shape = dataset.format
    if shape["type"] is not None or shape["columns"] != dataset.column_names:
        return False
    if shape["output_all_columns"] or dataset._format_kwargs:
        return False
    info = asdict(dataset.info)
    if any(value for key, value in info.items() if key != "features"):
        return False
    for name in _COLUMNS:
        column = dataset.data.column(name)
        if not types.is_list(column.type) or not types.is_integer(column.type.value_type):
            return False
        if types.is_uint64(column.type.value_type) or column.null_count:
            return False
        if any(chunk.values.null_count for chunk in column.chunks):
            return False
        if type(dataset.features[name]) is not datasets.List:
            return False
        if type(dataset.features[name].feature) is not datasets.Value:
            return False
    return True


def _measured(dataset: Any) -> Tuple[Any, Any]:
    """How many tokens each row has, and whether it has labels to train."""
    import numpy as np

    table = dataset.data
    lengths = sizes(table.column("input_ids"))
    parts = []
    for chunk in table.column("labels").chunks:
        offsets = chunk.offsets.to_numpy()
        first = int(offsets[0])
        values = chunk.values.slice(first, int(offsets[-1]) - first).to_numpy()
        until = np.concatenate([[0], np.cumsum(values != -100, dtype=np.int64)])
        parts.append(np.diff(until[offsets - first]) > 0)
    return selected(dataset, lengths), selected(dataset, np.concatenate(parts))


def _rows(dataset: Any) -> Any:
    """The rows of its table that a dataset has."""
    return dataset._indices.column(0).to_numpy()


def _size(dataset: Any, tokens: int, rows: int) -> int:
    """Bytes of the original's table with positions and lengths: what the number of its files comes from."""
    widths = [dataset.data.column(name).type.value_type.bit_width // 8 for name in _COLUMNS]
    batches = -(-rows // _BATCH)
    size: int = tokens * (sum(widths) + 8) + 4 * (rows + batches) * (len(widths) + 1) + 8 * rows
    return size


def _folders(dataset: Any) -> Iterator[str]:
    for file in dataset.cache_files:
        yield os.path.dirname(file["filename"])


def _fingerprint(dataset: Any, cfg: Any, longest: int, packs: bool) -> str:
    """The same for the same rows and steps, as a chain of the original's steps has."""
    from datasets.fingerprint import Hasher

    steps = (longest, cfg.min_sample_len or 2, packs, bool(cfg.dataset_exact_deduplication))
    found: str = Hasher.hash((dataset._fingerprint, "fast_axolotl.prepare", *steps))
    return found


def _with_copies(made: Any, fit: Any, left: Any) -> Any:
    """Return the folder's rows, before the copies that were left out: the original's table has them, and axolotl counts its tokens there."""
    import datasets
    import numpy as np
    import pyarrow as pa
    from datasets.table import InMemoryTable, concat_tables

    copies = np.flatnonzero(~np.isin(_rows(fit), _rows(left)))
    path = fit._get_cache_file_path(f"{made._fingerprint}-copies")
    with datasets.arrow_writer.ArrowWriter(features=made.features, path=path) as writer:
        for table in fit.select(copies).with_format("arrow").iter(_BATCH):
            writer.write_table(_with_positions(table))
        writer.finalize()
    return datasets.Dataset(
        concat_tables([made.data, datasets.Dataset.from_file(path).data]),
        info=made.info,
        split=made.split,
        indices_table=InMemoryTable.from_pydict(
            {"indices": pa.array(range(len(made)), pa.uint64())}
        ),
        fingerprint=made._fingerprint,
    )


def _save(dataset: Any, folder: str, shards: int, packs: bool, fingerprint: str) -> None:
    """As Dataset.save_to_disk, with positions and lengths put in on the way."""
    import datasets
    from datasets.arrow_writer import ArrowWriter
    from datasets.config import DATASET_INFO_FILENAME, DATASET_STATE_JSON_FILENAME
    from datasets.utils.py_utils import asdict

    features = dataset.features.copy()
    if packs:
        features["position_ids"] = datasets.List(datasets.Value("int64"))
        features["length"] = datasets.Value("int64")
    names = [f"data-{shard:05d}-of-{shards:05d}.arrow" for shard in range(shards)]
    for shard, name in enumerate(names):
        rows = dataset.shard(num_shards=shards, index=shard, contiguous=True)
        writer = ArrowWriter(features=features, path=os.path.join(folder, name))
        try:
            for table in rows.with_format("arrow").iter(_BATCH):
                writer.write_table(_with_positions(table) if packs else table)
        finally:
            writer.finalize()
            writer.close()
    info = dataset.info.copy()
    info.features = features
    state: Dict[str, Any] = {
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": str(dataset.split) if dataset.split is not None else None,
        "_data_files": [{"filename": name} for name in names],
    }
    with open(os.path.join(folder, DATASET_STATE_JSON_FILENAME), "w", encoding="utf-8") as file:
        json.dump(state, file, indent=2, sort_keys=True)
    found = asdict(info)
    with open(os.path.join(folder, DATASET_INFO_FILENAME), "w", encoding="utf-8") as file:
        json.dump({key: found[key] for key in sorted(found)}, file, indent=2)


def _with_positions(table: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    table = table.combine_chunks()
    sizes = table.column("input_ids").combine_chunks().value_lengths().to_numpy().astype(np.int64)
    ends = np.cumsum(sizes)
    positions = np.arange(ends[-1], dtype=np.int64) - np.repeat(ends - sizes, sizes)
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    lists = pa.ListArray.from_arrays(offsets, pa.array(positions))
    return table.append_column("position_ids", lists).append_column("length", pa.array(sizes))
