"""Which of a network's values the loss compares with the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lampc.elaborate.comparison import Part, part_of_targets
from lampc.elaborate.experiment import Loss
from lampc.elaborate.target import Attached
from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant
from lampc.ops.shape import Slice
from lampc.ops.term import Term


@dataclass(frozen=True)
class Compared:
    """A value that is compared with the targets, or with a part of them."""

    label: str
    """The value's name; empty for the prediction."""
    part: Part
    exact: bool
    """Whether as it is, and not through a formula such as ``sigmoid(p)``."""
    loss: str = ""
    """The loss that compares it; empty for a formula."""
    ignore: int | None = None
    """The label of samples that this loss leaves out."""
    weights: tuple[float, ...] = ()
    """How much it counts a sample of each class."""


def find_heads(loss: Loss, attached: Attached, prediction: Term, named: Mapping[str, Term]) -> tuple[Compared, ...]:
    """What the loss compares with the targets: the prediction, but for a formula of named values."""
    if loss.sum is None:
        return (_by("" if loss.type is None else loss.type.name, loss.arguments, None),)
    names = {term.value: label for label, term in named.items()}
    names[prediction.value] = ""
    graph = prediction.build.graph
    pairs = [(c.prediction.value, _by(c.loss.name, c.arguments, c.part)) for c in attached.comparisons if c.targets]
    inside = {node for found in attached.comparisons for node in found.nodes}
    found = dict.fromkeys(
        replace(compared, label=label, exact=value in names)
        for value, compared in [*pairs, *_met(attached.target, inside)]
        for label in [_origin(graph, value, names)]
        if label is not None
    )
    return tuple(found)


def _by(loss: str, arguments: Mapping[str, Any], part: Part) -> Compared:
    """The prediction, compared by a loss."""
    return Compared("", part, True, loss, arguments.get("ignore"), tuple(arguments.get("weights") or ()))


def _met(target: Term, inside: set[int]) -> Iterator[tuple[Value, Compared]]:
    """The values that stand beside the target, or a part of it, in an operation outside of known losses."""
    graph = target.build.graph
    of_target: dict[Value, Part] = {target.value: None}
    for node in map(graph.__getitem__, range(target.value.node + 1, len(graph))):
        own = [operand for operand in node.operands if operand in of_target]
        if not own or node.id in inside:
            continue
        others = [o for o in node.operands if o not in of_target and not isinstance(graph[o.node].op, Constant)]
        for other in others:
            yield other, Compared("", of_target[own[0]], True)
        if not others:
            result = Value(node.id)
            part = part_of_targets(Term(target.build, result)) if isinstance(node.op, Slice) else of_target[own[0]]
            of_target[result] = part if isinstance(part, tuple) else of_target[own[0]]


def _origin(graph: Graph, value: Value, names: Mapping[Value, str]) -> str | None:
    """The one named value that a value comes of; None if there are several, or none."""
    found, waiting, seen = set[str](), [value], set[Value]()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if value in names:
            found.add(names[value])
        else:
            waiting += graph[value.node].operands
    return found.pop() if len(found) == 1 else None
