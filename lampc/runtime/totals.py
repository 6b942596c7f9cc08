"""The loss of many minibatches' samples, as if they were one minibatch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant, Setting
from lampc.ir.op import Run
from lampc.layers.losses import of_two
from lampc.passes.totals import Totals
from lampc.runtime.executor import Executor

if TYPE_CHECKING:
    from lampc.compile import Program


def gives(totals: Totals, executor: Executor, samples: int) -> tuple[float, ...]:
    """What a minibatch adds to each total."""
    return tuple(executor.outputs[part.output].item() * (samples if part.mean else 1) for part in totals.parts)


def plus(sums: Sequence[float], more: Iterable[float]) -> tuple[float, ...]:
    """Both, total by total."""
    return tuple(a + b for a, b in zip(sums, more, strict=True))


def loss_of(totals: Totals, sums: Sequence[float], samples: int) -> float:
    """The loss of so many samples, which come to these sums."""
    each = [total / max(1, samples) if part.mean else total for total, part in zip(sums, totals.parts, strict=True)]
    if totals.formula is None:
        return each[0]
    return _evaluate(totals.formula, {part.output: value for part, value in zip(totals.parts, each, strict=True)})


def counted(program: Program, y: Tensor, w: Tensor | None) -> Tensor | None:
    """How much each of some samples counts in their mean loss, [n], as float64: its weight, times those of its labels' classes.

    ``y``: targets; ``w``: weights. None: all alike, or not known, in a formula.
    """
    loss = program.experiment.loss
    if loss is None or loss.type is None:
        return None
    weights, ignore = loss.arguments.get("weights"), loss.arguments.get("ignore")
    each: Tensor | None = None
    if loss.type.classes and not loss.arguments.get("soft") and (weights or ignore is not None):
        table = torch.tensor(weights or (1.0,), dtype=torch.float64)
        each = table[y.clamp(0, len(table) - 1)]
        if ignore is not None:
            each = each.masked_fill(y == ignore, 0.0)
    elif loss.type.probabilities and weights and of_two(program.evaluated_type, loss.arguments):
        each = weights[0] + (weights[1] - weights[0]) * y.double()
    if each is None:
        return w
    found = each.reshape(len(y), -1).mean(1)
    return found if w is None else found * w


def _evaluate(formula: Graph, given: dict[str, float]) -> float:
    """A graph of single numbers, in float64."""
    values: dict[Value, torch.Tensor] = {}
    for node in formula:
        if isinstance(node.op, Setting | Constant):
            number = given[node.op.label] if isinstance(node.op, Setting) else node.op.value.value
            values[Value(node.id)] = torch.tensor(number, dtype=torch.float64)
            continue
        results = [torch.zeros((), dtype=torch.float64) for _ in node.types]
        node.op.bind(torch, results, [values[operand] for operand in node.operands], Run(1))()
        values.update({Value(node.id, index): result for index, result in enumerate(results)})
    found: float = values[formula.outputs["loss"]].item()
    return found
