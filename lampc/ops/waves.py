"""Tables that are worked out once, when a program is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.ir.expression import Column, Expression, call, number
from lampc.ir.op import Kernel, Op, Run, Sample, op
from lampc.ir.types import DType, Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("waves")
@dataclass(frozen=True)
class Waves(Op):
    """``[length, width]``: sines at even, cosines at odd features of t·base^(-2i/width) (Vaswani et al. 2017, 3.5)."""

    dtype: DType
    length: int
    width: int
    base: float = 10_000.0

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (Type(self.dtype, (self.length, self.width)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return []

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * self.length * self.width

    def numbers(self) -> tuple[float, ...]:
        """The table, row by row."""
        waves = [self.base ** -(i // 2 * 2 / self.width) for i in range(self.width)]
        return tuple((math.cos if i % 2 else math.sin)(t * w) for t in range(self.length) for i, w in enumerate(waves))

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        out = results[0]
        places = torch.arange(self.length, dtype=torch.float64)[:, None]
        pairs = torch.arange(0, self.width, 2, dtype=torch.float64) / self.width
        angles = places * self.base**-pairs
        table = torch.empty(self.length, self.width, dtype=torch.float64)
        table[:, 0::2] = angles.sin()
        table[:, 1::2] = angles.cos()[:, : self.width // 2]
        kept = table.to(out)

        def kernel() -> None:
            out.copy_(kept)

        return kernel


@op("table")
@dataclass(frozen=True)
class Table(Op):
    """Numbers that a program states, ``[size]``."""

    dtype: DType
    values: tuple[float, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (Type(self.dtype, (len(self.values),)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return []

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        out = results[0]
        kept = torch.tensor(self.values, dtype=out.dtype, device=out.device)

        def kernel() -> None:
            out.copy_(kept)

        return kernel

    def expression(self, *operands: Expression) -> Expression:
        if len(self.values) > CHOICES:
            raise NotImplementedError(f"more than {CHOICES} numbers")
        chosen = number(self.values[-1])
        for index, value in enumerate(self.values[:-1]):
            chosen = call("select", call("equal", Column(), float(index)), value, chosen)
        return chosen


CHOICES = 64
"""Numbers of a table that native code looks through one after another."""

Table.samples = [Sample(Table("f64", (1.0, 0.5, -2.0)), ())]
Waves.samples = [Sample(Waves("f64", 5, 4), ()), Sample(Waves("f64", 3, 5, 100.0), ())]
