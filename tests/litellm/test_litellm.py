"""fast_litellm's cases (cases/*_cases.py), in the environment that has litellm: with Java up, and without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms.library import run_cases

CASES = Path(__file__).parent / "cases"
#: what leaves nothing behind in LiteLLM shares its start of five seconds; all others have a process each
TOGETHER = (
    ("cost_asks", "costs", "counter", "limits", "limits_faults", "models"),
    ("encoding", "huggingface", "tokens", "volume"),
)


def groups() -> list[list[Path]]:
    """The longest first."""
    shared = [[CASES / f"{name}_cases.py" for name in names] for names in TOGETHER]
    alone = sorted({*CASES.glob("*_cases.py")} - {file for group in shared for file in group})
    return [*shared, *([file] for file in alone)]


@pytest.mark.parametrize("volume", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, volume: str) -> None:
    run_cases(
        "litellm",
        groups(),
        tmp_path,
        java,
        least=75,
        elsewhere=("litellm.proxy_",),  # test_proxy.py
        timeout=1200 if volume == "short" else 3000,
        FAST_JVM="eager",
        LITELLM_CASES=volume,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
