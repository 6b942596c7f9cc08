"""A table's columns as what they mean: compact arrays, each parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.table.schema import Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Numbers:
    """Of numbers [n] float64, NaN where a cell is missing; of yes/no 0 and 1."""

    values: NDArray[np.float64]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are, [n]."""
        import numpy as np

        found: NDArray[np.bool_] = np.isnan(self.values)
        return found


@dataclass(frozen=True, eq=False)
class Codes:
    """Of categories and classes: ``words[codes[row]]``, -1 where a cell is missing; codes [n] int32."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are, [n]."""
        found: NDArray[np.bool_] = self.codes < 0
        return found


@dataclass(frozen=True, eq=False)
class Moments:
    """Of dates: seconds since 1970, [n] float64, in no zone; NaN where a cell is missing."""

    seconds: NDArray[np.float64]

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are, [n]."""
        import numpy as np

        found: NDArray[np.bool_] = np.isnan(self.seconds)
        return found


@dataclass(frozen=True, eq=False)
class Words:
    """Of a text: pyarrow's array of strings, null where a cell is missing."""

    cells: Any

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells are, [n]."""
        found: NDArray[np.bool_] = self.cells.is_null().to_numpy(zero_copy_only=False)
        return found


Values = Numbers | Codes | Moments | Words


@dataclass(frozen=True, eq=False)
class Parsed:
    """Columns by name."""

    columns: Mapping[str, Values]
    rows: int

    def take(self, rows: NDArray[np.int64]) -> Parsed:
        """Some of the rows, in an order."""
        return Parsed({name: taken(values, rows) for name, values in self.columns.items()}, len(rows))


def taken(values: Values, rows: NDArray[np.int64]) -> Values:
    """Some rows of a column."""
    match values:
        case Numbers():
            return Numbers(values.values[rows])
        case Codes():
            return Codes(values.codes[rows], values.words)
        case Moments():
            return Moments(values.seconds[rows])
        case Words():
            return Words(values.cells.take(rows))


def with_targets(parsed: Parsed, targets: tuple[Target, ...]) -> NDArray[np.int64]:
    """The rows that have all their targets."""
    import numpy as np

    there = np.ones(parsed.rows, bool)
    for target in targets:
        there &= ~parsed.columns[target.name].missing
    return np.flatnonzero(there)
