"""The test suites of the installed versions: fetched from their sdists, unpacked, run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from platforms.environments import sources

from fast_langgraph._patches import STEPS

HERE = Path(__file__).resolve().parent
CACHE = HERE / "cache"
INSIDE = HERE / "inside"


@dataclasses.dataclass(frozen=True)
class Suite:
    """One distribution's tests; ``parts`` run side by side, for they mostly sleep.

    ``hub`` names what makes, in ``inside``, the things that the tests would fetch from a model hub.
    """

    distribution: str
    parts: tuple[tuple[str, ...], ...]
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    served: tuple[str, ...] = ("langgraph.dumps_typed", "langgraph.loads_typed")
    package: str = "fast_langgraph"
    modules: tuple[str, ...] = ("langgraph.checkpoint.serde.jsonplus",)
    settings: dict[str, str] = dataclasses.field(default_factory=lambda: {"NO_DOCKER": "true"})
    needs: tuple[str, ...] = ()
    hub: str = ""

    def version(self, python: str) -> str:
        """The version that is installed there, whose tests are run."""
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        return subprocess.check_output([python, "-c", code, self.distribution], text=True).strip()

    def record(self, python: str) -> Path:
        """What passed without us, committed."""
        return HERE / f"{self.distribution}-{self.version(python)}.json"


SUITES = (
    Suite(
        "langgraph-checkpoint",
        (("tests",),),
        {
            "tests/test_redis_cache.py": "needs a Redis server: every test waits for it and is skipped"
        },
    ),
    Suite(
        "langgraph-checkpoint-sqlite",
        (
            ("tests/test_ttl.py", "-k", "async"),
            ("tests/test_ttl.py", "-k", "not async"),
            ("tests", "--ignore=tests/test_ttl.py"),
        ),
    ),
)

GRAPHS = Suite(
    "langgraph",
    (("tests", "-p", "no:randomly"),),
    {},
    (
        "langgraph.dumps_typed",
        "langgraph.loads_typed",
        "langgraph.executor",
        "langgraph.tool_executor",
        # langgraph.submit serves a ChronicleSaver's puts alone, which stands in none of its tests
        *(patch.name for patch in STEPS if patch.name != "langgraph.submit"),
    ),
)
"""LangGraph's own: some 3,000 tests in two and a half minutes, in an environment with GRAPHS_NEEDS."""

GRAPHS_NEEDS = (
    *(
        "pytest",
        "pytest-asyncio",
        "pytest-dotenv",
        "pytest-mock",
        "pytest-repeat",
        "pytest-xdist[psutil]",
    ),
    *(
        "syrupy",
        "httpx",
        "pyperf",
        "pycryptodome",
        "uvloop",
        "redis",
        "psycopg[binary]",
        "psycopg-pool",
    ),
    *("numpy", "pandas", "dataclasses-json", "pytest-retry"),
)

AXOLOTL = Suite(
    "axolotl",
    (
        (
            # before those that make warnings errors, under which torch's own cannot be imported
            *("tests/test_mm_collator_warnings.py", "tests/core"),
            *(
                f"tests/test_{name}.py"
                for name in (
                    *("packed_batch_sampler", "packed_dataset", "packed_pretraining", "streaming"),
                    *("exact_deduplication", "save_deduplicated", "datasets", "data", "train"),
                    *("prompt_tokenizers", "prompters", "process_labels_fusion"),
                    *("calculate_total_num_steps", "validation_dataset", "empty_tokenization"),
                    *("mm_chat_collator", "processing_strategies", "revision_parameter"),
                )
            ),
            *("tests/prompt_strategies", "tests/utils/data", "tests/cli"),
        ),
    ),
    {
        "tests/core/test_async_grpo.py": "25 s of a class that none of our patches is near",
    },
    tuple(
        f"axolotl.{name}"
        for name in (
            *("get_dataset_lengths", "generate_batches", "sampler_len", "deduplicate"),
            # pack_parallel is called by what we replaced; files of 32 MiB, that the loaders wait for, are in no test
            "chat_template",
        )
    ),
    "fast_axolotl",
    (
        "axolotl.utils.trainer",
        "axolotl.utils.data.utils",
        "axolotl.prompt_strategies.chat_template",
        "datasets.packaged_modules",
    ),
    {"HF_HUB_OFFLINE": "1", "AXOLOTL_DO_NOT_TRACK": "1", "CUDA_VISIBLE_DEVICES": ""},
    ("tbparse",),
    "upstream_hub.py",
)
"""Of axolotl's what touches our functions; in its own environment, with models, tokenizers and rows that are made on the spot."""


@dataclasses.dataclass
class Result:
    """Outcome per test, and calls, declines, callbacks per patch."""

    outcomes: dict[str, str]
    patches: dict[str, list[int]]

    @property
    def passed(self) -> set[str]:
        """The ids of the tests that passed."""
        return {name for name, outcome in self.outcomes.items() if outcome == "passed"}


def fetch(suite: Suite, python: str = sys.executable) -> tuple[Path, str]:
    """Return the unpacked sdist and its sha256; pip downloads it once."""
    version = suite.version(python)
    stem = f"{suite.distribution.replace('-', '_')}-{version}"
    archive = CACHE / f"{stem}.tar.gz"
    if not archive.exists():
        CACHE.mkdir(exist_ok=True)
        # pip builds the metadata of what it downloads: hatchling must be there, isolation would fetch it anew
        command = ["download", "--quiet", "--no-build-isolation", "--no-binary", ":all:"]
        _pip(*command, "--dest", str(CACHE), f"{suite.distribution}=={version}")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    folder = CACHE / stem
    if not (folder / "tests").is_dir():
        with tarfile.open(archive) as tar:
            tar.extractall(CACHE, filter="data")
    return folder, digest


def _pip(command: str, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", command, "--no-deps"]
    subprocess.run([*pip, *arguments], check=True, timeout=300)


def _needs(suite: Suite) -> list[str]:
    """A folder with what the tests import and the environment lacks."""
    if not suite.needs:
        return []
    folder = CACHE / f"{suite.distribution}-needs"
    if not folder.exists():
        _pip("install", "--quiet", "--target", str(folder), *suite.needs)
    return [str(folder)]


def run_once(suite: Suite, args: list[str], *, live: bool, python: str) -> Result:
    """Run pytest with these arguments in the suite's folder."""
    folder, _ = fetch(suite, python)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FAST_", "PYTEST_", "COV"))}
        env |= {k: v for k, v in os.environ.items() if k.startswith("FAST_JVM_")}
        paths = [str(INSIDE), sources(), *_needs(suite), os.environ.get("PYTHONPATH", "")]
        env |= {
            "FAST_JVM": "eager" if live else "off",
            "FAST_UPSTREAM_LIVE": suite.package if live else "",
            "FAST_UPSTREAM_MODULES": " ".join(suite.modules),
            "FAST_UPSTREAM_REPORT": str(report),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **suite.settings,
        }
        if suite.hub:
            env["HF_HOME"] = str(Path(scratch) / "hub")
            made = [python, str(INSIDE / suite.hub), str(folder), env["HF_HOME"]]
            subprocess.run(made, check=True, env=env, capture_output=True, timeout=300)
        command = [python, "-m", "pytest", "-p", "upstream_plugin", "-p", "no:cacheprovider"]
        command += ["--durations=0", "--durations-min=5", "--continue-on-collection-errors"]
        done = subprocess.run(
            [*command, "--basetemp", str(Path(scratch) / "tmp"), *args],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=900,
        )
        if not report.exists():
            raise RuntimeError(
                f"no report; pytest ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return Result(**json.loads(report.read_text()))


def run(
    suite: Suite, *, live: bool, only: list[str] | None = None, python: str = sys.executable
) -> Result:
    """Run the suite (or *only* these tests), with the patches live or without us."""
    ignored = [f"--ignore={path}" for path in suite.left_out]
    parts = [only] if only else [[*part, *ignored] for part in suite.parts]
    fetch(suite, python)
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(
            pool.map(lambda args: run_once(suite, list(args), live=live, python=python), parts)
        )
    patches: dict[str, list[int]] = {}
    for result in results:
        for name, counts in result.patches.items():
            before = patches.get(name, [0] * len(counts))
            patches[name] = [a + b for a, b in zip(before, counts)]
    return Result({k: v for r in results for k, v in r.outcomes.items()}, patches)


def write_record(suite: Suite, python: str = sys.executable) -> dict[str, Any]:
    """Run without us and write down what passed."""
    _, digest = fetch(suite, python)
    result = run(suite, live=False, python=python)
    record = {
        "distribution": suite.distribution,
        "version": suite.version(python),
        "sdist_sha256": digest,
        "left_out": suite.left_out,
        "tests": len(result.outcomes),
        "passed": sorted(result.passed),
    }
    suite.record(python).write_text(json.dumps(record, indent=1, ensure_ascii=True) + "\n")
    return record
