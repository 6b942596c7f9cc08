"""A table from what a Python program holds: a frame, columns by name, rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Form, Table


def of_frame(values: Any, name: str, columns: Sequence[str] = ()) -> Table:
    """A table of a frame, or of columns by name; of rows without names, lists or an array, under the names given.

    Raises:
        DataError: if it is none.
    """
    import numpy as np
    import pyarrow as pa

    if hasattr(values, "__arrow_c_stream__"):
        found = pa.table(values)
        return Table(name, dict(zip(found.column_names, found.columns, strict=True)), Form("frame"))
    if isinstance(values, dict):
        named = {str(key): list(column) for key, column in values.items()}
    else:
        rows = values.tolist() if isinstance(values, np.ndarray) else list(values)
        if rows and not isinstance(rows[0], list | tuple):
            raise DataError("E605", f"{name} is no table: rows of cells are wanted", ("write `[[…], […]]`",))
        wrong = next((row for row in rows if len(row) != len(columns)), None)
        if wrong is not None:
            raise DataError("E605", f"{name} has a row of {len(wrong)} cells, and {len(columns)} are wanted",
                            (f"they are {', '.join(columns[:30])}",))  # fmt: skip
        named = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
    return Table(name, {key: _array(cells) for key, cells in named.items()}, Form("frame"))


def _array(cells: Sequence[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.chunked_array([pa.array(cells, from_pandas=True)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # of several types
        return pa.chunked_array([pa.array([None if cell is None else str(cell) for cell in cells], pa.string())])
