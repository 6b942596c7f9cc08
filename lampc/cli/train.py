"""``lampc train``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from lampc.cli.clashes import given, refuse, refuse_settings
from lampc.cli.completion import complete_folders, complete_runs
from lampc.cli.inputs import FILE, called, common, load
from lampc.cli.kept import kept, unkept
from lampc.cli.reopened import reopened
from lampc.cli.report import print_diagnostics
from lampc.cli.say import say_json, unread
from lampc.cli.shown import Shown, telling
from lampc.cli.together import together
from lampc.cli.verb import verb
from lampc.diagnostics import LampError, Problems
from lampc.elaborate.given import Given
from lampc.runs.directory import create
from lampc.runtime.launch import rank, workers


@verb("lampc train disc", "lampc train disc --runs 5 --set epochs=20", "lampc train --resume disc --set epochs=200")
@FILE
@click.option("--runs", type=click.IntRange(1, 100_000), metavar="N", help="Train this many seeds, and report mean ± std.")
@click.option("--seed", type=click.IntRange(0, 2**53), metavar="N", help="The first seed.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to train.")
@click.option("--backend", type=click.Choice(["auto", "torch", "native"]), help="What runs it. [default: auto]")
@click.option("--json", "as_json", is_flag=True, help="Print lines of JSON alone: start, epochs, end.")
@click.option("--resume", is_flag=False, flag_value="", metavar="[RUN]", shell_complete=complete_runs,
              help="Go on with a run that was stopped; the file's latest.")  # fmt: skip
@click.option("--run-dir", envvar="LAMPC_RUNS", default="runs", show_default=True, metavar="DIR",
              shell_complete=complete_folders, help="Where runs are kept, as DIR/NAME/NUMBER.")  # fmt: skip
@click.option("--no-save", is_flag=True, help="Keep nothing.")
@click.option("--log", type=click.Choice(["tensorboard"]), help="Tell another program of each epoch; in the run's directory.")
@click.option("--save-every", type=click.FloatRange(0.0, 86_400.0), default=15.0, show_default=True, metavar="SECONDS",
              help="From one checkpoint to the next.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings, and what came of it.")
@common
def train(file: str, runs: int | None, seed: int | None, device: str | None, backend: str | None, as_json: bool,
          resume: str | None, run_dir: str, no_save: bool, log: str | None, save_every: float, settings: tuple[str, ...],
          quiet: bool, allow_python: bool, color: str) -> int:  # fmt: skip
    """Train the network as the file says."""
    from lampc.compile import compile_source
    from lampc.runs.config import data_folder

    problems = Problems()
    count = workers()
    options = {"runs": runs, "seed": seed, "device": device, "backend": backend, "workers": count if count > 1 else None}
    _see_that_all_counts(settings, count)
    manner = telling(as_json, color, quiet or rank() > 0)  # of several processes the first one tells
    asked = (*settings, *(f"train.{name}={value}" for name, value in options.items() if value is not None))
    try:
        if count > 1:
            return together(file, resume, run_dir, save_every, settings, options, allow_python, log, manner)
        keeping = None
        if resume is not None:
            keeping, file, asked = reopened(resume, file, run_dir, asked)
        with keeping or nullcontext():
            source, folder, overrides = load(file, asked, problems)
            place = None if keeping is None else data_folder(keeping.config)
            program = compile_source(source, Given(folder, overrides, allow_python, None, place), problems)
            print_diagnostics(program.warnings)
            shown = Shown(program, keeping.config["file"] if keeping else file, manner, not no_save)
            if no_save:
                return unkept(shown)
            if keeping is not None:
                return kept(shown, keeping.directory, None, asked, save_every, log)
            with create(Path(run_dir), called(file)) as directory:
                return kept(shown, directory, file, asked, save_every, log)
    except LampError as error:
        if as_json and (count == 1 or rank() == 0):
            say_json({"event": "error", "diagnostics": [diagnostic.json() for diagnostic in error.diagnostics]})
        raise
    except BrokenPipeError:
        return unread()


def _see_that_all_counts(settings: tuple[str, ...], workers: int) -> None:
    """See that no option is given that would change nothing.

    Raises:
        UsageError: if one is.
    """
    refuse("resume", "no_save", "a run that is gone on with is kept.")
    refuse("no_save", ("run_dir", "save_every", "log"), "nothing is kept.")
    refuse("quiet", "as_json", "nothing but JSON is printed.")
    refuse_settings(settings, {name: f"train.{name}" for name in ("runs", "seed", "device", "backend")})
    if workers > 1 and given("no_save"):
        raise click.UsageError("--no-save under torchrun: processes that train together keep a run.")
    if workers > 1 and click.get_current_context().params["backend"] == "native":
        raise click.UsageError("--backend native under torchrun: processes that train together use torch's kernels.")
