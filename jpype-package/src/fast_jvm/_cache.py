"""The cache folder: AOT caches and verdicts of probes. An AOT cache is code, so both the folder
and the file must be ours alone: owner checked, 0700 and 0600, no symlinks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from typing import Any

from . import _platform, _settings
from ._jre import Jre

#: Bytes that must be free where an AOT cache is made: it and what it is made from take half of that.
LEAST_FREE = 64 << 20


def _off() -> bool:
    return _settings.get("FAST_JVM_CACHE").lower() in ("off", "none", "0")


def folder_path() -> str:
    """Return the folder's path, made or not; empty when caching is off or the user has no folder for it."""
    chosen = _settings.get("FAST_JVM_CACHE")
    if _off():
        return ""
    if chosen:
        return os.path.abspath(os.path.expanduser(chosen))
    base = _platform.user_cache()
    return os.path.join(base, "fast-jvm") if base else ""


def folder() -> tuple[str, str]:
    """Return (path, "") of a folder that is ours alone, made if missing, or ("", reason)."""
    path = folder_path()
    if not path:
        return "", "off" if _off() else "the user has no home"
    home = _platform.user_home()
    if home and not os.path.isdir(home) and path.startswith(os.path.join(home, "")):
        return "", f"{home} does not exist"  # and is not ours to make
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        reason = _platform.not_ours(path, directory=True)
        if reason.endswith("others may enter") and _may_be_closed(path):
            os.chmod(path, 0o700)
            reason = _platform.not_ours(path, directory=True)
        reason = reason or _platform.open_parent(path)
    except OSError as error:
        reason = f"{path}: {error.strerror or error}"
    return ("", reason) if reason else (path, "")


def _may_be_closed(path: str) -> bool:
    """Say whether a folder is ours to close: nobody else wrote there, and it holds our files alone.

    FAST_JVM_CACHE may name any folder, /tmp or a home.
    """
    names = (".aot", ".json", ".claim", ".part", ".config", ".log")
    return not os.lstat(path).st_mode & 0o1022 and all(
        name.endswith(names) for name in os.listdir(path)
    )


def key(jre: Jre, jars: list[str], options: list[str]) -> str:
    """Return the hash of all that makes an AOT cache or a verdict valid."""
    digest = hashlib.sha256()
    for jar in jars:
        with open(jar, "rb") as file:
            digest.update(file.read())
    info = os.stat(jre.libjvm)
    parts = [*jars, jre.home, jre.version, str(info.st_size), str(info.st_mtime_ns), *options]
    try:
        with open(os.path.join(jre.home, "release"), encoding="utf-8", errors="replace") as release:
            parts.append(release.read())
    except OSError:
        pass
    digest.update("\0".join(parts).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def aot_file(directory: str, name: str) -> str:
    """Return the path of the AOT cache of a key, whether it is there or not."""
    return os.path.join(directory, name + ".aot")


def usable(path: str) -> str:
    """Say why an AOT cache must not be loaded; empty when it may be."""
    try:
        return _platform.not_ours(path)
    except FileNotFoundError:
        return "not made yet"
    except OSError as error:
        return f"{path}: {error.strerror or error}"


def space(directory: str) -> str:
    """Say why there is no room to make an AOT cache; empty when there is."""
    free = shutil.disk_usage(directory).free
    return "" if free >= LEAST_FREE else f"{directory}: {free >> 20} MB free"


def temporary(directory: str) -> str:
    """Return the name of a new private file to write before it is renamed."""
    handle, path = tempfile.mkstemp(dir=directory, suffix=".part")
    os.close(handle)
    return path


def read_verdict(directory: str, name: str) -> dict[str, Any] | None:
    """Return what a probe or a maker left in the last day, or None."""
    path = os.path.join(directory, name + ".json")
    if usable(path):
        return None
    try:
        if time.time() - os.stat(path).st_mtime > 86400:
            return None
        with open(path, encoding="utf-8") as file:
            verdict = json.load(file)
    except (OSError, ValueError):
        return None
    return verdict if isinstance(verdict, dict) else None


def write_verdict(directory: str, name: str, verdict: dict[str, Any]) -> bool:
    """Keep a verdict for the processes to come; False where that cannot be, as in a full folder."""
    path = ""
    try:
        path = temporary(directory)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(verdict, file)
        os.replace(path, os.path.join(directory, name + ".json"))
    except OSError:
        remove(path)
        return False
    return True


def drop_verdict(directory: str, name: str) -> None:
    """Forget a verdict."""
    remove(os.path.join(directory, name + ".json"))


def remove(path: str) -> None:
    """Remove a file that may be there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def claim(directory: str, name: str) -> bool:
    """Be the one that makes an AOT cache; a claim dies after two minutes."""
    path = os.path.join(directory, name + ".claim")
    for _ in range(2):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return True
        except FileExistsError:
            try:
                if time.time() - os.lstat(path).st_mtime < 120:
                    return False
                os.unlink(path)
            except OSError:
                return False
        except OSError:
            return False
    return False


def release(directory: str, name: str) -> None:
    """Give a claim back."""
    remove(os.path.join(directory, name + ".claim"))


def sweep(directory: str, newest: str) -> None:
    """Remove what no later boot has a use for: caches of older jars, and what ended makers left."""
    now = time.time()
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        try:
            info = os.lstat(path)
        except OSError:
            continue
        if path != newest and (
            name.endswith((".aot", ".json", ".log"))
            and now - info.st_atime > 30 * 86400
            or name.endswith((".part", ".config", ".claim"))
            and now - info.st_mtime > 86400
        ):
            remove(path)
