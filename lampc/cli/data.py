"""``lampc data``."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lampc.cli.clashes import given
from lampc.cli.completion import complete_data
from lampc.cli.inputs import common, load
from lampc.cli.report import wants_color
from lampc.cli.say import say, say_json, say_table
from lampc.cli.verb import verb
from lampc.data import DataError
from lampc.diagnostics import LampError, Problems
from lampc.elaborate.given import Given
from lampc.examples import hints, located
from lampc.printable import printable
from lampc.tables import Column as Shown

if TYPE_CHECKING:
    from lampc.data.overview import Column


@verb("lampc data iris", "lampc data other.csv")
@click.argument("file", shell_complete=complete_data)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a column.")
@common
def data(file: str, as_json: bool, settings: tuple[str, ...], allow_python: bool, color: str) -> int:
    """Show what data there is: shapes, ranges, missing cells, classes, some samples.

    FILE is a .csv, .npz, .parquet or text file, a folder of images, or a program, whose data is shown as it is trained on.
    """
    from lampc.data.overview import of_dataset, overview

    problems = Problems()
    try:
        if not os.path.isdir(file) and located(file)[0].suffix == ".lamp":
            from lampc.compile import compile_source

            source, folder, overrides = load(file, settings, problems)
            program = compile_source(source, Given(folder, overrides, allow_python), problems)
            columns = of_dataset(program.data())
        else:
            for option, flag in (("settings", "--set"), ("allow_python", "--allow-python")):
                if given(option):
                    raise click.UsageError(f"{flag} beside {file}: it is for programs.")
            columns = overview(Path(file))
    except DataError as error:
        problems.report(error.code, str(error), None, fixes=[*error.fixes, *_meant(file)])
        raise LampError(problems.errors) from None
    except OSError as error:
        problems.report("E601", f"cannot read {file}: {error.strerror or error}", None, fixes=_meant(file))
        raise LampError(problems.errors) from None
    if as_json:
        for column in columns:
            say_json(asdict(column))
    else:
        _print(columns, wants_color(color))
    return 0


def _meant(file: str) -> list[str]:
    """What of programs was meant, where a name without an ending is none and no file either."""
    path = located(file)[0]
    return [] if path.suffix else hints(path)


def _print(columns: list[Column], color: bool) -> None:
    rows = []
    for column in columns[:60]:
        shape, missing = "x".join(map(str, column.shape)) or "1", f"{column.missing:,}" if column.missing else ""
        measures = map(_shown, (column.low, column.mean, column.high))
        rows.append((column.name, shape, column.kind, f"{column.count:,}", missing, *measures))
    names = ("name", "shape", "holds", "count", "missing", "least", "mean", "greatest")
    say_table([Shown(name, right=name not in ("name", "holds")) for name in names], rows, color, 110)
    if len(columns) > 60:
        say(f"and {len(columns) - 60} columns more")
    for column in columns[:60]:
        if column.classes:
            listed = ", ".join(f"{printable(name)} {count:,}" for name, count in list(column.classes.items())[:12])
            more = f", and {len(column.classes) - 12} more" if len(column.classes) > 12 else ""
            say(f"{printable(column.name)}: {listed}{more}")
    for column in columns[:12]:
        if column.samples:
            say(f"{printable(column.name)} begins {' · '.join(printable(sample[:60]) for sample in column.samples)}")


def _shown(value: Any) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else f"{value:.5g}"
