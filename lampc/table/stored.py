"""A schema as JSON, as a run keeps it, and back: it may be somebody else's, so that it is held to what it is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from math import isfinite
from typing import Any, TypeVar, get_args

from lampc.schema import Unfit, each, flag, listed, maybe, number, record, text, whole
from lampc.table.cells import Form
from lampc.table.dates import PARTS
from lampc.table.schema import Column, Kind, Schema, Target, TargetKind

_NAME = text(100_000)
_WORDS = listed(_NAME)
_NUMBERS = listed(number)
_FORM = record(
    {"source": text(), "delimiter": text(), "decimal": text(), "encoding": text(), "header": flag},
)
_COLUMN = record(
    {"name": _NAME, "kind": text()},
    {
        "note": _NAME, "written": text(), "values": _WORDS, "rest": flag, "shares": _NUMBERS, "gaps": flag, "fill": _NUMBERS,
        "parts": _WORDS, "first": number, "mean": _NUMBERS, "deviation": _NUMBERS, "embed": whole(), "policy": text(),
        "most": whole(), "length": whole(0, 2**20), "unit": text(), "missing": whole(), "low": _NAME, "high": _NAME,
    },
)  # fmt: skip
_TARGET = record({"name": _NAME, "kind": text()},
                 {"values": _WORDS, "written": text(), "missing": whole(), "low": _NAME, "high": _NAME})  # fmt: skip
_PARTS = record({"columns": listed(_COLUMN), "targets": listed(_TARGET)}, {"form": _FORM, "used": each(_NAME), "notes": _WORDS})

T = TypeVar("T")


def SCHEMA(value: Any, where: str) -> None:  # noqa: N802
    """What a schema's JSON is to hold, and what of it is to belong together."""
    _PARTS(value, where)
    schema_of(value)


STORED = maybe(SCHEMA)
"""What a schema's JSON is to hold, each part and all together, where there may be none."""


def json_of(schema: Schema) -> dict[str, Any]:
    """A schema as JSON."""
    return asdict(schema)


def schema_of(kept: Mapping[str, Any]) -> Schema:
    """A schema from JSON that is such as ``STORED`` says.

    Raises:
        Unfit: if its parts do not belong together.
    """
    columns = tuple(_made(Column, column) for column in kept["columns"])
    targets = tuple(_made(Target, target) for target in kept["targets"])
    for column in columns:
        _see_column(column)
    for target in targets:
        if target.kind not in get_args(TargetKind) or (target.kind == "yesno" and len(target.values) != 2):
            raise Unfit(f"the target `{target.name}` is of no kind that there is")
    return Schema(columns, targets, _made(Form, kept.get("form", {})), dict(kept.get("used", {})), tuple(kept.get("notes", ())))


def _made(kind: type[T], kept: Mapping[str, Any]) -> T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in kept.items() if name in known})


def _see_column(column: Column) -> None:
    measures = len(column.measures)
    fits = (
        column.kind in get_args(Kind)
        and len(column.fill) in ((measures,) if column.taken else (0, measures))
        and len(column.mean) == len(column.deviation)
        and len(column.mean) in (0, measures)
        and all(map(isfinite, (*column.fill, *column.mean, *column.deviation, *column.shares, column.first)))
        and all(deviation > 0 for deviation in column.deviation)
        and (column.kind != "category" or len(column.shares) == len(column.values) + column.rest)
        and (column.kind != "yesno" or len(column.values) == 2)
        and set(column.parts) <= set(PARTS)
    )
    if not fits:
        raise Unfit(f"what is said of the column `{column.name}` does not belong together")
