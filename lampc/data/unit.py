"""Number targets in their own unit, and as a network is trained on them: each of mean 0 and deviation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.table.spread import without_spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST, _MOST = 1e-150, 1e150
"""Between these a deviation's square is a number, as a squared error's has to be."""


@dataclass(frozen=True, eq=False)
class Unit:
    """By what targets [n, t] were standardised: the mean and the deviation of each over the training part, both [t]."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def standardised(self, y: Any) -> NDArray[np.float64]:
        """Targets ``y`` [n, t], in their own unit, as the network is trained on them."""
        found: NDArray[np.float64] = (y - self.mean) / self.deviation
        return found

    def own(self, y: Any) -> NDArray[np.float64]:
        """Standardised targets or predictions ``y`` [n, t] in the targets' own unit."""
        found: NDArray[np.float64] = y * self.deviation + self.mean
        return found

    def of_part(self, part: tuple[int, int] | None) -> Unit:
        """That of the targets from one to another; of all where None."""
        return self if part is None else Unit(self.mean[slice(*part)], self.deviation[slice(*part)])

    @property
    def factor(self) -> float | None:
        """What an error is multiplied by to be in the targets' unit; None where targets have several deviations."""
        first = float(self.deviation[0])
        return first if bool((self.deviation == first).all()) else None

    def lists(self) -> list[list[float]]:
        """The means and the deviations, as JSON has them."""
        return [self.mean.tolist(), self.deviation.tolist()]

    @classmethod
    def fitted(cls, y: NDArray[np.float64]) -> Unit | None:
        """That of training targets ``y`` [n, t]; None where the squares of their deviations would not be numbers.

        A deviation that is nothing but rounding counts as 1.
        """
        import numpy as np

        exponent = np.frexp(np.abs(y).max(axis=0))[1]
        small = np.ldexp(y, -exponent)  # so that sums of squares are numbers, whatever the unit
        mean, deviation = small.mean(axis=0), small.std(axis=0)
        same = without_spread(mean, deviation)
        deviation = np.where(same, 1.0, np.ldexp(deviation, exponent))
        return cls(np.ldexp(mean, exponent), deviation) if _numbers(deviation) else None

    @classmethod
    def of(cls, lists: Any, target: tuple[int, ...]) -> Unit | None:
        """From JSON: the unit of targets of a shape; None if it can be none's."""
        import numpy as np

        try:
            mean, deviation = (np.asarray(part, np.float64) for part in lists)
        except ValueError:  # not two, or rows of several lengths
            return None
        fits = mean.shape == deviation.shape == tuple(target) and len(target) == 1
        return cls(mean, deviation) if fits and np.isfinite(mean).all() and _numbers(deviation) else None


def _numbers(deviation: NDArray[np.float64]) -> bool:
    return bool(((deviation > _LEAST) & (deviation < _MOST)).all())
