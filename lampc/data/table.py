"""CSV files, read strictly: nothing is guessed, and a bad cell is named by its row and column."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from lampc.data.nearby import beside
from lampc.data.place import within
from lampc.data.remarks import described
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SCALE, SPLIT, VALIDATION, Cut, make, named
from lampc.data.whole import in_table, refuse_strange
from lampc.diagnostics.suggest import nearest
from lampc.layers.signature import Flag, Name, Param, Signature, Text

_FILE_BYTES = 2_000_000_000
_FIELD_CHARACTERS = 100_000


def open_regular(folder: Path, name: str, mode: str) -> IO[bytes]:
    """A regular file's bytes.

    Raises:
        DataError: if it cannot be had, or is too large.
    """
    try:
        path = within(folder, name)
        if path.exists() and not path.is_file():
            raise DataError("E601", f"cannot read {name}: it is not a file")
        if path.stat().st_size > _FILE_BYTES:
            raise DataError("E601", f"{name} is larger than {_FILE_BYTES:,} bytes")
        return path.open(mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError("E601", f"cannot read {name}: {reason[:1].lower()}{reason[1:]}",
                        beside(folder / name, name), "path") from None  # fmt: skip


def _load(request: Request) -> Dataset:
    import numpy as np

    arguments = request.arguments
    header, rows, lines = _read(request)
    target = target_column(arguments["target"], header)
    features = feature_columns(request.columns, request.arguments["path"], header, target)
    cells = [row[target] for row in rows]
    rows = [[row[index] for index in features] for row in rows]
    names = [header[index] for index in features]
    x = np.array(_numbers(rows, names, lines), dtype=np.float64)
    if request.below:
        refuse_strange(x, request.below, in_table(lines, names))
    parsed = [_number(cell) for cell in cells]
    if arguments["classes"] or all(value is None for value in parsed):
        _refuse_missing(cells, header[target], lines)
        whole = all(value is not None and value.is_integer() for value in parsed)
        classes = sorted(set(cells), key=(lambda cell: (float(cell), cell)) if whole else None)
        index = {name: label for label, name in enumerate(classes)}
        labels = np.array([index[cell] for cell in cells], dtype=np.int64)
        made = make(x, labels, tuple(classes), Cut.of(request))
        return named(made, names, header[target])
    y = np.array(_numbers([[cell] for cell in cells], [header[target]], lines), dtype=np.float64)
    return named(make(x, y, None, Cut.of(request)), names, header[target])


def _read(request: Request) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows' cells, and the line on which each row ends."""
    name = request.arguments["path"]
    delimiter = request.arguments["delimiter"]
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError("E305", f'a delimiter is one character, not "{delimiter}"', option="delimiter")
    with open_regular(request.folder, name, "rb") as file:
        raw = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError("E601", f"{name}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8",
                        ("save the file as UTF-8",)) from None  # fmt: skip
    csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] = []
    try:
        for row in reader:
            if not header:
                header = _header(row, name)
            elif row:
                if len(row) != len(header):
                    raise DataError("E602", f"{name}, line {reader.line_num} has {len(row)} cells, the header {len(header)}")
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError("E601", f"{name}, line {reader.line_num}: {error}") from None
    if not header:
        raise DataError("E603", f"{name} is empty: a header line is wanted")
    if not rows:
        raise DataError("E603", f"{name} has a header and no rows")
    return header, rows, lines


def _header(row: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in row]
    if not header or "" in header:
        where = f"column {header.index('') + 1}" if header else "line 1"
        raise DataError("E601", f"{name}: the header has no name in {where}")
    if all(_number(cell) is not None for cell in header):
        raise DataError("E601", f"{name}: the first line holds numbers: a header line with names is wanted")
    double = next((cell for index, cell in enumerate(header) if cell in header[:index]), None)
    if double is not None:
        raise DataError("E601", f"{name}: two columns are called `{double}`")
    return header


def target_column(wanted: str | None, header: list[str]) -> int:
    """Which column is the target.

    Raises:
        DataError: if there is none of that name.
    """
    if wanted is None:
        return len(header) - 1
    if wanted not in header:
        near = nearest(wanted, header)
        raise DataError("E601", f"there is no column `{wanted}`",
                        (f"did you mean `{near}`?" if near else f"there are {', '.join(header)}",), "target")  # fmt: skip
    return header.index(wanted)


def feature_columns(wanted: Sequence[str] | None, name: str, header: list[str], target: int) -> list[int]:
    """Which columns are features: those that are asked for, in that order, or all but the target.

    Raises:
        DataError: if there are none, or one is missing.
    """
    if wanted is None:
        features = [index for index in range(len(header)) if index != target]
        if not features:
            raise DataError("E601", "there is no feature column beside the target")
        return features
    return places(header, wanted, name, header[target])


def places(header: Sequence[str], wanted: Sequence[str], name: str, target: str = "") -> list[int]:
    """Where the columns are that a network was trained on, by their names; of others a warning tells.

    Raises:
        DataError: if one is missing, or two have one name.
    """
    missing = next((column for column in wanted if column not in header), None)
    if missing is not None:
        near = nearest(missing, [column for column in header if column not in wanted])
        raise DataError("E601", f"{name} has no column `{missing}`, which the network was trained on",
                        (f"is it `{near}`?" if near else f"it has {', '.join(header)}",))  # fmt: skip
    double = next((column for column in wanted if header.count(column) > 1), None)
    if double is not None:
        raise DataError("E601", f"{name}: two columns are called `{double}`")
    others = [column for column in header if column not in wanted and column != target]
    if others:
        warnings.warn(f"{name} has columns that the network was not trained on, which are not looked at: "
                      f"{', '.join(others[:10])}{', …' if len(others) > 10 else ''}", UserWarning, stacklevel=2)  # fmt: skip
    return [header.index(column) for column in wanted]


def _numbers(rows: Sequence[Sequence[str]], names: Sequence[str], lines: Sequence[int]) -> list[list[float]]:
    try:
        found = [[float(cell) for cell in row] for row in rows]
        if all(math.isfinite(sum(row)) for row in found) and not _odd(rows):
            return found
    except ValueError:
        pass
    for row, line in zip(rows, lines, strict=True):  # something is wrong: find it
        for cell, name in zip(row, names, strict=True):
            _refuse(cell, name, line)
    return found


def _odd(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a cell has what Python's float takes and CSV should not: 1_000."""
    return any("_" in cell for row in rows for cell in row)


def _number(cell: str) -> float | None:
    """The cell's number; None if it is none."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _refuse(cell: str, name: str, line: int) -> None:
    where = f"line {line}, column `{name}`"
    value = _number(cell)
    if not cell.strip():
        raise DataError("E602", f"{where}: the cell is empty")
    if value is None:
        shown = cell.strip()[:30]
        raise DataError("E602", f"{where}: `{shown}` is not a number")
    if not math.isfinite(value):
        raise DataError("E602", f"{where}: {cell.strip()} is not a finite number")


def _refuse_missing(cells: Sequence[str], name: str, lines: Sequence[int]) -> None:
    for cell, line in zip(cells, lines, strict=True):
        if not cell.strip():
            raise DataError("E602", f"line {line}, column `{name}`: the cell is empty")


def _describe(request: Request) -> Description:
    return described(_load(request))


source(
    DataSource(
        "csv",
        "a table with a header; text in the target column names classes",
        'data csv "iris.csv" target=species split=0.8 normalize',
        Signature(
            (
                Param("path", Text(), doc="the file, from the .lamp file's folder"),
                Param("target", Name(), None, "the target's column; the last where left out", positional=False),
                Param("classes", Flag(), False, "take a target of numbers for classes"),
                SPLIT,
                VALIDATION,
                NORMALIZE,
                SCALE,
                Param("delimiter", Text(), ",", "between cells", positional=False),
            )
        ),
        _describe,
        _load,
    )
)
