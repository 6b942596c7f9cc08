"""``lampc train``."""

from __future__ import annotations

import os
import sys
import time
import warnings
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lampc.cli.inputs import FILE, called, common, load
from lampc.cli.report import print_diagnostics, wants_color, warned
from lampc.cli.say import say, say_json, say_table
from lampc.cli.signals import listening, terminable
from lampc.diagnostics import LampError, Problems, failure
from lampc.elaborate.given import Given
from lampc.native.stop import Abandoned
from lampc.printable import printable
from lampc.runs.directory import LAST, RunDirectory, create, every, find, read_config, source_of, take
from lampc.runs.stop import Stop, Stopped
from lampc.runtime.launch import rank, workers

if TYPE_CHECKING:
    from lampc.cli.progress import Progress
    from lampc.compile import Program
    from lampc.runs.logs import TensorBoard
    from lampc.runs.train import Kept
    from lampc.runtime.backend import Choice
    from lampc.runtime.footprint import Footprint, Manner
    from lampc.runtime.history import Epoch, History


@click.command()
@FILE
@click.option("--runs", type=click.IntRange(1, 100_000), help="Train this many seeds, and report mean ± std.")
@click.option("--seed", type=click.IntRange(0, 2**53), help="The first seed.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to train.")
@click.option("--backend", type=click.Choice(["auto", "torch", "native"]), help="What runs it. [default: auto]")
@click.option("--json", "as_json", is_flag=True, help="Print lines of JSON alone: start, epochs, end.")
@click.option(
    "--resume", is_flag=False, flag_value="", metavar="[RUN]", help="Go on with a run that was stopped; the file's latest."
)
@click.option("--run-dir", envvar="LAMPC_RUNS", default="runs", show_default=True, metavar="DIR",
              help="Where runs are kept, as DIR/NAME/NUMBER.")  # fmt: skip
@click.option("--no-save", is_flag=True, help="Keep nothing.")
@click.option("--log", type=click.Choice(["tensorboard"]), help="Tell another program of each epoch; in the run's directory.")
@click.option("--save-every", type=click.FloatRange(0.0, 86_400.0), default=15.0, show_default=True, metavar="SECONDS",
              help="From one checkpoint to the next.")  # fmt: skip
@common
def train(file: str, runs: int | None, seed: int | None, device: str | None, backend: str | None, as_json: bool,
          resume: str | None, run_dir: str, no_save: bool, log: str | None, save_every: float, settings: tuple[str, ...],
          allow_python: bool, color: str) -> int:  # fmt: skip
    """Train the network as the file says."""
    from lampc.compile import compile_source

    problems = Problems()
    count = workers()
    options = {"runs": runs, "seed": seed, "device": device, "backend": backend, "workers": count if count > 1 else None}
    if no_save and resume is not None:
        raise click.UsageError("A run that is gone on with is kept: leave --no-save or --resume out.")
    if count > 1:
        return _together(file, as_json, resume, run_dir, save_every, settings, options, allow_python, color)
    given = (*settings, *(f"train.{name}={value}" for name, value in options.items() if value is not None))
    try:
        keeping = None
        if resume is not None:
            keeping, file, given = _reopened(resume, file, run_dir, given)
        with keeping or nullcontext():
            source, folder, overrides = load(file, given, problems)
            data_folder = None if keeping is None else Path(keeping.config["folder"])
            program = compile_source(source, Given(folder, overrides, allow_python, None, data_folder), problems)
            print_diagnostics(program.warnings)
            shown = _Shown(program, keeping.config["file"] if keeping else file, as_json, wants_color(color),
                           not no_save)  # fmt: skip
            if no_save:
                return _unkept(shown)
            if keeping is not None:
                return _kept(shown, keeping.directory, None, given, save_every, log)
            with create(Path(run_dir), called(file)) as directory:
                return _kept(shown, directory, file, given, save_every, log)
    except LampError as error:
        if as_json:
            say_json({"event": "error", "diagnostics": [diagnostic.json() for diagnostic in error.diagnostics]})
        raise


def _together(file: str, as_json: bool, resume: str | None, run_dir: str, save_every: float, settings: tuple[str, ...],
              options: dict[str, Any], allow_python: bool, color: str) -> int:  # fmt: skip
    """Train in one of the processes that ``torchrun`` has started: the first keeps and tells."""
    from lampc.compile import compile_source
    from lampc.runs.config import job
    from lampc.runs.train import train_along
    from lampc.runtime.device import device_of
    from lampc.runtime.fit import planned
    from lampc.runtime.group import join

    problems = Problems()
    first = rank() == 0
    options["backend"] = "torch"
    given = (*settings, *(f"train.{name}={value}" for name, value in options.items() if value is not None))
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    keeping: _Reopened | None = None
    if resume is not None or again:
        run = resume or ""
        if resume is None and first:  # a process was killed: the run that this torchrun has begun goes on
            found = [path for path in every(Path(run_dir)) if read_config(path).get("job") == job()]
            run = str(found[-1]) if found else ""
        if first and (run or resume is not None):
            keeping, file, given = _reopened(run, file, run_dir, given)
        elif resume is not None and file == "-":
            place = find(run, Path(run_dir))
            config = read_config(place)
            given, file = (*config["settings"], *given), str(source_of(place, config))
    with keeping or nullcontext():
        source, folder, overrides = load(file, given, problems)
        data_folder = None if keeping is None else Path(keeping.config["folder"])
        try:
            program = compile_source(source, Given(folder, overrides, allow_python, None, data_folder), problems)
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
            shown = _Shown(program, keeping.config["file"] if keeping else file, as_json, wants_color(color), True, plan)
            shown.model.group = group
            if keeping is not None:
                return _kept(shown, keeping.directory, None, given, save_every)
            with create(Path(run_dir), called(file)) as directory:
                return _kept(shown, directory, file, given, save_every)
        finally:
            group.close()


def _one_seed(program: Program) -> None:
    if program.experiment.train.runs > 1:
        raise failure(
            "E705",
            "several processes train one seed together, and several seeds are asked for",
            "`lampc train` without torchrun spreads seeds over the cores",
        )


@dataclass
class _Reopened:
    """A run that is to be gone on with, locked."""

    directory: RunDirectory
    config: dict[str, Any]

    def __enter__(self) -> _Reopened:
        return self

    def __exit__(self, *_: object) -> None:
        self.directory.close()


def _reopened(run: str, file: str, root: str, given: tuple[str, ...]) -> tuple[_Reopened, str, tuple[str, ...]]:
    """The run, the file that is run, and its settings: the run's own text, or, where a file is named too, that one."""
    named = file != "-"
    path = find(run or (called(file) if named else ""), Path(root))
    directory = take(path)
    try:
        config = read_config(path)
        before = tuple(
            text for text in config["settings"] if text.partition("=")[0] not in {g.partition("=")[0] for g in given}
        )
        return _Reopened(directory, config), file if named else str(source_of(path, config)), (*before, *given)
    except BaseException:
        directory.close()
        raise


class _Shown:
    """What of a training people, or programs, are told."""

    def __init__(self, program: Program, file: str, as_json: bool, color: bool, kept: bool,
                 plan: tuple[Footprint, Manner] | None = None) -> None:  # fmt: skip
        from lampc.runtime.backend import cores
        from lampc.runtime.device import device_of
        from lampc.runtime.fit import planned

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
        end = _end(self.finished, self.seconds, self.backend.name)
        if not self.as_json and self.finished:
            _print_end(end, self.finished)
            _print_tables(self.program, end["tables"])
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


def _unkept(shown: _Shown) -> int:
    from lampc.runtime.runs import train_runs

    with terminable() as stop:
        try:
            train_runs(shown.program, shown.seeds, on_epoch=shown.on_epoch, finished=shown.finished,
                       every=0.0 if shown.as_json else _BREAK)  # fmt: skip
        except KeyboardInterrupt:
            return _interrupted(shown, stop.signal)
    shown.refuse_if_all_diverged()
    end = shown.close()
    if shown.as_json:
        say_json(end)
    return 0


def _kept(shown: _Shown, directory: RunDirectory, file: str | None, given: tuple[str, ...], interval: float,
          log: str | None = None) -> int:  # fmt: skip
    """Train in a directory: anew, or, where no file is given, on."""
    from lampc.runs import train as runs
    from lampc.runs.several import train_several

    if log is not None:
        from lampc.runs.logs import TensorBoard

        shown.board = TensorBoard(directory.path / "tensorboard")

    stop, program = Stop(), shown.program
    several = program.experiment.train.runs > 1
    if file is None:
        kept = runs.reopened(directory, program, stop, interval, given, sys.argv)
    else:
        measure = 1 if shown.as_json else max(1, program.experiment.train.epochs // 100)
        kept = runs.begin(program, shown.model, directory, file, given, sys.argv, measure, stop, interval)
    shown.begin = time.perf_counter()
    warnings.showwarning = warned
    try:
        if several:
            with terminable() as heard:
                try:
                    train_several(kept, shown.seeds, shown.on_epoch, shown.finished, file is None, shown.backend.name)
                except KeyboardInterrupt:
                    stop.signal = heard.signal
                    raise Stopped from None
        else:
            with listening(stop):
                history = runs.train_one(kept, shown.model, lambda e: shown.on_epoch(0, shown.seeds[0], e), file is None)
            shown.finished.append(history)
    except (Stopped, Abandoned) as ended:
        directory.see_that_it_is_there()
        if not shown.as_json:
            say(f"{_saved(kept, isinstance(ended, Abandoned))} `lampc train --resume {kept.path}`", err=True)
        return _interrupted(shown, stop.signal)
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
        _print_run(kept, found)
    return 0


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
        say(f"there is no report: {error}", err=True)


def _interrupted(shown: _Shown, number: int) -> int:
    end = shown.close()
    if shown.as_json:
        say_json(end)
    say("interrupted", err=True)
    return 128 + (number or 2)


def _print_run(kept: Kept, found: dict[str, Any]) -> None:
    """Where it is kept, and what to do with it."""
    from lampc.runs.example import command

    best = found["best"]
    if best is not None:
        value = measure(best["metric"], {"mean": best["value"], "values": [best["value"]]})
        seed = f"seed {best['seed']}, " if "seed" in best else ""
        chosen = f"best validation {best['metric']} {value} in {seed}epoch {best['epoch']}"
    else:
        lost = [entry["seed"] for entry in found["diverged"]]
        seed = next((f" of seed {s}" for s in found["seeds"] if s not in lost), "") if len(found["seeds"]) > 1 else ""
        chosen = f"the last epoch{seed} (there is no validation part to choose by)"
    say(f"run   {kept.path}, {chosen}")
    say(f"      {command(kept.program, kept.path, (found['seeds'] or [0])[0])}")


_BREAK = 0.2
"""Seconds between what is shown to people."""


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


def _end(finished: list[History], seconds: float, backend: str) -> dict[str, Any]:
    from lampc.runtime.runs import divergences, finite, summary

    ended = finite(finished)
    steps = sum(history.steps for history in finished)
    training = sum(history.seconds for history in finished)
    return {
        "event": "end",
        "seconds": seconds,
        "steps": steps,
        "us_per_step": 1e6 * training / steps if steps else 0.0,
        "backend": backend,
        "runs": len(ended),
        **({"diverged": divergences(finished)} if len(ended) < len(finished) else {}),
        "train": summary([history.train for history in ended]),
        **({"validation": summary([history.validation for history in ended])} if any(h.validation for h in ended) else {}),
        "test": summary([history.test for history in ended]),
        "tables": {name: _added([history.tables[name] for history in ended]) for name in ended[0].tables} if ended else {},
    }  # fmt: skip


def _added(tables: list[list[list[float]]]) -> list[list[float]]:
    """The runs' tables, added cell by cell."""
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def _print_tables(program: Program, tables: dict[str, list[list[float]]]) -> None:
    """Counts with the classes' names: what is true by rows, what was predicted by columns."""
    data = program.experiment.data
    classes = data.description.classes if data is not None and data.description is not None else None
    for name, rows in tables.items():
        names = [printable(name) for name in classes or map(str, range(len(rows)))][:20]
        names += [""] * (min(len(rows), 20) - len(names))
        width = max(5, *(len(label) for label in names))
        say(f"{name} (rows are true, columns predicted)")
        say(" " * (width + 2) + " ".join(f"{label:>{width}}" for label in names))
        for label, row in zip(names, rows, strict=False):
            say(f"  {label:{width}}" + " ".join(f"{count:{width}.0f}" for count in row[:20]))


def _print_layers(program: Program, color: bool) -> None:
    from lampc.runtime.summary import WIDTH, layers

    say_table(*layers(program), color, WIDTH)
    say()


def _print_end(end: dict[str, Any], finished: list[History]) -> None:
    from lampc.runtime.runs import outcomes

    spread = f" over {end['runs']} runs" if end["runs"] > 1 else ""
    parts = [part for part in ("train", "validation", "test") if end.get(part)]
    width = max((5, *map(len, parts)))
    for part in parts:
        measures = ", ".join(f"{name} {measure(name, found)}" for name, found in end[part].items())
        say(f"{part:{width}} {measures}{spread}")
    if len(finished) == 1 and finished[0].ended == "patience":
        say(f"ended after epoch {len(finished[0])}: no better {_looked_at(finished[0])} for as long as `patience` says")
    if outcomes(finished):
        say(outcomes(finished))
    say(f"{end['steps']:,} steps in {end['seconds']:.2f} s, {_microseconds(end['us_per_step'])} µs a step "
               f"(backend {end['backend']})")  # fmt: skip


def _looked_at(history: History) -> str:
    """What patience looked at."""
    return "training loss" if history.best is None else f"validation {history.best.metric}"


def _microseconds(number: float) -> str:
    return f"{number:.0f}" if number >= 20 else f"{number:.1f}"


def measure(name: str, found: dict[str, Any]) -> str:
    """A measure for people: accuracy in per cent, mean ± std where there are several runs."""
    several = len(found["values"]) > 1
    if name == "accuracy":
        return f"{100 * found['mean']:.1f} %" + (f" ± {100 * found['std']:.1f}" if several else "")
    return f"{found['mean']:.4g}" + (f" ± {found['std']:.2g}" if several else "")
