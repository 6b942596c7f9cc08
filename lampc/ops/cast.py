"""Changing the element type, for mixed precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import DType, Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("cast")
@dataclass(frozen=True)
class Cast(Op):
    """The same numbers as ``dtype`` has them: bf16 keeps eight bits of each."""

    dtype: DType

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        if a.dtype == "i64":
            raise ShapeError(f"takes numbers, not {a}")
        return (Type(self.dtype, a.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(Cast(node.operands[0].type.dtype), dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[0])


Cast.samples = [Sample(Cast("f64"), (Normal((3, 4)),))]
