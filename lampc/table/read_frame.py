"""Tables that a Python program has: frames of pandas and polars, tables of pyarrow, dicts of columns, structured arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Form, Table
from lampc.table.read_objects import Objects, array_of
from lampc.table.read_source import reading
from lampc.table.read_typed import named, typed


def of_frame(frame: Any, name: str, columns: Sequence[str] = ()) -> Table:
    """A frame as a table; rows without names, lists or an array of two axes, get those given.

    An index of pandas is a column if it has a name and does not only count.

    Raises:
        DataError: if it is no frame, or has no rows.
    """
    with reading(None, name):
        return typed(_arrow(_under(frame, name, columns) if columns else frame, name), name, Form("frame"))


def _under(frame: Any, name: str, columns: Sequence[str]) -> Any:
    """Rows without names as columns by name; anything else as it is."""
    import numpy as np

    if isinstance(frame, np.ndarray) and frame.dtype.names is None:
        rows: Any = frame
    elif isinstance(frame, list | tuple) and not all(isinstance(row, Mapping) for row in frame):
        rows = frame
    else:
        return frame
    strange = next((row for row in rows if not isinstance(row, list | tuple | np.ndarray) or np.ndim(row) == 0), None)
    if strange is not None:
        raise DataError("E605", f"{name} is no table: rows of cells are wanted", ("write `[[…], […]]`",))
    wrong = next((row for row in rows if len(row) != len(columns)), None)
    if wrong is not None:
        raise DataError("E605", f"{name} has a row of {len(wrong)} cells, and {len(columns)} are wanted",
                        (f"they are {', '.join(columns[:30])}",))  # fmt: skip
    if isinstance(rows, np.ndarray):
        return dict(zip(columns, rows.T, strict=True))
    return {column: [row[place] for row in rows] for place, column in enumerate(columns)}


def _arrow(frame: Any, name: str) -> Any:
    """Pyarrow's table of a frame."""
    import pyarrow as pa

    if hasattr(frame, "__arrow_c_stream__") or isinstance(frame, pa.RecordBatch):
        try:
            return pa.table(frame)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            pass  # cells of several types in one column
    if isinstance(frame, list) and frame and all(isinstance(row, Mapping) for row in frame):
        objects = Objects(name)
        for row in frame:
            objects.add({str(key): value for key, value in row.items()})
        return named(objects.columns())
    columns = [(str(column), _cells(cells, name)) for column, cells in _pairs(frame, name)]
    lengths = {len(cells) for _, cells in columns}
    if len(lengths) > 1:
        raise DataError("E605", f"{name}: columns have different lengths: {', '.join(map(str, sorted(lengths)))}")
    return pa.Table.from_arrays([cells for _, cells in columns], names=[column for column, _ in columns])


def _pairs(frame: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """Columns with their names, doubled ones too."""
    fields = getattr(getattr(frame, "dtype", None), "names", None)
    if fields:
        yield from ((field, frame[field]) for field in fields)
    elif isinstance(frame, Mapping) or (hasattr(frame, "columns") and hasattr(frame, "items")):
        index = getattr(frame, "index", None)
        if index is not None and getattr(index, "name", None) is not None and type(index).__name__ != "RangeIndex":
            yield index.name, index
        yield from frame.items()
    elif hasattr(frame, "columns") and hasattr(frame, "__getitem__"):
        yield from ((column, frame[column]) for column in frame.columns)
    else:
        raise DataError("E601", f"{name} is no table: a frame, or a dict of columns, is wanted, not {type(frame).__name__}",
                        ('{"height": [1.5, 2.0], "kind": ["a", "b"]}',))  # fmt: skip


def _cells(cells: Any, name: str) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(cells, pa.Array | pa.ChunkedArray):
        return cells
    values = cells.to_numpy() if hasattr(cells, "to_numpy") else cells
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise DataError("E605", f"{name}: a column has one axis, not {values.ndim}")
        values = values if values.dtype.kind in "bifuM" and values.dtype.isnative else values.tolist()
    elif isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise DataError("E605", f"{name}: a column is a list or an array, not {type(values).__name__}")
    return array_of(values)
