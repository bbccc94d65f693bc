"""PostgresSaver with our codec, on a PostgreSQL that the tests start; skipped where there is none."""

from __future__ import annotations

import glob
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from saver.scenarios import SCENARIOS, pinned
from saver.test_copy import numbered, tuples
from saver.test_graphs import less

postgres = pytest.importorskip("langgraph.checkpoint.postgres")
aio = pytest.importorskip("langgraph.checkpoint.postgres.aio")
psycopg = pytest.importorskip("psycopg")


def _programs() -> Path:
    """Where Debian's package, or PATH, has the server; installed if this is Debian and root's."""

    def found() -> str | None:
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        return shutil.which("initdb", path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))

    initdb = found()
    if initdb is None and shutil.which("apt-get") and os.geteuid() == 0:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(
                ["timeout", "-k", "10", "180", "apt-get", "-q", *arguments],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        initdb = found()
    if initdb is None:
        pytest.skip("no PostgreSQL here, and apt-get install postgresql did not bring one")
    return Path(initdb).parent


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of its own on a socket in a folder of its own; the connection string."""
    if os.name != "posix":
        pytest.skip("the server is started on POSIX alone")
    programs = _programs()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses root
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if user:
            shutil.chown(folder, "postgres", "postgres")

        def run(program: str, *arguments: str) -> None:
            log = Path(folder, "log")
            done = subprocess.run(
                [str(programs / program), "-D", f"{folder}/data", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # a pipe would stay open in the server
                stderr=subprocess.DEVNULL,
                cwd=folder,
                timeout=120,
                check=False,
                **user,
            )
            assert done.returncode == 0, log.read_text() if log.exists() else program

        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", options)
        try:
            yield f"host={folder} user=postgres dbname=postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture
def database(server: str) -> str:
    """An empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS checkpoints WITH (FORCE)")
        connection.execute("CREATE DATABASE checkpoints")
    return server.replace("dbname=postgres", "dbname=checkpoints")


@pytest.fixture
def live(java: str) -> Callable[[], tuple[int, int]]:
    """Java serves the codec; what it has served so far: dumps and loads."""
    import fast_jvm
    import fast_langgraph  # noqa: F401

    if not fast_jvm.wait_ready(60):
        pytest.skip(f"Java is not live: {fast_jvm.status().reason}")

    def served() -> tuple[int, int]:
        calls = {each.name: each.calls - each.declines for each in fast_jvm.status().patches}
        return calls["langgraph.dumps_typed"], calls["langgraph.loads_typed"]

    return served


@pytest.mark.parametrize("name", SCENARIOS)
def test_copies(chronicle: Callable[..., Any], database: str, live: Any, name: str) -> None:
    from fast_langgraph import copy_checkpoints

    source, target, back = InMemorySaver(), chronicle(), InMemorySaver()
    with pinned():
        SCENARIOS[name](source)
    before = live()
    with postgres.PostgresSaver.from_conn_string(database) as saver:
        saver.setup()
        count = copy_checkpoints(source, saver)
        assert count == len(tuples(source)) >= 3
        assert copy_checkpoints(source, saver) == 0
        assert numbered(saver) == numbered(source)
        assert copy_checkpoints(saver, target) == copy_checkpoints(target, back) == count
        assert tuples(saver) == tuples(target) == tuples(back)
        assert numbered(back) == numbered(source)
        if name != "deltas":  # PostgresSaver's metadata is JSON, whose tuples are lists
            assert tuples(saver) == tuples(source)
    if name == "chat":  # others hold little but what is quicker without Java
        assert all(now > then for now, then in zip(live(), before))


@pytest.mark.parametrize("name", ["chat", "interrupts", "subgraphs", "map_reduce"])
def test_graphs(database: str, live: Any, name: str) -> None:
    """A graph's tuples are InMemorySaver's, and the original codec reads what ours has stored."""
    memory = InMemorySaver()
    with pinned():
        SCENARIOS[name](memory)
    with postgres.PostgresSaver.from_conn_string(database) as saver:
        saver.setup()
        with pinned(), mock.patch.object(postgres.base, "random", random.Random(7)):
            SCENARIOS[name](saver)
        assert less(tuples(saver)) == less(tuples(memory))  # as SqliteSaver
        loads = type(saver.serde).loads_typed.__wrapped__
        rows = saver.conn.execute("SELECT type, blob FROM checkpoint_blobs WHERE type <> 'empty'")
        for row in rows.fetchall():
            pair = row["type"], row["blob"]
            assert repr(loads(saver.serde, pair)) == repr(saver.serde.loads_typed(pair))


async def test_async(chronicle: Callable[..., Any], database: str) -> None:
    from fast_langgraph import acopy_checkpoints

    source, target = InMemorySaver(), chronicle()
    with pinned():
        SCENARIOS["interrupts"](source)
    async with aio.AsyncPostgresSaver.from_conn_string(database) as saver:
        await saver.setup()
        count = len(tuples(source))
        assert await acopy_checkpoints(source, saver) == count
        assert await acopy_checkpoints(saver, target) == count
        assert await acopy_checkpoints(source, saver) == 0
    assert tuples(target) == tuples(source)
    assert numbered(target) == numbered(source)
