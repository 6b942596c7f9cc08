"""Training of several seeds or folds that is kept: each one's measurements, and the weights of the one that is chosen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc import files
from lampc.diagnostics import failure
from lampc.runs import checkpoint as checkpoints
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.directory import BEST, LAST, METRICS, measurements
from lampc.runs.keep import best_of, epoch_of, line, measure
from lampc.runs.train import Kept, note_that_it_goes_on, see_that_it_is_the_same
from lampc.runtime.course import Best, ends_so, score
from lampc.runtime.history import Divergence, Epoch, History, Part
from lampc.runtime.runs import train_runs
from lampc.runtime.train import load_data
from lampc.runtime.turns import Turn
from lampc.runtime.weights import copied

if TYPE_CHECKING:
    from lampc.runtime.model import Model

Rank = tuple[float, float, int, int]

_OF_A_SEED = ("seed", "steps", "seconds", "train", "validation", "test", "ended", "tables")


def train_several(kept: Kept, turns: Sequence[Turn], on_epoch: Callable[[int, int, Epoch], object] | None,
                  finished: list[History], go_on: bool = False, backend: str = "",
                  on_part: Callable[[int, Part], object] | None = None,
                  on_done: Callable[[int], object] = lambda run: None) -> None:  # fmt: skip
    """Train once a seed and fold, or, to go on, those that have not ended.

    One that was under way begins anew, and so does one that is to train for more epochs than it has: it comes to what it would
    have come to if they had been asked for at first.

    ``on_done`` is told of those that need no more training.

    ``finished`` receives the histories of all that have ended, in the order of the turns, also if the rest is interrupted.

    Raises:
        LampError: if there is nothing to go on with, or it is of another network; as training raises it.
    """
    done: dict[Turn, History] = {}
    book = _Book(kept, done)
    if go_on:
        see_that_it_is_the_same(kept, load_data(kept.program, turns[0].seed, turns[0].fold), turns[0])
        book.read(turns)
        note_that_it_goes_on(kept, backend)
    runs = [run for run, turn in enumerate(turns) if turn not in done]
    for run in {*range(len(turns))} - {*runs}:
        on_done(run)

    def note(run: int, seed: int, epoch: Epoch) -> None:
        if on_epoch is not None:
            on_epoch(runs[run], seed, epoch)

    def note_part(run: int, part: Part) -> None:
        if on_part is not None:
            on_part(runs[run], part)

    try:
        if runs:
            train_runs(kept.program, [turns[run] for run in runs], on_epoch=note, measure=kept.config["measure"],
                       on_end=book.ended, on_part=note_part)  # fmt: skip
    finally:
        finished += [done[turn] for turn in turns if turn in done]
        book.write()


class _Book:
    """What has ended: written down from time to time, and once more at the end."""

    def __init__(self, kept: Kept, done: dict[Turn, History]) -> None:
        self.kept = kept
        self.done = done
        self._rank: Rank | None = None
        self._chosen: Checkpoint | None = None
        """The weights of the turn that is best by the validation part, in its best epoch; where there is none, of the first."""
        self._written = time.monotonic()

    def ended(self, _: int, model: Model, history: History) -> None:
        """Note a turn that has ended."""
        self.kept.directory.see_that_it_is_there()
        turn = history.turn
        self.done[turn] = history
        rank = _rank(history.best, turn)
        if history.diverged is None and (self._rank is None or rank > self._rank):
            about = self.kept.about(load_data(self.kept.program, turn.seed, turn.fold), turn)
            best = None if history.best is None else {**turn.json(), **measure(history.best)}
            weights = copied(model) if history.best is None else history.best.weights
            self._rank, self._chosen = rank, Checkpoint(weights, {**about, "best": best})
        if time.monotonic() - self._written >= self.kept.interval:
            self.write()

    def write(self) -> None:
        """Measurements first, then the best turn's weights, then which turns have ended.

        Raises:
            LampError: if they cannot be written.
        """
        histories = sorted(self.done.values(), key=lambda history: (history.seed, history.fold or ()))
        text = "".join(f"{json.dumps(line(epoch, history.turn))}\n" for history in histories for epoch in history.epochs)
        path = self.kept.path
        self.kept.directory.see_that_it_is_there()
        try:
            files.write(path / METRICS, text.encode())
            chosen = self._chosen or Checkpoint({}, {"best": None})
            if chosen.about["best"] is not None:
                checkpoints.write(path / BEST, chosen)
            if histories:
                ended = {"ended": list(map(_ended, histories)), "epochs": self.kept.program.experiment.train.epochs}
                checkpoints.write(path / LAST, Checkpoint(chosen.tensors, {**chosen.about, **ended}))
        except OSError as error:
            raise failure("E613", f"{path} cannot be written: {error.strerror or error}",
                             "make room, then `lampc train --resume`") from None  # fmt: skip
        self._written = time.monotonic()

    def read(self, turns: Sequence[Turn]) -> None:
        """What an earlier process has written of turns that need no more epochs."""
        if not (self.kept.path / LAST).exists():
            return
        last = checkpoints.read(self.kept.path / LAST)
        if "ended" not in last.about:
            raise failure("E612", f"{self.kept.path} has trained one seed, and several are asked for",
                             "begin a new run: leave `--resume` out")  # fmt: skip
        count = turns[0].fold[1] if turns[0].fold is not None else 0
        trained = {_turn(entry, count) for entry in last.about["ended"]}
        if not trained <= {*turns}:
            first, last_one = turns[0].seed, turns[-1].seed
            raise failure("E612", f"the run has trained seed {max(trained).seed}, and {first} to {last_one} are asked for",
                          "ask for as many, or begin a new run: leave `--resume` out")  # fmt: skip
        train, schedule = self.kept.program.experiment.train, self.kept.program.experiment.schedule
        if schedule is not None and last.about.get("epochs", train.epochs) != train.epochs:
            return  # it would have been another from the first step on
        lines = measurements(self.kept.path)
        for entry in last.about["ended"]:
            turn = _turn(entry, count)
            mine = [epoch_of(e) for e in lines if _turn(e, count) == turn]
            lost = entry["diverged"]
            diverged = None if lost is None else Divergence(lost["epoch"], lost["step"], lost["layer"])
            history = History(**{name: entry[name] for name in _OF_A_SEED}, epochs=mine, diverged=diverged,
                              fold=turn.fold)  # fmt: skip
            if ends_so(self.kept.program, history):
                self.done[turn] = history
        if "seed" not in last.about:  # all have diverged
            return
        chosen = Turn(last.about["seed"], None if "fold" not in last.about else (last.about["fold"][0], last.about["fold"][1]))
        if chosen not in self.done:
            # It may not be the one to choose any more, and of the others no weights are kept.
            self.done.clear()
        else:
            about = {name: value for name, value in last.about.items() if name not in ("ended", "epochs")}
            best = best_of(about.get("best"), last.tensors)
            self._rank, self._chosen = _rank(best, chosen), Checkpoint(last.tensors, about)


def _rank(best: Best | None, turn: Turn) -> Rank:
    """Greater is better: by the metric, then by the loss; of equal ones the first seed, and the first fold."""
    fold = -turn.fold[0] if turn.fold is not None else 0
    by = (0.0, 0.0) if best is None else (score(best.metric, best.value), score("loss", best.loss))
    return (*by, -turn.seed, fold)


def _turn(entry: Mapping[str, Any], folds: int) -> Turn:
    """The turn that an entry of a file is of, which counts folds from 1."""
    return Turn(entry["seed"], (entry["fold"] - 1, folds) if "fold" in entry else None)


def _ended(history: History) -> dict[str, Any]:
    diverged = None if history.diverged is None else history.diverged.json()
    return {**history.turn.json(), **{name: getattr(history, name) for name in _OF_A_SEED}, "diverged": diverged}
