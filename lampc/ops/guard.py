"""A value whose gradient stops where it was not chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Expression
from lampc.ir.leaves import Constant
from lampc.ir.op import Bits, Kernel, Normal, Run, Sample, op
from lampc.ir.types import Type
from lampc.ops.arithmetic import Where
from lampc.ops.elementwise import Elementwise, reduce_to

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("guard")
@dataclass(frozen=True)
class Guard(Elementwise):
    """``a`` as it is, whatever the condition; its gradient is 0 where the condition is not ``chosen``.

    A product of 0 and an infinite slope is NaN, and selecting is not: what a branch of ``where`` that was not taken does
    to a gradient ends here.
    """

    takes_over: ClassVar[tuple[int, ...]] = (1,)
    chosen: bool = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        condition, a = operands
        return super().infer(a.of(()) if condition.rank == 0 else condition, a)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        condition, a = node.operands
        if isinstance(condition.node.op, Constant) and bool(condition.node.op.value.value) != self.chosen:
            return [None, None]
        zero = node.build.constant(dy.type.of(()), 0.0)
        kept = node.build(Where(), condition, *((dy, zero) if self.chosen else (zero, dy)))
        return [None, reduce_to(kept, a)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[1])

    def expression(self, *operands: Expression) -> Expression:
        return operands[1]


Guard.samples = [
    Sample(Guard(), (Bits((3, 4)), Normal((3, 4)))),
    Sample(Guard(False), (Bits((3, 4)), Normal((4,)))),
]
