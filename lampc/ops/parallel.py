"""Sums over the processes that share a minibatch: begun as soon as there is something to add, waited for when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Type


@dataclass(frozen=True)
class Bucket(Op):
    """Gradients that travel together, flat: number ``bucket`` of the program's."""

    bucket: int
    takes_over: ClassVar[tuple[int, ...]] = (0,)
    pure: ClassVar[bool] = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        if operands[0].rank != 1 or operands[0].batched or operands[0].dtype == "i64":
            raise ShapeError(f"takes gradients end to end, not {operands[0]}")
        return operands[:1]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0


@op("all_reduce")
class AllReduce(Bucket):
    """Begins to add up the workers' numbers; the result is there after ``wait``. One process alone has nothing to add."""

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a,), (out,) = operands, results
        group, same = run.group, a.data_ptr() == out.data_ptr()

        def kernel() -> None:
            if not same:
                out.copy_(a)
            if group is not None:
                group.begin(self.bucket, out)

        return kernel


@op("wait")
class Wait(Bucket):
    """What ``all_reduce`` has come to."""

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a,), (out,) = operands, results
        group, same = run.group, a.data_ptr() == out.data_ptr()

        def kernel() -> None:
            if group is not None:
                group.wait(self.bucket)
            if not same:
                out.copy_(a)

        return kernel


AllReduce.samples = [Sample(AllReduce(0), (Normal((7,)),))]
Wait.samples = [Sample(Wait(0), (Normal((7,)),))]
