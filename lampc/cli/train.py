"""``lampc train``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from lampc.cli.inputs import FILE, called, common, load
from lampc.cli.kept import kept, unkept
from lampc.cli.reopened import reopened
from lampc.cli.report import print_diagnostics, wants_color
from lampc.cli.say import say_json
from lampc.cli.shown import Shown
from lampc.cli.together import together
from lampc.diagnostics import LampError, Problems
from lampc.elaborate.given import Given
from lampc.runs.directory import create
from lampc.runtime.launch import workers


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
        return together(file, as_json, resume, run_dir, save_every, settings, options, allow_python, color)
    given = (*settings, *(f"train.{name}={value}" for name, value in options.items() if value is not None))
    try:
        keeping = None
        if resume is not None:
            keeping, file, given = reopened(resume, file, run_dir, given)
        with keeping or nullcontext():
            source, folder, overrides = load(file, given, problems)
            data_folder = None if keeping is None else Path(keeping.config["folder"])
            program = compile_source(source, Given(folder, overrides, allow_python, None, data_folder), problems)
            print_diagnostics(program.warnings)
            shown = Shown(program, keeping.config["file"] if keeping else file, as_json, wants_color(color),
                           not no_save)  # fmt: skip
            if no_save:
                return unkept(shown)
            if keeping is not None:
                return kept(shown, keeping.directory, None, given, save_every, log)
            with create(Path(run_dir), called(file)) as directory:
                return kept(shown, directory, file, given, save_every, log)
    except LampError as error:
        if as_json:
            say_json({"event": "error", "diagnostics": [diagnostic.json() for diagnostic in error.diagnostics]})
        raise
