"""Columns of what Python's objects hold, row after row: what is missing is null, what is of two kinds is written out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lampc.diagnostics.unplaced import DataError

_ROWS = 10_000
_CELLS = 10_000_000
_COLUMNS = 100_000
_SPARSE = 20


class Objects:
    """Rows as they come, made columns of a batch at a time, so that they are not all kept as Python's objects."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows: list[Mapping[str, Any]] = []
        self._before = 0
        self._given = 0
        self._chunks: dict[str, list[tuple[int, Any]]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row; an object in it is its own columns: ``size.width``.

        Raises:
            DataError: if rows have so many different names that a table of them would be mostly empty.
        """
        self._rows.append(_flat(row) if dict in map(type, row.values()) else row)
        if len(self._rows) == _ROWS:
            self._flush()

    def columns(self) -> dict[str, Any]:
        """By name, all of one length.

        Raises:
            DataError: as ``add``.
        """
        self._flush()
        return {name: _joined(chunks, self._before) for name, chunks in self._chunks.items()}

    def _flush(self) -> None:
        names: dict[str, None] = {}
        for row in self._rows:
            if row.keys() != names.keys():
                names |= dict.fromkeys(row)
        self._given += sum(map(len, self._rows))
        rows = self._before + len(self._rows)
        size = len(self._chunks.keys() | names.keys()) * rows
        if len(names) > _COLUMNS or size > max(_CELLS, _SPARSE * self._given):
            raise DataError("E601", f"{self._name}: objects have so many different names that no table holds them")
        if all(map(tuple(names).__eq__, map(tuple, self._rows))):
            columns: Iterable[Sequence[Any]] = zip(*(row.values() for row in self._rows), strict=True)
        else:
            columns = ([row.get(name) for row in self._rows] for name in names)
        for name, cells in zip(names, columns, strict=True):
            self._chunks.setdefault(name, []).append((self._before, array_of(cells)))
        self._before = rows
        self._rows = []


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": part for inner, part in value.items()}
        else:
            flat[name] = value
    return flat


def array_of(values: Sequence[Any]) -> Any:
    """Some values as an array of one type; strings where they are of several."""
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        pass
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([written(value) for value in values], pa.string())


def written(value: Any) -> str | None:
    """A value as a text's cell would have it; None: a missing one."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | list | dict):
        return json.dumps(value, default=str)
    return str(value)


def _joined(chunks: Sequence[tuple[int, Any]], rows: int) -> Any:
    """A column of its chunks, each with the row where it begins; null between them."""
    import pyarrow as pa
    import pyarrow.types as types

    kinds = {chunk.type for _, chunk in chunks if not types.is_null(chunk.type)}
    if len(kinds) > 1 and all(types.is_integer(kind) or types.is_floating(kind) for kind in kinds):
        kinds = {pa.float64()}
    kind = kinds.pop() if len(kinds) == 1 else pa.string() if kinds else pa.null()
    parts, end = [], 0
    for begin, chunk in chunks:
        parts += [pa.nulls(begin - end, kind)] * (begin > end)
        parts.append(_as(chunk, kind))
        end = begin + len(chunk)
    parts += [pa.nulls(rows - end, kind)] * (rows > end)
    return pa.chunked_array(parts, kind)


def _as(chunk: Any, kind: Any) -> Any:
    import pyarrow as pa

    if chunk.type == kind or str(kind) != "string":
        return chunk.cast(kind)
    return pa.array([written(value) for value in chunk.to_pylist()], pa.string())
