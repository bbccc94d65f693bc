"""fast_axolotl's cases (cases/*_cases.py), in the environment that has axolotl: once with Java up, once without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms.library import run_cases

FILES = sorted((Path(__file__).parent / "cases").glob("*_cases.py"))
CHILDREN = ("gate_cases", "starting_cases", "training_cases")
"""What these look at happens in processes of their own, which find Java or do not."""


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    run_cases(
        "axolotl",
        [[path for path in FILES if java_is == "up" or path.stem not in CHILDREN]],
        tmp_path,
        java,
        least=11,
        timeout=1200,
        AXOLOTL_CASES_JAVA=java_is,
        HF_HOME=str(tmp_path / "hf"),
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        AXOLOTL_DO_NOT_TRACK="1",
    )
