"""From which probability on the answer is yes, so that a metric is best on samples of which the training saw nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.diagnostics import failure
from lampc.runs.assessment.answers import Answers, Classes, Labels
from lampc.runs.assessment.by_class import Measures, measures, of_counts
from lampc.runs.assessment.reading import answers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.data import Split
    from lampc.runs.load import Run
    from lampc.runtime.model import Model

CRITERIA = ("f1", "balanced_accuracy", "accuracy")


@dataclass(frozen=True)
class Chosen:
    """A threshold, and what it brings."""

    value: float
    """What probabilities of yes are above."""
    metric: str
    score: float
    """The metric on the samples that it was chosen by."""
    usual: float
    """The metric there at the usual threshold."""


@dataclass(frozen=True)
class Applied:
    """What a threshold brings on a part, beside the usual one."""

    part: str
    value: float
    usual: float
    at: Measures
    at_usual: Measures


def chosen_on(run: Run, model: Model, validation: Split | None, asked: str | float, name: str,
              part: Split) -> tuple[Chosen | None, Applied]:  # fmt: skip
    """A threshold that is given, or that makes a metric of the validation part greatest, and what it brings on a part.

    Raises:
        LampError: if the network does not answer with yes or no, or there is nothing to choose by.
    """
    found = yes_or_no(run, answers(run, model, part))
    if not isinstance(asked, str):
        return None, applied(name, found, asked)
    if validation is None:
        why = "there is no validation part to choose a threshold by"
        raise failure("E603", why, "train with one: `data … validation=0.2`",
                      f"or say a number: `lampc eval {run.path} --threshold 0.4`")  # fmt: skip
    by = yes_or_no(run, answers(run, model, validation))
    chosen = best_threshold(by.yes, by.true == 1, asked, by.usual)
    return chosen, applied(name, found, chosen.value)


def applied(part: str, found: Classes, value: float) -> Applied:
    """A threshold on the answers to a part."""
    true = found.true == 1
    return Applied(part, value, found.usual, measures(found.yes > value, true), measures(found.yes > found.usual, true))


def yes_or_no(run: Run, found: Answers) -> Classes:
    """Answers that are the probability of yes.

    Raises:
        LampError: if they are others.
    """
    if not isinstance(found, Classes):
        what = "there are several labels" if isinstance(found, Labels) else "the targets are numbers"
    elif not found.two:
        what = f"there are {len(found.names)} classes"
    elif found.margin:
        what = "`hinge` makes none"
    else:
        return found
    raise failure(
        "E506", f"a threshold is of the probability of yes, and here {what}", f"leave it out: `lampc eval {run.path}`"
    )


def best_threshold(shares: NDArray[np.float64], true: NDArray[np.bool_], metric: str, usual: float = 0.5) -> Chosen:
    """The threshold of probabilities [n] of what is true [n] that makes a metric of ``CRITERIA`` greatest.

    Of several the one nearest to the usual one; between two probabilities, the number with the fewest digits.
    """
    import numpy as np

    order = np.argsort(shares, kind="stable")
    ranked, positive = shares[order], true[order]
    starts = np.append(0, np.flatnonzero(np.diff(ranked)) + 1)  # everything from there on is yes
    starts = np.append(starts, len(ranked))  # or nothing is
    there = int(positive.sum())
    passed = np.append(0, np.cumsum(positive))[starts]
    hits = there - passed
    alarms = len(ranked) - starts - hits
    values = [getattr(of_counts(h, a, there, len(ranked) - there), metric)
              for h, a in zip(hits.tolist(), alarms.tolist(), strict=True)]  # fmt: skip
    ends = np.concatenate([[-math.inf], np.unique(ranked), [math.inf]])
    gaps = [(float(low), float(high), value) for low, high, value in zip(ends[:-1], ends[1:], values, strict=True)]
    gaps = [gap for gap in gaps if gap[1] > 0.0]  # no probability is below 0, so that all are yes
    best = max(value for _, _, value in gaps)
    low, high, _ = min((gap for gap in gaps if gap[2] == best), key=lambda gap: max(gap[0] - usual, usual - gap[1], 0.0))
    here = int(np.searchsorted(ranked[starts[:-1]], usual, side="right")) if len(ranked) else 0
    return Chosen(between(low, high, usual), metric, best, values[here])


def between(low: float, high: float, usual: float) -> float:
    """A number of few digits that is at least ``low`` and below ``high``; the usual one if it is."""
    if low <= usual < high:
        return usual
    low, high = max(low, 0.0), min(high, 1.0)
    middle = low + (high - low) / 2
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if low <= short < high:
            return short
    return low
