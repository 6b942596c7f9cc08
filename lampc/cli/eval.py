"""``lampc eval``."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files, complete_runs
from lampc.cli.report import color_asked, wants_color, warned
from lampc.cli.results import measure
from lampc.cli.say import say, say_json
from lampc.cli.verb import verb

if TYPE_CHECKING:
    from lampc.runs.assessment.threshold import Applied, Chosen


class Threshold(click.ParamType[Any]):
    """A number, or what it is to make greatest."""

    name = "threshold"
    metrics = ("f1", "balanced_accuracy", "accuracy")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        """The number or the metric."""
        if isinstance(value, float) or value in self.metrics:
            return value  # type: ignore[no-any-return]
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 <= number <= 1.0:
            self.fail(f"{value!r} is neither a number from 0 to 1 nor one of {', '.join(self.metrics)}.", param, ctx)
        return number

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The metrics."""
        return [CompletionItem(metric) for metric in self.metrics if metric.startswith(incomplete)]


@verb("lampc eval iris", "lampc eval iris --data other.csv --json", "lampc eval iris --report",
      "lampc eval disc --threshold 0.4")  # fmt: skip
@click.argument("run", shell_complete=complete_runs)
@click.option("--data", "other", metavar="FILE", shell_complete=complete_files,
              help="Measure on this file, of the kind that the run was trained on.")  # fmt: skip
@click.option("--report", "reported", is_flag=True,
              help="Tell of the test part (or all of FILE) how well each class is found, ROC and calibration, or the errors of "
                   "numbers; its worst rows; and how much each column matters.")  # fmt: skip
@click.option("--threshold", type=Threshold(), metavar="NUMBER|METRIC",
              help="Of yes or no: yes is what has a probability above this number, or above the one by which f1, "
                   "balanced_accuracy or accuracy of the validation part is greatest; what that brings is told.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@click.option("--allow-python", is_flag=True, help='Permit `data python "module:function"` to run that function.')
@COLOR
def eval(run: str, other: str | None, reported: bool, threshold: str | float | None, as_json: bool, last: bool,
         allow_python: bool) -> int:  # fmt: skip
    """Measure a trained network: on the data it was held out from, or on another file."""
    warnings.showwarning = warned
    from lampc.cli import assessed
    from lampc.runs.assessment.assess import assess, told_part
    from lampc.runs.assessment.threshold import chosen_on
    from lampc.runs.evaluate import measured, parts
    from lampc.runs.load import load

    found = load(run, "last" if last else "best", allow_python=allow_python)
    model = found.model()
    given = parts(found, model, None if other is None else Path(other))
    results = measured(model, given)
    name = told_part(given)
    chosen: Chosen | None = None
    applied: Applied | None = None
    if threshold is not None:
        own = parts(found, model) if other is not None and isinstance(threshold, str) else given
        chosen, applied = chosen_on(found, model, own.get("validation"), threshold, name, given[name])
    value = applied.value if applied else None
    report = assess(found, model, name, given[name], value, None if other is None else Path(other)) if reported else None
    if as_json:
        say_json({**results, **({"threshold": assessed.threshold_json(chosen, applied)} if applied else {}),
                  **({"report": assessed.report_json(report)} if report else {})})  # fmt: skip
        return 0
    for part, measures in results.items():
        values = {name: {"mean": value, "values": [value]} for name, value in measures["measures"].items()}
        line = ", ".join(f"{name} {measure(name, value)}" for name, value in values.items())
        say(f"{part:5} {line} ({measures['samples']:,} samples)")
    if applied is not None:
        assessed.print_threshold(chosen, applied, run, wants_color(color_asked()))
    if report is not None:
        assessed.print_report(report, wants_color(color_asked()))
    if found.fold is not None and other is None:
        say(f"      these are the weights of fold {found.fold[0] + 1} of {found.fold[1]}, and its parts; "
            f"the mean over the folds is in {found.path / 'report.html'}")  # fmt: skip
    return 0
