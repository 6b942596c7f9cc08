"""What a network answers to samples, and what is true, as a person has it: classes by name, labels, numbers in their unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.runs.assessment.residuals import residuals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Told:
    """A sample's answer, beside what is true."""

    target: str
    """Of several labels or numbers the one that is farthest off; empty for classes."""
    true: str | float
    predicted: str | float
    share: float | None
    """The probability of what is true, where there are classes or labels; None where there is none."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Answers that are one of several classes. Of two, the second one means yes."""

    names: tuple[str, ...]
    shares: NDArray[np.float64]
    """Each class's probability [n, classes]; of a ``margin`` the scores of no and yes, either the other's negative."""
    true: NDArray[np.int64]
    """[n]"""
    margin: bool = False
    """Whether they are no probabilities, but how far on one side of 0 a sample is."""
    least: float = 1e-300
    """What a probability is at least: one that the network has rounded to 0 is not impossible."""

    @property
    def two(self) -> bool:
        """Whether it is a question of yes or no."""
        return len(self.names) == 2

    @property
    def usual(self) -> float:
        """What scores of yes are above, if nothing else is said."""
        return 0.0 if self.margin else 0.5

    @property
    def yes(self) -> NDArray[np.float64]:
        """How much speaks for yes [n]."""
        found: NDArray[np.float64] = self.shares[:, 1]
        return found

    def found(self, threshold: float | None = None) -> NDArray[np.int64]:
        """The answers [n]; of two classes the second one's where its score is above a threshold."""
        import numpy as np

        yes = self.yes > (self.usual if threshold is None else threshold) if self.two else self.shares.argmax(1)
        found: NDArray[np.int64] = np.asarray(yes, np.int64)
        return found

    @property
    def losses(self) -> NDArray[np.float64]:
        """Of each sample -log p of its class [n]; of a margin max(0, 1 - it)."""
        import numpy as np

        own = self.shares[np.arange(len(self.true)), self.true]
        found: NDArray[np.float64] = np.maximum(0.0, 1.0 - own) if self.margin else -np.log(np.clip(own, self.least, 1.0))
        return found

    @property
    def scored(self) -> str:
        """What ``score`` is."""
        return "accuracy"

    def score(self, threshold: float | None = None) -> float:
        """The share of right answers."""
        return float((self.found(threshold) == self.true).mean())

    def told(self, index: int, threshold: float | None = None) -> Told:
        """A sample's answer."""
        true, found = int(self.true[index]), int(self.found(threshold)[index])
        share = None if self.margin else float(self.shares[index, true])
        return Told("", self.names[true], self.names[found], share)


@dataclass(frozen=True, eq=False)
class Labels:
    """Answers of yes or no to several questions at once."""

    names: tuple[str, ...]
    """The questions'."""
    words: tuple[tuple[str, str], ...]
    """How no and yes are said of each."""
    shares: NDArray[np.float64]
    """The probability of each yes [n, labels]; of a ``margin`` its score."""
    true: NDArray[np.bool_]
    """[n, labels]"""
    margin: bool = False
    """Whether they are no probabilities, but how far on one side of 0 a sample is."""
    least: float = 1e-300
    """What a probability is at least: one that the network has rounded to 0 is not impossible."""

    @property
    def found(self) -> NDArray[np.bool_]:
        """The answers [n, labels]."""
        said: NDArray[np.bool_] = self.shares > (0.0 if self.margin else 0.5)
        return said

    @property
    def own(self) -> NDArray[np.float64]:
        """The probability of what is true, or its score [n, labels]."""
        import numpy as np

        other = -self.shares if self.margin else 1.0 - self.shares
        return np.where(self.true, self.shares, other)

    @property
    def losses(self) -> NDArray[np.float64]:
        """Of each sample the mean over labels of -log p of what is true [n]; of a margin of max(0, 1 - it)."""
        import numpy as np

        each = np.maximum(0.0, 1.0 - self.own) if self.margin else -np.log(np.clip(self.own, self.least, 1.0))
        found: NDArray[np.float64] = each.mean(1)
        return found

    @property
    def scored(self) -> str:
        """What ``score`` is."""
        return "accuracy"

    def score(self, threshold: float | None = None) -> float:
        """The share of right answers over all labels."""
        return float((self.found == self.true).mean())

    def told(self, index: int, threshold: float | None = None) -> Told:
        """A sample's answer to the question that it is farthest off at."""
        own = self.own[index]
        far = int(own.argmin())
        words, found = self.words[far], bool(self.found[index, far])
        return Told(self.names[far], words[bool(self.true[index, far])], words[found], None if self.margin else float(own[far]))


@dataclass(frozen=True, eq=False)
class Numbers:
    """Answers that are numbers, in the targets' own units."""

    names: tuple[str, ...]
    """The targets'."""
    predicted: NDArray[np.float64]
    """[n, targets]"""
    true: NDArray[np.float64]
    """[n, targets]"""

    @property
    def _errors(self) -> NDArray[np.float64]:
        """Predicted minus true [n, targets]; of several, each by its target's deviation."""
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):
            error = self.predicted - self.true
            deviation = self.true.std(0) if len(self.names) > 1 else np.ones(1)
            found: NDArray[np.float64] = error / np.where(deviation > 0.0, deviation, 1.0)
        return found

    @property
    def losses(self) -> NDArray[np.float64]:
        """Of each sample the root of its errors' mean square, each by its target's deviation where there are several [n]."""
        import numpy as np

        found: NDArray[np.float64] = np.linalg.norm(self._errors, axis=1) / len(self.names) ** 0.5
        return found

    @property
    def scored(self) -> str:
        """What ``score`` is."""
        return "r2"

    def score(self, threshold: float | None = None) -> float:
        """The share of the targets' variance that is explained, the mean over targets."""
        each = [residuals(p, y, "").r2 for p, y in zip(self.predicted.T, self.true.T, strict=True)]
        return sum(each) / len(each)

    def told(self, index: int, threshold: float | None = None) -> Told:
        """A sample's number of the target that is farthest off."""
        far = int(abs(self._errors[index]).argmax())
        return Told(self.names[far], float(self.true[index, far]), float(self.predicted[index, far]), None)


Answers = Classes | Labels | Numbers
