"""The example runs as it stands; kernels are interrupted, restarted and ended as they are without us."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "notebook" / "checkpoints.ipynb"
EXAMPLE_LINE = pytest.mark.line(
    "notebooks",
    "the example, cell by cell",
    "served by Java (jpype): boot, table, plot, status() as HTML",
)


def notebooks(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("notebooks", what, outcome)


def execute(environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run the example; return each code cell's outputs, by the cell's name."""
    notebook = nbformat.read(EXAMPLE, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


def only(outputs: list[Any], kind: str) -> str:
    """The one output of a cell."""
    (output,) = outputs
    if kind == "stdout":
        assert output["name"] == "stdout"
        return str(output["text"])
    return str(output["data"][kind])


def cells_of(table: str) -> list[list[str]]:
    """The rows of an HTML table."""
    rows = re.findall("<tr>(.*?)</tr>", table)
    return [re.findall(r"<t[hd][^>]*>(?:<b>)?(.*?)(?:</b>)?</t[hd]>", row) for row in rows]


@EXAMPLE_LINE
def test_the_example_is_kept_without_outputs() -> None:
    notebook = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    for cell in notebook["cells"]:
        assert re.fullmatch("[a-z-]+", cell["id"]), "a new id at each save makes a new file"
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@EXAMPLE_LINE
def test_the_example(java: str, surroundings: Any, tmp_path: Path) -> None:
    outputs = execute(surroundings(), tmp_path)
    assert re.fullmatch(
        r"Java 25[0-9.]* by jpype, ready after \d+ ms\n", only(outputs["boot"], "stdout")
    )
    head, *rows = cells_of(only(outputs["table"], "text/html"))
    assert head[-1] == "speed-up" and len(rows) == 8
    assert all(re.fullmatch(r"\d+\.\dx", row[-1]) for row in rows)
    assert only(outputs["graph"], "stdout") == "You have said 39 things so far.\n"

    plot = ElementTree.fromstring(only(outputs["plot"], "image/svg+xml"))
    space = "{http://www.w3.org/2000/svg}"
    bars = [bar for bar in plot.iter(space + "rect") if bar.get("fill") != "white"]
    assert len(bars) == len(rows) and all(float(bar.get("width", 0)) > 0 for bar in bars)
    texts = [text.text for text in plot.iter(space + "text")]
    assert [f"{row[-1]} {row[1]}" for row in rows] == [
        text for text in texts if str(text).endswith((" store", " load"))
    ]

    status = only(outputs["status"], "text/html")
    assert "by jpype" in status
    head, *rows = cells_of(status)
    patches = {row[0]: dict(zip(head, row)) for row in rows}
    for name in ("langgraph.dumps_typed", "langgraph.loads_typed"):
        row = patches[name]
        assert (row["state"], row["declines"]) == ("live", "0")
        assert int(row["calls"]) > 1000
    assert not outputs["imports"] and not outputs["values"] and not outputs["measure"]


@pytest.mark.long
@notebooks("the example with FAST_JVM=off, or without Java", "the original serves, all cells run")
@pytest.mark.parametrize("setting", [{"FAST_JVM": "off"}, {"FAST_JVM_HOME": "nowhere"}])
def test_the_example_without_java(
    surroundings: Any, tmp_path: Path, setting: dict[str, str]
) -> None:
    outputs = execute(surroundings(**setting), tmp_path)
    assert only(outputs["boot"], "stdout").startswith("no Java: ")
    assert "skipped: " in only(outputs["status"], "text/html")
    assert "live" not in only(outputs["status"], "text/html")


# -- interrupt, restart, end

START = """
import uuid, os
import fast_langgraph, fast_jvm
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langchain_core.messages import AIMessage, HumanMessage
ready = fast_jvm.wait_ready(60)
serde = JsonPlusSerializer()
builder = StateGraph(MessagesState)
builder.add_node("answer", lambda state: {"messages": [AIMessage("yes")]})
builder.add_edge(START, "answer")
graph = builder.compile(checkpointer=InMemorySaver())
def ask(thread):
    return graph.invoke({"messages": [HumanMessage("hello?")]}, {"configurable": {"thread_id": thread}})
def served():
    return {patch.name: patch.calls - patch.declines for patch in fast_jvm.status().patches}
many = [uuid.UUID(int=n) for n in range(300_000)]  # one call of this is long
"""
# what is served anew after a cell was interrupted, by whom
AFTER = """
before = served()
for n in range(5):
    assert serde.loads_typed(serde.dumps_typed([HumanMessage("x", id=str(n))]))[0].id == str(n)
assert len(ask("after")["messages"]) >= 2
after = served()
host = fast_jvm.status().host if ready else "none"
print([host] + [after[name] - before[name] >= 5 for name in ("langgraph.dumps_typed", "langgraph.loads_typed")])
"""
RUNNING = {
    "many calls of a builtin": "while True: serde.dumps_typed(many[:50])",
    "one long call of a builtin": "while True: serde.dumps_typed(many)",
    "a graph": "while True: ask('running')",
    "a wait": "import time; time.sleep(600)",
    "a wait for Java": "while True: fast_jvm.wait_ready(); fast_jvm.wait_ready(0.2)",
}
MODES = {
    "jpype": {"FAST_JVM": "auto"},
    "jni": {"FAST_JVM": "auto", "FAST_JVM_HOST": "jni"},
    "none": {"FAST_JVM": "off"},
}


def by(host: str) -> str:
    """What AFTER prints."""
    return f"{[host, host != 'none', host != 'none']}\n"


UNFORMATTED = "Unexpected exception formatting exception. Falling back to standard exception\n"


@notebooks("a running cell is interrupted", "KeyboardInterrupt, as without us; Java serves on")
@pytest.mark.parametrize("host", ["jpype", pytest.param("jni", marks=pytest.mark.long), "none"])
def test_interrupt(java: str, kernel: Any, host: str) -> None:
    one = kernel(**MODES[host])
    assert one.run(START).error == ""
    pid = one.run("print(os.getpid())").stdout
    for what, code in RUNNING.items():
        # ormsgpack makes one of these of an interrupt within its callback; Java passes it on
        errors = {"KeyboardInterrupt"} | ({"TypeError", "ValueError"} if host == "none" else set())
        # an interrupt of a graph is lost now and then, more often without us than with us
        presses = 4 if what == "a graph" else 1
        for after in (0.02, 0.3):
            reply = one.interrupt(f"print('on', flush=True)\n{code}", after, presses)
            # IPython says so where the interrupt hit an instruction without a line
            said = reply.stdout.replace(UNFORMATTED, "")
            assert reply.error in errors and said == "", what
        done = one.run(AFTER)
        assert (done.error, done.stdout) == ("", by(host)), what
    # not its end: an interrupted graph may leave a thread that the exit waits for, without us too; see test_shutdown
    assert one.run("print(os.getpid())").stdout == pid


@notebooks("interrupted while Java boots", "KeyboardInterrupt; Java serves a moment later")
def test_interrupt_while_booting(java: str, kernel: Any) -> None:
    one = kernel()
    boot = "import fast_langgraph, fast_jvm, langgraph.checkpoint.serde.jsonplus\nprint('on', flush=True)\nwhile True: fast_jvm.wait_ready(60)"
    assert one.interrupt(boot, 0.1).error == "KeyboardInterrupt"
    assert one.run(START).error == ""
    assert one.run(AFTER).stdout == by("jpype")


@notebooks("the kernel is restarted", "it ends in time, the next one boots anew")
def test_restart(java: str, kernel: Any) -> None:
    one = kernel()
    pids = set()
    for _ in range(2):
        assert one.run(START).error == ""
        assert one.run(AFTER).stdout == by("jpype")
        pids.add(one.run("print(os.getpid())").stdout)
        one.restart()
        assert one.forced == []
        assert one.run("print('ready' in globals())").stdout == "False\n"
    assert len(pids) == 2


BOOT = (
    "import fast_jvm, fast_langgraph, langgraph.checkpoint.serde.jsonplus\nfast_jvm.wait_ready(0)"
)
CALLER = "import threading\ndef go():\n    while True: serde.dumps_typed(many[:500])\nthreading.Thread(target=go, daemon=True).start()"
ENDS = {
    "idle": (),
    "live": (START,),
    "booting": (BOOT,),
    "a thread that goes on calling": (START, CALLER),
}


@notebooks("the kernel is shut down: idle, booting, live, a thread calling", "exit code 0, in time")
@pytest.mark.parametrize("what", ENDS)
def test_shutdown(java: str, kernel: Any, what: str) -> None:
    one = kernel()
    for code in ENDS[what]:
        assert one.run(code).error == ""
    assert (one.end(), one.forced) == (0, [])


@notebooks("which host a kernel has", "jpype: Java's classes are at hand; FAST_JVM_HOST is heard")
@pytest.mark.parametrize(("wanted", "host"), [("auto", "jpype"), ("jni", "jni")])
def test_host(java: str, kernel: Any, wanted: str, host: str) -> None:
    one = kernel(FAST_JVM_HOST=wanted)
    assert one.run(START).error == ""
    assert one.run(AFTER).stdout == by(host)
    if host == "jpype":
        classes = "import jpype; print(jpype.JClass('java.lang.Runtime').version().feature() >= 25)"
        assert one.run(classes).stdout == "True\n"


@notebooks("output of a kernel", "nothing of ours, not even on the terminal it was started from")
def test_quiet(java: str, kernel: Any, capfd: pytest.CaptureFixture[str]) -> None:
    one = kernel()
    reply = one.run(START)
    assert (reply.stdout, reply.stderr) == ("", "")
    assert one.run(AFTER).stdout == by("jpype")
    assert one.end() == 0
    terminal = capfd.readouterr()
    assert terminal.out == "" and "java" not in terminal.err.lower()
