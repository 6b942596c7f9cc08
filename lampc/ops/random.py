"""Operations that draw random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("dropout")
@dataclass(frozen=True)
class Dropout(Op):
    """``a · mask``, the mask 0 with probability ``rate`` and else 1/(1 - rate) (Srivastava et al. 2014).

    Results: the product, and the mask for the gradient. Inference leaves the op out.
    """

    rate: float
    pure: ClassVar[bool] = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        return (a, a)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and cotangents[1] is None, "the mask is for the gradient alone"
        return [dy * node.results[1]]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a,), (out, mask) = operands, results
        keep = 1.0 - self.rate
        scale = torch.tensor(1.0 / keep, dtype=out.dtype, device=out.device)
        generator = run.generator

        def kernel() -> None:
            mask.bernoulli_(keep, generator=generator)
            torch.mul(mask, scale, out=mask)
            torch.mul(a, mask, out=out)

        return kernel


Dropout.samples = [Sample(Dropout(0.5), (Normal((3, 4)),))]
