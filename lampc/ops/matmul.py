"""Matrix products: the linear map of each sample, and what its gradient needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count, one_dtype

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("matmul")
@dataclass(frozen=True)
class MatMul(Op):
    """``a[…, k] · b[k, n]``, or ``b[n, k]ᵀ``; ``a`` may have any leading axes, ``b`` has two."""

    transposed: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, b = operands
        if a.rank < 1 or b.rank != 2:
            raise ShapeError(f"matmul takes rows and a matrix, not {a} and {b}", 0 if a.rank < 1 else 1)
        one_dtype(a, b)
        inner, outer = (b.shape[1], b.shape[0]) if self.transposed else b.shape
        if a.shape[-1] != inner:
            raise ShapeError(f"inner sizes differ: {a} and {b}", 1)
        return (a.of((*a.shape[:-1], outer)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        da = node.build(MatMul(not self.transposed), dy, b)
        db = node.build(Outer(), dy, a) if self.transposed else node.build(Outer(), a, dy)
        return [da, db]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0]) * operands[0][-1]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, b = operands
        return partial(torch.mm, _rows(a), b.t() if self.transposed else b, out=_rows(results[0]))


@op("outer")
class Outer(Op):
    """``Σ a[…, m] ⊗ b[…, n]`` over all leading axes, as ``[m, n]``: a weight's gradient."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, b = operands
        one_dtype(a, b)
        if a.rank < 2 or a.shape[:-1] != b.shape[:-1]:
            raise ShapeError(f"leading axes differ: {a} and {b}", 1)
        return (a.of((a.shape[-1], b.shape[-1])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, b = node.operands
        return [node.build(MatMul(transposed=True), b, dy), node.build(MatMul(), a, dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(operands[0]) * operands[1][-1]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, b = operands
        return partial(torch.mm, _rows(a).t(), _rows(b), out=results[0])


@op("affine")
class Affine(Op):
    """``a[…, k] · w[n, k]ᵀ + bias[n]`` in one kernel. Made by fusion."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, w, bias = operands
        (out,) = MatMul(transposed=True).infer(a, w)
        one_dtype(a, w, bias)
        if bias.shape != out.shape[-1:]:
            raise ShapeError(f"the bias {bias} does not fit {out}", 2)
        return (out,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return (2 * operands[0][-1] + 1) * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, w, bias = operands
        return partial(torch.addmm, bias, _rows(a), w.t(), out=_rows(results[0]))


def _rows(tensor: Any) -> Any:
    """The tensor as a matrix whose rows are its last axis."""
    return tensor if tensor.dim() == 2 else tensor.view(-1, tensor.shape[-1])


MatMul.samples = [
    Sample(MatMul(), (Normal((3, 4)), Normal((4, 5)))),
    Sample(MatMul(True), (Normal((2, 3, 4)), Normal((5, 4)))),
]
Outer.samples = [
    Sample(Outer(), (Normal((3, 4)), Normal((3, 5)))),
    Sample(Outer(), (Normal((2, 3, 4)), Normal((2, 3, 5)))),
]
Affine.samples = [
    Sample(Affine(), (Normal((3, 4)), Normal((5, 4)), Normal((5,)))),
    Sample(Affine(), (Normal((2, 3, 4)), Normal((5, 4)), Normal((5,)))),
]
