"""What people, or programs, are told of a training while it goes on, and at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.cli.columns import print_schema
from lampc.cli.progress import progress
from lampc.cli.report import print_diagnostics, wants_color
from lampc.cli.results import print_end, print_tables, summed
from lampc.cli.say import say, say_json, say_table, tell
from lampc.diagnostics import LampError, failure

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.progress import Progress
    from lampc.runs.logs import TensorBoard
    from lampc.runtime.backend import Choice
    from lampc.runtime.footprint import Footprint, Manner
    from lampc.runtime.history import Epoch, History, Part


@dataclass(frozen=True)
class Telling:
    """How one is told."""

    progress: Progress
    as_json: bool
    color: str
    quiet: bool = False
    """Only of what came of it."""


def telling(as_json: bool, color: str, quiet: bool) -> Telling:
    """How one is told from the first moment on: that a program is compiled, which takes a while."""
    found = Telling(progress(quiet, as_json), as_json, color, quiet)
    found.progress.stage("compiling …")
    return found


class Shown:
    """What of a training people, or programs, are told."""

    def __init__(self, program: Program, file: str, manner: Telling, kept: bool,
                 plan: tuple[Footprint, Manner] | None = None) -> None:  # fmt: skip
        from lampc.runtime.backend import cores
        from lampc.runtime.device import device_of
        from lampc.runtime.fit import planned
        from lampc.runtime.turns import turns

        self.program = program
        self.as_json, self.progress = manner.as_json, manner.progress
        config = program.experiment.train
        self.turns = turns(program)
        count = len(self.turns)
        plan = plan or planned(program, device_of(config.device), count, min(count, cores()), kept)
        self.memory = None if plan is None else plan[0]
        self.model = program.model()  # torch's import and compilation are not part of the time that is measured
        self.model.native("loss")
        self.backend = self.model.backend
        if self.as_json:
            say_json(_start(program, file, self.backend, self.memory))
        elif not manner.quiet:
            _print_layers(program, wants_color(manner.color))
            tell(f"backend {self.backend.name}: {self.backend.reason}")
            if self.memory is not None:
                tell(f"memory {self.memory}")
        self.finished: list[History] = []
        self.trained = False
        """Whether an epoch has ended here."""
        self.board: TensorBoard | None = None
        self.progress.stage("loading data …")
        self.begin = time.perf_counter()

    def on_epoch(self, run: int, seed: int, epoch: Epoch) -> None:
        if self.board is not None:
            self.board.epoch(self.turns[run], epoch)
        if epoch.warnings:
            print_diagnostics(epoch.warnings)
        if self.as_json:
            say_json({"event": "epoch", "run": run, **self.turns[run].json(), "epoch": epoch.epoch, "loss": epoch.loss,
                   "seconds": epoch.seconds, "test": epoch.test,
                   **({"validation": epoch.validation} if epoch.validation else {})})  # fmt: skip
        self.trained = True
        self.progress.epoch(run, epoch)

    def on_part(self, run: int, part: Part) -> None:
        """An epoch of a run is under way."""
        self.progress.part(run, part)

    def start(self) -> None:
        """Training begins."""
        config = self.program.experiment.train
        self.begin = time.perf_counter()
        self.progress.begin(config.epochs, config.trainings)

    def close(self) -> dict[str, Any]:
        """Tell what came of it."""
        self.progress.close()
        if self.board is not None:
            self.board.close()
        self.seconds = time.perf_counter() - self.begin
        end = summed(self.finished, self.seconds, self.backend.name, self.program.experiment.train.folds)
        if not self.as_json and self.finished:
            print_end(end, self.finished)
            print_tables(self.program, end["tables"])
        return end

    def refuse_if_all_diverged(self) -> None:
        """See that there is something to tell of.

        Raises:
            LampError: as training from the first seed raised it, if no seed has come to its end.
        """
        from lampc.runtime.runs import finite

        if self.finished and not finite(self.finished):
            first = self.finished[0].diverged
            assert first is not None
            raise LampError(first.diagnostics or failure("E701", f"the loss is no longer a number in {first}").diagnostics)


def _start(program: Program, file: str, backend: Choice, memory: Footprint | None) -> dict[str, Any]:
    config = program.experiment.train
    return {
        "event": "start",
        "file": file,
        "backend": backend.name,
        "reason": backend.reason,
        "device": config.device,
        "precision": config.dtype,
        "seeds": [config.seed + run for run in range(config.runs)],
        **({"folds": config.folds} if config.folds else {}),
        "epochs": config.epochs,
        "batch": config.batch,
        **({"memory": {"total": memory.total, **memory.parts}} if memory is not None else {}),
        "parameters": sum(layer.parameter_count for layer in program.layers),
        "layers": [
            {"name": layer.name, "text": layer.text, "shape": list(layer.output_type.sample),
             "parameters": layer.parameter_count} for layer in program.layers
        ],
    }  # fmt: skip


def _print_layers(program: Program, color: bool) -> None:
    from lampc.runtime.summary import WIDTH, layers

    data = program.experiment.data
    if data is not None and data.description is not None and data.description.schema is not None:
        print_schema(data.description.schema, color, data.request.scale)
        say()
    say_table(*layers(program), color, WIDTH)
    say()
