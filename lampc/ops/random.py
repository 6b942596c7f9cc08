"""Operations that draw random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Expression, Random, call
from lampc.ir.op import Kernel, Normal, Op, Run, Sample, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count
from lampc.ops.philox import uniform

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("dropout")
@dataclass(frozen=True)
class Dropout(Op):
    """``a · mask``, the mask 0 with probability ``rate`` and else 1/(1 - rate) (Srivastava et al. 2014).

    Results: the product, and the mask for the gradient. Inference leaves the op out.
    """

    rate: float
    stream: int = 0
    """Which of the program's streams of random numbers it draws from."""
    pure: ClassVar[bool] = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        return (a, a)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and cotangents[1] is None, "the mask is for the gradient alone"
        return [dy * node.results[1]]

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        (a,) = operands
        mask = call("select", call("greater", self.rate, Random(self.stream)), 0.0, 1.0 / (1.0 - self.rate))
        return (a * mask, mask)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a,), (out, mask) = operands, results
        draw = uniform(torch, mask, self.stream, run)
        scale = torch.tensor(1.0 / (1.0 - self.rate), dtype=out.dtype, device=out.device)

        def kernel() -> None:
            draw()
            torch.ge(mask, self.rate, out=mask)
            torch.mul(mask, scale, out=mask)
            torch.mul(a, mask, out=out)

        return kernel


Dropout.samples = [Sample(Dropout(0.5), (Normal((3, 4)),))]
