"""A schema as it is shown: for each column what it is, what is in it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lampc.table.numerals import written
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values
from lampc.table.schema import Column, Schema, Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("column", "holds", "values", "missing", "becomes")
"""What stands above the rows."""
_LISTED = 4


@dataclass(frozen=True)
class Shown:
    """A column of a table, as it is shown."""

    name: str
    role: str
    """``feature``, ``target``, ``left out``, or what else it is used for: ``weight``, ``group``, ``time``, ``part``."""
    kind: str
    """A kind of columns or of targets; of a column that is used otherwise what its values are."""
    written: str = ""
    """How its cells are written, where that is not plain: ``thousands, $``."""
    count: int = 0
    """Cells, missing ones too."""
    missing: int = 0
    low: float | str | None = None
    """The least, of numbers; of dates as ISO 8601 has it."""
    mean: float | None = None
    high: float | str | None = None
    classes: Mapping[str, int] = field(default_factory=dict)
    """How often each value occurs, the most frequent first, of categories, classes, yes and no."""
    becomes: str = ""
    slots: tuple[str, ...] = ()
    """The names of the numbers that it becomes."""
    note: str = ""
    """Why it is left out; what was found."""


def shown(schema: Schema, parsed: Parsed | None = None, scaled: bool = False) -> list[Shown]:
    """Each column of a fitted schema, targets last; without the table's values what the schema itself knows of them.

    ``scaled``: whether number targets are standardised for the loss.
    """
    values = parsed.columns if parsed is not None else {}
    found = [_measured(_column(column), values.get(column.name), column.values) for column in schema.columns]
    used = [_used(name, use, values.get(name)) for name, use in schema.used.items()]
    targets = [_measured(_target(target, scaled), values.get(target.name), target.values) for target in schema.targets]
    return [*found, *used, *targets]


def rows(columns: Sequence[Shown]) -> list[tuple[str, ...]]:
    """The cells of a table that shows them, under ``NAMES``."""
    return [(column.name, _holds(column), _values(column), f"{column.missing:,}" if column.missing else "", column.becomes)
            for column in columns]  # fmt: skip


def _column(column: Column) -> Shown:
    role = "feature" if column.taken else "left out"
    how = _written(column.written) if column.kind == "number" else column.written if column.kind == "date" else ""
    classes = column.values if column.kind in ("category", "yesno") else ()
    return Shown(column.name, role, column.kind, "" if how == "iso" else how, 0, column.missing, column.low or None, None,
                 column.high or None, dict.fromkeys(classes, 0), _becomes(column), column.slots if column.taken else (),
                 column.note)  # fmt: skip


def _target(target: Target, scaled: bool) -> Shown:
    becomes = "the target, standardised" if scaled and target.kind == "number" else "the target"
    gaps = "; rows without it are left out" if target.missing else ""
    return Shown(target.name, "target", target.kind, _written(target.written), 0, target.missing, target.low or None, None,
                 target.high or None, dict.fromkeys(target.values, 0), becomes + gaps)  # fmt: skip


def _used(name: str, use: str, values: Values | None) -> Shown:
    kinds = {Numbers: "number", Moments: "date"}
    return _measured(Shown(name, use, kinds.get(type(values), "category"), becomes=f"the {use}"), values)


def _written(text: str) -> str:
    """How numbers are written, in words."""
    if text == "number":
        return ""
    how = written(text)
    parts = ("thousands" if how.thousands else "", {",": "decimal comma", ".": "decimal point"}.get(how.decimal, ""),
             "%" if how.percent else how.currency, "(12) for -12" if how.brackets else "")  # fmt: skip
    return ", ".join(filter(None, parts))


def _becomes(column: Column) -> str:
    if not column.taken:
        return f"left out: {column.note}" if column.note else "left out"
    match column.kind:
        case "number":
            made = "standardised" if column.mean else "as it is"
        case "yesno":
            made = "0 or 1"
        case "date":
            made = ", ".join(column.parts)
        case "text":
            made = f"{column.length} {column.unit}s, {len(column.values):,} known"
        case _:
            made = f"a vector of {column.embed}" if column.embed else f"one-hot, {len(column.values) + column.rest}"
            made += ", the rarer as one" if column.rest else ""
    return "; ".join(filter(None, (made, _filled(column), column.note)))


def _filled(column: Column) -> str:
    if not column.gaps:
        return ""
    if column.kind == "category":
        return "missing: a slot of its own"
    by = {"median": "the median", "zero": "0"}.get(column.policy, "the mean")
    return f"missing: {by}, and a slot that says so"


def _measured(column: Shown, values: Values | None, words: Sequence[str] = ()) -> Shown:
    """With what is in the column, if that is known."""
    if values is None:
        return column
    missing = values.missing
    column = replace(column, count=len(missing), missing=int(missing.sum()))
    match values:
        case Numbers() if column.kind == "yesno":
            ones = int((values.values == 1).sum())
            counts = {words[0]: column.count - column.missing - ones, words[1]: ones} if words else {}
            return replace(column, classes=_ranked(counts))
        case Numbers():
            present = values.values[~missing]
            if not len(present):
                return column
            return replace(column, low=float(present.min()), mean=_mean(present), high=float(present.max()))
        case Moments():
            present = values.seconds[~missing]
            return replace(column, low=_moment(present.min()), high=_moment(present.max())) if len(present) else column
        case Codes():
            return replace(column, classes=_counted(values))
        case _:
            return column


def _mean(present: NDArray[np.float64]) -> float:
    import numpy as np

    with np.errstate(over="ignore"):
        mean = float(present.mean())
    return mean if np.isfinite(mean) else float((present / len(present)).sum())  # the sum alone is too large


def _moment(seconds: float) -> str:
    """``2020-01-31``, or with a time if there is one."""
    import numpy as np

    return str(np.datetime64(int(np.floor(seconds)), "s")).removesuffix("T00:00:00").replace("T", " ")


def _counted(values: Codes) -> dict[str, int]:
    import numpy as np

    counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.words)).tolist()
    return _ranked(dict(zip(values.words, counts, strict=True)))


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: -each[1]))


def _holds(column: Shown) -> str:
    kinds = {"yesno": "yes/no", "out": "", "number": "numbers", "date": "dates", "category": "categories", "class": "classes"}
    kind = kinds.get(column.kind, column.kind)
    return f"{kind} ({column.written})" if column.written and kind else kind


def _values(column: Shown) -> str:
    if column.classes:
        listed = ", ".join(f"{name} {count:,}" if count else name for name, count in list(column.classes.items())[:_LISTED])
        more = len(column.classes) - _LISTED
        return f"{listed}, and {more:,} more" if more > 0 else listed
    if column.low is None:
        return ""
    return f"{_short(column.low)} to {_short(column.high)}"


def _short(value: float | str | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
