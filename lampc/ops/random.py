"""Operations that draw random numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Expression, Random, call
from lampc.ir.op import Fixed, Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count
from lampc.ops.philox import uniform

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("dropout")
@dataclass(frozen=True)
class Dropout(Op):
    """``a · mask``, the mask 0 with probability ``rate`` and else 1/(1 - rate) (Srivastava et al. 2014).

    Operands: ``a``, and the rate, a setting. Results: the product, and the mask for the gradient. Inference leaves the op out.
    """

    stream: int = 0
    """Which of the program's streams of random numbers it draws from."""
    pure: ClassVar[bool] = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, rate = operands
        if rate.rank:
            raise ShapeError("takes one rate for all", 1)
        return (a, a)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, _ = cotangents  # the mask is drawn, whatever the operand is: what a gradient made of it leads nowhere
        return [dy * node.results[1] if dy else None, None]

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        a, rate = operands
        mask = call("select", call("greater", rate, Random(self.stream)), 0.0, 1.0 / (1.0 - rate))
        return (a * mask, mask)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a, given), (out, mask) = operands, results
        draw = uniform(torch, mask, self.stream, run)
        rate, scale, one = (torch.ones((), dtype=out.dtype, device=out.device) for _ in range(3))

        def kernel() -> None:
            draw()
            rate.copy_(given)
            torch.sub(one, rate, out=scale)
            torch.div(one, scale, out=scale)
            torch.ge(mask, rate, out=mask)
            torch.mul(mask, scale, out=mask)
            torch.mul(a, mask, out=out)

        return kernel


@op("noise")
@dataclass(frozen=True)
class Noise(Op):
    """Normal numbers, N(0, 1), one for each of its operand's (Box and Muller 1958); inference takes 0 for them."""

    stream: int = 0
    """The first of two streams of random numbers that it draws from."""
    pure: ClassVar[bool] = False
    APART: ClassVar[int] = 1 << 20
    """From the first stream to the second."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        if operands[0].dtype == "i64":
            raise ShapeError(f"draws numbers, not {operands[0]}")
        return operands

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None]

    def expression(self, *operands: Expression) -> Expression:
        radius = call("sqrt", -2.0 * call("log", 1.0 - Random(self.stream)))
        return radius * call("cos", 2 * math.pi * Random(self.stream + self.APART)) + 0.0 * operands[0]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 6 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        out = results[0]
        angle = torch.empty_like(out)
        draws = uniform(torch, out, self.stream, run), uniform(torch, angle, self.stream + self.APART, run)

        def kernel() -> None:
            for draw in draws:
                draw()
            out.neg_().add_(1.0)
            out.log_().mul_(-2.0).sqrt_()
            angle.mul_(2 * math.pi).cos_()
            out.mul_(angle)

        return kernel


Noise.samples = [Sample(Noise(), (Normal((3, 4)),))]
Dropout.samples = [Sample(Dropout(), (Normal((3, 4)), Fixed((), 0.5)))]
