"""Parquet files, all types of columns."""

from __future__ import annotations

from lampc.table.cells import Form, Table
from lampc.table.read_source import Source
from lampc.table.read_typed import typed


def read_parquet(source: Source) -> Table:
    """A file's table.

    Raises:
        DataError: if it has no columns or rows.
    """
    import pyarrow.parquet

    with source.open() as file:
        return typed(pyarrow.parquet.read_table(file), source.name, Form("parquet"))
