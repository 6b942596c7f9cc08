"""Whether probabilities are what they say: of samples that are given 0.8, eight in ten are to be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Samples whose probability is above ``low`` and at most ``high``; in the first one, 0 is, too."""

    low: float
    high: float
    samples: int
    mean: float
    """Their mean probability; 0 where there are none."""
    share: float
    """The share of those that came true; 0 where there are none."""


@dataclass(frozen=True)
class Calibration:
    """The curve, and how far it is from the diagonal."""

    bins: tuple[Bin, ...]
    error: float
    """The mean distance of a bin's probability and share, by samples: the expected calibration error (Naeini et al. 2015)."""


def calibration(shares: NDArray[np.float64], came: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """The curve of probabilities [n] of what came true or not [n], in bins of equal width."""
    import numpy as np

    place = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], shares)
    counts = np.bincount(place, minlength=bins)
    means, found = (np.bincount(place, weights, bins) / np.maximum(counts, 1) for weights in (shares, came.astype(float)))
    error = float((counts * np.abs(means - found)).sum() / max(1, len(shares)))
    rows = zip(counts.tolist(), means.tolist(), found.tolist(), strict=True)
    return Calibration(tuple(Bin(i / bins, (i + 1) / bins, *row) for i, row in enumerate(rows)), error)
