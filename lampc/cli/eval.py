"""``lampc eval``."""

from __future__ import annotations

import warnings
from pathlib import Path

import click

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files, complete_runs
from lampc.cli.report import warned
from lampc.cli.results import measure
from lampc.cli.say import say, say_json
from lampc.cli.verb import verb


@verb("lampc eval iris", "lampc eval iris --data other.csv --json")
@click.argument("run", shell_complete=complete_runs)
@click.option("--data", "other", metavar="FILE", shell_complete=complete_files,
              help="Measure on this file, of the kind that the run was trained on.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@click.option("--allow-python", is_flag=True, help='Permit `data python "module:function"` to run that function.')
@COLOR
def eval(run: str, other: str | None, as_json: bool, last: bool, allow_python: bool) -> int:
    """Measure a trained network: on the data it was held out from, or on another file."""
    warnings.showwarning = warned
    from lampc.runs.evaluate import evaluate
    from lampc.runs.load import load

    found = load(run, "last" if last else "best", allow_python=allow_python)
    results = evaluate(found, found.model(), None if other is None else Path(other))
    if as_json:
        say_json(results)
        return 0
    for part, measures in results.items():
        values = {name: {"mean": value, "values": [value]} for name, value in measures["measures"].items()}
        line = ", ".join(f"{name} {measure(name, value)}" for name, value in values.items())
        say(f"{part:5} {line} ({measures['samples']:,} samples)")
    if found.fold is not None and other is None:
        say(f"      these are the weights of fold {found.fold[0] + 1} of {found.fold[1]}, and its parts; "
            f"the mean over the folds is in {found.path / 'report.html'}")  # fmt: skip
    return 0
