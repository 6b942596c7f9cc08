"""What a network makes of each column: by how much a score falls when the column's values are dealt out anew (Breiman 2001).

A column that says the same as another may seem to matter little, since the other one is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPEATS = 5
Slots = slice | Sequence[int]
"""Where a column's numbers stand in a sample."""


@dataclass(frozen=True)
class Importance:
    """Of one column."""

    column: str
    mean: float
    """By how much the score is less, the mean over all deals; below 0 where it is greater."""
    deviation: float
    """The standard deviation over the deals, divided by their number."""


def importances(predict: Callable[[NDArray[Any]], Any], x: NDArray[Any], score: Callable[[Any], float],
                groups: Mapping[str, Slots], repeats: int = REPEATS, seed: int = 0) -> tuple[Importance, ...]:  # fmt: skip
    """Of each column of samples x [n, slots], the one that matters most first.

    A column's slots travel together, so that a category stays one. ``score`` is of what ``predict`` makes of x, greater for
    better. The same seed deals alike.
    """
    import numpy as np

    whole = score(predict(x))
    found: list[Importance] = []
    for name, slots in groups.items():
        random = np.random.default_rng([seed, len(found)])
        dealt = x.copy()
        falls = []
        for _ in range(repeats):
            dealt[:, slots] = x[random.permutation(len(x))][:, slots]
            falls.append(whole - score(predict(dealt)))
        found.append(Importance(name, float(np.mean(falls)), float(np.std(falls))))
    return tuple(sorted(found, key=lambda each: -each.mean))
