"""A model in one file: a checkpoint that has its program too. Nothing in it can name code.

A run's checkpoints are of a program that lies beside them; here its text, what it was compiled with, and what was known of its
data stand in the header, so that the file alone makes the model again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc import files
from lampc.diagnostics import LampError, Problems, failure
from lampc.elaborate import parse_setting
from lampc.elaborate.given import Given, as_path
from lampc.elaborate.settings import Setting, number
from lampc.runs import checkpoint as checkpoints
from lampc.runs import directory, schemas, state
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.config import description, program_hash
from lampc.schema import Unfit, parse
from lampc.source import Source

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model into a file, whole or not at all.

    Raises:
        LampError: if that is impossible.
    """
    place = as_path("path", path)
    try:
        files.write(place, encode(model))
    except OSError as error:
        raise failure("E003", f"cannot write {place}: {error.strerror or error}",
                      "name a file in a folder that is there and that you may write to") from None  # fmt: skip


def load(path: str | os.PathLike[str], *, device: str | None = None, backend: str | None = None,
         folder: str | os.PathLike[str] = ".", allow_python: bool = False) -> Model:  # fmt: skip
    """The model that ``model.save(path)`` wrote, with its program; training goes on as it would have, to the same bits.

    The device and the backend are the program's if not said otherwise. The program's data need not be there; paths of it
    begin at ``folder``.

    Raises:
        LampError: if it is no such file, or is damaged.
    """
    return load_as(path, Given(as_path("folder", folder), {}, allow_python), device, backend)


def load_as(path: str | os.PathLike[str], given: Given, device: str | None, backend: str | None) -> Model:
    """The same, compiled with some layers, in some folder."""
    place = as_path("path", path)
    if not os.path.isfile(place) and directory.exists(str(place)):
        raise failure("E611", f"{place} is a run, not a file that `model.save` has written",
                      f"`lampc.load_run({str(place)!r})` opens it: its `model()`, its `predict(…)`")  # fmt: skip
    return _model(checkpoints.read(place), str(place), given, device, backend)


def load_into(program: Program, path: str | os.PathLike[str], device: str | None, backend: str | None) -> Model:
    """A model of a program, with what a model's file, or a run's checkpoint, holds of the same network.

    Numbers such as ``lr`` are the program's.

    Raises:
        LampError: if it is no such file, or of another network.
    """
    place = as_path("path", path)
    kept = checkpoints.read(place)
    model = program.model(kept.about.get("seed"), device, backend)
    state.restore(model, kept, str(place))
    return model


def unpickled(raw: bytes, device: str, backend: str, folder: str) -> Model:
    """The model that a pickle holds: ``encode``'s bytes, and where it was."""
    return _model(checkpoints.decode(raw, "the pickle"), "the pickle", Given(Path(folder)), device, backend)


def unpickled_program(raw: str, folder: str) -> Program:
    """The program that a pickle holds as JSON."""
    try:
        return _program(parse(raw, schemas.PROGRAM), Given(Path(folder)), "the pickle")
    except Unfit as error:
        raise failure("E611", f"the pickle is damaged: {error}") from None


def encode_program(program: Program) -> str:
    """A program as JSON: its text, and what it was compiled with."""
    return json.dumps(_of_program(program, begun=False))


def encode(model: Model) -> bytes:
    """A model as a file's bytes."""
    program = model.program
    about = {
        **_of_program(program, begun=True),
        "seed": model.seed,
        "normal": None,
        "unit": None if model.unit is None else model.unit.lists(),
        "program": program_hash(program),
        "network": state.network(program),
        "random": model.random.number,
        "settings": {name: tensor.item() for name, tensor in model.storage.settings.items()},
    }
    return checkpoints.encode(Checkpoint(state.everything(model), about))


def _of_program(program: Program, begun: bool) -> dict[str, Any]:
    """A program as JSON. ``begun``: a model of it, so that the file that its weights began with is in the past."""
    given, data = program.elaborated.given, program.experiment.data
    folder = given.folder.resolve()
    settings = {name: _plain(value) for name, value in given.settings.items() if not isinstance(value, Setting)}
    described = None if data is None or data.description is None else asdict(replace(data.description, remarks=()))
    if program.elaborated.weights is not None:
        if begun:
            settings["train.weights"] = ""
        else:
            described = None  # else it would be taken for one that has begun
    made_with = {
        "settings": settings,
        "written": [value.span.source.text for value in given.settings.values() if isinstance(value, Setting)],
        "data": described,
        "used": {_relative(source, folder): source.text for source in program.elaborated.used},
    }
    return {"file": program.source.name, "source": program.source.text, "model": made_with}


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [number(item) for item in value]
    return value if isinstance(value, str) else number(value)


def _relative(source: Source, folder: Path) -> str:
    assert source.path is not None
    try:
        return Path(os.path.relpath(source.path, folder)).as_posix()
    except ValueError:  # on another drive
        return source.path.as_posix()


def _model(kept: Checkpoint, name: str, given: Given, device: str | None, backend: str | None) -> Model:
    if any(field not in kept.about for field in ("model", "file", "source", "seed", "settings")):
        raise failure("E611", f"{name} has no program in it: a run wrote it, not `model.save`",
                      "`program.load(path)` gives its weights to a program",
                      "`lampc.load_run(name)` opens the run")  # fmt: skip
    program = _program(kept.about, given, name)
    model = program.model(kept.about["seed"], device, backend)
    state.restore(model, kept, name)
    model.storage.set(kept.about["settings"])
    return model


def _program(kept: Mapping[str, Any], given: Given, name: str) -> Program:
    from lampc.compile import from_text

    about, problems = kept["model"], Problems()
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in about["settings"].items()}
    settings |= dict(found for text in about["written"] if (found := parse_setting(text, problems)) is not None)
    if problems.errors:
        raise LampError(problems.errors)
    folder = given.folder.resolve()
    try:
        texts = {(folder / used).resolve(): text for used, text in about["used"].items()}
    except (OSError, ValueError, RuntimeError) as error:
        raise failure("E611", f"{name} is damaged: `model.used` has what is no path: {error}") from None
    described = None if about["data"] is None else description(about["data"])
    given = replace(given, settings=settings, described=described, texts=texts)
    return from_text(kept["source"], kept["file"], given)
