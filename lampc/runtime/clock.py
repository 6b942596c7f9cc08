"""What schedules and accumulation are told of a training before it begins."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import failure
from lampc.layers.schedules import CLOCK, PASS
from lampc.passes.optimise import GATHERED, GRADIENT, PASSED

if TYPE_CHECKING:
    from lampc.runtime.model import Model


def wind(model: Model, loader: Any, epochs: int, fresh: bool) -> None:
    """Tell schedule and accumulation, if there are such, how many minibatches and updates there will be.

    ``fresh``: they begin here. Else they go on, as they would have gone on to so many epochs.
    """
    settings, states = model.storage.settings, model.storage.states
    if not any(name in settings for name in (*CLOCK, PASS)):
        return
    try:
        minibatches = len(loader)
    except TypeError:
        who = "accumulate" if PASS in settings else "the schedule"
        raise failure("E703", f"{who} needs the number of minibatches, and the loader has no length",
                     f"pass a loader with a length, or leave `{who.removeprefix('the ')}` out") from None  # fmt: skip
    accumulate = model.program.experiment.train.accumulate
    if accumulate > max(1, minibatches):
        said = f"accumulate={accumulate}, and an epoch of the loader has {minibatches} minibatches: they make one update"
        warnings.warn(said, RuntimeWarning, stacklevel=5)
    updates = -(-minibatches // accumulate)
    total, each, before = CLOCK
    model.storage.set({total: float(epochs * updates), each: float(updates), PASS: float(minibatches)})
    if not fresh:
        return
    model.storage.set({before: states["t"].item() if "t" in states else 0.0})
    for name, state in states.items():  # what an interrupted training had gathered is not of this one
        if accumulate > 1 and name.partition(":")[0] in (GRADIENT, GATHERED, PASSED):
            state.zero_()
