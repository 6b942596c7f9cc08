"""Columns that have types: pyarrow's many as the few that are understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.schema import parse as parse_json
from lampc.table.cells import Form, Table

_UNIT = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_LARGE = 1 << 30


def named(columns: Mapping[str, Any]) -> Any:
    """A table of pyarrow's, of columns by name."""
    import pyarrow as pa

    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def typed(found: Any, name: str, form: Form, notes: Sequence[str] = ()) -> Table:
    """A table of pyarrow's as ours.

    Types come down to whole numbers, float32, float64, bool, string, large_string, date32, timestamp without a zone, null, and
    what cannot be learnt from, as it is: binary that is no text, lists, structs, maps.

    Raises:
        DataError: if it has no columns or no rows.
    """
    said = list(notes)
    columns: dict[str, Any] = {}
    index = _index(found)
    for place, (column, cells) in enumerate(zip(found.column_names, found.columns, strict=True)):
        if column in index and not index[column]:
            said.append("the index, which has no name, is left out")
            continue
        called = index.get(column) or column or f"column{place + 1}"
        made, number = called, 2
        while made in columns or (made != called and made in found.column_names):
            made, number = f"{called}_{number}", number + 1
        if made != called:
            said.append(f"several columns are called `{called}`; a later one is `{made}` now")
        columns[made], change = _plain(cells)
        said += [f"`{made}`: {change}"] * bool(change)
    if not columns:
        raise DataError("E603", f"{name} has no columns")
    if not found.num_rows:
        raise DataError("E603", f"{name} has no rows")
    return Table(name, columns, form, notes=tuple(said))


def _index(found: Any) -> dict[str, str]:
    """The columns that are an index of pandas: what to call them; nothing where it has no name."""
    try:
        known = parse_json((found.schema.metadata or {})[b"pandas"])["index_columns"]
    except (KeyError, ValueError, TypeError, RecursionError):
        known = []
    names = {name for name in known if isinstance(name, str)} if isinstance(known, list) else set()
    names |= {name for name in found.column_names if name.startswith("__index_level_")}
    return {name: "" if name.startswith("__index_level_") else name for name in names}


def _plain(cells: Any) -> tuple[Any, str]:
    """A column of one of the types that are understood, and what is to be said of the change."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = cells.type
    if types.is_dictionary(kind):
        return _plain(_decoded(cells))
    if types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(cells))
    if str(kind) in ("binary", "large_binary", "binary_view") or types.is_fixed_size_binary(kind):
        try:
            return _text(cells.cast(pa.large_binary()).cast(pa.large_string())), ""
        except pa.ArrowInvalid:  # no text
            return cells.cast(pa.binary() if cells.nbytes < _LARGE else pa.large_binary()), ""
    if str(kind) in ("string_view", "large_string"):
        return _text(cells), ""
    if types.is_float16(kind):
        return cells.cast(pa.float32()), ""
    if types.is_decimal(kind):
        return cells.cast(pa.float64()), ""
    if types.is_timestamp(kind) and kind.tz is not None:
        return cells.cast(pa.timestamp(kind.unit)), f"times of the zone {kind.tz} are taken as UTC has them"
    if types.is_date64(kind):
        return cells.cast(pa.date32()), ""
    if types.is_time(kind) or types.is_duration(kind):
        whole = cells.cast(pa.int32() if types.is_time32(kind) else pa.int64()).cast(pa.float64())
        return pc.divide(whole, _UNIT[kind.unit]), "times are taken as seconds"
    return cells, ""


def _text(cells: Any) -> Any:
    import pyarrow as pa

    return cells.cast(pa.string() if cells.nbytes < _LARGE else pa.large_string())


def _decoded(cells: Any) -> Any:
    """A column of codes as what they stand for.

    Raises:
        MemoryError: if that is far larger: many times one long text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = {"string": pa.large_string(), "string_view": pa.large_string(), "binary": pa.large_binary()}
    kind = known.get(str(cells.type.value_type), cells.type.value_type)
    parts = [(chunk.dictionary.cast(kind), chunk.indices) for chunk in cells.chunks]
    if str(kind).startswith("large_"):
        lengths = (pc.sum(pc.binary_length(words).take(codes)).as_py() or 0 for words, codes in parts)
        if sum(lengths) > 2 * _LARGE:
            raise MemoryError
    return pa.chunked_array([words.take(codes) for words, codes in parts], kind)
