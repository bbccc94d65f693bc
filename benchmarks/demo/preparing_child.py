"""What benchmarks/demo/preparing.py starts, in the environment that has axolotl: `original`, `limited` or `ours`, an array, a folder."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from pathlib import Path


def main() -> None:
    """Processes that axolotl spawns import this file: all is in here."""
    sys.path.pop(0)  # this folder
    side, array, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if side == "ours":
        import fast_axolotl  # noqa: F401  (before axolotl)

    import datasets
    import tiny
    from axolotl.common.datasets import load_datasets
    from axolotl.utils.config import normalize_config, validate_config
    from axolotl.utils.dict import DictDefault

    logging.disable(logging.WARNING)
    datasets.disable_progress_bars()
    tiny.write_model(work / "model")
    content = tiny.config(work / "model", array, work, sequence_len=2048, val_set_size=0)
    content["datasets"][0]["split"] = "train[:1000]"
    cfg = validate_config(
        DictDefault(content),
        capabilities={"bf16": False, "n_gpu": 1, "compute_capability": "sm_80"},
        env_capabilities={"torch_version": "2.9.0"},
    )
    normalize_config(cfg)
    (work / "imported").touch()
    sys.stdin.readline()
    meta = load_datasets(cfg=cfg)
    digest = hashlib.sha256()
    for row in meta.train_dataset:
        digest.update(repr(row).encode())
    served = 0
    if side == "ours":
        import fast_jvm

        (served,) = (
            p.calls - p.declines
            for p in fast_jvm.status().patches
            if p.name == "axolotl.json_array"
        )
    found = [len(meta.train_dataset), meta.total_num_steps, digest.hexdigest()]
    (work / "found.json").write_text(json.dumps({"found": found, "served": served}))


if __name__ == "__main__":
    main()
