"""A table from a file, from standard input or from a frame: cells, and what was found of how they are written."""

from __future__ import annotations

from pathlib import Path

from lampc.table.cells import Asked, Table
from lampc.table.read_csv import read_csv
from lampc.table.read_parquet import read_parquet
from lampc.table.read_source import Source, reading, regular, unpacked


def read(path: Path, name: str, asked: Asked | None = None) -> Table:
    """A file's table, by what is in it and by its ending.

    Raises:
        DataError: if it cannot be read.
    """
    asked = asked or Asked()
    with reading(path, name):
        return _table(regular(path, name), path.name.lower().removesuffix(".gz"), asked)


def read_text(raw: bytes, name: str, asked: Asked | None = None) -> Table:
    """The table of bytes, such as those of standard input.

    Raises:
        DataError: if it cannot be read.
    """
    with reading(None, name):
        return _table(unpacked(Source(name, None, raw)), "", asked or Asked())


def _table(source: Source, file: str, asked: Asked) -> Table:
    if source.head(4) == b"PAR1" or file.endswith((".parquet", ".pq")):
        return read_parquet(source)
    return read_csv(source, asked, "\t" if file.endswith((".tsv", ".tab")) else ",")
