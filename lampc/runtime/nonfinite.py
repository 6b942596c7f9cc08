"""Where the first number that is none came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lampc.diagnostics import Problems
from lampc.runtime.executor import Executor

if TYPE_CHECKING:
    from lampc.runtime.model import Model


def nonfinite_at(model: Model, x: Tensor, y: Tensor, epoch: int, step: int) -> tuple[Any, ...]:
    """Run a minibatch again by the op list, to find the op."""
    executor = model.executor(model.program.training, len(x))
    executor.fill(x, y)
    for kernel in executor.forward:
        kernel()
    return nonfinite(model, executor, executor.outputs["loss"].item(), epoch, step)


def nonfinite(model: Model, executor: Executor, loss: float, epoch: int, step: int) -> tuple[Any, ...]:
    """Say where the first number that is none came from, by running the forward list again on the same minibatch."""
    problems = Problems()
    found = executor.first_nonfinite()
    fixes = ["lower the learning rate", "or bound the gradient: `clip=1`"]
    where = f"epoch {epoch}, step {step}"
    train_span = model.program.experiment.train.span
    if isinstance(found, str):
        spans = {name: layer.span for layer in model.program.layers for name, _ in layer.parameters}
        if found in ("x", "y"):
            message, fixes = f"{where}: the loss is {loss}: `{found}` holds a number that is none", ["check the data"]
        else:
            message = f"{where}: the loss is {loss}: the update before it had made `{found}` infinite or NaN"
        problems.report("E701", message, spans.get(found, train_span), fixes=fixes)
    elif found is not None:
        name = f"`{found.op.name}`" + (f" of {found.layer}" if found.layer else "")
        span = found.spans[0] if found.spans else train_span
        problems.report("E701", f"{where}: the loss is {loss}: {name} was the first op to make infinity or NaN", span,
                        "here", fixes=fixes)  # fmt: skip
    else:
        problems.report("E701", f"{where}: the loss is {loss}", train_span, fixes=fixes)
    return problems.errors
