"""How far predicted numbers are from the targets, in the targets' own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Residuals:
    """Predicted minus true."""

    target: str
    mean: float
    """Above 0 where predictions are too great on the whole."""
    deviation: float
    """Their standard deviation, divided by n."""
    mae: float
    """The mean of their sizes."""
    rmse: float
    """The root of their mean square."""
    r2: float
    """The share of the targets' variance that is explained; of targets that do not vary 1 if they are met, else 0."""
    quantiles: tuple[float, ...]
    """Below them are the shares ``QUANTILES`` of all, by linear interpolation."""
    largest: float
    """The one farthest from 0."""


def residuals(predicted: NDArray[np.float64], true: NDArray[np.float64], target: str) -> Residuals:
    """Of numbers [n] and targets [n], of at least one sample."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all numbers is told as such
        error = predicted - true
        spread, unexplained = float(np.square(true - true.mean()).sum()), float(np.square(error).sum())
        r2 = 1.0 - unexplained / spread if spread else float(unexplained == 0.0)
        return Residuals(target, float(error.mean()), float(error.std()), float(np.abs(error).mean()),
                         float(np.sqrt(np.square(error).mean())), r2, tuple(np.quantile(error, QUANTILES).tolist()),
                         float(error[np.abs(error).argmax()]))  # fmt: skip
