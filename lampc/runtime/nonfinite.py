"""Where the first number that is none came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lampc.diagnostics import Problems
from lampc.ops.classes import BinaryCrossEntropy
from lampc.runtime.executor import Executor
from lampc.runtime.history import Diverged, Divergence

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.loader import Batch
    from lampc.runtime.model import Model


def nonfinite_at(model: Model, program: Program, batch: Batch, epoch: int, step: int) -> Diverged:
    """Run a minibatch again by the op list, to find the op."""
    executor = model.executor(program.training, len(batch.x))
    executor.fill(*batch)
    for kernel in executor.forward:
        kernel()
    return nonfinite(model, executor, executor.outputs["loss"].item(), epoch, step)


def nonfinite_elsewhere(model: Model, epoch: int, step: int) -> Diverged:
    """That the loss of another process's part is no number, of those that train together."""
    problems = Problems()
    message = f"epoch {epoch}, step {step}: the loss is no longer a number in the part of another process"
    problems.report("E701", message, model.program.experiment.train.span, fixes=_FIXES)
    return Diverged(Divergence(epoch, step, "", problems.errors))


_FIXES = ("lower the learning rate", "or bound the gradient: `clip=1`")


def nonfinite(model: Model, executor: Executor, loss: float, epoch: int, step: int) -> Diverged:
    """Say where the first number that is none came from, by running the forward list again on the same minibatch."""
    problems = Problems()
    found = executor.first_nonfinite()
    fixes = [*_FIXES]
    where = f"epoch {epoch}, step {step}"
    train_span = model.program.experiment.train.span
    culprit = ""
    if isinstance(found, str):
        owner = next((layer for layer in model.program.layers if found in dict(layer.parameters)), None)
        culprit = owner.name if owner is not None else found
        if found in ("x", "y", "w"):
            message, fixes = f"{where}: the loss is {loss}: `{found}` holds a number that is none", ["check the data"]
        else:
            message = f"{where}: the loss is {loss}: the update before it had made `{found}` infinite or NaN"
        problems.report("E701", message, owner.span if owner is not None else train_span, fixes=fixes)
    elif found is not None:
        culprit = found.layer or found.op.name
        name = f"`{found.op.name}`" + (f" of {found.layer}" if found.layer else "")
        span = found.spans[0] if found.spans else train_span
        if isinstance(found.op, BinaryCrossEntropy):
            fixes = ["it takes probabilities, from 0 to 1: end the network in `sigmoid`"]
        problems.report("E701", f"{where}: the loss is {loss}: {name} was the first op to make infinity or NaN", span,
                        "here", fixes=fixes)  # fmt: skip
    else:
        problems.report("E701", f"{where}: the loss is {loss}", train_span, fixes=fixes)
    return Diverged(Divergence(epoch, step, culprit, problems.errors))
