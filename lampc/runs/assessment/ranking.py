"""How well scores put what is true above what is not: the curve of Receiver Operating Characteristics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Roc:
    """The curve's corners, from (0, 0) to (1, 1), as the threshold falls."""

    false: tuple[float, ...]
    """The share of what is not true that is taken for true."""
    true: tuple[float, ...]
    """The share of what is true that is found."""
    thresholds: tuple[float, ...]
    """What scores are at least there; infinite at (0, 0)."""
    area: float
    """Below the curve: how often something true has a greater score than something that is not, ties half."""


def roc(scores: NDArray[np.float64], true: NDArray[np.bool_]) -> Roc | None:
    """The curve of scores [n] for what is true [n]; None where all is, or nothing."""
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    scores, true = scores[order], true[order]
    positives, negatives = int(true.sum()), int((~true).sum())
    if not positives or not negatives:
        return None
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of those that share a score
    found, alarms = np.cumsum(true)[last], np.cumsum(~true)[last]
    area = float((np.diff(alarms, prepend=0) * (found + np.append(0, found[:-1]))).sum() / (2 * positives * negatives))
    corners = _corners(found, alarms)
    false_share, true_share = alarms[corners] / negatives, found[corners] / positives
    return Roc((0.0, *false_share.tolist()), (0.0, *true_share.tolist()), (math.inf, *scores[last][corners].tolist()), area)


def _corners(found: NDArray[np.int64], alarms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which points lie on no straight line between their neighbours."""
    import numpy as np

    keep = np.ones(len(found), bool)
    keep[1:-1] = (np.diff(found, 2) != 0) | (np.diff(alarms, 2) != 0)
    return keep
