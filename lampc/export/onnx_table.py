"""How an ONNX model takes a table's raw rows: an input a column, made into the numbers that the network was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lampc.export.answers import Answer
from lampc.export.onnx_ops import Build
from lampc.export.words import GAP, UNSEEN, exact, no_text
from lampc.printable import json_line
from lampc.table.schema import Column, Schema

STRINGS = ("category", "yesno")
"""The kinds whose cells are texts."""
_DAY = 86400.0


def encoded(build: Build, schema: Schema) -> str:
    """Write what makes a sample of a row: the name of its numbers [N, width], float64.

    Each column that the network sees is an input of its own name, [N, 1]: texts of categories and yes/no, where an empty one is
    missing; numbers, and dates as seconds since 1970, as float64, where NaN is missing.

    Raises:
        LampError: if a column is a text, which ONNX does not split into words.
    """
    slots = [slot for column in schema.taken for slot in _SLOTS[column.kind](build, column, column.name)]
    return build.add("Concat", slots, axis=1) if len(slots) > 1 else slots[0]


def columns(schema: Schema) -> list[Any]:
    """The model's inputs, by the columns' names, in their order."""
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    return [
        make_tensor_value_info(column.name, TensorProto.STRING if column.kind in STRINGS else TensorProto.DOUBLE, ["N", 1],
                               doc_string=_SAID[column.kind])
        for column in schema.taken
    ]  # fmt: skip


_SAID = {
    "number": "a number; NaN where it is missing",
    "yesno": "a word, as the table writes it; empty where it is missing",
    "category": "a word, as the table writes it; empty where it is missing",
    "date": "seconds since 1970-01-01 00:00, in the table's own time; NaN where it is missing",
}


def properties(schema: Schema, answer: Answer) -> dict[str, str]:
    """What else is to be known of rows and answers, as JSON."""
    columns = [{"name": column.name, "kind": column.kind, **_more(column)} for column in schema.taken]
    targets = [{"name": target.name, "kind": target.kind} for target in schema.targets]
    found = {"lampc.columns": json_line(columns), "lampc.targets": json_line(targets)}
    return {**found, "lampc.classes": json_line(answer.classes)} if answer.classes else found


def _more(column: Column) -> dict[str, Any]:
    if column.kind in STRINGS:
        return {"values": column.values}
    return {"written": column.written} if column.written else {}


def label(build: Build, answer: Answer, made: str) -> tuple[str, str]:
    """Write what a prediction [N, width] says of classes: the names of the labels [N] and the probabilities [N, classes], or
    [N, 1] of yes.

    Where a prediction is no number, neither is it a class: its label is empty.
    """
    import numpy as np

    if answer.shares == "yes":
        above = build.add("Greater", [made, build.number(0.5)])
        chosen = build.add("Reshape", [build.add("Cast", [above], to=_INT64), build.whole(-1)])
        shares = made
    else:
        chosen = build.add("ArgMax", [made], axis=1, keepdims=0)
        say = {"as made": lambda: made, "logarithms": lambda: build.add("Exp", [made])}
        shares = say.get(answer.shares, lambda: build.add("Softmax", [made], axis=1))()
    none = build.add("IsNaN", [build.add("ReduceSum", [made, build.whole(1)], keepdims=0)])
    words = build.constant(np.array([*answer.classes, ""], dtype=object))
    known = build.add("Where", [none, build.whole(len(answer.classes)), chosen])
    return build.add("Gather", [words, known], axis=0), shares


_INT64, _DOUBLE = 7, 11
"""ONNX's numbers for these element types."""


def _numbers(build: Build, *values: float) -> str:
    """Constants [1, n] in float64."""
    import numpy as np

    return build.constant(np.asarray([values], dtype=np.float64))


def _bits(build: Build, truth: str) -> str:
    return build.add("Cast", [truth], to=_DOUBLE)


def _measured(build: Build, column: Column, measures: Sequence[str], gap: str) -> list[str]:
    """A column's numbers, each [N, 1], filled where a cell is missing and standardised; then the slot of gaps.

    Where no cell may be missing nothing stands for one, and what is predicted of it is no number.
    """
    found = []
    for i, measure in enumerate(measures):
        slot = measure
        if column.policy != "refuse":
            slot = build.add("Where", [gap, _numbers(build, column.fill[i]), slot])
        if column.mean:
            less = build.add("Sub", [slot, _numbers(build, column.mean[i])])
            slot = build.add("Div", [less, _numbers(build, column.deviation[i])])
        found.append(slot)
    return [*found, _bits(build, gap)] if column.gaps else found


def _absent(build: Build, given: str) -> str:
    """Whether a number is none, or infinite, which counts as missing."""
    return build.add("IsNaN", [build.add("Sub", [given, given])])


def _number(build: Build, column: Column, given: str) -> list[str]:
    return _measured(build, column, [given], _absent(build, given))


def _codes(build: Build, column: Column, given: str, unseen: int) -> tuple[str, str]:
    """A category's or yes/no's place among the values, [N, 1], ``unseen`` where it is none; and whether it is missing."""
    codes = exact(column)
    found = build.add("LabelEncoder", [given], domain="ai.onnx.ml", keys_strings=[*codes], values_int64s=[*codes.values()],
                      default_int64=unseen)  # fmt: skip
    return found, build.add("Equal", [found, build.whole(GAP)])


def _yesno(build: Build, column: Column, given: str) -> list[str]:
    """A word that is neither is no number, and neither is what is predicted of it."""
    codes, gap = _codes(build, column, given, UNSEEN)
    unknown = build.add("Equal", [codes, build.whole(UNSEEN)])
    value = build.add("Where", [unknown, _numbers(build, math.nan), _bits(build, codes)])
    return _measured(build, column, [value], gap)


def _category(build: Build, column: Column, given: str) -> list[str]:
    """A slot for each value, and for the others; what is missing and has no slot is as what training never saw."""
    count = len(column.values)
    unseen = count if column.rest else UNSEEN
    codes, gap = _codes(build, column, given, unseen)
    if not column.gaps:
        codes = build.add("Where", [gap, build.whole(unseen), codes])
    slots = _bits(build, build.add("Equal", [codes, build.whole(*range(count + column.rest))]))
    if not column.rest:
        unknown = build.add("Equal", [codes, build.whole(UNSEEN)])
        slots = build.add("Where", [unknown, _numbers(build, *column.shares), slots])
    if column.policy == "refuse":
        slots = build.add("Where", [gap, _numbers(build, math.nan), slots])
    return [slots, _bits(build, gap)] if column.gaps else [slots]


def _date(build: Build, column: Column, given: str) -> list[str]:
    parts = _calendar(build, given, column)
    return _measured(build, column, [parts[part] for part in column.parts], _absent(build, given))


def _text(build: Build, column: Column, given: str) -> list[str]:
    raise no_text(column, "ONNX")


_SLOTS = {"number": _number, "yesno": _yesno, "category": _category, "date": _date, "text": _text}


@dataclass(frozen=True)
class _Arithmetic:
    """Numbers [N, 1] in float64, which has every whole number that a calendar needs; NaN stays NaN."""

    build: Build
    name: str

    def _by(self, kind: str, other: float | _Arithmetic) -> _Arithmetic:
        known = other.name if isinstance(other, _Arithmetic) else _numbers(self.build, other)
        return _Arithmetic(self.build, self.build.add(kind, [self.name, known]))

    def __add__(self, other: float | _Arithmetic) -> _Arithmetic:
        return self._by("Add", other)

    def __sub__(self, other: float | _Arithmetic) -> _Arithmetic:
        return self._by("Sub", other)

    def __mul__(self, other: float) -> _Arithmetic:
        return self._by("Mul", other)

    def __truediv__(self, other: float) -> _Arithmetic:
        return self._by("Div", other)

    def __floordiv__(self, other: float) -> _Arithmetic:
        return _Arithmetic(self.build, self.build.add("Floor", [(self / other).name]))

    def __mod__(self, other: float) -> _Arithmetic:
        return self - (self // other) * other

    def above(self, other: float) -> _Arithmetic:
        """1 where it is greater, 0 where not."""
        return _Arithmetic(self.build, _bits(self.build, self._by("Greater", other).name))


def _calendar(build: Build, given: str, column: Column) -> dict[str, str]:
    """The parts of moments, in seconds since 1970, that a column has."""
    seconds = _Arithmetic(build, given)
    days = seconds // _DAY
    found = {
        "hour": lambda: seconds % _DAY // 3600.0,
        "minute": lambda: seconds % 3600.0 // 60.0,
        "weekday": lambda: (days + 3.0) % 7.0,  # the first of January 1970 was a Thursday
        "days": lambda: (seconds - column.first) / _DAY,
    }
    civil = _civil(days) if {"year", "month", "day"} & {*column.parts} else {}
    return {part: (civil[part] if part in civil else found[part]()).name for part in column.parts}


def _civil(days: _Arithmetic) -> dict[str, _Arithmetic]:
    """Year, month and day of days since 1970, in years that begin in March (Hinnant, *chrono-compatible date algorithms*)."""
    shifted = days + 719468.0
    era = shifted // 146097.0
    of_era = shifted - era * 146097.0
    year = (of_era - of_era // 1460.0 + of_era // 36524.0 - of_era // 146096.0) // 365.0
    of_year = of_era - (year * 365.0 + year // 4.0 - year // 100.0)
    month = (of_year * 5.0 + 2.0) // 153.0
    wrapped = month.above(9.5)
    return {
        "year": year + era * 400.0 + wrapped,
        "month": month + 3.0 - wrapped * 12.0,
        "day": of_year - (month * 153.0 + 2.0) // 5.0 + 1.0,
    }
