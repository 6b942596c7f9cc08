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
from lampc.runtime.loader import Batch, tensor, weighing
from lampc.runtime.own_unit import in_own_unit, loss_factor
from lampc.runtime.targets import check_bits
from lampc.runtime.totals import gives, loss_of, plus

if TYPE_CHECKING:
    from lampc.runtime.model import Model


def measure(model: Model, x: Any, y: Any, known: bool = False,
            weight: Any = None) -> tuple[float, list[tuple[MetricType, Any]]]:  # fmt: skip
    """The loss of some samples, as if they were one minibatch, and each metric with what its result is read off; in the
    targets' own unit, where the model has one.

    ``known``: the samples have been measured before, and are not looked at again. ``weight``: how much each sample counts in
    the loss; in metrics all count alike.

    Raises:
        LampError: if nothing counts.
    """
    totals, metrics = model.weighed(weight).totals, model.program.metrics
    sums, samples, counted = begun(totals), 0, False
    states: list[Any] = [None] * len(metrics)
    for part in [Batch(x, y, weight)] if known and isinstance(x, Tensor) else _parts(model, x, y, weight):
        counted = counted or known or counts(model, part.y, part.w)
        for added, outputs, target in _measured(model, part):
            sums, samples = plus(sums, added), samples + len(target)
            for index, metric in enumerate(metrics):
                found = metric.part(_seen(model, metric, outputs, target, known))
                states[index] = found if states[index] is None else metric.merge(states[index], found)
    if not counted:
        raise nothing(model)
    loss = loss_of(totals, sums, samples) * loss_factor(model.program, model.unit)
    return loss, list(zip(metrics, states, strict=True))


def counts(model: Model, y: Tensor, weight: Tensor | None = None) -> bool:
    """Whether any of the targets counts for the loss."""
    ignore = model.program.ignored
    if weight is not None:
        y = y[weight > 0]
    return bool(y.numel()) if ignore is None else bool((y != ignore).any())


def check_counts(model: Model, y: Any, weight: Any = None) -> None:
    """Refuse targets of which none counts, before anything is trained; those that lie on the disk are seen as they are read.

    Raises:
        LampError: if so.
    """
    some = None if weight is None else tensor(weight)
    if model.program.ignored is not None and not isinstance(y, Rows) and len(y) and not counts(model, tensor(y), some):
        raise nothing(model)


def nothing(model: Model) -> Exception:
    """The error of samples of which none counts."""
    ignore = model.program.ignored
    what = "there are no samples" if ignore is None else f"no sample has another label than {ignore}, which `ignore` leaves out"
    return failure("E510", f"there is nothing to measure: {what}", "give samples that count")


def _parts(model: Model, x: Any, y: Any, weight: Any) -> Iterator[Batch]:
    """Samples as tensors: all, or as many as are read from the disk at once."""
    w = None if weight is None else weighing(weight, len(x))
    if not isinstance(x, Rows):
        yield model.minibatch(x, y, w)
        return
    for start in range(0, len(x), STORED):
        here = slice(start, start + STORED)
        yield model.minibatch(x[here], y[here], None if w is None else w[here])


def _measured(model: Model, samples: Batch) -> Iterator[tuple[tuple[float, ...], Mapping[Key, Tensor], Tensor]]:
    """What samples add to the totals, the outputs for them, and their targets, some samples at a time.

    How many does not matter, but for a loss in which samples meet otherwise than in sums: that is of the program's minibatches.
    """
    x, y, w = samples
    program = model.weighed(w)
    batch = CHUNK if program.totals.apart else program.experiment.train.batch
    runner = model.native(*program.measured, weighed=w is not None)
    if runner is not None:
        if len(x):
            yield *runner.evaluate(samples, program.measured, min(batch, len(x))), y
        return
    for start in range(0, len(x), batch):
        here = slice(start, start + batch)
        part, target = x[here], y[here]
        executor = model.executor(program.evaluation, len(part))
        executor.fill(part, target, None if w is None else w[here])
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
