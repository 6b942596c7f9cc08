"""How well each class is found, and all together: shares that are of nothing are 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ByClass:
    """One class against the rest."""

    name: str
    precision: float
    """How many of those taken for it are of it."""
    recall: float
    """How many of it are found."""
    f1: float
    """2·precision·recall/(precision + recall)."""
    samples: int
    """How many are of it."""


@dataclass(frozen=True)
class Measures:
    """Answers of yes and no; precision, recall and f1 are of yes."""

    accuracy: float
    balanced_accuracy: float
    """The mean recall of yes and no, of those that occur."""
    precision: float
    recall: float
    f1: float


def by_class(found: NDArray[np.integer[Any]], true: NDArray[np.integer[Any]], names: Sequence[str]) -> tuple[ByClass, ...]:
    """Of each class, for predicted and true labels [n], 0 to len(names) - 1."""
    import numpy as np

    count = len(names)
    hits, taken, there = (np.bincount(labels, minlength=count) for labels in (true[found == true], found, true))
    return tuple(
        ByClass(name, share(h, p), share(h, t), share(2 * h, p + t), int(t))
        for name, h, p, t in zip(names, hits.tolist(), taken.tolist(), there.tolist(), strict=True)
    )


def by_label(found: NDArray[np.bool_], true: NDArray[np.bool_], names: Sequence[str]) -> tuple[ByClass, ...]:
    """Of each label's ones, for answers and truths [n, labels]."""
    each = [measures(f, t) for f, t in zip(found.T, true.T, strict=True)]
    return tuple(ByClass(name, of.precision, of.recall, of.f1, int(t.sum()))
                 for name, of, t in zip(names, each, true.T, strict=True))  # fmt: skip


def measures(yes: NDArray[np.bool_], true: NDArray[np.bool_]) -> Measures:
    """Of answers and truths [n]."""
    hits, taken, there, total = int((yes & true).sum()), int(yes.sum()), int(true.sum()), len(true)
    return of_counts(hits, taken - hits, there, total - there)


def of_counts(hits: float, alarms: float, there: float, others: float) -> Measures:
    """Of how many are rightly taken for yes, how many wrongly, and how many are yes and no."""
    rejected = others - alarms
    recalls = [share(right, of) for right, of in ((hits, there), (rejected, others)) if of]
    return Measures(share(hits + rejected, there + others), share(sum(recalls), len(recalls)), share(hits, hits + alarms),
                    share(hits, there), share(2 * hits, hits + alarms + there))  # fmt: skip


def share(part: float, whole: float) -> float:
    """A part of a whole; of nothing 0."""
    return part / whole if whole else 0.0
