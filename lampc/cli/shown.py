"""What people, or programs, are told of a training while it goes on, and at its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lampc.cli.report import print_diagnostics
from lampc.cli.results import print_end, print_tables, summed
from lampc.cli.say import say, say_json, say_table
from lampc.diagnostics import LampError, failure

if TYPE_CHECKING:
    from lampc.cli.progress import Progress
    from lampc.compile import Program
    from lampc.runs.logs import TensorBoard
    from lampc.runtime.backend import Choice
    from lampc.runtime.footprint import Footprint, Manner
    from lampc.runtime.history import Epoch, History


class Shown:
    """What of a training people, or programs, are told."""

    def __init__(self, program: Program, file: str, as_json: bool, color: bool, kept: bool,
                 plan: tuple[Footprint, Manner] | None = None) -> None:  # fmt: skip
        from lampc.runtime.backend import cores
        from lampc.runtime.fit import planned
        from lampc.runtime.model import device_of

        self.program = program
        self.as_json = as_json
        config = program.experiment.train
        self.seeds = [config.seed + run for run in range(config.runs)]
        plan = plan or planned(program, device_of(config.device), config.runs, min(config.runs, cores()), kept)
        self.memory = None if plan is None else plan[0]
        self.model = program.model()  # torch's import and compilation are not part of the time that is measured
        self.model.native("loss")
        self.backend = self.model.backend
        if as_json:
            say_json(_start(program, file, self.seeds, self.backend, self.memory))
        else:
            _print_layers(program, color)
            say(f"backend {self.backend.name}: {self.backend.reason}")
            if self.memory is not None:
                say(f"memory {self.memory}")
        self.finished: list[History] = []
        self.board: TensorBoard | None = None
        self._bar: Progress | None = None
        self._color = color
        self.begin = time.perf_counter()

    def on_epoch(self, run: int, seed: int, epoch: Epoch) -> None:
        if self.board is not None:
            self.board.epoch(seed, epoch)
        print_diagnostics(epoch.warnings)
        if self.as_json:
            say_json({"event": "epoch", "run": run, "seed": seed, "epoch": epoch.epoch, "loss": epoch.loss,
                   "seconds": epoch.seconds, "test": epoch.test,
                   **({"validation": epoch.validation} if epoch.validation else {})})  # fmt: skip
            return
        from lampc.cli.progress import progress

        config = self.program.experiment.train
        if self._bar is None:
            self._bar = progress(config.epochs, config.runs, self._color)
        self._bar.epoch(run, epoch)

    def close(self) -> dict[str, Any]:
        """Tell what came of it."""
        if self._bar is not None:
            self._bar.close()
        if self.board is not None:
            self.board.close()
        self.seconds = time.perf_counter() - self.begin
        end = summed(self.finished, self.seconds, self.backend.name)
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


def _start(program: Program, file: str, seeds: list[int], backend: Choice, memory: Footprint | None) -> dict[str, Any]:
    config = program.experiment.train
    return {
        "event": "start",
        "file": file,
        "backend": backend.name,
        "reason": backend.reason,
        "device": config.device,
        "precision": config.dtype,
        "seeds": seeds,
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

    say_table(*layers(program), color, WIDTH)
    say()
