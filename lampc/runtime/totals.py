"""The loss of many minibatches' samples, as if they were one minibatch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant, Setting
from lampc.ir.op import Run
from lampc.passes.totals import Totals
from lampc.runtime.executor import Executor


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
