"""Rows of a table for a network that was trained on one: from a file, a frame, lines; and as its schema encodes them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.samples import encoded
from lampc.data.source import DataError
from lampc.data.understood import by_schema, insisted
from lampc.diagnostics import failure
from lampc.schema import Unfit
from lampc.schema import parse as parse_json
from lampc.table.cells import Form, Table
from lampc.table.encode import Encoded
from lampc.table.read import read
from lampc.table.schema import Schema

if TYPE_CHECKING:
    from lampc.runs.load import Run


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows, as they came and as samples."""

    table: Table
    encoded: Encoded

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The cells, as they came."""
        return {name: cells.to_pylist() for name, cells in self.table.columns.items()}

    def __len__(self) -> int:
        return self.table.rows


def of_file(run: Run, path: Path) -> Rows:
    """A file's rows.

    Raises:
        LampError: if it cannot be read, or lacks a column.
    """
    try:
        table = read_as(run, path)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    if not table.rows:
        raise failure("E603", f"{path} has no samples")
    return _encoded(run, table)


def read_as(run: Run, path: Path) -> Table:
    """A table, read as the run's statement insists, under the names that the schema has if it has none of its own.

    Raises:
        DataError: if it cannot be read.
    """
    data, schema = run.program.experiment.data, run.schema
    assert schema is not None
    if not os.path.isfile(path):  # False of a name that no file system has, too
        raise DataError("E601", f"cannot read {path}: there is no such file")
    return _with_names(schema, read(path, str(path), insisted({} if data is None else data.request.arguments)))


def of_values(run: Run, values: Any) -> Rows:
    """The rows of a frame, of columns by name, or of lists of cells in the order of the schema's columns.

    Raises:
        LampError: if they are not such as the network was trained on.
    """
    from lampc.table.read import of_frame

    schema = run.schema
    assert schema is not None
    try:
        table = of_frame(values, "the input", [column.name for column in schema.taken])
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    return _encoded(run, table)


def of_lines(run: Run, lines: Iterable[str], delimiter: str) -> Iterator[tuple[bool, Rows]]:
    """A row for each line, cells or JSON, and whether the first has named the columns.

    Raises:
        LampError: if a line is no row, with its number.
    """
    schema = run.schema
    assert schema is not None
    wanted = [column.name for column in schema.taken]
    header: list[str] | None = None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        place = f"standard input, line {number}"
        if text[0] in "[{":
            cells = _json(text, header or wanted, place)
            lacking = next((name for name in wanted if name not in cells), None)
            if lacking is not None:
                raise failure("E602", f"{place} has no `{lacking}`", f"they are {', '.join(wanted[:30])}")
        else:
            found = [cell.strip() for cell in next(csv.reader([text], delimiter=delimiter))]
            if len(found) == 1 < len(wanted) and len(text.split()) == len(header or wanted):  # numbers, typed with blanks
                found = text.split()
            if header is None and number == 1 and set(wanted) <= {*found}:
                header = found
                continue
            cells = _named(found, header or wanted, place)
        yield header is not None, _encoded(run, _one(cells, f"line {number}", schema.form.decimal))


def _named(cells: Sequence[Any], names: Sequence[str], place: str) -> dict[str, Any]:
    if len(cells) != len(names):
        known = f"they are {', '.join(names[:30])}"
        raise failure("E605", f"{place} has {len(cells)} cells, and {len(names)} are wanted", known)
    return dict(zip(names, cells, strict=True))


def _json(text: str, names: Sequence[str], place: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except Unfit as error:
        raise failure("E602", f"{place}: {error}") from None
    return value if isinstance(value, dict) else _named(value, names, place)


def _one(cells: Mapping[str, Any], line: str, decimal: str) -> Table:
    import pyarrow as pa

    typed = {name: cell if isinstance(cell, bool | int | float | None) else str(cell) for name, cell in cells.items()}
    columns = {name: pa.chunked_array([_array(cell)]) for name, cell in typed.items()}
    return Table("standard input", columns, Form(decimal=decimal), lambda row: line)


def _array(cell: bool | float | str | None) -> Any:
    """A cell by itself: a number as one, whatever begins decimals in texts."""
    import pyarrow as pa

    if cell is None or isinstance(cell, str) or abs(cell) >= 2**63:
        return pa.array([None if cell is None else str(cell)], pa.string())
    return pa.array([cell])


def _encoded(run: Run, table: Table) -> Rows:
    schema = run.schema
    assert schema is not None
    table = _with_names(schema, table)
    try:
        below = run.program.elaborated.input_below
        return Rows(table, encoded(schema, by_schema(schema, table, targets=False), table, below, trained=True))
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None


def _with_names(schema: Schema, table: Table) -> Table:
    """A table without a header, under the names of the columns that it must be of, if there are as many."""
    if table.form.header:
        return table
    for names in ([column.name for column in schema.taken], [column.name for column in schema.columns]):
        if len(names) == len(table.columns) and {*names} != {*table.columns}:
            return replace(table, columns=dict(zip(names, table.columns.values(), strict=True)))
    return table


class Unprepared:
    """What of rows, some at a time, a run's training had not prepared for, counted: the rows themselves are not kept."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._gaps: Counter[str] = Counter()
        self._unseen: Counter[str] = Counter()
        self._new: list[str] | None = None

    def add(self, rows: Rows) -> None:
        """Count some rows more; columns are those of the first."""
        self._gaps.update(rows.encoded.gaps)
        self._unseen.update(rows.encoded.unseen)
        if self._new is None:
            self._new = _new(self._run, rows.table)

    def __str__(self) -> str:
        """What is to be said of it; empty where there was nothing."""
        gaps, unseen, new = self._gaps, self._unseen, self._new or []
        parts = [f"{_counted(gaps)} missing"] if gaps else []
        parts += [f"{_counted(unseen)} of categories that are rare or that training never saw"] if unseen else []
        parts += [f"new columns, which are not looked at: {', '.join(new[:10])}{', …' * (len(new) > 10)}"] if new else []
        return "; ".join(parts)


def _new(run: Run, table: Table) -> list[str]:
    """Columns that the table of the training had not, or that the program does not speak of."""
    schema, data = run.schema, run.program.experiment.data
    assert schema is not None
    given: Mapping[str, Any] = {} if data is None else data.request.arguments
    if given.get("only"):
        return []
    known = {*(column.name for column in schema.columns), *(target.name for target in schema.targets)}
    known |= {*schema.used.values(), *(given.get("drop") or ())}
    return [name for name in table.columns if name not in known]


def _counted(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:6])
    return f"{total:,} cell{'s' * (total != 1)} ({shown}{', …' * (len(counts) > 6)})"
