"""What PyTorch source says of a table: how raw cells become a network's input, and what its output says of the target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from lampc.export.torch_cells import IMPORTS, NEEDS, READING
from lampc.table import moments, numerals
from lampc.table.asked import NUMBER
from lampc.table.missing import MISSING
from lampc.table.schema import Column, Schema
from lampc.table.yesno import PAIRS

WIDTH = 118


def imports(schema: Schema) -> list[str]:
    """The modules that a file needs for its columns."""
    return sorted({"difflib", *(module for column in schema.taken for module in IMPORTS.get(column.kind, ()))})


def reading(schema: Schema, dtype: str, sample: Sequence[int], whole: bool) -> list[str]:
    """Texts of functions that make samples, tensors of a type and a sample's shape, of raw cells; ``from_columns`` is the last.

    ``whole``: the network takes whole numbers that name something.
    """
    kinds = {column.kind for column in schema.taken}
    needed = {name for kind in kinds for name in (*NEEDS[kind], kind)}
    shape = [f".reshape(-1, {', '.join(map(str, sample))})"] if len(sample) != 1 else []
    calls = [_call(column, schema.form.decimal) for column in schema.taken]
    text = FROM.format(
        columns="".join(calls), dtype="torch.int64" if whole else dtype, shape="".join(shape), width=schema.width
    )
    return [*(text for name, text in READING.items() if name in needed), text]


FROM = '''
def from_columns(columns):
    """The network's input, {width} numbers a row, of the cells of each of COLUMNS: lists or arrays by name, or a frame."""
    slots = [
{columns}    ]
    if len({{len(each) for each in slots}}) > 1:
        lengths = dict(zip(COLUMNS, map(len, slots)))
        raise ValueError(f"columns have as many cells as each other, and here are {{lengths}}")
    return torch.cat(slots, 1){shape}.to({dtype})
'''


def constants(schema: Schema) -> list[str]:
    """Lines that name the columns, and what reading stands on."""
    kinds = {column.kind for column in schema.taken}
    named: dict[str, Any] = {"COLUMNS": [column.name for column in schema.taken], "MISSING": sorted(MISSING)}
    if "number" in kinds:
        named["NUMBER"] = _pattern(numerals.Written(), ".")
    if "date" in kinds:
        named["ISO"] = moments.expression(moments.ISO)
        named["MONTHS"] = moments.MONTHS
    if "yesno" in kinds:
        named["ANSWERS"] = {
            word: float(place) for pair in (*PAIRS, ("0", "1"), ("0.0", "1.0")) for place, word in enumerate(pair)
        }
    return [assigned(name, value) for name, value in named.items()]


def assigned(name: str, value: Any) -> str:
    """A line, or lines, that give a value a name."""
    return f"{name} = {said(value, 0, len(name) + 3)}"


def _pattern(how: numerals.Written, decimal: str) -> str:
    """A regular expression of numbers that are written so, or without what stands around digits."""
    bare = numerals.Written(how.decimal, how.thousands)
    return "|".join(dict.fromkeys(numerals.pattern(replace(each, brackets=True), decimal) for each in (how, bare)))


def _call(column: Column, decimal: str) -> str:
    """The line, or lines, that make a column's slots."""
    given = {name: value for name, value in _ARGUMENTS[column.kind](column, decimal).items() if value not in (False, (), "")}
    parts = [repr(column.name), *(f"{name}={said(value, 12, len(name) + 1)}" for name, value in given.items())]
    line = f"        {column.kind}(columns, {', '.join(parts)}),"
    if len(line) <= WIDTH and "\n" not in line:
        return f"{line}\n"
    body = "".join(f"            {part},\n" for part in parts)
    return f"        {column.kind}(\n            columns,\n{body}        ),\n"


def _measures(column: Column) -> dict[str, Any]:
    return {"fill": list(column.fill), "mean": column.mean, "deviation": column.deviation, **_gaps(column)}


def _gaps(column: Column) -> dict[str, Any]:
    return {"gaps": column.gaps, "complete": column.policy == "refuse"}


def _number(column: Column, decimal: str) -> dict[str, Any]:
    how = numerals.written(column.written)
    point = how.decimal or decimal
    written = _pattern(how, decimal)
    marks = tuple(mark for mark in (how.currency, "%" * how.percent, how.thousands) if mark)
    return {**_measures(column), "written": "" if written == _pattern(numerals.Written(), ".") else written, "without": marks,
            "point": "" if point == "." else point, "missing": how.gaps, "loose": how.loose}  # fmt: skip


def _yesno(column: Column, decimal: str) -> dict[str, Any]:
    return {"words": column.values, "fill": list(column.fill), **_gaps(column)}


def _category(column: Column, decimal: str) -> dict[str, Any]:
    return {"words": list(column.values), "shares": list(column.shares), "rest": column.rest, **_gaps(column),
            "numbers": column.written == NUMBER}  # fmt: skip


def _date(column: Column, decimal: str) -> dict[str, Any]:
    pattern, gap, word = column.written.partition(" gap=")
    written = "" if pattern in ("", moments.ISO) else moments.expression(pattern)
    return {"parts": list(column.parts), **_measures(column), "first": column.first, "written": written,
            "missing": numerals.written(gap.strip() + word).gaps}  # fmt: skip


def _text(column: Column, decimal: str) -> dict[str, Any]:
    return {"words": list(column.values), "length": column.length, "characters": column.unit == "character"}


_ARGUMENTS = {"number": _number, "yesno": _yesno, "category": _category, "date": _date, "text": _text}


def said(value: Any, indent: int, before: int = 0) -> str:
    """A value as Python writes it; a long list or mapping goes over several lines, which begin behind ``indent`` spaces.

    ``before``: how much stands before it in its line.
    """
    if not isinstance(value, list | tuple | dict):
        return _plain(value)
    brackets = "{}" if isinstance(value, dict) else "[]" if isinstance(value, list) else "()"
    if isinstance(value, dict):
        items = [f"{said(k, 0)}: {said(v, 0)}" for k, v in value.items()]
    else:
        items = [said(each, 0) for each in value]
    flat = f"{brackets[0]}{', '.join(items)}{',' * (isinstance(value, tuple) and len(items) == 1)}{brackets[1]}"
    if indent + before + len(flat) < WIDTH:
        return flat
    lines = "".join(f"{' ' * (indent + 4)}{line}\n" for line in _filled(items, WIDTH - indent - 4))
    return f"{brackets[0]}\n{lines}{' ' * indent}{brackets[1]}"


def _plain(value: Any) -> str:
    """A number or a text; one that is mostly backslashes, as patterns are, without doubling them."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    raw = f"r'{value}'"
    bare = isinstance(value, str) and "\\" in value and value.isprintable() and "'" not in value and not value.endswith("\\")
    return raw if bare else repr(value)


def _filled(items: Iterable[str], width: int) -> list[str]:
    """Items with commas, as many in a line as it holds."""
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) + 2 > width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{item},"
    return lines
