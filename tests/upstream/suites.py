"""The test suites of the installed versions: fetched from their sdists, unpacked, run."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fast_langgraph._patches import STEPS

HERE = Path(__file__).resolve().parent
CACHE = HERE / "cache"
SOURCES = tuple(
    str(HERE.parent.parent / part) for part in ("jpype-package/src", "patchers/fast-langgraph/src")
)


@dataclasses.dataclass(frozen=True)
class Suite:
    """One distribution's tests; ``parts`` run side by side, for they mostly sleep."""

    distribution: str
    parts: tuple[tuple[str, ...], ...]
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    served: tuple[str, ...] = ("langgraph.dumps_typed", "langgraph.loads_typed")

    @property
    def version(self) -> str:
        """The installed version, whose tests are run."""
        return importlib.metadata.version(self.distribution)

    @property
    def record(self) -> Path:
        """What passed without us, committed."""
        return HERE / f"{self.distribution}-{self.version}.json"


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


@dataclasses.dataclass
class Result:
    """Outcome per test, and calls, declines, callbacks per patch."""

    outcomes: dict[str, str]
    patches: dict[str, list[int]]

    @property
    def passed(self) -> set[str]:
        """The ids of the tests that passed."""
        return {name for name, outcome in self.outcomes.items() if outcome == "passed"}


def fetch(suite: Suite) -> tuple[Path, str]:
    """Return the unpacked sdist and its sha256; pip downloads it once."""
    stem = f"{suite.distribution.replace('-', '_')}-{suite.version}"
    archive = CACHE / f"{stem}.tar.gz"
    if not archive.exists():
        CACHE.mkdir(exist_ok=True)
        # pip builds the metadata of what it downloads: hatchling must be there, isolation would fetch it anew
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
        ]
        command += [
            "--no-binary",
            ":all:",
            "--dest",
            str(CACHE),
            f"{suite.distribution}=={suite.version}",
        ]
        subprocess.run(command, check=True, timeout=300)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    folder = CACHE / stem
    if not (folder / "tests").is_dir():
        with tarfile.open(archive) as tar:
            tar.extractall(CACHE, filter="data")
    return folder, digest


def _run(folder: Path, args: list[str], *, live: bool, python: str) -> Result:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FAST_", "PYTEST_", "COV"))}
        env |= {k: v for k, v in os.environ.items() if k.startswith("FAST_JVM_")}
        env |= {
            "FAST_JVM": "eager" if live else "off",
            "FAST_UPSTREAM_LIVE": str(int(live)),
            "FAST_UPSTREAM_REPORT": str(report),
            "NO_DOCKER": "true",
            "PYTHONPATH": os.pathsep.join(
                [str(HERE.parent), *SOURCES, *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }
        command = [
            python,
            "-m",
            "pytest",
            "-p",
            "upstream.plugin",
            "-p",
            "no:cacheprovider",
            "--durations=0",
        ]
        done = subprocess.run(
            [*command, "--durations-min=5", "--basetemp", str(Path(scratch) / "tmp"), *args],
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
    folder, _ = fetch(suite)
    ignored = [f"--ignore={path}" for path in suite.left_out]
    parts = [only] if only else [[*part, *ignored] for part in suite.parts]
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(
            pool.map(lambda args: _run(folder, list(args), live=live, python=python), parts)
        )
    patches: dict[str, list[int]] = {}
    for result in results:
        for name, counts in result.patches.items():
            before = patches.get(name, [0] * len(counts))
            patches[name] = [a + b for a, b in zip(before, counts)]
    return Result({k: v for r in results for k, v in r.outcomes.items()}, patches)


def write_record(suite: Suite, python: str = sys.executable) -> dict[str, Any]:
    """Run without us and write down what passed."""
    _, digest = fetch(suite)
    result = run(suite, live=False, python=python)
    record = {
        "distribution": suite.distribution,
        "version": suite.version,
        "sdist_sha256": digest,
        "left_out": suite.left_out,
        "tests": len(result.outcomes),
        "passed": sorted(result.passed),
    }
    suite.record.write_text(json.dumps(record, indent=1, ensure_ascii=True) + "\n")
    return record
