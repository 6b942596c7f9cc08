"""What was run: everything that another needs to run it again, as JSON."""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from lampc import __version__, files, resources
from lampc.data import Dataset, Description
from lampc.data.rows import Rows
from lampc.ir.leaves import Gain, Setting
from lampc.runs.directory import SOURCES
from lampc.runs.git import commit
from lampc.source import Source
from lampc.table.stored import schema_of

if TYPE_CHECKING:
    from lampc.compile import Program


def config(program: Program, file: str, settings: Sequence[str], command: Sequence[str], data: Dataset | None,
           backend: str) -> dict[str, Any]:  # fmt: skip
    """The program's settings, every value of every statement, versions, and digests of program and data."""
    import torch

    described = None if data is None else asdict(replace(data.description, remarks=()))
    return {
        "file": file,
        "source": main_name(program),
        "folder": str(_folder(program)),
        "shipped": _folder(program) == resources.path("models").absolute(),
        "settings": list(settings),
        "seed": program.experiment.train.seed,
        "resolved": resolved(program),
        "metrics": [metric.name for metric in program.metrics],
        "backend": backend,
        "command": list(command),
        "job": job(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {"lampc": __version__, "python": platform.python_version(), "torch": torch.__version__,
                     "platform": platform.platform()},
        "git": commit(_folder(program)),
        "program": program_hash(program),
        "data": None if data is None else {"hash": data_hash(data), "description": described},
    }  # fmt: skip


def resolved(program: Program) -> dict[str, Any]:
    """Every value of every statement, and what of layers a step reads as a number: two programs may differ in these alone."""
    experiment = program.experiment
    train = {name: value for name, value in asdict_of(experiment.train).items() if name not in ("span", "places")}
    statements: dict[str, Any] = {"train": train, "optimizer": {"name": experiment.optimizer.type.name,
                                                                **_plain(experiment.optimizer.arguments)}}  # fmt: skip
    if experiment.data is not None:
        statements["data"] = {"name": experiment.data.source.name, **_plain(experiment.data.request.arguments)}
    if experiment.loss is not None:
        statements["loss"] = {"name": experiment.loss.name, **_plain(experiment.loss.arguments)}
    if experiment.schedule is not None:
        statements["schedule"] = {"name": experiment.schedule.type.name, **_plain(experiment.schedule.arguments)}
    if experiment.init is not None:
        gain = experiment.init.gain
        statements["init"] = {"init": str(experiment.init), "gain": None if isinstance(gain, Gain) else gain}
    numbers = [slot.leaf for slot in program.training.leaves() if isinstance(slot.leaf, Setting)]
    names = {layer.name for layer in program.layers}
    layers = {leaf.label: leaf.value for leaf in numbers if leaf.label.rpartition(".")[0] in names}
    if layers:
        statements["layers"] = layers
    return statements


def job() -> str | None:
    """What tells one call of ``torchrun`` from another, and is the same after it has restarted its processes."""
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    return None if run is None else f"{run} {socket.gethostname()} {os.getppid()}"


def data_folder(config: Mapping[str, Any]) -> Path:
    """The folder that paths of data begin at; those of an example at what comes with the lampc at hand."""
    return resources.path("models") if config.get("shipped") else Path(config["folder"])


def program_hash(program: Program) -> str:
    """A digest of what is run in a step: the op lists, and where parameters begin."""
    digest = hashlib.sha256()
    for part in (program.forward, program.backward, program.update):
        digest.update(str(part).encode())
    digest.update(repr([(name, str(leaf.initialiser)) for name, leaf in program.parameters.items()]).encode())
    return digest.hexdigest()


def data_hash(data: Dataset) -> str:
    """A digest of all samples and targets, as they are trained on."""
    import numpy as np

    digest = hashlib.sha256()
    chosen_by = [part for part in [data.validation] if part is not None and len(part)]
    for part in (data.train, data.test, *chosen_by):
        x = _sampled(part.x) if isinstance(part.x, Rows) else part.x
        for array in (x, part.y, *([] if part.weight is None else [part.weight])):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _sampled(rows: Rows) -> Any:
    """A thousand rows of those that stay on the disk: to hash all would take as long as an epoch."""
    import numpy as np

    return rows[np.unique(np.linspace(0, len(rows) - 1, min(1000, len(rows))).astype(np.int64))] if len(rows) else rows[:]


def normal(data: Dataset) -> list[Any] | None:
    """The mean and the deviation by which samples are normalised."""
    return None if data.normal is None else [part.tolist() for part in data.normal]


def description(kept: Mapping[str, Any]) -> Description:
    """A description from JSON, where tuples are lists."""
    found = {field.name: kept[field.name] for field in fields(Description) if field.name in kept}
    found["remarks"] = ()  # of when it was trained
    if found.get("schema") is not None:
        found["schema"] = schema_of(found["schema"])
    return Description(**{k: tuple(v) if isinstance(v, list) else v for k, v in found.items()})  # type: ignore[arg-type]


def save_sources(program: Program, folder: Path) -> None:
    """Write the program's text, and those of the files that it uses, as they lie to one another."""
    base = _base(program)
    for source in (program.source, *program.elaborated.used):
        path = folder / SOURCES / _relative(source, base)
        files.folder(path.parent, folder)
        files.write(path, source.text.encode())


def main_name(program: Program) -> str:
    """The program's path in the folder of sources."""
    return _relative(program.source, _base(program)).as_posix()


def _base(program: Program) -> Path | None:
    return shared([source.path.parent for source in (program.source, *program.elaborated.used) if source.path is not None])


P = TypeVar("P", bound=PurePath)


def shared(folders: Sequence[P]) -> P | None:
    """The folder that all are in; where they are on several drives, that of the first's, the program's own."""
    if not folders:
        return None
    found = folders[0]
    while not all(folder.is_relative_to(found) for folder in folders if folder.anchor == folders[0].anchor):
        found = found.parent
    return found


def placed(path: P, base: P) -> P:
    """Where a source lies in the folder of a run's sources; one of another drive under that drive's letter."""
    return path.relative_to(base) if path.is_relative_to(base) else type(path)(path.drive.strip(":\\/") or "_", *path.parts[1:])


def _relative(source: Source, base: Path | None) -> Path:
    return Path("program.lamp") if source.path is None or base is None else placed(source.path, base)


def _folder(program: Program) -> Path:
    data = program.experiment.data
    if data is not None:
        return data.request.folder.absolute()
    return program.source.path.parent if program.source.path is not None else Path().absolute()


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None), list, tuple)
    return {name: value if isinstance(value, plain) else str(value) for name, value in arguments.items()}


def asdict_of(value: Any) -> dict[str, Any]:
    """A dataclass's fields, without going into them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
