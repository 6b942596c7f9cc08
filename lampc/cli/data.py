"""``lampc data``."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lampc.cli.clashes import given
from lampc.cli.columns import MOST, print_columns
from lampc.cli.completion import complete_data
from lampc.cli.inputs import common, load
from lampc.cli.report import wants_color
from lampc.cli.say import say, say_json, say_table
from lampc.cli.verb import verb
from lampc.diagnostics import LampError, Problems
from lampc.diagnostics.unplaced import DataError
from lampc.examples import hints, located
from lampc.printable import printable
from lampc.tables import Column as Heading

if TYPE_CHECKING:
    from lampc.data import Dataset
    from lampc.data.overview import Column
    from lampc.table.shown import Shown
    from lampc.table.sight import Sight


@verb("lampc data iris", "lampc data other.csv", "lampc data other.csv --target species")
@click.argument("file", shell_complete=complete_data)
@click.option(
    "--target", "targets", multiple=True, metavar="COLUMN", help="Of a table: the column to learn; the last if not said."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a column.")
@common
def data(file: str, targets: tuple[str, ...], as_json: bool, settings: tuple[str, ...], allow_python: bool, color: str) -> int:
    """Show what data there is: of a table each column's kind, and the program that trains on it; else shapes, ranges, classes.

    FILE is a table (.csv, .tsv, .parquet, .jsonl; `-`: on standard input), a .npz or text file, a folder of images, or a
    program, whose data is shown as it is trained on.
    """
    problems = Problems()
    try:
        if not os.path.isdir(file) and located(file)[0].suffix == ".lamp":
            _refuse_of_tables(file, "a program")
            found: Sight | Sequence[Column] | Dataset = _of_program(file, settings, allow_python, problems)
        else:
            found = _of_file(file, targets)
    except DataError as error:
        problems.report(error.code, str(error), None, fixes=[*error.fixes, *_meant(file)])
        raise LampError(problems.errors) from None
    except OSError as error:
        problems.report("E601", f"cannot read {file}: {error.strerror or error}", None, fixes=_meant(file))
        raise LampError(problems.errors) from None
    _show(found, file, as_json, wants_color(color))
    return 0


def _of_program(file: str, settings: tuple[str, ...], allow_python: bool, problems: Problems) -> Dataset:
    from lampc.compile import compile_source
    from lampc.elaborate.given import Given

    source, folder, overrides = load(file, settings, problems)
    return compile_source(source, Given(folder, overrides, allow_python), problems).data()


def _of_file(file: str, targets: tuple[str, ...]) -> Sight | Sequence[Column]:
    from lampc.table.sight import TABLES, of_table, sight

    for option, flag in (("settings", "--set"), ("allow_python", "--allow-python")):
        if given(option):
            raise click.UsageError(f"{flag} beside {file}: it is for programs.")
    if file == "-":
        from lampc.table.read import of_bytes

        return of_table(of_bytes(sys.stdin.buffer.read(), "standard input"), targets)
    if Path(file).suffix.lower() in TABLES and not os.path.isdir(file):
        return sight(Path(file), targets)
    _refuse_of_tables(file, "no table")
    from lampc.data.overview import overview

    return overview(Path(file))


def _refuse_of_tables(file: str, what: str) -> None:
    if given("targets"):
        raise click.UsageError(f"--target beside {file}: it is for tables, and that is {what}.")


def _meant(file: str) -> list[str]:
    """What of programs was meant, where a name without an ending is none and no file either."""
    path = located(file)[0]
    return [] if path.suffix else hints(path)


def _show(found: Sight | Sequence[Column] | Dataset, file: str, as_json: bool, color: bool) -> None:
    from lampc.table.shown import shown
    from lampc.table.sight import Sight

    if isinstance(found, Sight):
        columns = found.columns()
        if as_json:
            _say_json(columns)
        else:
            _print_table(found, columns, file, color)
        return
    from lampc.data import Dataset
    from lampc.data.overview import of_dataset

    schema = found.description.schema if isinstance(found, Dataset) else None
    arrays = of_dataset(found) if isinstance(found, Dataset) else found
    if as_json:
        _say_json(arrays)
        return
    if schema is not None:
        scaled = isinstance(found, Dataset) and found.unit is not None
        print_columns(shown(schema, scaled=scaled), color)
        say()
    _print(arrays, color)


def _say_json(columns: Sequence[Shown | Column]) -> None:
    for column in columns:
        say_json(asdict(column))


def _print_table(found: Sight, columns: Sequence[Shown], file: str, color: bool) -> None:
    say(f"{printable(found.table.name)}: {found.table.rows:,} rows, {len(columns):,} columns")
    for note in found.table.notes:
        say(f"  {printable(note)}")
    print_columns(columns, color)
    say()
    say("The program that trains on it, to be saved beside it as a .lamp file:")
    say()
    say(found.program("table.csv" if file == "-" else Path(file).name).rstrip())


def _print(columns: Sequence[Column], color: bool) -> None:
    rows = []
    for column in columns[:MOST]:
        shape, missing = "x".join(map(str, column.shape)) or "1", f"{column.missing:,}" if column.missing else ""
        measures = map(_shown, (column.low, column.mean, column.high))
        rows.append((column.name, shape, column.kind, f"{column.count:,}", missing, *measures))
    names = ("name", "shape", "holds", "count", "missing", "least", "mean", "greatest")
    say_table([Heading(name, right=name not in ("name", "holds")) for name in names], rows, color, 110)
    if len(columns) > MOST:
        say(f"and {len(columns) - MOST} columns more")
    for column in columns[:MOST]:
        if column.classes:
            listed = ", ".join(f"{printable(name)} {count:,}" for name, count in list(column.classes.items())[:12])
            more = f", and {len(column.classes) - 12} more" if len(column.classes) > 12 else ""
            say(f"{printable(column.name)}: {listed}{more}")
    for column in columns[:12]:
        if column.samples:
            say(f"{printable(column.name)} begins {' · '.join(printable(sample[:60]) for sample in column.samples)}")


def _shown(value: Any) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else f"{value:.5g}"
