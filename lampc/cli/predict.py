"""``lampc predict``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lampc.cli.clashes import refuse
from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_files, complete_runs
from lampc.cli.report import warned
from lampc.cli.say import say, standard_output
from lampc.cli.signals import terminable
from lampc.cli.verb import verb

if TYPE_CHECKING:
    from lampc.runs.load import Run
    from lampc.runs.predict import Predictions, Writer
    from lampc.runs.rows import Unprepared
    from lampc.runtime.model import Model


@verb("echo 0.5,0.5 | lampc predict disc", "lampc predict iris new.csv -o answers.csv")
@click.argument("run", shell_complete=complete_runs)
@click.argument("input", default="-", metavar="[INPUT]", shell_complete=complete_files)
@click.option("-o", "--output", metavar="OUT", shell_complete=complete_files,
              help="A .csv, .jsonl, .npz or .parquet file; standard output where left out.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="On standard output: a JSON object a line, not CSV.")
@click.option("--last", is_flag=True, help="Take the weights of the last epoch, not of the best.")
@click.option("--threshold", type=click.FloatRange(0.0, 1.0), metavar="NUMBER",
              help="Of yes or no: yes is what has a probability above this, not above 0.5; `lampc eval RUN --threshold f1` "
                   "finds one. Of two classes the second means yes.")  # fmt: skip
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute.")
@COLOR
def predict(run: str, input: str, output: str | None, as_json: bool, last: bool, threshold: float | None,
            device: str | None) -> int:  # fmt: skip
    """Predict with a trained network.

    INPUT is a .csv, .npz, .npy, .parquet or .jsonl file, an image, or a folder of images; without it, standard input is
    read, and each line, numbers or JSON, is answered by a line, one that names the columns by one that names the answers.
    """
    refuse("as_json", "output", "the file's ending says its form: .csv, .jsonl, .npz or .parquet.")
    warnings.showwarning = warned
    from lampc.runs.load import load
    from lampc.runs.predict import Lines, writer
    from lampc.runs.rows import Unprepared

    found = load(run, "last" if last else "best")
    found = found if threshold is None else found.at(threshold)
    unprepared = Unprepared(found)
    header, parts = _answers(found, found.model(device), input, unprepared)
    plain = nullcontext(Lines(standard_output(), not as_json, header))
    out: AbstractContextManager[Writer] = plain if output is None else writer(Path(output))
    with terminable() as stop:
        try:
            with out as taken:
                for part in parts:
                    taken.write(part)
        except KeyboardInterrupt:
            say("interrupted: nothing is written" if output is not None else "interrupted", err=True)
            return 128 + stop.signal
    if notes := str(unprepared):
        say(notes, err=True)
    return 0


def _answers(run: Run, model: Model, input: str, unprepared: Unprepared) -> tuple[bool, Iterator[Predictions]]:
    """Whether the answers' columns are to be named, and the answers, some at a time; ``unprepared`` counts a table's rows."""
    from lampc.runs import inputs, rows
    from lampc.runs import predict as predicting

    if input != "-":
        return True, predicting.of_file(run, model, Path(input), unprepared.add)
    lines = inputs.open_lines(sys.stdin)
    if run.schema is None:
        header, lines = inputs.with_header(run, lines)
        samples = inputs.grouped(run, inputs.records(run, lines, header, "standard input"), 1)
        return header, (predicting.predict(run, model, x) for x in samples)
    given = rows.of_lines(run, lines, inputs.delimiter(run))
    first = next(given, None)
    header = first is not None and first[0]

    def answered() -> Iterator[Predictions]:
        for named, found in chain([first] if first is not None else [], given):
            unprepared.add(found)
            yield from predicting.of_rows(run, model, found, beside=named)

    return header, answered()
