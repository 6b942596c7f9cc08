"""``lampc train`` in one of several processes that train together."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.cli.inputs import called, load
from lampc.cli.kept import kept
from lampc.cli.reopened import Reopened, reopened
from lampc.cli.report import print_diagnostics
from lampc.cli.shown import Shown, Telling
from lampc.cli.signals import listening
from lampc.diagnostics import LampError, Problems, failure
from lampc.elaborate.given import Given
from lampc.native.stop import Abandoned
from lampc.runs.directory import create, every, find, read_config, source_of
from lampc.runs.stop import Stop, Stopped
from lampc.runtime.launch import rank

if TYPE_CHECKING:
    from lampc.compile import Program


def together(file: str, resume: str | None, run_dir: str, save_every: float, settings: tuple[str, ...],
              options: dict[str, Any], allow_python: bool, log: str | None, manner: Telling) -> int:  # fmt: skip
    """Train in one of the processes that ``torchrun`` has started: the first keeps and tells."""
    from lampc.compile import compile_source
    from lampc.runs.config import data_folder, job
    from lampc.runs.train import train_along
    from lampc.runtime.device import device_of
    from lampc.runtime.fit import planned
    from lampc.runtime.group import join

    problems = Problems()
    first = rank() == 0
    options["backend"] = "torch"
    given = (*settings, *(f"train.{name}={value}" for name, value in options.items() if value is not None))
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    keeping: Reopened | None = None
    if resume is not None or again:
        run = resume or ""
        if resume is None and first:  # a process was killed: the run that this torchrun has begun goes on
            found = [path for path in every(Path(run_dir)) if read_config(path).get("job") == job()]
            run = str(found[-1]) if found else ""
        if first and (run or resume is not None):
            keeping, file, given = reopened(run, file, run_dir, given)
        elif resume is not None and file == "-":
            place = find(run, Path(run_dir))
            config = read_config(place)
            given, file = (*config["settings"], *given), str(source_of(place, config))
    with keeping or nullcontext():
        source, folder, overrides = load(file, given, problems)
        beside = None if keeping is None else data_folder(keeping.config)
        try:
            program = compile_source(source, Given(folder, overrides, allow_python, None, beside), problems)
            _one_seed(program)
        except LampError:
            if first:
                raise
            return 1  # all find the same, and one says so
        plan = planned(program, device_of(program.experiment.train.device), kept=True) if first else None  # the others wait
        group = join(program.experiment.train.device)
        try:
            if not first:
                model = program.model()
                model.group, stop = group, Stop()
                model.random.seed(model.seed + 1_000_003 * group.rank)  # each drops out numbers of its own
                with listening(stop):
                    try:
                        train_along(program, model, stop)
                    except (Stopped, Abandoned):
                        return 128 + stop.signal if stop.signal else 1  # the first process has failed, and says so
                return 0
            print_diagnostics(program.warnings)
            shown = Shown(program, keeping.config["file"] if keeping else file, manner, True, plan)
            shown.model.group = group
            if keeping is not None:
                return kept(shown, keeping.directory, None, given, save_every, log)
            with create(Path(run_dir), called(file)) as directory:
                return kept(shown, directory, file, given, save_every, log)
        finally:
            group.close()


def _one_seed(program: Program) -> None:
    if program.experiment.train.runs > 1:
        raise failure(
            "E705",
            "several processes train one seed together, and several seeds are asked for",
            "`lampc train` without torchrun spreads seeds over the cores",
        )
    if program.experiment.train.folds:
        raise failure(
            "E705",
            f"several processes train one network together, and {program.experiment.train.folds} folds are asked for",
            "`lampc train` without torchrun spreads folds over the cores",
        )
