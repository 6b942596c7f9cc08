"""Parquet tables (extra `parquet`), read as strictly as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lampc import files
from lampc.data import rows
from lampc.data.place import within
from lampc.data.reading import reading
from lampc.data.remarks import described
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SCALE, SPLIT, VALIDATION, Cut, make, named
from lampc.data.table import feature_columns, open_regular, target_column
from lampc.data.whole import in_table, refuse_strange
from lampc.layers.signature import Flag, Name, Param, Signature, Text


def _load(request: Request) -> Dataset:
    import numpy as np

    arguments = request.arguments
    name = arguments["path"]
    path = within(request.folder, name)
    _see_pyarrow()
    with reading(path, name):
        if path.is_file() and (arguments["stream"] or rows.size(path) >= rows.LARGE):
            changed = path.stat().st_mtime_ns
            x, y, known, columns, wanted = _unpacked(path, name, arguments["target"], arguments["classes"], request.columns,
                                                     changed)  # fmt: skip
            if request.below:
                x.check("the table", request.below)
            return named(make(x, y, known, Cut.of(request)), columns, wanted)
        table = _table(request)
    header = _header(table.column_names, name)
    if not table.num_rows:
        raise DataError("E603", f"{name} has no rows")
    target = target_column(arguments["target"], header)
    features = [header[index] for index in feature_columns(request.columns, name, header, target)]
    x = np.stack([_numbers(table.column(feature), feature) for feature in features], axis=1)
    if request.below:
        refuse_strange(x, request.below, in_table(None, features))
    y, known = _targets(table.column(header[target]), header[target], arguments["classes"])
    return named(make(x, y, known, Cut.of(request)), features, header[target])


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


def _see_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise DataError("E508", "`data parquet` needs pyarrow", ('pip install "lampc[parquet]"',)) from None


def _table(request: Request) -> Any:
    import pyarrow.parquet

    with open_regular(request.folder, request.arguments["path"], "rb") as file:
        return pyarrow.parquet.read_table(file)


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


def _describe(request: Request) -> Description:
    return described(_load(request))


source(
    DataSource(
        "parquet",
        "a table as csv has it, from a Parquet file (extra `parquet`)",
        'data parquet "iris.parquet" target=species normalize',
        Signature(
            (
                Param("path", Text(), doc="the file, from the .lamp file's folder"),
                Param("target", Name(), None, "the target's column; the last where left out", positional=False),
                Param("classes", Flag(), False, "take a target of numbers for classes"),
                SPLIT,
                VALIDATION,
                NORMALIZE,
                SCALE,
                Param("stream", Flag(), False, "unpack it to the disk, as files above 512 MB are"),
            )
        ),
        _describe,
        _load,
        "parquet",
    )
)
