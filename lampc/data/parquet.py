"""Large Parquet tables of numbers, unpacked to the disk and read from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lampc import files
from lampc.data import rows
from lampc.data.columns import feature_columns, target_column
from lampc.data.parts import divided
from lampc.data.place import within
from lampc.data.reading import reading
from lampc.data.source import DataError, Dataset, Request, Split
from lampc.data.split import Cut, finish, named
from lampc.table.parts import cut as rows_of


def stays_on_disk(request: Request) -> bool:
    """Whether a table's numbers are to be unpacked into a file, and read from there."""
    path = within(request.folder, request.arguments["path"])
    try:
        return path.is_file() and (request.arguments["stream"] or rows.size(path) >= rows.LARGE)
    except OSError:  # a name that no file system has: who opens it says so
        return False


def load(request: Request) -> Dataset:
    """A table of numbers whose samples stay on the disk.

    Raises:
        DataError: if it cannot be read, or holds something else.
    """
    arguments = request.arguments
    name = arguments["path"]
    path = within(request.folder, name)
    targets = arguments["target"]
    if targets is not None and len(targets) > 1:
        raise DataError("E305", "a table that stays on the disk has one target", option="target")
    for option in ("drop", "only", "missing", "weight", "group", "time"):
        if arguments[option]:
            raise DataError("E305", f"a table that stays on the disk takes no `{option}`",
                            (f"leave `{option}=` out",), option)  # fmt: skip
    if isinstance(arguments["split"], str):
        raise DataError("E305", "a table that stays on the disk has no column that names the part",
                        ("let the parts be drawn: `split=0.8`",), "split")  # fmt: skip
    if request.overrides:
        raise DataError(
            "E305", "a table that stays on the disk takes no `column`", option=f"column {request.overrides[0].name}"
        )
    with reading(path, name):
        changed = path.stat().st_mtime_ns
        x, y, known, columns, wanted = _unpacked(path, name, targets[0] if targets else None, arguments["classes"],
                                                 request.columns, changed)  # fmt: skip
        if request.below:
            x.check("the table", request.below)
        scaled = bool(arguments["normalize"]) if request.below else arguments["normalize"] is not False
        cut = Cut(seed=request.seed, normalize=scaled, below=request.below, scale=request.scale, scalable=True)
        return named(finish(*_parts(request, x, y, known), known, cut), columns, wanted)


def _parts(request: Request, x: rows.Rows, y: Any, known: tuple[str, ...] | None) -> tuple[Split, Split, Split]:
    """The rows to train on, to choose by, and to test on, drawn as those of a table in memory."""
    shares, manner = divided(request.arguments, known is not None)
    labels = y if manner.kind == "stratified" else None
    x = replace(x, below=request.below)
    drawn = rows_of(len(x), shares, request.seed, labels, fold=request.fold)
    train, validation, test = (Split(x.take(each), y[each]) for each in drawn)
    return train, validation, test


def _header(names: Sequence[str], name: str) -> list[str]:
    """The columns, but for those that pandas adds."""
    header = [column for column in names if not column.startswith("__index_level_")]
    if len(set(header)) < len(header):
        raise DataError("E601", f"{name}: two columns have one name")
    if not header:
        raise DataError("E603", f"{name} has no columns")
    return header


def _targets(column: Any, name: str, as_classes: bool) -> tuple[Any, tuple[str, ...] | None]:
    """A column as targets: numbers, or labels and the names of the classes.

    Raises:
        DataError: if a cell is missing or is neither.
    """
    import numpy as np

    _refuse_missing(column, name)
    if not _is_text(column) and not as_classes:
        return _numbers(column, name).reshape(-1, 1), None
    cells = column.to_pylist()
    bad = next((row for row, cell in enumerate(cells) if cell != cell or not str(cell).strip()), None)
    if bad is not None:
        raise DataError("E602", f"row {bad} (from 0), column `{name}`: the cell is empty")
    strange = next((cell for cell in cells if isinstance(cell, list | dict)), None)
    if strange is not None:
        raise DataError("E602", f"column `{name}` holds {column.type}, which are no classes")
    known = sorted(set(cells))
    index = {cell: label for label, cell in enumerate(known)}
    return np.array([index[cell] for cell in cells], dtype=np.int64), tuple(map(str, known))


@lru_cache(maxsize=4)
def _unpacked(path: Path, name: str, wanted: str | None, as_classes: bool, chosen: tuple[str, ...] | None,
              _changed: int) -> tuple[Any, ...]:  # fmt: skip
    """A large table's features, row after row in a file of their own that goes when the process does; targets in memory."""
    import numpy as np
    import pyarrow.parquet

    opened = pyarrow.parquet.ParquetFile(path)
    header = _header(opened.schema_arrow.names, name)
    target = target_column(wanted, header)
    names = [header[index] for index in feature_columns(chosen, name, header, target)]
    kept = files.scratch(".rows")
    targets, count = [], 0
    for batch in opened.iter_batches(65_536, columns=header):
        table = pyarrow.Table.from_batches([batch])
        np.stack([_numbers(table.column(feature), feature, count) for feature in names], axis=1).tofile(kept)
        targets.append(table.column(header[target]))
        count += len(batch)
    if not count:
        raise DataError("E603", f"{name} has no rows")
    kept.flush()
    _KEPT.append(kept)
    column = pyarrow.chunked_array([chunk for part in targets for chunk in part.chunks])
    x = rows.Rows(Path(kept.name), 0, np.dtype(np.float64), (count, len(names)))
    return x, *_targets(column, header[target], as_classes), names, header[target]


_KEPT: list[Any] = []
"""Files of this process alone."""


def _is_text(column: Any) -> bool:
    import pyarrow.types as types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _numbers(column: Any, name: str, first: int = 0) -> Any:
    """A column of finite numbers as float64; its first is the file's row ``first``.

    Raises:
        DataError: if a cell is missing or none.
    """
    import numpy as np
    import pyarrow.types as types

    kind = column.type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        raise DataError("E602", f"column `{name}` holds {kind}, not numbers")
    _refuse_missing(column, name, first)
    values = column.to_numpy().astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError("E602", f"row {first + row} (from 0), column `{name}`: {values[row]} is not a finite number")
    return values


def _refuse_missing(column: Any, name: str, first: int = 0) -> None:
    if column.null_count:
        row = first + column.is_null().to_pylist().index(True)
        raise DataError("E602", f"row {row} (from 0), column `{name}`: the cell is empty")
