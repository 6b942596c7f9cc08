"""What a rule is given, and where rules are kept: one an op whose expressions do not say all, or that has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lampc.advice.signal.patch import Array, Draw, Patch, size_along
from lampc.ir.graph import Node
from lampc.ir.op import Op
from lampc.ir.types import Type


@dataclass(frozen=True)
class Site:
    """An op, and patches of its operands."""

    node: Node
    types: tuple[Type, ...]
    """The operands' types."""
    given: tuple[Patch, ...]
    draw: Draw

    @property
    def op(self) -> Any:
        """The op, whose attributes its rule knows."""
        return self.node.op

    @property
    def result(self) -> Type:
        """The first result's type."""
        return self.node.types[0]

    def along(self, operand: int, axis: int = -1) -> Array:
        """An operand's numbers with columns along an axis from its end."""
        return self.draw.along(self.given[operand], axis, size_along(self.types[operand], axis))

    def wide(self, axis: int = -1) -> int:
        """The columns of a patch of the result along an axis."""
        return self.draw.wide(size_along(self.result, axis))


Rule = Callable[[Site], tuple[Patch, ...]]
RULES: dict[type[Op], Rule] = {}
"""How patches of the results come of patches of the operands, by the op's type."""


def rule(*ops: type[Op]) -> Callable[[Rule], Rule]:
    """Register a rule for some ops."""

    def register(function: Rule) -> Rule:
        for op in ops:
            assert op not in RULES, op
            RULES[op] = function
        return function

    return register
