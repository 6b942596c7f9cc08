"""What a run's network measures up to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data import DataError, Split
from lampc.diagnostics import failure
from lampc.runtime.train import load_data

if TYPE_CHECKING:
    from lampc.runs.load import Run
    from lampc.runtime.model import Model


def evaluate(run: Run, model: Model, other: Path | None = None) -> dict[str, dict[str, Any]]:
    """Loss and metrics on the run's own data, part by part, or on another file of its kind: all of it.

    Raises:
        LampError: if the data cannot be had, or does not fit the network.
    """
    if other is not None:
        return {"data": _measured(model, _other(run, other))}
    data = load_data(run.program, run.seed)
    return {name: _measured(model, part) for name, part in data.parts().items()}


def _measured(model: Model, part: Split) -> dict[str, Any]:
    return {"samples": len(part), "measures": model.evaluate(part.x, part.y, part.weight)}


def _other(run: Run, path: Path) -> Split:
    """A file's samples, read as the run's data was, but neither split nor normalised anew."""
    data = run.program.experiment.data
    if data is None or "path" not in data.source.signature.names:
        raise failure("E501", "the run was not trained on a file, so another cannot be read as it was")
    arguments = {**data.request.arguments, "path": path.name}
    for name, plain in (("split", 1.0), ("validation", 0.0), ("normalize", False)):
        if name in arguments:
            arguments[name] = plain
    columns = None if data.description is None else data.description.columns
    if columns is not None and data.description is not None:
        arguments["target"] = data.description.name
    request = replace(data.request, arguments=arguments, folder=path.parent.absolute(), columns=columns)
    try:
        found = data.source.load(request)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    both = [part for part in (found.train, found.test) if len(part)]
    import numpy as np

    x, y = (np.concatenate([getattr(part, name) for part in both]) for name in ("x", "y"))
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
