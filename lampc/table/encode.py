"""A table's rows as samples, by a fitted schema: the same in training, evaluation, prediction and, told otherwise, exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lampc.table.dates import measured
from lampc.table.fit import refused, slots_of
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values, Words
from lampc.table.schema import Column, Schema
from lampc.table.text import numbered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Encoded:
    """Samples x [n, slots], and what of the table's cells training had not prepared for."""

    x: NDArray[np.float64] | NDArray[np.int64]
    gaps: Mapping[str, int] = field(default_factory=dict)
    """Missing cells, by column."""
    unseen: Mapping[str, int] = field(default_factory=dict)
    """Cells of categories that training never saw, or that are rare, by column."""


def encode(schema: Schema, parsed: Parsed) -> Encoded:
    """Rows as samples.

    Raises:
        DataError: if a cell is missing where none may be.
    """
    import numpy as np

    texts = [column for column in schema.taken if column.kind == "text"]
    if texts:  # alone: whole numbers that name things stand beside no others
        values = parsed.columns[texts[0].name]
        assert isinstance(values, Words)
        return Encoded(numbered(values.cells, texts[0]))
    x = np.zeros((parsed.rows, schema.width))
    gaps, unseen = {}, {}
    for column in schema.taken:
        values = parsed.columns[column.name]
        missing = values.missing
        gaps[column.name] = int(missing.sum())
        if column.policy == "refuse" and missing.any():
            raise refused(column, missing)
        unseen[column.name] = _fill(x[:, schema.places[column.name]], column, values, missing)
    return Encoded(x, {k: v for k, v in gaps.items() if v}, {k: v for k, v in unseen.items() if v})


def _fill(slots: NDArray[np.float64], column: Column, values: Values, missing: NDArray[np.bool_]) -> int:
    """Write a column's slots [n, slots]; how many of its cells are of categories that training never saw."""
    unseen = 0
    match values:
        case Numbers():
            _measures(slots, column, [values.values], missing)
        case Moments():
            _measures(slots, column, [measured(values.seconds, part, column.first) for part in column.parts], missing)
        case Codes():
            unseen = _one_hot(slots, column, values)
    if column.gaps:
        slots[:, -1] = missing
    return unseen


def _measures(
    slots: NDArray[np.float64], column: Column, measures: list[NDArray[np.float64]], missing: NDArray[np.bool_]
) -> None:
    for place, found in enumerate(measures):
        slot = slots[:, place]
        slot[:] = found
        slot[missing] = column.fill[place]
        if column.mean:
            slot -= column.mean[place]
            slot /= column.deviation[place]


def _one_hot(slots: NDArray[np.float64], column: Column, values: Codes) -> int:
    import numpy as np

    found = slots_of(column, values)
    other = len(column.values) if column.rest else -2
    # What is missing and has no slot is as what training never saw.
    place = found if column.gaps else np.where(found == -1, other, found)
    rows = np.flatnonzero(place >= 0)
    slots[rows, place[rows]] = 1.0
    slots[place == -2, : len(column.values) + column.rest] = column.shares
    return int((found == other).sum())
