"""What a run's network measures up to."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data import DataError, Split
from lampc.data.samples import encoded, only, weights_of, y_of
from lampc.data.understood import by_schema, parse_weight
from lampc.diagnostics import failure
from lampc.runs import rows
from lampc.table.parsed import with_targets

if TYPE_CHECKING:
    from lampc.runs.load import Run
    from lampc.runtime.model import Model


def evaluate(run: Run, model: Model, other: Path | None = None) -> dict[str, dict[str, Any]]:
    """Loss and metrics on the run's own data, part by part, or on another file of its kind: all of it.

    Raises:
        LampError: if the data cannot be had, or does not fit the network.
    """
    return measured(model, parts(run, model, other))


def parts(run: Run, model: Model, other: Path | None = None) -> dict[str, Split]:
    """The run's own data, by part, or another file of its kind, which is one, ``data``; as the network was trained on them.

    Raises:
        LampError: if the data cannot be had, or does not fit the network.
    """
    if other is None:
        return run.data().parts()
    found = _other(run, other)
    return {"data": found if model.unit is None else replace(found, y=model.unit.standardised(found.y))}


def measured(model: Model, parts: Mapping[str, Split]) -> dict[str, dict[str, Any]]:
    """Loss and metrics of each part.

    Raises:
        LampError: if it does not fit the network.
    """
    return {
        name: {"samples": len(part), "measures": model.evaluate(part.x, part.y, part.weight)} for name, part in parts.items()
    }


def _other(run: Run, path: Path) -> Split:
    """A file's samples, read as the run's data was, but neither split nor normalised anew."""
    data = run.program.experiment.data
    if run.schema is not None:
        return _table(run, path)
    if data is None or "path" not in data.source.signature.names:
        raise failure("E501", "the run was not trained on a file, so another cannot be read as it was")
    arguments = {**data.request.arguments, "path": path.name}
    for name, plain in (("split", 1.0), ("validation", 0.0), ("normalize", False)):
        if name in arguments:
            arguments[name] = plain
    columns = None if data.description is None else data.description.columns
    if columns is not None and data.description is not None:  # a table without a schema is one that stays on the disk
        arguments |= {"target": (data.description.name,), "stream": True}
    request = replace(data.request, arguments=arguments, folder=path.parent.absolute(), columns=columns, scale=False,
                      fold=None)  # fmt: skip
    try:
        found = data.source.load(request)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    both = [part for part in (found.train, found.test) if len(part)]
    import numpy as np

    # Samples on the disk stay there, but those of two parts, which are two arrays.
    x = both[0].x if len(both) == 1 else np.concatenate([part.x[:] for part in both])
    y = np.concatenate([part.y for part in both])
    known, here = run.classes, found.description.classes
    if known is None and here is not None:
        raise failure("E602", f"{path} has names in the target's column, and the network was trained on numbers")
    if known is not None and here is not None and known != here:
        same = known[: len(here)] == here[: len(known)]
        counting = y[y != run.program.ignored] if same else y  # what the loss ignores stands for no class
        strange = [here[label] for label in np.unique(counting) if here[label] not in known]
        if strange:
            raise failure("E604", f"{path} has the class `{strange[0]}`, which the network was not trained on",
                         f"it knows {', '.join(known)}")  # fmt: skip
        if not same:
            y = np.array([known.index(name) for name in here])[y]
    weights = [np.ones(len(part)) if part.weight is None else part.weight for part in both]
    weighed = any(part.weight is not None for part in both)
    return Split(run.normalised(x), y, np.concatenate(weights) if weighed else None)


def _table(run: Run, path: Path) -> Split:
    """A table's rows that have a target, by the run's schema."""
    data, schema = run.program.experiment.data, run.schema
    assert data is not None and schema is not None
    try:
        table = rows.read_as(run, path)
        parsed = by_schema(schema, table, targets=True)
        there = with_targets(parsed, schema.targets)
        if not len(there):
            raise DataError("E603", f"{path}: no row has a target")
        if len(there) < parsed.rows:
            warnings.warn(
                f"{path}: {parsed.rows - len(there):,} rows have no target and are left out", UserWarning, stacklevel=2
            )
        parsed = parsed.take(there)
        name = schema.used.get("weight")
        weight = None if name is None or name not in table.columns else weights_of(parse_weight(name, table), name)[there]
        if name is not None and weight is None:
            warnings.warn(f"{path} has no column `{name}`: all rows count alike in the loss", UserWarning, stacklevel=2)
        made = encoded(schema, parsed, only(table, there), run.program.elaborated.input_below, trained=True)
        unprepared = rows.Unprepared(run)
        unprepared.add(rows.Rows(table, made))
        if notes := str(unprepared):
            warnings.warn(f"{path}: {notes}", UserWarning, stacklevel=2)
        return Split(made.x, y_of(schema, parsed, data.request.bits), weight, rows=there)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
