"""Odd names, versions and values; serializers; what is removed."""

from __future__ import annotations

import dataclasses
import os
import uuid
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from saver.scenarios import chat_graph, config, shown

SECRET = "Xq7-secret-Zw9"


def put(saver: Any, thread: Any, n: int, values: dict[str, Any], **more: Any) -> Any:
    version = more.pop("version", n)
    parent = more.pop("parent", None)
    metadata = more.pop("metadata", {"source": "loop", "step": n})
    named = {"thread_id": thread, **more}
    if parent:
        named["checkpoint_id"] = parent
    checkpoint = {
        **empty_checkpoint(),
        "id": f"{n:08}",
        "channel_values": values,
        "channel_versions": {name: version for name in values},
    }
    return saver.put(
        {"configurable": named}, checkpoint, metadata, {name: version for name in values}
    )


def everywhere(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


@pytest.mark.parametrize("thread", [7, uuid.UUID(int=9), "", "a:b\0c/../é", "\ud800", "x" * 5000])
def test_threads_of_any_name(chronicle: Callable[..., Any], folder: Path, thread: Any) -> None:
    saver = chronicle()
    saved = put(saver, thread, 1, {"a": 1})  # no checkpoint_ns
    assert saved["configurable"]["checkpoint_ns"] == ""
    saver.put_writes(saved, [("a", 1), ("\ud801", 2)], "task\ud802", "path")
    for each in (saver, chronicle()):
        got = each.get_tuple(config(thread))
        assert got.checkpoint["channel_values"] == {"a": 1}
        assert got.config["configurable"]["thread_id"] == str(thread)
        assert sorted(got.pending_writes) == [("task\ud802", "a", 1), ("task\ud802", "\ud801", 2)]
        assert [one.checkpoint["id"] for one in each.list(config(thread))] == ["00000001"]
    saver.copy_thread(thread, "other")
    assert saver.get_tuple(config("other")).checkpoint["channel_values"] == {"a": 1}
    saver.delete_thread(thread)
    assert saver.get_tuple(config(thread)) is None and not [*saver.list(config(thread))]


def test_names_are_not_mixed(chronicle: Callable[..., Any]) -> None:
    saver = chronicle()
    places = [
        ("a", ""),
        ("a", "b"),
        ("ab", ""),
        ("", "ab"),
        ("a|b", "c"),
        ("a", "|b|c"),
        ("1:a", ""),
    ]
    for number, (thread, ns) in enumerate(places):
        put(saver, thread, 1, {"v": number}, checkpoint_ns=ns)
    for number, (thread, ns) in enumerate(places):
        got = saver.get_tuple(config(thread, checkpoint_ns=ns))
        assert got.checkpoint["channel_values"] == {"v": number}


@pytest.mark.parametrize("version", [1, 1.5, "00000000000000000000000000000001.5"])
def test_versions(chronicle: Callable[..., Any], version: Any) -> None:
    saver = chronicle()
    put(saver, "t", 1, {"a": [1]}, version=version)
    assert saver.get_tuple(config("t")).checkpoint["channel_values"] == {"a": [1]}
    assert saver.get_tuple(config("t")).checkpoint["channel_versions"] == {"a": version}
    assert saver.get_next_version(version, None) > saver.get_next_version(None, None)
    assert saver.get_next_version(version, None).startswith("0" * 31 + "2.")


def test_values_that_are_not_msgpack(chronicle: Callable[..., Any]) -> None:
    values = {"none": None, "bytes": b"\0\1", "array": bytearray(b"ab"), "text": "x", "list": []}
    saver = chronicle()
    put(saver, "t", 1, values, metadata=None)
    for each in (saver, chronicle()):
        got = each.get_tuple(config("t"))
        assert got.checkpoint["channel_values"] == values and got.metadata == {}
        kinds = {name: type(value) for name, value in got.checkpoint["channel_values"].items()}
        assert kinds == {name: type(value) for name, value in values.items()}


def test_a_large_value(chronicle: Callable[..., Any]) -> None:
    saver = chronicle()
    large = os.urandom(40 << 20)
    put(saver, "t", 1, {"a": large, "b": [large[: 20 << 20], 1]})
    put(saver, "t", 2, {"b": [large[: 20 << 20], 1, 2]}, parent="00000001")
    assert saver.get_tuple(config("t", checkpoint_id="00000001")).checkpoint["channel_values"] == {
        "a": large,
        "b": [large[: 20 << 20], 1],
    }
    got = chronicle().get_tuple(config("t"))
    assert got.checkpoint["channel_values"]["b"] == [large[: 20 << 20], 1, 2]


def test_ids_in_any_order(chronicle: Callable[..., Any]) -> None:
    saver, memory = chronicle(), InMemorySaver()
    for n in (5, 3, 9, 1, 9, 7, 2):
        for each in (saver, memory):
            put(each, "t", n, {"a": n}, checkpoint_ns="")
    assert [one.checkpoint["id"] for one in saver.list(config("t"))] == [
        one.checkpoint["id"] for one in memory.list(config("t"))
    ]
    assert saver.get_tuple(config("t")).checkpoint["channel_values"] == {"a": 9}
    for limit in (0, 1, 3):
        assert len([*saver.list(config("t"), limit=limit)]) == limit


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_savers_in_turn(java: str, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """What a saver knows of a list's end is no longer true once another one has put, removed or compacted."""
    from fast_langgraph import ChronicleSaver

    folder, memory = tmp_path_factory.mktemp("savers") / "saver", InMemorySaver()
    with ChronicleSaver(folder) as one, ChronicleSaver(folder) as two:
        for _ in range(data.draw(st.integers(1, 12))):
            saver = data.draw(st.sampled_from([one, two]))
            act = data.draw(st.sampled_from(["put"] * 6 + ["delete", "compact", "writes"]))
            thread, n = data.draw(st.sampled_from("tu")), data.draw(st.integers(0, 9))
            named = {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": f"{n:08}"}
            if act == "compact":
                saver.compact()
                continue
            for each in (saver, memory):
                if act == "put":
                    put(each, thread, n, {"a": [n]}, checkpoint_ns="")
                elif act == "delete":
                    each.delete_thread(thread)
                elif each is saver or memory.get_tuple({"configurable": named}):
                    each.put_writes({"configurable": named}, [("a", n)], "task")
        for thread in "tu":
            wanted = [one_of.checkpoint["id"] for one_of in memory.list(config(thread))]
            for saver in (one, two):
                assert [each.checkpoint["id"] for each in saver.list(config(thread))] == wanted
                newest = saver.get_tuple(config(thread))
                assert (newest and newest.checkpoint["id"]) == (wanted[0] if wanted else None)


def test_writes_repeated(chronicle: Callable[..., Any]) -> None:
    """An index is written once, an error or an interrupt is replaced."""
    told = []
    for saver in (chronicle(), InMemorySaver()):
        saved = put(saver, "t", 1, {"a": 1}, checkpoint_ns="")
        for value in (1, 2):
            saver.put_writes(saved, [("a", value), ("__interrupt__", value)], "one")
            saver.put_writes(saved, [("__error__", value)], "two", "path")
        told.append(shown(saver.get_tuple(config("t")))[4])
    assert told[0] == told[1]


def test_delete_thread_takes_writes_without_a_checkpoint(
    chronicle: Callable[..., Any],
) -> None:
    saver = chronicle()
    early = config("t", checkpoint_ns="", checkpoint_id="00000001")
    saver.put_writes(early, [("a", "early")], "one")
    assert [*saver.list(config("t"))] == [] and saver.get_tuple(config("t")) is None
    put(saver, "t", 1, {"a": 1})
    assert saver.get_tuple(config("t")).pending_writes == [("one", "a", "early")]
    late = config("t", checkpoint_ns="x", checkpoint_id="00000002")
    saver.put_writes(late, [("a", "late")], "two")
    saver.delete_thread("t")
    put(saver, "t", 1, {"a": 1})
    put(saver, "t", 2, {"a": 1}, checkpoint_ns="x")
    assert saver.get_tuple(early).pending_writes == []
    assert saver.get_tuple(late).pending_writes == []


def test_a_deleted_threads_runs(chronicle: Callable[..., Any]) -> None:
    saver = chronicle()
    put(saver, "t", 1, {"a": 1}, metadata={"run_id": "r"})
    saver.delete_thread("t")
    put(saver, "t", 1, {"a": 2}, metadata={"run_id": "s"})
    saver.delete_for_runs(["r"])
    assert saver.get_tuple(config("t")).checkpoint["channel_values"] == {"a": 2}
    saver.delete_for_runs(["s"])
    assert saver.get_tuple(config("t")) is None


@dataclasses.dataclass
class Unlisted:
    """A type that no allow-list names."""

    text: str


def test_allow_lists(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    here = (Unlisted.__module__, Unlisted.__name__)
    strict = {"allowed_msgpack_modules": None}

    def told(saver: Any) -> list[Any]:
        put(saver, "t", 1, {"a": [Unlisted("x")] * 30}, checkpoint_ns="")
        put(saver, "t", 2, {"a": [Unlisted("x")] * 31}, checkpoint_ns="")
        saver.put_writes(
            config("t", checkpoint_ns="", checkpoint_id="00000002"), [("a", Unlisted("y"))], "one"
        )
        allowed = saver.with_allowlist([here])
        return [
            (one.checkpoint["channel_values"], one.pending_writes)
            for each in (saver, allowed)
            for one in each.list(config("t", checkpoint_ns=""))
        ]

    ours = told(chronicle(serde=JsonPlusSerializer(**strict)))
    theirs = told(InMemorySaver(serde=JsonPlusSerializer(**strict)))
    assert ours == theirs
    assert Unlisted("x") not in ours[0][0]["a"] and Unlisted("x") in ours[2][0]["a"]


def test_a_secret_is_in_no_file(chronicle: Callable[..., Any], folder: Path) -> None:
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"0123456789abcdef")
    saver = chronicle(serde=serde)
    graph = chat_graph(checkpointer=saver)
    named = {"configurable": {"thread_id": "t", "user": SECRET}, "metadata": {"of": SECRET}}
    for turn in range(4):
        graph.invoke(
            {
                "messages": [AIMessage(f"{SECRET} {turn}", id=f"m{turn}")],
                "notes": {SECRET: SECRET},
            },
            {**named, "run_id": uuid.uuid4()},
        )
    saved = put(saver, "u", 1, {"a": SECRET}, metadata={"run_id": SECRET, SECRET: SECRET})
    saver.put_writes(saved, [("a", SECRET), ("__error__", SECRET)], "one")
    saver.copy_thread("u", "v")
    saver.close()
    everything = everywhere(folder)
    assert SECRET.encode() not in everything and SECRET.encode("utf-16-le") not in everything
    for each in (chronicle(serde=serde), chronicle(serde=serde).with_allowlist([("a", "B")])):
        history = [*chat_graph(checkpointer=each).get_state_history(config("t"))]
        assert history[0].values["messages"][0].content == f"{SECRET} 0"
        assert each.get_tuple(config("v")).pending_writes == [
            ("one", "__error__", SECRET),
            ("one", "a", SECRET),
        ]
    plain = chronicle()
    with pytest.raises(Exception):
        plain.get_tuple(config("u"))


def test_folders_are_the_users_own(chronicle: Callable[..., Any], folder: Path) -> None:
    before = os.umask(0)
    try:
        saver = chronicle(folder / "below")
        for n in range(2000):
            put(saver, f"t{n % 700}", n, {"a": n})
        saver.close()
    finally:
        os.umask(before)
    for each in [folder / "below", *(folder / "below").rglob("*")]:
        mode = each.stat().st_mode & 0o777
        assert mode == (0o700 if each.is_dir() else 0o600), (each, oct(mode))


def allocated(folder: Path) -> int:
    return sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())


def test_a_chat_that_grows(
    chronicle: Callable[..., Any], folder: Path, tmp_path: Path, capsys: Any
) -> None:
    """200 messages, a checkpoint a step: blocks on disk, index and reservation counted."""

    def talk(saver: Any) -> None:
        graph = chat_graph(checkpointer=saver)
        for turn in range(100):
            text = f"question {turn} " + os.urandom(150).hex()
            graph.invoke({"messages": [AIMessage(text, id=f"q{turn}")]}, config("t"))

    saver = chronicle()
    talk(saver)
    assert len(saver.get_tuple(config("t")).checkpoint["channel_values"]["messages"]) == 200
    saver.close()
    (tmp_path / "sqlite").mkdir()
    with SqliteSaver.from_conn_string(str(tmp_path / "sqlite" / "db")) as sqlite:
        talk(sqlite)
    ours, theirs = allocated(folder), allocated(tmp_path / "sqlite")
    with capsys.disabled():
        print(f"\n200-message chat: {ours:,} bytes, SqliteSaver {theirs:,}, {theirs / ours:.1f}x")
    assert theirs >= 5 * ours
