"""Training a program from several seeds, or on several folds, and what came of them together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from lampc.runtime.asked import seeds as asked
from lampc.runtime.backend import cores
from lampc.runtime.device import device_of
from lampc.runtime.fit import planned
from lampc.runtime.history import Diverged, Epoch, History, Part
from lampc.runtime.steps import Position
from lampc.runtime.train import load_data, train
from lampc.runtime.turns import Turn, turns, turns_of

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


def train_many(program: Program, seeds: Sequence[int], settings: Sequence[Mapping[str, float]]) -> list[list[History]]:
    """Train from every seed, on every fold, with each of some settings; nothing but the end is evaluated."""
    wanted = turns(program, asked(seeds))
    return [train_runs(program, wanted, settings=chosen, every=math.inf) for chosen in settings]


def train_runs(
    program: Program,
    seeds: Sequence[int] | Sequence[Turn],
    device: str | None = None,
    on_epoch: Callable[[int, int, Epoch], object] | None = None,
    finished: list[History] | None = None,
    settings: Mapping[str, float] | None = None,
    jobs: int | None = None,
    every: float = 0.0,
    measure: int = 0,
    on_end: Callable[[int, Model, History], object] | None = None,
    on_part: Callable[[int, Part], object] | None = None,
) -> list[History]:
    """Train once a seed, or once a turn: a seed and a fold. A run is the whole experiment from its seed, data and split
    included, as if it were alone.

    Native runs go over the processor's cores, ``jobs`` at a time. ``on_epoch`` is told the run's number, from 0, its seed
    and the epoch, by one thread at a time. ``finished`` receives the runs that have ended, in order, also when the others
    are interrupted. A run whose loss is no longer a number has ended too: its history says where it ``diverged``, and the
    others go on. ``settings`` are optimiser settings other than the program's; ``every`` and ``measure`` as for ``train``.
    ``on_part`` is told the run's number and how far an epoch is that takes a while, by one thread at a time.
    ``on_end`` is told of each run that has ended, with the model as it is then.
    """
    turns = turns_of(seeds)
    histories: list[History] = [] if finished is None else finished
    jobs = min(len(turns), jobs or cores())
    found = planned(program, device_of(device or program.experiment.train.device), len(turns), jobs)
    jobs = 1 if found is None else found[1].side_by_side
    first = program.model(device=device)
    first.native("loss")
    if first.backend.name != "native":
        jobs = 1
    runs = _Runs(program, turns, device, on_epoch, dict(settings or {}), first, every, measure, on_end,
                 on_part)  # fmt: skip
    try:
        if jobs <= 1:
            for run in range(len(turns)):
                runs.one(run)
        else:
            runs.several(jobs)
    finally:
        histories += [history for _, history in sorted(runs.done.items())]
    return histories


class _Runs:
    """Runs of one program, each thread with a model of its own."""

    def __init__(
        self,
        program: Program,
        turns: Sequence[Turn],
        device: str | None,
        on_epoch: Callable[[int, int, Epoch], object] | None,
        settings: dict[str, float],
        first: Model,
        every: float,
        measure: int,
        on_end: Callable[[int, Model, History], object] | None,
        on_part: Callable[[int, Part], object] | None,
    ) -> None:
        self.program = program
        self.turns = turns
        self.device = device
        self.on_epoch = on_epoch
        self.settings = settings
        self.done: dict[int, History] = {}
        self.every = every
        self.measure = measure
        self.on_end = on_end
        self.on_part = on_part
        self._models = [first]
        self._lock = Lock()
        self._stopped = False
        self.alone = True
        """Whether a run may use all threads."""

    def several(self, jobs: int) -> None:
        self.alone = False
        with ThreadPoolExecutor(jobs) as pool:
            waiting = [pool.submit(self.one, run) for run in range(len(self.turns))]
            try:
                for future in as_completed(waiting):
                    future.result()
            except BaseException:
                self._stopped = True
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def one(self, run: int) -> None:
        if self._stopped:
            return
        with self._lock:
            model = self._models.pop() if self._models else None
        if model is None:
            model = self.program.model(device=self.device)
        if not self.alone:
            model.share(1)
        turn = self.turns[run]
        model.reset(turn.seed)
        model.set(**self.settings)

        def tell(epoch: Epoch) -> object:
            if self._stopped:
                raise _Stopped
            if self.on_epoch is None:
                return None
            with self._lock:
                return self.on_epoch(run, turn.seed, epoch)

        def tell_part(part: Part) -> object:
            if self._stopped:
                raise _Stopped
            if self.on_part is None:
                return None
            with self._lock:
                return self.on_part(run, part)

        history = History(turn.seed, fold=turn.fold)
        try:
            with suppress(Diverged):  # an outcome, which the history tells
                train(model, on_epoch=tell, every=self.every, measure=self.measure, begin=(Position(), history),
                      data=None if turn.fold is None else load_data(self.program, turn.seed, turn.fold),
                      watch=run == 0, on_part=tell_part)  # fmt: skip
        except _Stopped:
            return
        with self._lock:
            if self.on_end is not None:
                self.on_end(run, model, history)
            self.done[run] = history
            self._models.append(model)


class _Stopped(Exception):
    """Another run has failed, or the user has interrupted."""


def summary(results: Sequence[dict[str, float]]) -> dict[str, dict[str, float | list[float]]]:
    """Of each measure over the runs: mean, standard deviation (0 for one run), least, greatest, and all values."""
    names = results[0].keys() if results else ()
    found: dict[str, dict[str, float | list[float]]] = {}
    for name in names:
        values = [result[name] for result in results]
        found[name] = {
            "mean": mean(values),
            "std": deviation(values),
            "min": min(values),
            "max": max(values),
            "values": values,
        }
    return found


def mean(values: Sequence[float]) -> float:
    """The mean; none, or an infinite one, where values are none or too large."""
    return sum(value / len(values) for value in values) if _large(values) else statistics.fmean(values)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample, 0 of one value; no number where values are none or too large."""
    if len(values) < 2:
        return 0.0
    return math.nan if _large(values) else statistics.stdev(values)


def _large(values: Sequence[float]) -> bool:
    return not all(abs(value) < 1e150 for value in values)


def finite(histories: Sequence[History]) -> list[History]:
    """Those that have come to their end."""
    return [history for history in histories if history.diverged is None]


def outcomes(histories: Sequence[History]) -> str:
    """How many runs have ended and how many have diverged, and where; empty where all have ended."""
    lost = [history for history in histories if history.diverged is not None]
    if not lost:
        return ""
    places = [f"{history.turn} in {history.diverged}" for history in lost[:3]]
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return f"{len(histories) - len(lost)} finished, {len(lost)} diverged: {', '.join(places)}{more}"


def divergences(histories: Sequence[History]) -> list[dict[str, Any]]:
    """Which turns have diverged, and where, as JSON."""
    return [{**history.turn.json(), **history.diverged.json()} for history in histories if history.diverged is not None]
