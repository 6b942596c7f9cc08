"""Files of tables with types: Parquet, and Arrow's own."""

from __future__ import annotations

from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Form, Table
from lampc.table.read_source import Source
from lampc.table.read_typed import typed

CELLS = 1_000_000_000
"""The most that are read: so many numbers are 8 GB, and a small file can say that it has more."""


def read_parquet(source: Source) -> Table:
    """A file's table.

    Raises:
        DataError: if it has no columns or rows, or too many.
    """
    import pyarrow.parquet

    with source.binary() as file:
        opened = pyarrow.parquet.ParquetFile(file)
        _bound(source, opened.metadata.num_rows, len(opened.schema_arrow))
        coded = [field.name for field in opened.schema_arrow if str(field.type) in ("string", "large_string", "binary")]
        file.seek(0)
        # Codes stay codes until it is known what they unpack to.
        found = pyarrow.parquet.ParquetFile(file, read_dictionary=coded).read()
    return _valid(found, source, "parquet")


def read_arrow(source: Source) -> Table:
    """A table of Arrow's file format, also called Feather.

    Raises:
        DataError: as ``read_parquet``.
    """
    import pyarrow as pa

    with source.binary() as file:
        opened = pa.ipc.open_file(file)
        found = opened.read_all()
    _bound(source, found.num_rows, found.num_columns)
    return _valid(found, source, "arrow")


def _bound(source: Source, rows: int, columns: int) -> None:
    if rows * columns > CELLS:
        raise DataError(
            "E601", f"{source.name} has {rows:,} rows of {columns:,} columns: more cells than the {CELLS:,} that are read"
        )


def _valid(found: Any, source: Source, form: str) -> Table:
    """A table, if its bytes keep what its types promise: UTF-8, places within bounds."""
    found.validate(full=True)
    return typed(found, source.name, Form(form))
