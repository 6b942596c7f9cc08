"""Training that is kept in a run directory, begun anew or gone on with."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc import files
from lampc.data import Dataset
from lampc.diagnostics import failure
from lampc.runs import checkpoint as checkpoints
from lampc.runs import state
from lampc.runs.config import config, data_hash, normal, program_hash, resolved, save_sources
from lampc.runs.directory import BEST, CONFIG, LAST, METRICS, SUMMARY, RunDirectory, measurements, read_config
from lampc.runs.keep import INTERVAL, Keep, Together, as_csv, follow, resume
from lampc.runs.stop import Stop
from lampc.runtime.history import Diverged, History
from lampc.runtime.loader import DataLoader
from lampc.runtime.runs import divergences, finite, summary
from lampc.runtime.steps import Position
from lampc.runtime.train import OnEpoch, OnPart, load_data
from lampc.runtime.train import train as training
from lampc.runtime.turns import Turn, first_fold
from lampc.schema import parse
from lampc.table.stored import json_of

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


@dataclass
class Kept:
    """A training in a directory."""

    program: Program
    directory: RunDirectory
    config: dict[str, Any]
    stop: Stop = field(default_factory=Stop)
    interval: float = INTERVAL
    """Seconds from one checkpoint to the next."""
    settings: tuple[str, ...] = ()
    """What overrides the program's statements now; a run that is gone on with may have had others."""
    command: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The directory."""
        return self.directory.path

    def about(self, data: Dataset, turn: Turn) -> dict[str, Any]:
        """What every checkpoint says of its network."""
        return {
            "seed": turn.seed,
            **({} if turn.fold is None else {"fold": list(turn.fold)}),
            "normal": normal(data),
            "schema": None if data.schema is None else json_of(data.schema),
            "unit": None if data.unit is None else data.unit.lists(),
            "file": self.config["file"],
            "source": self.program.source.text,
            "program": self.config["program"],
            "network": state.network(self.program),
        }


def begin(program: Program, model: Model, directory: RunDirectory, file: str, settings: Sequence[str], command: Sequence[str],
          measure: int, stop: Stop, interval: float = INTERVAL) -> Kept:  # fmt: skip
    """Write down what is going to be run.

    Raises:
        LampError: if that is impossible.
    """
    data = load_data(program, fold=first_fold(program)) if program.experiment.data is not None else None
    found = {**config(program, file, settings, command, data, model.backend.name), "measure": measure}
    try:
        save_sources(program, directory.path)
        files.write(directory.path / CONFIG, json.dumps(found, indent=1).encode())
    except OSError as error:
        raise failure("E613", f"{directory.path} cannot be written: {error.strerror or error}") from None
    return Kept(program, directory, found, stop, interval)


def reopened(directory: RunDirectory, program: Program, stop: Stop, interval: float = INTERVAL, settings: Sequence[str] = (),
             command: Sequence[str] = ()) -> Kept:  # fmt: skip
    """A run that is to be gone on with, perhaps with other settings."""
    return Kept(program, directory, read_config(directory.path), stop, interval, tuple(settings), tuple(command))


def see_that_it_is_the_same(kept: Kept, data: Dataset, turn: Turn) -> None:
    """See that a run can be gone on with.

    Raises:
        LampError: if the data or the program is another, or a setting that leaves what has been trained something else than
            what is going to be.
    """
    if data_hash(data) != (kept.config["data"] or {}).get("hash"):
        raise failure("E612", "the data is not what the run was trained on", "begin a new run: leave `--resume` out")
    if program_hash(kept.program) != kept.config["program"]:
        state.check_network(kept.program, {**kept.about(data, turn), **_last_about(kept.path)}, str(kept.path / LAST))
        raise failure("E612", "the program is not what the run was trained with", "begin a new run: leave `--resume` out")
    looked_at = ("train",) if kept.program.experiment.train.trainings == 1 else ("train", "optimizer", "layers")
    measured = [metric.name for metric in kept.program.metrics]
    now = parse(json.dumps({**resolved(kept.program), "metrics": {"metrics": measured}}))  # as it is written
    then = {**kept.config["resolved"], "metrics": {"metrics": kept.config["metrics"]}}
    for statement in ("metrics", *looked_at):
        before, asked = then.get(statement, {}), now.get(statement, {})
        for name in asked:
            if name in before and before[name] != asked[name] and f"{statement}.{name}" not in _OTHERS:
                raise failure("E612", f"the run was trained with {name}={before[name]}, and {name}={asked[name]} is asked for",
                              "begin a new run: leave `--resume` out")  # fmt: skip


_OTHERS = ("train.epochs", "train.patience", "train.runs", "train.device", "train.backend")
"""What may be another than it was when a run is gone on with; of one seed the numbers of a step, such as `lr`, may, too."""


def note_that_it_goes_on(kept: Kept, backend: str) -> None:
    """Write down that a run is gone on with, and the settings that hold from now on; what came of it is still to come.

    Raises:
        LampError: if that cannot be written.
    """
    fresh = config(kept.program, kept.config["file"], kept.settings, kept.command, None, backend)
    same = ("settings", "resolved", "source", "metrics", "backend")
    note = {name: fresh[name] for name in ("command", "started", "versions")}
    kept.config = {**kept.config, **{name: fresh[name] for name in same}, "job": fresh["job"],
                   "resumed": [*kept.config.get("resumed", []), note]}  # fmt: skip
    try:
        save_sources(kept.program, kept.path)
        files.write(kept.path / CONFIG, json.dumps(kept.config, indent=1).encode())
        with contextlib.suppress(FileNotFoundError):
            files.remove(kept.path / SUMMARY)
    except OSError as error:
        raise failure("E613", f"{kept.path} cannot be written: {error.strerror or error}") from None


def train_one(kept: Kept, model: Model, on_epoch: OnEpoch | None = None, go_on: bool = False,
              on_part: OnPart | None = None) -> History:  # fmt: skip
    """Train once, from the beginning or from the last checkpoint. That it diverges is an outcome, which the history tells.

    Raises:
        LampError: if there is nothing to go on with, or it is of another network; as training raises it.
        Stopped: if somebody asked for it, once all is saved.
    """
    program, train = kept.program, kept.program.experiment.train
    data = load_data(program, model.seed)
    loader = DataLoader(data.train, train.batch, train.shuffle, seed=model.seed)
    about = kept.about(data, Turn(model.seed))
    keeper = Keep(model, kept.directory, about, kept.stop, kept.interval)
    start: tuple[Position, History] | None = None
    group = model.group
    if group is not None:  # the others ask the same
        group.agree(kept.config["measure"])
        group.agree(go_on)
    if go_on:
        see_that_it_is_the_same(kept, data, Turn(model.seed))
        raw = checkpoints.raw(kept.path / LAST) if (kept.path / LAST).exists() else None
        if group is not None:
            group.share(raw)
        if raw is not None:
            last = checkpoints.decode(raw, str(kept.path / LAST))
            if "progress" not in last.about:
                raise failure("E612", f"{kept.path} has trained several seeds, and one is asked for",
                                 "begin a new run: leave `--resume` out")  # fmt: skip
            start = resume(model, last, kept.path, keeper, loader)
        else:  # it ended before the first checkpoint
            files.remove(kept.path / METRICS)
        note_that_it_goes_on(kept, model.backend.name)
    where, before = start or (Position(), History(model.seed))
    together = keeper if group is None else Together(group, keeper, kept.stop)
    try:
        history = training(model, loader, data=data, on_epoch=on_epoch, measure=kept.config["measure"], keeper=together,
                           begin=(where, before), fresh=start is None, on_part=on_part)  # fmt: skip
    except Diverged:
        with contextlib.suppress(OSError):  # that it has diverged is the news
            keeper.record(before)
        return before
    keeper.save(where, history, loader, final=True)
    return history


def train_along(program: Program, model: Model, stop: Stop) -> None:
    """Train in a process that is not the first of several: the first one keeps, and says how to begin.

    Raises:
        LampError: as training raises it.
        Stopped: if somebody asked for it.
    """
    group = model.group
    assert group is not None
    train = program.experiment.train
    measure, going_on = int(group.agree(0)), bool(group.agree(0))
    data = load_data(program, model.seed)
    loader = DataLoader(data.train, train.batch, train.shuffle, seed=model.seed)
    raw = group.share(None) if going_on else None
    start = None if raw is None else follow(model, checkpoints.decode(raw, "the checkpoint"), Path("the run"), loader)
    training(model, loader, data=data, measure=measure, keeper=Together(group, None, stop),
             begin=start or (Position(), History(model.seed)), fresh=start is None)  # fmt: skip


def _last_about(path: Path) -> Mapping[str, Any]:
    return checkpoints.read(path / LAST).about if (path / LAST).exists() else {}


def close(kept: Kept, finished: Sequence[History], seconds: float) -> dict[str, Any]:
    """Write what came of it: ``summary.json``, ``metrics.csv``; what the summary says."""
    ended = finite(finished)
    entries = measurements(kept.path)
    best = checkpoints.read(kept.path / BEST).about.get("best") if (kept.path / BEST).exists() else None
    found = {
        "run": str(kept.path),
        "best": best,
        "seeds": [history.seed for history in finished],
        **({"folds": [h.fold[0] + 1 for h in finished if h.fold]} if kept.program.experiment.train.folds else {}),
        "epochs": [len(history) for history in finished],
        "diverged": divergences(finished),
        "steps": sum(history.steps for history in finished),
        "seconds": seconds,
        "train": summary([history.train for history in ended]),
        "validation": summary([history.validation for history in ended]),
        "test": summary([history.test for history in ended]),
        "tables": [history.tables for history in ended],
        "ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    try:
        files.write(kept.path / "metrics.csv", as_csv(entries).encode())
        files.write(kept.path / SUMMARY, json.dumps(found, indent=1).encode())
    except OSError as error:
        raise failure("E613", f"{kept.path} cannot be written: {error.strerror or error}") from None
    return found
