"""Texts as whole numbers: of words or of characters, by the vocabulary of the rows to train on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lampc.table.schema import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 10_000
"""Words that have a number of their own; the commonest."""
LENGTH = 64
"""Words or characters that count, if not said otherwise."""
_WORD = re.compile(r"\w+|[^\w\s]")
NONE, UNKNOWN = 0, 1
"""Where a text is shorter, and what training never saw."""


def units(text: str, unit: str) -> Sequence[str]:
    """A text's words, in lower case, marks apart, or its characters."""
    return list(text) if unit == "character" else _WORD.findall(text.lower())


def vocabulary(cells: Any, column: Column) -> tuple[str, ...]:
    """What has a number: the commonest first, those that occur once left out where they are words."""
    counted = Counter(unit for text in _texts(cells) for unit in units(text, column.unit))
    least = 1 if column.unit == "character" or len(counted) < 1000 else 2
    return tuple(unit for unit, count in counted.most_common(MOST) if count >= least)


def numbered(cells: Any, column: Column) -> NDArray[np.int64]:
    """Texts as whole numbers [n, length]: 0 after their end, 1 for what is not in the vocabulary."""
    import numpy as np

    known = {unit: number for number, unit in enumerate(column.values, 2)}
    found = np.zeros((len(cells), column.length), np.int64)
    for row, text in enumerate(cells.to_pylist()):
        taken = units(text or "", column.unit)[: column.length]
        found[row, : len(taken)] = [known.get(unit, UNKNOWN) for unit in taken]
    return found


def _texts(cells: Any) -> Iterable[str]:
    return (text for text in cells.to_pylist() if text is not None)
