"""`python -m benchmarks.demo.preparing`: axolotl prepares a set that is larger than the memory it may take, with us and without.

Three processes read one JSON array and prepare its first chats: the original, with all the memory it wants; the original and ours
with a limit (`prlimit --data`) that leaves less room, beyond what the imports took, than the array has bytes. The memory of each is
drawn over its time. The exit code is 0 where the limited original died, ours did not, and both prepared the same rows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "axolotl" / "cases"
MIB = 1 << 20
EVERY_S = 0.2
LIMIT_S = 900
RUNS = {
    "original": "original, no limit",
    "limited": "original, limited",
    "ours": "fast-axolotl, limited",
}
COLOURS = {"original": "#888888", "limited": "#c0392b", "ours": "#1f77b4"}


def main(arguments: Optional[List[str]] = None) -> int:
    """Run, compare, draw; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=300, help="size of the array (300)")
    parser.add_argument("--room", type=int, default=256, help="MiB beyond the imports (256)")
    parser.add_argument("--picture", type=Path, default=Path("demo-memory.svg"))
    options = parser.parse_args(arguments)
    library = [sys.executable, str(ROOT / "tests" / "platforms" / "library.py")]
    found = subprocess.run(
        [*library, "axolotl", "--there"], stdout=subprocess.PIPE, text=True, check=True
    )
    python = found.stdout.strip()
    if not python:
        print(
            "axolotl: skipped, it is not installed (6 GB): "
            "`python tests/platforms/library.py axolotl` does it, or FAST_JVM_AXOLOTL names a Python that has it"
        )
        return 0
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        array = Path(folder, "chats.json")
        _write(array, options.megabytes * 1_000_000)
        size = array.stat().st_size
        print(f"axolotl: one JSON array of {size / 1e6:.0f} MB, {options.room} MiB to read it in")
        runs = {
            name: _run(python, Path(folder), array, name, 0 if name == "original" else options.room)
            for name in RUNS
        }
    for name, run in runs.items():
        peak = max(amount for _, amount in run["curve"]) / MIB
        print(f"  {RUNS[name]}: {run['end']}, at most {peak:.0f} MiB beyond the imports")
    options.picture.write_text(_picture(runs, size, options.room))
    equal = runs["ours"]["found"] == runs["original"]["found"]
    died = "found" not in runs["limited"]
    served = runs["ours"].get("served", 0)
    print(
        f"  the same rows: {'yes' if equal else 'no'}; arrays read by us: {served}; {options.picture}"
    )
    return 0 if equal and died and served and runs["ours"]["found"] else 1


def _write(path: Path, size: int) -> None:
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlu", k=1 + n % 8)) for n in range(400)]
    texts = [" ".join(rng.choices(words, k=rng.randint(20, 120))) for _ in range(2000)]
    with open(path, "w") as file:
        file.write("[")
        while True:
            turns = [
                {"role": role, "content": rng.choice(texts)}
                for role in ("user", "assistant", "user", "assistant")
            ]
            file.write(json.dumps({"messages": turns}))
            if file.tell() > size:
                break
            file.write(",\n")
        file.write("]")


def _run(python: str, base: Path, array: Path, name: str, room: int) -> Dict[str, Any]:
    """Start a process, limit it once its imports are done, look at its memory until it ends."""
    work = base / name
    work.mkdir()
    packages = ("jpype-package", "patchers/fast-axolotl")
    paths = [str(ROOT / package / "src") for package in packages] + [str(CASES)]
    log = work / "log.txt"  # a pipe that nobody reads would fill up
    with (
        log.open("w") as output,
        subprocess.Popen(
            [
                python,
                str(Path(__file__).with_name("preparing_child.py")),
                name,
                str(array),
                str(work),
            ],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "HF_HOME": str(work / "hf"),
                "HF_HUB_OFFLINE": "1",
                "AXOLOTL_DO_NOT_TRACK": "1",
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as child,
    ):
        assert child.stdin
        try:
            while not (work / "imported").exists():
                if child.poll() is not None:
                    raise RuntimeError(log.read_text()[-3000:])
                time.sleep(EVERY_S)
            if room:
                data = _status(child.pid, "VmData") + room * MIB
                resource.prlimit(child.pid, resource.RLIMIT_DATA, (data, data))
            before, started = _anonymous(child.pid), time.monotonic()
            child.stdin.write("go\n")
            child.stdin.flush()
            curve: List[Tuple[float, int]] = [(0.0, 0)]
            while child.poll() is None:
                time.sleep(EVERY_S)
                amount = _anonymous(child.pid)
                if amount:
                    curve.append((time.monotonic() - started, amount - before))
                if time.monotonic() - started > LIMIT_S:
                    raise TimeoutError(name)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    run: Dict[str, Any] = {"curve": curve}
    if child.returncode == 0:
        run.update(json.loads((work / "found.json").read_text()))
        run["end"] = "finished in %.0f s" % curve[-1][0]
    else:
        last = [line for line in log.read_text().splitlines() if "Error" in line]
        run["end"] = "died after %.0f s (%s)" % (curve[-1][0], last[-1].strip() if last else "")
    return run


def _anonymous(pid: int) -> int:
    """Bytes of memory that are a process's own, and its children's; 0 where it is gone."""
    total = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("Pss_Anon:"):
                    total = 1024 * int(line.split()[1])
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                total += sum(_anonymous(int(each)) for each in children.read().split())
    except OSError:
        pass
    return total


def _status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    return 1024 * int(fields[name].split()[0])


def _picture(runs: Dict[str, Any], size: int, room: int) -> str:
    """The curves as SVG, and the limit as a line."""
    width, height, left, bottom, top = 860, 440, 70, 50, 40
    seconds = max(run["curve"][-1][0] for run in runs.values())
    highest = 1.1 * max(
        room * MIB, *(amount for run in runs.values() for _, amount in run["curve"])
    )

    def x(at: float) -> float:
        return left + at / seconds * (width - left - 20)

    def y(amount: float) -> float:
        return height - bottom - amount / highest * (height - bottom - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{left}" y="22">axolotl prepares one JSON array of {size / 1e6:.0f} MB:'
        " anonymous memory beyond the imports, MiB</text>",
        f'<path d="M{left},{top} V{height - bottom} H{width - 20}" fill="none" stroke="black"/>',
        f'<path d="M{left},{y(room * MIB):.1f} H{width - 20}" stroke="#c0392b" stroke-dasharray="6 4"/>',
        f'<text x="{width - 24}" y="{y(room * MIB) - 5:.1f}" text-anchor="end" fill="#c0392b">limit of each process: {room} MiB</text>',
    ]
    for number in range(5):
        amount, at = highest * number / 5, seconds * number / 4
        parts.append(
            f'<text x="{left - 8}" y="{y(amount) + 4:.1f}" text-anchor="end">{amount / MIB:.0f}</text>'
        )
        parts.append(
            f'<text x="{x(at):.1f}" y="{height - bottom + 18}" text-anchor="middle">{at:.0f} s</text>'
        )
    for number, (name, run) in enumerate(runs.items()):
        line = " ".join(f"{x(at):.1f},{y(max(amount, 0)):.1f}" for at, amount in run["curve"])
        colour = COLOURS[name]
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at, amount = run["curve"][-1]
        if "found" not in run:
            parts.append(
                f'<text x="{x(at):.1f}" y="{y(max(amount, 0)) + 6:.1f}" fill="{colour}" font-size="20">✕</text>'
            )
        parts.append(
            f'<text x="{left + 20}" y="{top + 14 + 18 * number}" fill="{colour}">{RUNS[name]}:'
            f" {run['end'].partition(' (')[0]}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
