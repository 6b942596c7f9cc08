"""How the loss of any number of samples comes of what minibatches of them give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import SCALAR, Constant, Input, Setting
from lampc.ops.arithmetic import Add, Mul, Scale, Sub
from lampc.ops.reduction import Mean, Sum


@dataclass(frozen=True)
class Total:
    """An output of each minibatch that is added up: as it is, or, a mean, once for each sample."""

    output: str
    mean: bool


@dataclass(frozen=True)
class Totals:
    """The totals of which the loss of all samples comes, as if they were one minibatch."""

    parts: tuple[Total, ...] = (Total("loss", True),)
    formula: Graph | None = None
    """The loss, of a setting for each total; None where it is the first's mean."""
    apart: bool = True
    """Whether samples meet in the totals alone; a variance, say, is one of each minibatch, and the mean over those counts."""


MEAN = Totals()
"""Of a loss that is a mean over samples."""


def total_up(graph: Graph) -> tuple[Graph, Totals]:
    """Find what of a loss is summed over samples, and what is done with the sums.

    A mean is a mean of minibatches' means, as many times as they have samples, and so is a sum of means. A quotient of sums,
    as with weights, or the root of a mean, is none: there the sums are added up first.

    Before: a forward graph. After: the same with an output for each total, where the loss alone does not do.
    """
    loss = graph.outputs.get("loss")
    if loss is None:
        return graph, MEAN
    cut = _Cut(graph)
    cut.walk(loss)
    if cut.mixed:
        return graph, Totals(apart=False)
    if cut.straight:
        return graph, MEAN
    parts = tuple(Total(f"total {number}", mean) for number, mean in enumerate(cut.found.values()))
    names = {value: part.output for value, part in zip(cut.found, parts, strict=True)}
    named = graph.with_outputs({**graph.outputs, **{name: value for value, name in names.items()}})
    return named, Totals(parts, _formula(graph, loss, names, cut.between))


class _Cut:
    """Where a loss meets the sums over samples, from the loss backwards."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: dict[Value, bool] = {}
        """The sums, and the means, True, over samples."""
        self.between: set[int] = set()
        """The nodes between those and the loss."""
        self.mixed = False
        self.straight = True
        """Whether the loss is a sum of means, each times a number."""
        self._of_data = _of_data(graph)

    def walk(self, value: Value) -> None:
        waiting = [value]
        while waiting:
            value = waiting.pop()
            node = self.graph[value.node]
            if value in self.found or node.id in self.between:
                continue
            if node.id not in self._of_data and not isinstance(node.op, Constant):
                self.found[value] = True
            elif isinstance(node.op, Sum | Mean) and self.graph.type(node.operands[0]).batched:
                self.found[value] = isinstance(node.op, Mean)
                self.straight &= isinstance(node.op, Mean)
                self.mixed |= not self._one_by_one(node.operands[0])
            elif any(type.rank for type in node.types) or isinstance(node.op, Input):
                self.mixed = True
            else:
                self.mixed |= _power(node) != 0
                self.straight &= self._is_straight(node)
                self.between.add(node.id)
                waiting += node.operands

    def _is_straight(self, node: Node) -> bool:
        if isinstance(node.op, Mul):
            return any(isinstance(self.graph[operand.node].op, Constant) for operand in node.operands)
        return isinstance(node.op, Add | Sub | Scale | Constant)

    def _one_by_one(self, value: Value) -> bool:
        """Whether no number that comes of several samples is in a value."""
        seen, waiting = {value}, [value]
        while waiting:
            value = waiting.pop()
            if value.node in self._of_data and not self.graph.type(value).batched:
                return False
            new = [operand for operand in self.graph[value.node].operands if operand not in seen]
            seen.update(new)
            waiting += new
        return True


def _power(node: Node) -> int:
    """Of the minibatch's size in a factor or a constant."""
    if isinstance(node.op, Scale):
        return node.op.factor.power
    return node.op.value.power if isinstance(node.op, Constant) else 0


def _of_data(graph: Graph) -> set[int]:
    """The nodes that depend on samples."""
    found: set[int] = set()
    for node in graph:
        if isinstance(node.op, Input) or any(operand.node in found for operand in node.operands):
            found.add(node.id)
    return found


def _formula(graph: Graph, loss: Value, names: dict[Value, str], between: set[int]) -> Graph:
    """The nodes from the totals to the loss, a setting in each total's place."""
    new = Graph()
    moved = {value: Value(new.add(Setting(SCALAR, name), (), (SCALAR,)).id) for value, name in names.items()}
    for node in graph:
        if node.id in between:
            same = new.add(node.op, [moved[operand] for operand in node.operands], node.types)
            moved.update({Value(node.id, index): Value(same.id, index) for index in range(len(node.types))})
    new.outputs = {"loss": moved[loss]}
    return new


def begun(totals: Totals, sums: Sequence[float] = ()) -> tuple[float, ...]:
    """Sums to add to: those of what came before, or zeros."""
    return tuple(sums) or (0.0,) * len(totals.parts)
