"""A part of a run's data, assessed: classes, ranking, calibration, residuals, the worst rows, columns by their importance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.runs.assessment.answers import Answers, Labels, Numbers, Told
from lampc.runs.assessment.by_class import ByClass, by_class, by_label
from lampc.runs.assessment.calibration import Calibration, calibration
from lampc.runs.assessment.importance import REPEATS, Importance, Slots, importances
from lampc.runs.assessment.naming import naming
from lampc.runs.assessment.ranking import Roc, roc
from lampc.runs.assessment.reading import answers, counting, reading
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
    told: Told
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
    """None where targets are numbers, or labels."""
    labels: tuple[ByClass, ...] = ()
    """Of several labels at once, how well the samples of each are found."""
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
    losses = found.losses
    worst = tuple(Row(called.name(int(places[index])), found.told(index, threshold), float(losses[index]))
                  for index in worst_rows(losses, WORST))  # fmt: skip
    weighed = _weighed(run, model, part, threshold)
    if isinstance(found, Numbers):
        errors = tuple(residuals(*column) for column in zip(found.predicted.T, found.true.T, found.names, strict=True))
        return Assessment(name, len(found.true), residuals=errors, worst=worst, by=called.by, weighed=weighed)
    if isinstance(found, Labels):
        labels = by_label(found.found, found.true, found.names)
        return Assessment(name, len(found.true), labels=labels, worst=worst, by=called.by, weighed=weighed)
    guess = found.found(threshold)
    if found.two:
        yes = found.true == 1
        curve, calibrated = roc(found.yes, yes), None if found.margin else calibration(found.yes, yes)
    else:
        curve, calibrated = None, calibration(found.shares.max(1), guess == found.true)
    return Assessment(name, len(found.true), by_class(guess, found.true, found.names), (), found.names[1] if found.two else "",
                      curve, calibrated, (), worst, called.by, weighed)  # fmt: skip


def worst_rows(losses: NDArray[np.float64], count: int) -> list[int]:
    """Where the greatest losses [n] are, the greatest first, the first of equal ones; what is no number is the greatest."""
    import numpy as np

    found: list[int] = np.argsort(-np.where(np.isnan(losses), np.inf, losses), kind="stable")[:count].tolist()
    return found


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

    whole = predict(x)
    found = importances(predict, x, lambda made: made.score(threshold), groups, REPEATS, run.seed)
    return Weighed(whole.scored, whole.score(threshold), len(x), REPEATS, found)


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
