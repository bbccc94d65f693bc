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

from platforms.environments import REQUIREMENTS, sources

from fast_langgraph._patches import STEPS

HERE = Path(__file__).resolve().parent
CACHE = HERE / "cache"
INSIDE = HERE / "inside"


@dataclasses.dataclass(frozen=True)
class Suite:
    """One distribution's tests; ``parts`` run side by side, for they mostly sleep.

    ``hub`` names what makes, in ``inside``, the things that the tests would fetch from a model hub. ``needs`` are distributions,
    or a lock file of requirements/, that go into a folder beside the environment; ``plugins`` stand in ``inside``. A record holds
    what passed in each of ``recordings`` runs. ``brief`` are the parts that `make test` runs, where not all.
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
    plugins: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    #: those of tests that are asked for by name, once more: a busy machine is given time
    patience: tuple[str, ...] = ()
    recordings: int = 1
    brief: tuple[tuple[str, ...], ...] = ()

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


_CREWAI_ELSEWHERE = tuple(
    f"tests/{name}"
    for name in (
        *("experimental", "hooks", "knowledge", "llms", "mcp", "memory", "project", "rag"),
        *("security", "skills", "telemetry", "tools", "tracing", "utilities"),
    )
)
CREWAI = Suite(
    "crewai",
    (("tests", *(f"--ignore={path}" for path in _CREWAI_ELSEWHERE)), _CREWAI_ELSEWHERE),
    {
        "tests/a2a": "needs a2a-sdk",
        "tests/ci": "scripts of crewai's workspace, which are not in the sdist",
        "tests/cli": "the command line, which none of our patches is near",
        **{
            f"tests/test_{name}_multimodal.py": "files of crewai's workspace, which are not in the sdist"
            for name in ("agent", "crew", "flow")
        },
        "tests/test_jev_evaluation_runner.py": "a script of crewai's workspace",
        "tests/test_llm.py": "needs LiteLLM",
    },
    tuple(
        f"crewai.{name}"
        for name in (
            *("copy_state", "copy_and_serialize_state", "find_triggered_methods"),
            *("sanitize_tool_name", "runtime_state_json", "model_json_schema"),
            *("generate_model_description", "format_description_for_llm", "private_attributes"),
            *("execute_method", "execute_single_listener", "start_method_names"),
            *("create_initial_state", "select_tool"),
            # configured checkpoints and telemetry are replaced in its tests; with aiocache, which they need, files have a store
        )
    ),
    "fast_crewai",
    ("crewai", "crewai.agents.agent_executor", "crewai.state.checkpoint_listener"),
    {
        "CREWAI_DISABLE_TELEMETRY": "true",
        "OTEL_SDK_DISABLED": "true",
        "OPENAI_API_KEY": "none",
        "FAST_JVM_CACHE": "off",
    },
    ("crewai_upstream.txt",),
    plugins=("upstream_crewai",),
    arguments=(
        *("-c", os.devnull, "--rootdir", ".", "--confcutdir", "."),  # ours would be found above
        *("--import-mode=importlib", "--timeout=20", "-o", "timeout_func_only=true"),
        *("--tb=line", "-W", "ignore"),
    ),
    patience=(
        "--timeout=120",
    ),  # the last one counts; one of them waits for twelve seconds by itself
    recordings=3,
    brief=(
        ("tests/agents", "tests/crew", "tests/events", "tests/task"),
        (
            "tests/tools",
            *(
                f"tests/test_{name}.py"
                for name in (
                    *("crew", "task", "checkpoint", "event_record", "flow", "flow_definition"),
                    *("flow_from_definition", "flow_persistence", "streaming", "callback"),
                    *("human_feedback_decorator", "human_feedback_integration"),
                )
            ),
        ),
    ),
)
"""CrewAI's own, on the cassettes of its sdist and without a network: two halves of about the same length."""


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


def _pip(command: str, *arguments: str, python: str = sys.executable) -> None:
    pip = [sys.executable, "-m", "pip", "--python", python, command, "--no-deps"]
    subprocess.run([*pip, *arguments], check=True, timeout=300)


def _needs(suite: Suite, python: str) -> list[str]:
    """A folder with what the tests import and the environment lacks."""
    if not suite.needs:
        return []
    wanted, tag = list(suite.needs), ""
    if wanted[0].endswith(".txt"):
        lock = REQUIREMENTS / wanted[0]
        tag = f"-{hashlib.sha256(python.encode() + lock.read_bytes()).hexdigest()[:12]}"
        wanted = ["--require-hashes", "-r", str(lock)]
    folder = CACHE / f"{suite.distribution}-needs{tag}"
    if not folder.exists():
        _pip("install", "--quiet", "--target", str(folder), *wanted, python=python)
    return [str(folder)]


def run_once(
    suite: Suite, args: list[str], *, live: bool, python: str, chosen: set[str] | None = None
) -> Result:
    """Run pytest with these arguments in the suite's folder; of what it finds, the chosen alone."""
    folder, _ = fetch(suite, python)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FAST_", "PYTEST_", "COV"))}
        env |= {k: v for k, v in os.environ.items() if k.startswith("FAST_JVM_")}
        paths = [str(INSIDE), sources(), *_needs(suite, python), os.environ.get("PYTHONPATH", "")]
        env |= {
            "FAST_JVM": "eager" if live else "off",
            "FAST_UPSTREAM_LIVE": suite.package if live else "",
            "FAST_UPSTREAM_MODULES": " ".join(suite.modules),
            "FAST_UPSTREAM_REPORT": str(report),
            "FAST_UPSTREAM_CHOSEN": "",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            **suite.settings,
        }
        if chosen is not None:
            env["FAST_UPSTREAM_CHOSEN"] = str(Path(scratch) / "chosen.json")
            Path(env["FAST_UPSTREAM_CHOSEN"]).write_text(json.dumps(sorted(chosen)))
        if suite.hub:
            env["HF_HOME"] = str(Path(scratch) / "hub")
            made = [python, str(INSIDE / suite.hub), str(folder), env["HF_HOME"]]
            subprocess.run(made, check=True, env=env, capture_output=True, timeout=300)
        plugins = [part for name in suite.plugins for part in ("-p", name)]
        command = [python, "-m", "pytest", *plugins, "-p", "upstream_plugin"]
        command += ["-p", "no:cacheprovider", *suite.arguments]
        command += ["--durations=0", "--durations-min=5", "--continue-on-collection-errors"]
        done = subprocess.run(
            [*command, "--basetemp", str(Path(scratch) / "tmp"), *args],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        if not report.exists():
            raise RuntimeError(
                f"no report; pytest ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return Result(**json.loads(report.read_text()))


def run(
    suite: Suite,
    *,
    live: bool,
    only: list[str] | None = None,
    python: str = sys.executable,
    chosen: set[str] | None = None,
    brief: bool = False,
) -> Result:
    """Run the suite, *only* these tests, or the *chosen* ones of its (brief) parts; with the patches live or without us."""
    ignored = [f"--ignore={path}" for path in suite.left_out]
    parts = suite.brief if brief else suite.parts
    given = [[*suite.patience, *only]] if only else [[*part, *ignored] for part in parts]
    fetch(suite, python)
    _needs(suite, python)
    with ThreadPoolExecutor(len(given)) as pool:
        results = list(
            pool.map(
                lambda args: run_once(suite, list(args), live=live, python=python, chosen=chosen),
                given,
            )
        )
    patches: dict[str, list[int]] = {}
    for result in results:
        for name, counts in result.patches.items():
            before = patches.get(name, [0] * len(counts))
            patches[name] = [a + b for a, b in zip(before, counts)]
    return Result({k: v for r in results for k, v in r.outcomes.items()}, patches)


def write_record(suite: Suite, python: str = sys.executable) -> dict[str, Any]:
    """Run without us, as often as the suite says, and write down what passed each time."""
    _, digest = fetch(suite, python)
    result = run(suite, live=False, python=python)
    passed = result.passed
    for _ in range(suite.recordings - 1):
        passed &= run(suite, live=False, python=python, chosen=passed).passed
    record = {
        "distribution": suite.distribution,
        "version": suite.version(python),
        "sdist_sha256": digest,
        "left_out": suite.left_out,
        "tests": len(result.outcomes),
        "passed": sorted(passed),
    }
    suite.record(python).write_text(json.dumps(record, indent=1, ensure_ascii=True) + "\n")
    return record
