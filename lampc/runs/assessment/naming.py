"""What the rows of a part are called: by the table's id column, or by their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lampc.data.source import DataError
from lampc.data.understood import understood
from lampc.diagnostics import failure
from lampc.runs import rows

if TYPE_CHECKING:
    from lampc.data import Split
    from lampc.runs.load import Run


@dataclass(frozen=True)
class Naming:
    """How rows are called."""

    by: str
    """The id column; ``row``: by their number in the table, from 0; ``sample``: by their number in the part."""
    name: Callable[[int], str]
    """Of a sample of the part, by its place there, from 0."""


def naming(run: Run, part: Split, other: Path | None = None) -> Naming:
    """Of a part of the run's own table, or of another file.

    Raises:
        LampError: if the table cannot be read any more.
    """
    places = part.rows
    if places is None:
        return Naming("sample", str)
    found = _ids(run, other)
    if found is None:
        return Naming("row", lambda index: str(places[index]))
    column, cells = found
    return Naming(column, lambda index: cells(int(places[index])))


def _ids(run: Run, other: Path | None) -> tuple[str, Callable[[int], str]] | None:
    """The table's first id column, and a row's id."""
    data, schema = run.program.experiment.data, run.schema
    if data is None or schema is None or not schema.ids:
        return None
    try:
        table = understood(data.request).table if other is None else rows.read_as(run, other)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    column = next((name for name in schema.ids if name in table.columns), None)
    if column is None:
        return None
    cells = table.columns[column]
    return column, lambda row: str(cells[row].as_py())
