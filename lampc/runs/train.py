"""Training that is kept in a run directory, begun anew or gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data import Dataset
from lampc.diagnostics import LampError, Problems
from lampc.layers.metrics import METRICS as KNOWN
from lampc.runs import checkpoint as checkpoints
from lampc.runs import durable, state
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.config import config, data_hash, normal, program_hash, save_sources
from lampc.runs.directory import BEST, CONFIG, LAST, METRICS, SUMMARY, RunDirectory, read_json
from lampc.runs.keep import INTERVAL, Keep, Together, as_csv, follow, line, resume
from lampc.runs.stop import Stop
from lampc.runtime.history import Epoch, History
from lampc.runtime.loader import DataLoader
from lampc.runtime.runs import summary, train_runs
from lampc.runtime.steps import Position
from lampc.runtime.train import OnEpoch, load_data
from lampc.runtime.train import train as training

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

    @property
    def path(self) -> Path:
        """The directory."""
        return self.directory.path

    def about(self, data: Dataset, seed: int) -> dict[str, Any]:
        """What every checkpoint says of its network."""
        return {
            "seed": seed,
            "normal": normal(data),
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
    data = load_data(program) if program.experiment.data is not None else None
    found = {**config(program, file, settings, command, data, model.backend.name), "measure": measure}
    try:
        save_sources(program, directory.path)
        durable.write(directory.path / CONFIG, json.dumps(found, indent=1).encode())
    except OSError as error:
        raise _error("E613", f"{directory.path} cannot be written: {error.strerror or error}") from None
    return Kept(program, directory, found, stop, interval)


def train_one(kept: Kept, model: Model, on_epoch: OnEpoch | None = None, go_on: bool = False) -> History:
    """Train once, from the beginning or from the last checkpoint.

    Raises:
        LampError: if there is nothing to go on with, or it is of another network; as training raises it.
        Stopped: if somebody asked for it, once all is saved.
    """
    program, train = kept.program, kept.program.experiment.train
    data = load_data(program, model.seed)
    loader = DataLoader(data.train, train.batch, train.shuffle, seed=model.seed)
    about = kept.about(data, model.seed)
    keeper = Keep(model, kept.path, about, kept.stop, kept.interval)
    start: tuple[Position, History] | None = None
    group = model.group
    if group is not None:  # the others ask the same
        group.agree(kept.config["measure"])
        group.agree(go_on)
    if go_on:
        if data_hash(data) != kept.config["data"]["hash"]:
            raise _error("E612", "the data is not what the run was trained on", "begin a new run: leave `--resume` out")
        if program_hash(program) != kept.config["program"]:
            state.check_network(program, {**about, **_last_about(kept.path)}, str(kept.path / LAST))
            raise _error("E612", "the program is not what the run was trained with", "begin a new run: leave `--resume` out")
        raw = durable.read(kept.path / LAST) if (kept.path / LAST).exists() else None
        if group is not None:
            group.share(raw)
        if raw is not None:
            start = resume(model, checkpoints.decode(raw, str(kept.path / LAST)), kept.path, keeper, loader)
        else:  # it ended before the first checkpoint
            (kept.path / METRICS).unlink(missing_ok=True)
    where, before = start or (Position(), History(model.seed))
    together = keeper if group is None else Together(group, keeper, kept.stop)
    history = training(model, loader, data=data, on_epoch=on_epoch, measure=kept.config["measure"], keeper=together,
                       begin=(where, before), fresh=start is None)  # fmt: skip
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


def train_several(kept: Kept, seeds: Sequence[int], on_epoch: Callable[[int, int, Epoch], object] | None,
                  finished: list[History]) -> None:  # fmt: skip
    """Train once a seed; what is kept is each seed's measurements, and the weights of the best run's end."""
    lines: list[list[str]] = [[] for _ in seeds]
    best: list[tuple[float, int]] = []
    metric = metric_of(kept.program)

    def note(run: int, seed: int, epoch: Epoch) -> None:
        lines[run].append(json.dumps(line(epoch, seed)))
        if on_epoch is not None:
            on_epoch(run, seed, epoch)

    def ended(run: int, model: Model, history: History) -> None:
        value = (history.test or history.train).get(metric, history.epochs[-1].loss)
        score = value if metric in KNOWN and KNOWN[metric].greater_is_better else -value
        if not best or (score, -run) > best[0]:
            best[:] = [(score, -run)]
            measured = {"seed": seeds[run], "epoch": len(history), "metric": metric, "value": value}
            about = kept.about(load_data(kept.program, seeds[run]), seeds[run])
            checkpoints.write(kept.path / BEST, Checkpoint(state.weights(model), {**about, "best": measured}))

    try:
        train_runs(kept.program, seeds, on_epoch=note, finished=finished, measure=kept.config["measure"], on_end=ended)
    finally:
        done = {history.seed for history in finished}
        text = "".join(f"{entry}\n" for seed, run in zip(seeds, lines, strict=True) if seed in done for entry in run)
        durable.write(kept.path / METRICS, text.encode())


def metric_of(program: Program) -> str:
    """The metric by which the best epoch, and the best run, is chosen."""
    return program.experiment.train.best or next((m.name for m in program.metrics if not m.table), "loss")


def close(kept: Kept, finished: Sequence[History], seconds: float) -> dict[str, Any]:
    """Write what came of it: ``summary.json``, ``metrics.csv``; what the summary says."""
    entries = [json.loads(entry) for entry in durable.read(kept.path / METRICS).decode().splitlines()]
    best = checkpoints.read(kept.path / BEST).about["best"] if (kept.path / BEST).exists() else None
    found = {
        "run": str(kept.path),
        "best": best,
        "seeds": [history.seed for history in finished],
        "epochs": [len(history) for history in finished],
        "steps": sum(history.steps for history in finished),
        "seconds": seconds,
        "train": summary([history.train for history in finished]),
        "test": summary([history.test for history in finished]),
        "tables": [history.tables for history in finished],
        "ended": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    durable.write(kept.path / "metrics.csv", as_csv(entries).encode())
    durable.write(kept.path / SUMMARY, json.dumps(found, indent=1).encode())
    return found


def reopened(directory: RunDirectory, program: Program, stop: Stop, interval: float = INTERVAL) -> Kept:
    """A run that is to be gone on with."""
    return Kept(program, directory, read_json(directory.path / CONFIG), stop, interval)


def _error(code: str, message: str, *fixes: str) -> LampError:
    problems = Problems()
    problems.report(code, message, None, fixes=fixes)
    return LampError(problems.errors)
