"""Columns that have types: pyarrow's many as the few that are understood."""

from __future__ import annotations

import json
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Form, Table


def typed(found: Any, name: str, form: Form) -> Table:
    """A table of pyarrow's as ours.

    Types come down to int, uint, float32, float64, bool, string, large_string, date32, timestamp without zone, null, and what
    cannot be learnt from: binary, lists, structs and maps.

    Raises:
        DataError: if it has no columns or no rows.
    """
    notes: list[str] = []
    columns: dict[str, Any] = {}
    known = _index(found)
    for place, (column, cells) in enumerate(zip(found.column_names, found.columns, strict=True)):
        if column in known and known[column] is None:
            continue
        called = known.get(column) or column or f"column{place + 1}"
        made, number = called, 2
        while made in columns:
            made, number = f"{called}_{number}", number + 1
        if made != called:
            notes.append(f"several columns have one name; a later one is called `{made}`")
        columns[made], said = _plain(cells)
        notes += [f"`{made}`: {said}"] * bool(said)
    if not columns:
        raise DataError("E603", f"{name} has no columns")
    if not found.num_rows:
        raise DataError("E603", f"{name} has no rows")
    return Table(name, columns, form, notes=tuple(notes))


def _index(found: Any) -> dict[str, str | None]:
    """The index columns of pandas columns: what to call them; None for what only counts rows."""
    try:
        known = json.loads((found.schema.metadata or {})[b"pandas"])["index_columns"]
    except (KeyError, ValueError, TypeError):
        known = []
    names = {name for name in known if isinstance(name, str)} if isinstance(known, list) else set()
    names |= {name for name in found.column_names if name.startswith("__index_level_")}
    return {name: "index" if name.startswith("__index_level_") else name for name in names}


def _plain(cells: Any) -> tuple[Any, str]:
    """A column of one of the types that are understood, and what is to be said of the change."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = cells.type
    if types.is_dictionary(kind):
        return _plain(cells.cast(kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in cells.chunks], kind.storage_type))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        try:
            return cells.cast(pa.binary()).cast(pa.string()), ""
        except pa.ArrowInvalid:
            return cells, ""
    if str(kind) in ("string_view", "large_string"):
        return cells.cast(pa.large_string() if cells.nbytes > 1 << 30 else pa.string()), ""
    if types.is_float16(kind):
        return cells.cast(pa.float32()), ""
    if types.is_decimal(kind):
        return cells.cast(pa.float64()), ""
    if types.is_timestamp(kind) and kind.tz is not None:
        return cells.cast(pa.timestamp(kind.unit)), f"times of the zone {kind.tz} are taken as UTC's"
    if types.is_date64(kind):
        return cells.cast(pa.date32()), ""
    if types.is_time(kind) or types.is_duration(kind):
        whole = cells.cast(pa.int32() if types.is_time32(kind) else pa.int64()).cast(pa.float64())
        return pc.divide(whole, {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]), "times are seconds"
    return cells, ""
