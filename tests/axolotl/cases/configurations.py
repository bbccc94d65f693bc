"""``python configurations.py FOLDER ours|original``: what axolotl prepares of each configuration in a folder, into its file `found`.

Where it is ours, small files are read as large ones are.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import sys
from pathlib import Path
from typing import Any

FOLDER, SIDE = Path(sys.argv[1]), sys.argv[2]

CAPABILITIES: dict[str, Any] = {"bf16": False, "n_gpu": 1, "compute_capability": "sm_80"}
LEFT = ("sample_packing_eff_est", "total_num_tokens", "total_supervised_tokens")


def rows(dataset: Any) -> Any:
    """All that there is to see of a dataset."""
    if dataset is None:
        return None
    digest = hashlib.sha256()
    for row in dataset:
        digest.update(repr(row).encode())
    return [len(dataset), str(dataset.features), digest.hexdigest()]


def prepare(content: dict[str, Any]) -> list[Any]:
    """The datasets, the steps, what is left in the configuration and on the disk; or the error."""
    # not at the top: processes that axolotl spawns import this file
    import datasets
    import torch
    from axolotl.common.datasets import load_datasets
    from axolotl.utils.config import normalize_config, validate_config
    from axolotl.utils.dict import DictDefault

    random.seed(0)
    torch.manual_seed(0)
    cfg = DictDefault(content)
    try:
        cfg = validate_config(
            cfg, capabilities=CAPABILITIES, env_capabilities={"torch_version": "2.9.0"}
        )
        normalize_config(cfg)
        meta = load_datasets(cfg=cfg)
    except Exception as error:
        return [type(error).__name__, str(error)]
    saved = sorted(Path(cfg.dataset_prepared_path).glob("*/dataset_info.json"))
    return [
        rows(meta.train_dataset),
        rows(meta.eval_dataset),
        meta.total_num_steps,
        [str(cfg[name]) for name in LEFT],
        [[path.parent.name, rows(datasets.load_from_disk(str(path.parent)))] for path in saved],
    ]  # fmt: skip


def main() -> None:
    """Each configuration, and at the end what the patches served."""
    if SIDE == "ours":
        import fast_axolotl  # noqa: F401  (before axolotl)
        from fast_axolotl import _loading

        _loading.ARRAY_FROM = _loading.GROUP_FROM = _loading.PART = 2000
    import datasets

    logging.disable(logging.INFO)
    datasets.disable_progress_bars()
    found = [prepare(json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]
    counts = {}
    if SIDE == "ours":
        import fast_jvm

        counts = {p.name: [p.calls, p.declines] for p in fast_jvm.status().patches}
    (FOLDER / "found").write_text(json.dumps([found, counts]))


if __name__ == "__main__":
    os.chdir(FOLDER)
    main()
