"""Training that is kept in a run's directory, and training that is not."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from lampc.cli.report import warned
from lampc.cli.results import print_run
from lampc.cli.say import say, say_json, tell
from lampc.cli.shown import Shown
from lampc.cli.signals import listening, terminable
from lampc.diagnostics import LampError
from lampc.native.stop import Abandoned
from lampc.runs.directory import LAST, RunDirectory
from lampc.runs.stop import Stop, Stopped

if TYPE_CHECKING:
    from lampc.runs.train import Kept


_BREAK = 0.2
"""Seconds between what is shown to people."""


def unkept(shown: Shown) -> int:
    """Train, and keep nothing."""
    from lampc.runtime.runs import train_runs

    shown.start()
    with terminable() as stop:
        try:
            train_runs(shown.program, shown.turns, on_epoch=shown.on_epoch, finished=shown.finished,
                       every=0.0 if shown.as_json else _BREAK, on_part=shown.on_part)  # fmt: skip
        except KeyboardInterrupt:
            return _interrupted(shown, stop.signal)
    shown.refuse_if_all_diverged()
    end = shown.close()
    if shown.as_json:
        say_json(end)
    return 0


def kept(shown: Shown, directory: RunDirectory, file: str | None, given: tuple[str, ...], interval: float,
          log: str | None = None) -> int:  # fmt: skip
    """Train in a directory: anew, or, where no file is given, on."""
    from lampc.runs import train as runs
    from lampc.runs.several import train_several

    if log is not None:
        from lampc.runs.logs import TensorBoard

        shown.board = TensorBoard(directory.path / "tensorboard")

    stop, program = Stop(), shown.program
    several = program.experiment.train.trainings > 1
    if file is None:
        kept = runs.reopened(directory, program, stop, interval, given, sys.argv)
    else:
        measure = 1 if shown.as_json else max(1, program.experiment.train.epochs // 100)
        kept = runs.begin(program, shown.model, directory, file, given, sys.argv, measure, stop, interval)
    shown.start()
    warnings.showwarning = warned
    try:
        if several:
            with terminable() as heard:
                try:
                    train_several(kept, shown.turns, shown.on_epoch, shown.finished, file is None, shown.backend.name,
                                  shown.on_part, shown.progress.done)  # fmt: skip
                except KeyboardInterrupt:
                    stop.signal = heard.signal
                    raise Stopped from None
        else:
            with listening(stop):
                history = runs.train_one(kept, shown.model, lambda e: shown.on_epoch(0, shown.turns[0].seed, e), file is None,
                                         lambda part: shown.on_part(0, part))  # fmt: skip
            shown.finished.append(history)
    except (Stopped, Abandoned) as ended:
        directory.see_that_it_is_there()
        if not shown.as_json:
            say(f"{_saved(kept, isinstance(ended, Abandoned))} `lampc train --resume {kept.path}`", err=True)
        return _interrupted(shown, stop.signal, {"directory": str(kept.path)})
    if file is None and not shown.trained:
        _tell_that_nothing_was_left(kept, shown)
    try:
        shown.refuse_if_all_diverged()
    except LampError:
        with suppress(LampError):  # that it has diverged is the news
            runs.close(kept, shown.finished, time.perf_counter() - shown.begin)
        raise
    end = shown.close()
    found = runs.close(kept, shown.finished, shown.seconds)
    _pictured(kept)
    directory.see_that_it_is_there()
    if shown.as_json:
        say_json({**end, "directory": str(kept.path), "best": found["best"]})
    else:
        print_run(kept, found)
    return 0


def _tell_that_nothing_was_left(kept: Kept, shown: Shown) -> None:
    asked, trained = kept.program.experiment.train.epochs, min(map(len, shown.finished), default=0)
    if shown.finished and shown.finished[0].ended == "patience":
        tell(f"nothing to train: {kept.path} has ended after epoch {trained}, by `patience`", err=True)
    else:
        tell(f"nothing to train: {kept.path} has trained {trained} epochs, and {asked} are asked for; "
             f"`--set train.epochs={2 * trained}` trains on", err=True)  # fmt: skip


def _saved(kept: Kept, left: bool) -> str:
    """What there is to go on with after a training that was stopped, or left in the midst of a step."""
    from lampc.runs import checkpoint

    about = checkpoint.read(kept.path / LAST).about if (kept.path / LAST).exists() else {}
    epochs = kept.program.experiment.train.epochs
    if "progress" in about:
        when = f"saved in epoch {min(about['progress']['epoch'] + 1, epochs)} of {epochs}"
        return f"{when}, before the step that was under way; go on with" if left else f"{when}; go on with"
    return "saved; go on with" if about else "nothing had been saved yet; begin anew with"


def _pictured(kept: Kept) -> None:
    """Write the run's pictures; that one cannot be drawn loses nothing else."""
    from lampc.runs.load import load as loaded
    from lampc.runs.report import write

    try:
        write(loaded(kept.path, program=kept.program))
    except (LampError, OSError) as error:
        tell(f"there is no report: {error}", err=True)


def _interrupted(shown: Shown, number: int, where: Mapping[str, str] | None = None) -> int:
    end = shown.close()
    if shown.as_json:
        say_json({**end, **(where or {})})
    say("interrupted", err=True)
    return 128 + (number or 2)
