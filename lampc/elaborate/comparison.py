"""What a loss compares, a prediction with its target, and whether each is what the loss takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lampc.diagnostics import Problems
from lampc.elaborate.experiment import Data
from lampc.ir.graph import Node
from lampc.ir.leaves import Input
from lampc.layers.losses import Bounds, LossType
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.shape import Moving, Slice
from lampc.ops.term import Term
from lampc.source import Span

Part = tuple[int, int] | None
"""Places of the targets' last axis; None for all."""


@dataclass(frozen=True)
class Comparison:
    """A loss of a prediction and a target: the file's own, or one of those in the formula of a sum."""

    loss: LossType
    arguments: Mapping[str, Any]
    prediction: Term
    target: Term
    span: Span
    nodes: range = range(0)
    """The graph's nodes that it is made of."""

    @property
    def targets(self) -> bool:
        """Whether the target is the data's, or a part of it."""
        return part_of_targets(self.target) is not _NO_TARGET

    @property
    def part(self) -> Part:
        """Which part of the data's targets it takes."""
        part = part_of_targets(self.target)
        assert not isinstance(part, _NoTarget)
        return part

    @property
    def bounds(self) -> Bounds:
        """What targets may be."""
        return self.loss.bounds(self.prediction.type, self.arguments)


@dataclass(frozen=True)
class Limit:
    """What a part of the targets may be, as a loss takes it."""

    loss: str
    part: Part
    bounds: Bounds
    span: Span

    @property
    def unlimited(self) -> bool:
        """Whether targets may be any numbers."""
        return math.isinf(self.bounds.least) and math.isinf(self.bounds.greatest)


class _NoTarget:
    """The part of a value that is no target."""


_NO_TARGET = _NoTarget()


def part_of_targets(value: Term) -> Part | _NoTarget:
    """Which part of the data's targets a value is, if it is one."""
    node = value.node
    if isinstance(node.op, Input) and node.op.label == "y":
        return None
    if isinstance(node.op, Slice) and node.op.axis == value.type.rank - 1:
        whole = value.build.graph[node.operands[0].node].op
        if isinstance(whole, Input) and whole.label == "y":
            return (node.op.start, node.op.stop)
    return _NO_TARGET


def check(found: Comparison, data: Data | None, made_by: Span, problems: Problems) -> None:
    """Report what the loss does not take: more classes than scores, targets beyond it, an activation that cannot make it."""
    if found.targets:
        _check_classes(found, data, made_by, problems)
        _check_targets(found, data, problems)
    _check_outputs(found, made_by, problems)
    loss = found.loss
    of_numbers = not (loss.classes or loss.probabilities or loss.logarithms or loss.sides)
    if of_numbers and found.targets and found.part is None:
        check_reach(found.prediction, data, made_by, problems)


def _check_classes(found: Comparison, data: Data | None, made_by: Span, problems: Problems) -> None:
    description = data.description if data else None
    if data is None or description is None or description.classes is None or not found.prediction.type.sample:
        return
    classes, outputs = len(description.classes), found.prediction.type.sample[-1]
    places = [(data.span, f"has {classes} classes")]
    if classes > outputs:
        problems.report("E503", f"the data has {classes} classes, but the network scores {outputs}", made_by,
                        f"makes {outputs}", also=places, fixes=[f"let the last layer end in {classes}"])  # fmt: skip
    elif classes == 1 < outputs:
        problems.report("W501", f"the data has one class alone, `{description.classes[0]}`: there is nothing to tell apart",
                        data.span, fixes=["name the column that is to be learnt: `target=NAME`"])  # fmt: skip
    elif classes < outputs:
        problems.report("W501", f"the network scores {outputs} classes, but the data has {classes}", made_by,
                        f"makes {outputs}", also=places, fixes=[f"let the last layer end in {classes}"])  # fmt: skip


def _check_targets(found: Comparison, data: Data | None, problems: Problems) -> None:
    """Report targets that the loss does not take; of a part of them the data's range says nothing."""
    description = data.description if data else None
    if data is None or description is None or description.target_range is None or found.part is not None:
        return
    bounds, (least, greatest) = found.bounds, description.target_range
    strange = bounds.bits and description.bits is False
    if least < bounds.least or greatest > bounds.greatest or strange:
        problems.report("E503", f"loss `{found.loss.name}` takes targets {bounds}, and the data's reach from {least:g} to "
                        f"{greatest:g}", found.span, also=[(data.span, "the data")])  # fmt: skip


def _check_outputs(found: Comparison, made_by: Span, problems: Problems) -> None:
    """Warn of an output activation that does not make what the loss takes."""
    loss, also = found.loss, [(found.span, "the loss")]
    for node in sources(found.prediction):
        low, high = node.op.codomain
        span = node.spans[0] if node.spans else made_by
        makes = f"`{node.op.name}` makes only {_range(low, high)}"
        if loss.logarithms:
            if not isinstance(node.op, LogSoftmax):
                problems.report("W403", f"loss `{loss.name}` takes log-probabilities, and the network does not end in "
                                "`logsoftmax`", span, also=also, fixes=["end the network in `logsoftmax`"])  # fmt: skip
        elif loss.probabilities:
            if low < 0 or high > 1:
                problems.report("W403", f"loss `{loss.name}` takes probabilities, and the network makes {_range(low, high)}",
                                span, also=[(found.span, "takes 0…1")], fixes=["end the network in `sigmoid`"])  # fmt: skip
        elif loss.classes:
            last = node is found.prediction.node and isinstance(node.op, Softmax)
            if not last and not isinstance(node.op, LogSoftmax) and (low, high) != (-math.inf, math.inf):
                problems.report("W402", f"{loss.name} takes scores of any size, and {makes}", span, also=also,
                                fixes=[f"remove `{node.op.name}`"])  # fmt: skip
        elif loss.sides and (low >= 0 or high <= 0):
            problems.report("W402", f"{loss.name} takes scores on both sides of 0, and {makes}", span, also=also,
                            fixes=[f"remove `{node.op.name}`"])  # fmt: skip


def check_reach(prediction: Term, data: Data | None, made_by: Span, problems: Problems) -> None:
    """Warn of an output activation that cannot make all of the targets, where numbers are compared."""
    description = data.description if data else None
    if data is None or description is None or description.target_range is None:
        return
    least, greatest = description.target_range
    for node in sources(prediction):
        low, high = node.op.codomain
        if least < low or greatest > high:
            name = node.op.name
            problems.report("W402", f"`{name}` makes only {_range(low, high)}, but targets reach from {least:g} to "
                            f"{greatest:g}", node.spans[0] if node.spans else made_by,
                            also=[(data.span, f"targets {least:g} to {greatest:g}")],
                            fixes=[f"remove the last `{name}`, or scale the targets"])  # fmt: skip


def sources(value: Term) -> Iterator[Node]:
    """The nodes that made a value's numbers: through what only moves them."""
    graph, waiting, seen = value.build.graph, [value.node], set[int]()
    while waiting:
        node = waiting.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if isinstance(node.op, Moving):
            waiting += [graph[operand.node] for operand in reversed(node.operands)]
        else:
            yield node


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "any number"
    if math.isinf(high):
        return f"{low:g} and more"
    return f"{high:g} and less" if math.isinf(low) else f"{low:g} to {high:g}"
