"""A table from a file or from standard input: cells, and what was found of how they are written."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from threading import Lock

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked, Table
from lampc.table.read_csv import read_csv
from lampc.table.read_frame import of_frame
from lampc.table.read_json import is_json, read_json
from lampc.table.read_parquet import read_arrow, read_parquet
from lampc.table.read_source import Source, reading, regular, unpacked

_SHEETS = (".xls", ".xlsx", ".xlsm", ".ods", ".numbers")
_Key = tuple[str, int, int, Asked]
_KEPT: OrderedDict[_Key, Table] = OrderedDict()
_MOST = 2
_LOCK = Lock()


def read(path: Path, name: str, asked: Asked | None = None) -> Table:
    """A file's table, by what is in it and by its ending; the last two are kept, as long as the files are the same.

    Raises:
        DataError: if it cannot be read.
    """
    asked = asked or Asked()
    with reading(path, name), _LOCK:
        found = path.resolve().stat()
        key = (str(path.resolve()), found.st_mtime_ns, found.st_size, asked)
        table = _KEPT.pop(key, None) or _table(regular(path, name), path.name.lower().removesuffix(".gz"), asked)
        _KEPT[key] = table
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    return replace(table, name=name)


def forget() -> None:
    """Keep no table any longer."""
    with _LOCK:
        _KEPT.clear()


def of_bytes(raw: bytes, name: str, asked: Asked | None = None) -> Table:
    """The table of bytes, such as those of standard input.

    Raises:
        DataError: if it cannot be read.
    """
    with reading(None, name):
        return _table(unpacked(Source(name, None, raw)), "", asked or Asked())


def _table(source: Source, file: str, asked: Asked) -> Table:
    head = source.head(8)
    if head[:4] == b"PAR1" or file.endswith((".parquet", ".pq")):
        return read_parquet(source)
    if head[:6] == b"ARROW1":
        return read_arrow(source)
    if head[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0") or file.endswith(_SHEETS):
        saved = f"{source.name.rpartition('.')[0] or source.name}.csv"
        raise DataError("E601", f"cannot read {source.name}: it is a sheet or an archive, and no text",
                        (f'save the sheet as CSV, then: `"{saved}"`',))  # fmt: skip
    if file.endswith((".json", ".jsonl", ".ndjson")) or is_json(source):
        return read_json(source, asked)
    return read_csv(source, asked, "\t" if file.endswith((".tsv", ".tab")) else ",")


__all__ = ["forget", "of_bytes", "of_frame", "read"]
