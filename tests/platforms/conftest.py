"""Our wheels, built once a session."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from .environments import ROOT


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, java: str) -> list[Path]:
    """All of our packages, as `make wheels` builds and inspects them."""
    spec = importlib.util.spec_from_file_location("wheels_build", ROOT / "wheels" / "build.py")
    assert spec is not None and spec.loader is not None
    build: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.WORK.mkdir(parents=True, exist_ok=True)  # where its commands run
    made = []
    for name, (project, contents, requires) in build.PACKAGES.items():
        wheel = build.build(project, tmp_path_factory.mktemp(name))
        build.inspect(name, wheel, contents, requires)
        made.append(wheel)
    return made
