"""Parquet tables (extra `parquet`), read as strictly as CSV."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from lampc import files
from lampc.data import rows
from lampc.data.place import within
from lampc.data.remarks import described
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SPLIT, VALIDATION, Cut, make, named
from lampc.data.table import feature_columns, open_regular, places, target_column
from lampc.data.whole import in_table, refuse_strange
from lampc.layers.signature import Flag, Name, Param, Signature, Text


def _load(request: Request) -> Dataset:
    import numpy as np

    arguments = request.arguments
    name = arguments["path"]
    path = within(request.folder, name)
    if path.is_file() and (arguments["stream"] or rows.size(path) >= rows.LARGE):
        changed = path.stat().st_mtime_ns
        x, y, known, columns, wanted = _unpacked(path, arguments["target"], arguments["classes"], request.columns, changed)
        if request.below:
            x.check("the table", request.below)
        return named(make(x, y, known, Cut.of(request)), columns, wanted)
    table = _table(request)
    table = table.drop_columns([column for column in table.column_names if column.startswith("__index_level_")])  # pandas'
    header = list(table.column_names)
    if len(set(header)) < len(header):
        raise DataError("E601", f"{name}: two columns have one name")
    if not table.num_rows:
        raise DataError("E603", f"{name} has no rows")
    target = target_column(arguments["target"], header)
    features = feature_columns(request, header, target)
    x = np.stack([_numbers(table.column(index), header[index]) for index in features], axis=1)
    if request.below:
        refuse_strange(x, request.below, in_table(None, [header[index] for index in features]))
    column = table.column(target)
    _refuse_missing(column, header[target])
    if _is_text(column) or arguments["classes"]:
        cells = column.to_pylist()
        bad = next((row for row, cell in enumerate(cells) if cell != cell or not str(cell).strip()), None)
        if bad is not None:
            raise DataError("E602", f"row {bad} (from 0), column `{header[target]}`: the cell is empty")
        classes = sorted(set(cells))
        index = {cell: label for label, cell in enumerate(classes)}
        labels = np.array([index[cell] for cell in cells], dtype=np.int64)
        made = make(x, labels, tuple(map(str, classes)), Cut.of(request))
    else:
        y = _numbers(column, header[target]).reshape(-1, 1)
        made = make(x, y, None, Cut.of(request))
    return named(made, [header[index] for index in features], header[target])


@lru_cache(maxsize=4)
def _unpacked(path: Path, wanted: str | None, as_classes: bool, chosen: tuple[str, ...] | None,
              _changed: int) -> tuple[Any, ...]:  # fmt: skip
    """A large table's features, row after row in a file of their own that goes when the process does; targets in memory."""
    import numpy as np
    import pyarrow.parquet

    opened = pyarrow.parquet.ParquetFile(path)
    header = [name for name in opened.schema_arrow.names if not name.startswith("__index_level_")]
    target = target_column(wanted, header)
    names = [name for index, name in enumerate(header) if index != target]
    if chosen is not None:
        names = [header[index] for index in places(header, chosen, path.name, header[target])]
    kept = files.scratch(".rows")
    targets, count = [], 0
    for batch in opened.iter_batches(65_536, columns=header):
        table = pyarrow.Table.from_batches([batch])
        np.stack([_numbers(table.column(name), name) for name in names], axis=1).tofile(kept)
        _refuse_missing(table.column(header[target]), header[target])
        targets.append(table.column(header[target]))
        count += len(batch)
    kept.flush()
    _KEPT.append(kept)
    column = pyarrow.chunked_array([chunk for part in targets for chunk in part.chunks])
    x = rows.Rows(Path(kept.name), 0, np.dtype(np.float64), (count, len(names)))
    if _is_text(column) or as_classes:
        cells = column.to_pylist()
        known = sorted(set(cells))
        index = {cell: label for label, cell in enumerate(known)}
        y = np.fromiter((index[cell] for cell in cells), dtype=np.int64, count=count)
        return x, y, tuple(map(str, known)), names, header[target]
    return x, _numbers(column, header[target]).reshape(-1, 1), None, names, header[target]


_KEPT: list[Any] = []
"""Files of this process alone."""


def _table(request: Request) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError("E508", "`data parquet` needs pyarrow", ('pip install "lampc[parquet]"',)) from None
    name = request.arguments["path"]
    with open_regular(request.folder, name, "rb") as file:
        try:
            return pyarrow.parquet.read_table(file)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError("E601", f"cannot read {name}: {reason}") from None


def _is_text(column: Any) -> bool:
    import pyarrow.types as types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _numbers(column: Any, name: str) -> Any:
    """A column of finite numbers as float64.

    Raises:
        DataError: if a cell is missing or none.
    """
    import numpy as np
    import pyarrow.types as types

    kind = column.type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        raise DataError("E602", f"column `{name}` holds {kind}, not numbers")
    _refuse_missing(column, name)
    values = column.to_numpy().astype(np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError("E602", f"row {row} (from 0), column `{name}`: {values[row]} is not a finite number")
    return values


def _refuse_missing(column: Any, name: str) -> None:
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
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
                Param("stream", Flag(), False, "unpack it to the disk, as files above 512 MB are"),
            )
        ),
        _describe,
        _load,
    )
)
