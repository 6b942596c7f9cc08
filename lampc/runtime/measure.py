"""Measuring a model: its loss and metrics on samples, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lampc.data.rows import Rows
from lampc.diagnostics import failure
from lampc.ir.keys import Key
from lampc.layers.metrics import MetricType, Seen
from lampc.passes.totals import begun
from lampc.runtime.chunks import CHUNK, STORED
from lampc.runtime.executor import run
from lampc.runtime.loader import tensor
from lampc.runtime.own_unit import in_own_unit, loss_factor
from lampc.runtime.targets import check_bits
from lampc.runtime.totals import gives, loss_of, plus

if TYPE_CHECKING:
    from lampc.runtime.model import Model


def measure(model: Model, x: Any, y: Any, known: bool = False) -> tuple[float, list[tuple[MetricType, Any]]]:
    """The loss of some samples, as if they were one minibatch, and each metric with what its result is read off; in the
    targets' own unit, where the model has one.

    ``known``: the samples have been measured before, and are not looked at again.

    Raises:
        LampError: if nothing counts.
    """
    totals, metrics = model.program.totals, model.program.metrics
    sums, samples, counted = begun(totals), 0, False
    states: list[Any] = [None] * len(metrics)
    for inputs, targets in [(x, y)] if known and isinstance(x, Tensor) else _parts(model, x, y):
        for added, outputs, target in _measured(model, inputs, targets):
            sums, samples = plus(sums, added), samples + len(target)
            counted = counted or known or counts(model, target)
            for index, metric in enumerate(metrics):
                part = metric.part(_seen(model, metric, outputs, target, known))
                states[index] = part if states[index] is None else metric.merge(states[index], part)
    if not counted:
        raise nothing(model)
    loss = loss_of(totals, sums, samples) * loss_factor(model.program, model.unit)
    return loss, list(zip(metrics, states, strict=True))


def counts(model: Model, y: Tensor) -> bool:
    """Whether any of the targets counts for the loss."""
    ignore = model.program.ignored
    return bool(y.numel()) if ignore is None else bool((y != ignore).any())


def check_counts(model: Model, y: Any) -> None:
    """Refuse targets of which none counts, before anything is trained; those that lie on the disk are seen as they are read.

    Raises:
        LampError: if so.
    """
    if model.program.ignored is not None and not isinstance(y, Rows) and len(y) and not counts(model, tensor(y)):
        raise nothing(model)


def nothing(model: Model) -> Exception:
    """The error of samples of which none counts."""
    ignore = model.program.ignored
    what = "there are no samples" if ignore is None else f"no sample has another label than {ignore}, which `ignore` leaves out"
    return failure("E510", f"there is nothing to measure: {what}", "give samples that count")


def _parts(model: Model, x: Any, y: Any) -> Iterator[tuple[Tensor, Tensor]]:
    """Samples as tensors: all, or as many as are read from the disk at once."""
    if not isinstance(x, Rows):
        yield model.samples(x, y)
        return
    for start in range(0, len(x), STORED):
        yield model.samples(x[start : start + STORED], y[start : start + STORED])


def _measured(model: Model, x: Tensor, y: Tensor) -> Iterator[tuple[tuple[float, ...], Mapping[Key, Tensor], Tensor]]:
    """What samples add to the totals, the outputs for them, and their targets, some samples at a time.

    How many does not matter, but for a loss in which samples meet otherwise than in sums: that is of the program's minibatches.
    """
    program = model.program
    batch = CHUNK if program.totals.apart else program.experiment.train.batch
    runner = model.native(*program.measured)
    if runner is not None:
        if len(x):
            yield *runner.evaluate(x, y, program.measured, min(batch, len(x))), y
        return
    for start in range(0, len(x), batch):
        part, target = x[start : start + batch], y[start : start + batch]
        executor = model.executor(program.evaluation, len(part))
        executor.fill(part, target)
        run(executor.forward)
        yield gives(program.totals, executor, len(part)), executor.outputs, target


def _seen(model: Model, metric: MetricType, outputs: Mapping[Key, Tensor], target: Tensor,
          known: bool) -> Seen:  # fmt: skip
    head = metric.head
    prediction = outputs[head.output]
    if head.part is not None:
        target = target[..., slice(*head.part)]
    if metric.of_classes and not known and target.is_floating_point():
        check_bits(metric.name, target)
    if model.unit is not None:
        prediction, target = in_own_unit(model.unit, prediction, head.part), in_own_unit(model.unit, target, head.part)
    return Seen(prediction, target, outputs.get(head.scores, prediction))
