"""The numbers of a schema, from the rows to train on: means, deviations, what stands for missing cells, categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.dates import PARTS, measured
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values, Words
from lampc.table.schema import DAYS, Column, Schema
from lampc.table.spread import without_spread
from lampc.table.text import vocabulary
from lampc.table.written import word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CATEGORIES = 100
"""Values of a category that have slots of their own, if not said otherwise; rarer ones share one."""


def fitted(columns: Sequence[Column], train: Parsed, standardise: bool) -> tuple[Column, ...]:
    """Columns with their structure and their numbers, from the rows to train on."""
    return tuple(_numbers_of(_shaped(column, train.columns[column.name]), train.columns[column.name], standardise)
                 if column.taken else column for column in columns)  # fmt: skip


def refitted(schema: Schema, train: Parsed, standardise: bool) -> Schema:
    """A schema of the same slots whose numbers come from other rows: those of another seed, or fold."""
    columns = (_numbers_of(column, train.columns[column.name], standardise) if column.taken else column
               for column in schema.columns)  # fmt: skip
    return replace(schema, columns=tuple(columns))


def _shaped(column: Column, values: Values) -> Column:
    """A column with its slots."""
    missing = values.missing
    if column.policy == "refuse" and missing.any():
        raise refused(column, missing)
    column = replace(column, gaps=bool(missing.any()), missing=int(missing.sum()))
    match values:
        case Codes():
            return _categories(column, values)
        case Moments():
            return replace(column, parts=column.parts or _varied(values.seconds[~missing]))
        case Words():
            return replace(column, values=vocabulary(values.cells, column), gaps=False)
        case _:
            return column


def refused(column: Column, missing: NDArray[np.bool_]) -> DataError:
    """The mistake that cells are missing where none may be."""
    count, first = int(missing.sum()), int(missing.argmax())
    cells = "1 cell is" if count == 1 else f"{count:,} cells are"
    stand = "have a slot of their own" if column.kind == "category" else "stand for the mean"
    said = f"column {word(column.name)} missing={'own' if column.kind == 'category' else 'mean'}"
    return DataError("E602", f"column `{column.name}`: {cells} missing, the first in row {first} (from 0)",
                     (f"let them {stand}: `{said}`",
                      f"or leave the column out: `drop=[{word(column.name)}]`"))  # fmt: skip


def _categories(column: Column, values: Codes) -> Column:
    import numpy as np

    counts = np.bincount(values.codes[values.codes >= 0], minlength=len(values.words))
    seen = np.flatnonzero(counts)
    most = column.most or CATEGORIES
    common = seen[np.argsort(-counts[seen], kind="stable")][:most]
    words = tuple(values.words[code] for code in np.sort(common))
    return replace(column, values=words, rest=len(seen) > len(common))


def _varied(seconds: NDArray[np.float64]) -> tuple[str, ...]:
    """The parts of dates that are not the same in all rows, and the days since the first."""
    usual = ("year", "month", "weekday", "hour")
    return (*(part for part in usual if len(seconds) and _differ(measured(seconds, part, 0.0))), DAYS)


def _differ(values: NDArray[np.float64]) -> bool:
    return bool((values != values[0]).any())


def _numbers_of(column: Column, values: Values, standardise: bool) -> Column:
    """A column with its numbers, from some rows."""
    column = replace(column, missing=int(values.missing.sum()))
    match values:
        case Numbers():
            return _of_numbers(column, values.values[~values.missing], standardise)
        case Codes():
            return _of_codes(column, values)
        case Moments():
            return _of_moments(column, values.seconds[~values.missing], standardise)
        case Words():
            return column


def _of_numbers(column: Column, present: NDArray[np.float64], standardise: bool) -> Column:
    import numpy as np

    if not len(present):
        return replace(column, fill=(0.0,), mean=(0.0,) * standardise, deviation=(1.0,) * standardise)
    fill = {"median": float(np.median(present)), "zero": 0.0}.get(column.policy, float(present.mean()))
    if column.kind == "yesno":
        return replace(column, fill=(fill,))
    column = replace(column, fill=(fill,), low=f"{present.min():.6g}", high=f"{present.max():.6g}")
    return _standard(column, [present]) if standardise else replace(column, mean=(), deviation=())


def _of_moments(column: Column, seconds: NDArray[np.float64], standardise: bool) -> Column:
    import numpy as np

    if not len(seconds):
        count = len(column.parts)
        return replace(column, fill=(0.0,) * count, mean=(0.0,) * count * standardise, deviation=(1.0,) * count * standardise)
    first = float(seconds.min())
    measures = [measured(seconds, part, first) for part in column.parts]
    low, high = (str(np.datetime64(int(end), "s")).removesuffix("T00:00:00") for end in (first, seconds.max()))
    column = replace(column, first=first, fill=tuple(float(each.mean()) for each in measures), low=low, high=high)
    return _standard(column, measures) if standardise else replace(column, mean=(), deviation=())


def _standard(column: Column, measures: Sequence[NDArray[np.float64]]) -> Column:
    means = tuple(float(each.mean()) for each in measures)
    return replace(column, mean=means, deviation=tuple(map(_deviation, measures, means)))


def _deviation(values: Any, mean: float) -> float:
    """The standard deviation; 1 where it is nothing but rounding."""
    found = float(values.std())
    return 1.0 if without_spread(mean, found) else found


def _of_codes(column: Column, values: Codes) -> Column:
    import numpy as np

    slots = slots_of(column, values)
    counts = np.bincount(slots[slots >= 0], minlength=len(column.values) + column.rest)
    total = max(1, int(counts.sum()))
    return replace(column, shares=tuple((counts / total).tolist()))


def slots_of(column: Column, values: Codes) -> NDArray[np.int64]:
    """For each row its category's slot, -1 where the cell is missing, -2 where it is what no slot is for."""
    import numpy as np

    known = {word: slot for slot, word in enumerate(column.values)}
    rest = len(column.values) if column.rest else -2
    table = np.array([*(known.get(word, rest) for word in values.words), -1], np.int64)  # code -1 is the last
    found: NDArray[np.int64] = table[values.codes]
    return found


__all__ = ["CATEGORIES", "PARTS", "fitted", "refitted", "refused", "slots_of"]
