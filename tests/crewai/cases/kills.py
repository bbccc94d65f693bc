"""Kill programs that save states, again and again, and look at what is left: `kills.py FOLDER ROUNDS`."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from pathlib import Path
from typing import Any

VICTIM = """
import os, sys
from crewai.flow.persistence import FlowPersistence  # noqa: F401
from fast_crewai import ChroniclePersistence
saver = ChroniclePersistence(sys.argv[1], durability=sys.argv[2])
n = 1 + max([(saver.load_state(f"flow {k}") or {"n": -1})["n"] for k in range(3)])
print("open", flush=True)
while True:
    saver.save_state(f"flow {n % 3}", f"method {n}", {"n": n, "text": "x" * (n * 37 % 3000)})
    os.write(1, f"{n}\\n".encode())
    n += 1
"""
SURVIVOR = """
import sys
from fast_crewai import ChroniclePersistence
saver = ChroniclePersistence(sys.argv[1])
told = [*map(int, sys.stdin.read().split())]
for k in range(3):
    found = saver.history(f"flow {k}")
    numbers = [each.state["n"] for each in found]
    assert numbers == sorted(set(numbers)), numbers
    assert {n for n in told if n % 3 == k} <= set(numbers), sorted(set(told) - set(numbers))
    for each in found:
        n = each.state["n"]
        assert n % 3 == k and each.method_name == f"method {n}"
        assert each.state["text"] == "x" * (n * 37 % 3000)
    assert not found or saver.load_state(f"flow {k}") == found[-1].state
"""


def killing() -> Any:
    """tests/support/killing.py; tests/ on sys.path would hide crewai."""
    path = Path(__file__).resolve().parents[2] / "support" / "killing.py"
    spec = importlib.util.spec_from_file_location("killing", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(folder: str, rounds: int) -> int:
    """The number of saves that were acknowledged."""
    tools, chance, told = killing(), random.Random(7), []
    tools.LIMIT_S = 200  # crewai takes seconds to import
    environment = dict(os.environ)
    head = f"import sys\nsys.argv[1:1] = [{folder!r}]\n"
    for number in range(rounds):
        told += tools.killed(
            head + VICTIM,
            ("process", "disk")[number % 4 == 3],
            environment=environment,
            first=number % 2 == 1,
            after_s=chance.random() * 0.3,
        )
        if number % 20 == 19 or number == rounds - 1:
            tools.survived(head + SURVIVOR, told, environment, number)
    return len(told)


if __name__ == "__main__":
    print(f"{main(sys.argv[1], int(sys.argv[2]))} acknowledged, none lost")
