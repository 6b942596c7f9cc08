"""Run directories: ``runs/NAME/NUMBER``, each of one process at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lampc import files
from lampc.diagnostics import LampError, failure
from lampc.diagnostics.suggest import nearest
from lampc.examples import located
from lampc.runs import schemas
from lampc.schema import Schema, Unfit, parse

LAST, BEST, CONFIG, METRICS, SUMMARY = "last.safetensors", "best.safetensors", "config.json", "metrics.jsonl", "summary.json"
SOURCES = "source"
"""The folder of a run that holds the program's text, and those that it uses."""
_LOCK, _OWNER = ".lock", ".owner.json"
_MOST = 1_000_000_000
"""Bytes of a file of JSON."""


@dataclass
class RunDirectory:
    """A directory that this process alone may write to, until it is closed."""

    path: Path
    lock: FileLock
    handle: int | None = None
    """The folder itself, held open: a name may come to mean another one. None where the system opens no folders."""

    def see_that_it_is_there(self) -> None:
        """See that the folder still is where it was: what is written goes there by its name.

        Raises:
            LampError: if it has been removed, moved, or replaced.
        """
        try:
            here = os.stat(self.path)
            same = self.handle is None or os.path.samestat(here, os.fstat(self.handle))
        except OSError:
            same = False
        if not same:
            raise failure("E613", f"{self.path} is gone: it was removed or moved during the training, and nothing is kept",
                          "begin a new run")  # fmt: skip

    def close(self) -> None:
        """Let others have it."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
        with contextlib.suppress(OSError):
            files.remove(self.path / _OWNER)
        self.lock.release()

    def __enter__(self) -> RunDirectory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create(root: Path, name: str) -> RunDirectory:
    """A new directory under the next free number.

    Raises:
        LampError: if it cannot be made.
    """
    folder = root / name
    try:
        files.folder(folder, root)
        number = max((int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()), default=0) + 1
        while True:
            try:
                files.new_folder(folder / str(number))
                break
            except FileExistsError:  # another process was faster
                number += 1
        files.sync(folder)
    except OSError as error:
        raise failure("E613", f"{folder} cannot be written: {error.strerror or error}", "`--no-save` trains without") from None
    return take(folder / str(number))


def take(path: Path) -> RunDirectory:
    """An existing directory, for this process; what another left half written is removed.

    Raises:
        LampError: if another process has it.
    """
    for place in (path, path / _LOCK):  # a folder that somebody else has laid there must not lead elsewhere
        if place.is_symlink():
            raise failure("E613", f"{place} is a link, and a run is not written through one", "name the folder it leads to")
    lock = FileLock(path / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise failure("E613", f"{path} is in use{_owner(path)}", "wait for it to end, or begin a new run") from None
    except OSError as error:
        raise failure("E613", f"{path} cannot be written: {error.strerror or error}") from None
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    with contextlib.suppress(OSError):
        files.write(path / _OWNER, json.dumps(owner).encode())
    files.sweep(path)
    return RunDirectory(path, lock, files.held_open(path))


def _owner(path: Path) -> str:
    try:
        owner = parse(files.read(path / _OWNER, _MOST), schemas.OWNER)
        return f" by process {owner['pid']} on {owner['host']}, since {owner['since']}"
    except (OSError, Unfit):
        return " by another process"


def home() -> Path:
    """Where runs are kept if nobody says otherwise: ``runs``, or what ``LAMPC_RUNS`` names."""
    return Path(os.environ.get("LAMPC_RUNS") or "runs")


def find(text: str, root: Path | None = None) -> Path:
    """A run that somebody names: a directory, ``disc/3`` under ``runs``, or ``disc`` for its latest.

    Raises:
        LampError: if there is none such.
    """
    root = root or home()
    found = _named(text, root)
    if found is not None:
        return found
    known = [str(path) for path in every(root)]
    near = nearest(text, known)
    program = text if os.path.isfile(located(text)[0]) else "FILE"
    fix = f"there are {', '.join(known[-5:])}" if known else f"train first: `lampc train {program}`"
    fix = f"did you mean `{near}`?" if near else fix
    raise failure("E610", f"there is no run `{text}`", fix)


def exists(text: str) -> bool:
    """Whether there is a run that is called so."""
    return _named(text, home()) is not None


def _named(text: str, root: Path) -> Path | None:
    for candidate in (Path(text), root / text):
        if os.path.isfile(candidate / CONFIG):  # which a name that is too long is not
            return candidate
        numbers = _numbers(candidate)
        if numbers:
            return candidate / str(numbers[-1])
    return None


def every(root: Path) -> list[Path]:
    """All runs under a folder, by name and number."""
    if not os.path.isdir(root):
        return []
    names = sorted(entry for entry in root.iterdir() if entry.is_dir())
    return [folder / str(number) for folder in names for number in _numbers(folder)]


def _numbers(folder: Path) -> list[int]:
    if not os.path.isdir(folder):
        return []
    return sorted(int(e.name) for e in folder.iterdir() if e.name.isdecimal() and (e / CONFIG).is_file())


def read_json(path: Path, schema: Schema) -> Any:
    """A JSON file of a run.

    Raises:
        LampError: if it cannot be read, or does not hold what it is to.
    """
    try:
        return parse(files.read(path, _MOST), schema)
    except OSError as error:
        raise failure("E611", f"{path} cannot be read: {error.strerror or error}") from None
    except Unfit as error:
        raise damaged(path, error) from None


def read_config(path: Path) -> dict[str, Any]:
    """What a run says was run.

    Raises:
        LampError: if that cannot be read, or is not what it is to be.
    """
    found: dict[str, Any] = read_json(path / CONFIG, schemas.CONFIG)
    return found


def measurements(path: Path) -> list[dict[str, Any]]:
    """The epochs that a run has measured, seed by seed; what comes after a line that is not whole is left out.

    Raises:
        LampError: if the file cannot be read, or a line is not what it is to be.
    """
    file = path / METRICS
    try:
        lines = files.read(file, _MOST).split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise failure("E611", f"{file} cannot be read: {error.strerror or error}") from None
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            entry = parse(line)
        except Unfit:
            break
        try:
            schemas.EPOCH(entry, "")
        except Unfit as error:
            raise damaged(f"{file}, line {number},", error) from None
        found.append(entry)
    return found


def damaged(what: object, why: object) -> LampError:
    """That a file of a run is not what it is to be."""
    return failure("E611", f"{what} is damaged: {why}", "take an earlier run, or train again")


def source_of(path: Path, config: Mapping[str, Any]) -> Path:
    """The file in a run's directory that holds the program.

    Raises:
        LampError: if it would be outside of the run.
    """
    file = path / SOURCES / str(config["source"])
    try:
        inside = file.resolve().is_relative_to(path.resolve())
    except (OSError, RuntimeError):  # a loop of links, a name that is too long
        inside = False
    if not inside:
        raise damaged(path / CONFIG, "`source` names a file outside of the run")
    return file
