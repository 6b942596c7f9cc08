"""From samples and what is to be learnt of them to a dataset, by a schema that is fitted on its training part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lampc.data import Dataset, Split
from lampc.data.split import Cut, finish
from lampc.data.unit import Unit
from lampc.sklearn.table import columns_of, encoded, moments, schema_for
from lampc.table.schema import Schema, Target
from lampc.table.strata import stratified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lampc.table.statement import Override


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be learnt."""

    y: NDArray[Any]
    """Labels [n], whole numbers, or targets [n, t]."""
    targets: tuple[Target, ...]
    end: str
    """The layers that a network ends in, and the loss."""
    weight: NDArray[np.float64] | None = None
    """How much each sample counts [n]; None: all alike."""
    scaled: bool = False
    """Whether targets are numbers, which are standardised."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The classes' names where targets are labels."""
        return self.targets[0].values if self.y.ndim == 1 else None


def begun(x: Any, names: Sequence[str], said: Sequence[Override], task: Task, validation: float, seed: int,
          standardise: bool) -> Dataset:  # fmt: skip
    """The dataset of a training that begins: some samples held out to choose by, a schema and units fitted on the others.

    ``said``: what is insisted on of single columns.

    Raises:
        DataError: if there are too few samples, or cells that do not belong together.
    """
    columns, parsed, form = columns_of(x, names, said)
    train, held = _parts(task, validation, seed)
    weight = None if task.weight is None else task.weight[train]
    schema = schema_for(columns, parsed.take(train), task.targets, form, standardise, weight)
    unit = _unit(task.y[train], weight) if task.scaled else None
    return _dataset(encoded(schema, x, names), task, schema, unit, train, held)


def continued(
    x: Any, names: Sequence[str], task: Task, schema: Schema, unit: Unit | None, validation: float, seed: int
) -> Dataset:
    """The dataset of a training that goes on, by the schema and in the units that it began with.

    Raises:
        DataError: if there are too few samples, or a column is missing or holds what is none of its kind.
    """
    train, held = _parts(task, validation, seed)
    return _dataset(encoded(schema, x, names), task, schema, unit, train, held)


def _dataset(x: Any, task: Task, schema: Schema, unit: Unit | None, train: Any, held: Any) -> Dataset:
    y = task.y if unit is None else unit.standardised(task.y)
    parts = [Split(x[rows], y[rows], None if task.weight is None else task.weight[rows]) for rows in (train, held, held[:0])]
    found = finish(parts[0], parts[1], parts[2], task.classes, Cut())
    return replace(found, unit=unit, schema=schema)


def _parts(task: Task, validation: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows that count, in the seed's order: to train on, and to choose by, of each class its share."""
    rows = np.arange(len(task.y)) if task.weight is None else np.flatnonzero(task.weight > 0)
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    train, held, _ = Cut(1.0, validation).counts(len(rows))
    if held and task.y.ndim == 1:
        part = stratified(task.y[rows], (train, held, 0))
        return rows[part == 0], rows[part == 1]
    return rows[:train], rows[train:]


def _unit(y: NDArray[np.float64], weight: NDArray[np.float64] | None) -> Unit | None:
    if weight is None:
        return Unit.fitted(y)
    mean, deviation = np.transpose([moments(column, weight) for column in y.T])
    return Unit(mean, deviation)
