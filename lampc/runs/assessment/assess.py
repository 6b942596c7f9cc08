"""A part of a run's data, assessed: classes, ranking, calibration, residuals, the worst rows, columns by their importance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.runs.assessment.answers import Answers, Classes, Numbers, answers, counting, reading
from lampc.runs.assessment.by_class import ByClass, by_class
from lampc.runs.assessment.calibration import Calibration, calibration
from lampc.runs.assessment.importance import REPEATS, Importance, Slots, importances
from lampc.runs.assessment.naming import naming
from lampc.runs.assessment.ranking import Roc, roc
from lampc.runs.assessment.residuals import Residuals, residuals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.data import Split
    from lampc.runs.load import Run
    from lampc.runtime.model import Model

WORST = 5
"""Rows that are shown."""
ROWS = 2000
"""Rows at most by which columns are weighed, drawn from all."""
COLUMNS = 200
"""Columns at most that are weighed."""


@dataclass(frozen=True)
class Row:
    """A row, and how far off it is."""

    name: str
    """Its id, or its number, from 0; see ``Assessment.by``."""
    target: str
    """Of several numbers the one that is farthest off; empty for classes."""
    true: str | float
    predicted: str | float
    share: float | None
    """The probability of what is true, where there are classes; None where there is none."""
    loss: float
    """The larger, the worse: -log p of the class, or the size of the error."""


@dataclass(frozen=True)
class Weighed:
    """How much each column matters."""

    score: str
    """What falls: ``accuracy`` or ``r2``."""
    whole: float
    """What it is while nothing is dealt out."""
    rows: int
    repeats: int
    columns: tuple[Importance, ...]


@dataclass(frozen=True)
class Assessment:
    """Of a part."""

    part: str
    samples: int
    classes: tuple[ByClass, ...] = ()
    """None where targets are numbers."""
    yes: str = ""
    """Of two classes the one that ROC and calibration are of."""
    roc: Roc | None = None
    calibration: Calibration | None = None
    """Of two classes, of the second one's probability; of several, of the greatest."""
    residuals: tuple[Residuals, ...] = ()
    """None where targets are classes."""
    worst: tuple[Row, ...] = ()
    by: str = "sample"
    """What rows are called by: the id column, ``row``, the number in the table, or ``sample``, the number in the part."""
    weighed: Weighed | None = None
    """None where samples are no rows of columns, or there are very many."""


def told_part(parts: Mapping[str, Split]) -> str:
    """Which part is told of: the one that is farthest from training."""
    return next(name for name in ("data", "test", "validation", "train") if name in parts)


def assess(run: Run, model: Model, name: str, part: Split, threshold: float | None = None,
           other: Path | None = None) -> Assessment:  # fmt: skip
    """A part of a run's data, or of another file's; ``threshold``: what probabilities of yes are above, of two classes.

    Raises:
        LampError: if the network answers with neither a class nor numbers.
    """
    found = answers(run, model, part)
    called, places = naming(run, part, other), counting(run, part)
    worst = _worst(found, lambda index: called.name(int(places[index])), threshold)
    weighed = _weighed(run, model, part, threshold)
    if isinstance(found, Numbers):
        errors = tuple(residuals(*column) for column in zip(found.predicted.T, found.true.T, found.names, strict=True))
        return Assessment(name, len(found.true), residuals=errors, worst=worst, by=called.by, weighed=weighed)
    guess = found.found(threshold)
    if found.two:
        yes = found.true == 1
        curve, calibrated = roc(found.yes, yes), None if found.margin else calibration(found.yes, yes)
    else:
        curve, calibrated = None, calibration(found.shares.max(1), guess == found.true)
    return Assessment(name, len(found.true), by_class(guess, found.true, found.names), found.names[1] if found.two else "",
                      curve, calibrated, (), worst, called.by, weighed)  # fmt: skip


def worst_rows(losses: NDArray[np.float64], count: int) -> list[int]:
    """Where the greatest losses [n] are, the greatest first, the first of equal ones; what is no number is the greatest."""
    import numpy as np

    found: list[int] = np.argsort(-np.where(np.isnan(losses), np.inf, losses), kind="stable")[:count].tolist()
    return found


def _worst(found: Answers, name: Callable[[int], str], threshold: float | None) -> tuple[Row, ...]:
    losses, rows = found.losses, []
    guess = found.found(threshold) if isinstance(found, Classes) else None
    for index in worst_rows(losses, WORST):
        loss = float(losses[index])
        if isinstance(found, Classes) and guess is not None:
            true = int(found.true[index])
            share = None if found.margin else float(found.shares[index, true])
            rows.append(Row(name(index), "", found.names[true], found.names[int(guess[index])], share, loss))
        elif isinstance(found, Numbers):
            far = _farthest(found, index)
            rows.append(
                Row(
                    name(index),
                    found.names[far],
                    float(found.true[index, far]),
                    float(found.predicted[index, far]),
                    None,
                    loss,
                )
            )
    return tuple(rows)


def _farthest(found: Numbers, index: int) -> int:
    """The target of a row that is farthest off."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        deviation = found.true.std(0)
        return int((np.abs(found.predicted[index] - found.true[index]) / np.where(deviation > 0.0, deviation, 1.0)).argmax())


def _weighed(run: Run, model: Model, part: Split, threshold: float | None) -> Weighed | None:
    import numpy as np

    groups = columns_of(run)
    if groups is None or isinstance(part.x, Rows) or len(groups) > COLUMNS:
        return None
    kept = counting(run, part)
    if len(kept) > ROWS:
        kept = np.sort(np.random.default_rng(run.seed).choice(kept, ROWS, replace=False))
    x, y, read = part.x[kept], part.y[kept], reading(run, model, part.y)

    def predict(samples: NDArray[Any]) -> Answers:
        return read.of(model(samples).cpu().numpy(), y)

    def score(found: Answers) -> float:
        return _score(found, threshold)

    whole = predict(x)
    return Weighed("accuracy" if isinstance(whole, Classes) else "r2", score(whole), len(x), REPEATS,
                   importances(predict, x, score, groups, REPEATS, run.seed))  # fmt: skip


def _score(found: Answers, threshold: float | None) -> float:
    if isinstance(found, Classes):
        return float((found.found(threshold) == found.true).mean())
    each = [residuals(p, y, "").r2 for p, y in zip(found.predicted.T, found.true.T, strict=True)]
    return sum(each) / len(each)


def columns_of(run: Run) -> Mapping[str, Slots] | None:
    """Each column, and where its numbers stand in a sample; None where samples are no rows of columns."""
    shape = run.program.elaborated.input_type.sample
    data = run.program.experiment.data
    description = None if data is None else data.description
    if len(shape) != 1:
        return None
    if run.schema is not None:
        return run.schema.places
    names = description.columns if description is not None and description.columns else [f"x{i}" for i in range(shape[0])]
    return {name: [index] for index, name in enumerate(names)}
