"""Reshaping, joining and cutting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Shape, Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


class Moving(Op):
    """Moves elements and computes nothing."""

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0


@op("reshape")
@dataclass(frozen=True)
class Reshape(Moving):
    """The same elements, in order, under another shape; no copy."""

    shape: Shape
    view: ClassVar[bool] = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        result = a.of(self.shape)
        if a.elements(1) != result.elements(1) or a.batched != result.batched:
            raise ShapeError(f"{a} has not as many elements as {result}")
        return (result,)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(Reshape(node.operands[0].type.shape), dy)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[0].view(results[0].shape))

    def __str__(self) -> str:
        return self.name


@op("copy")
class Copy(Moving):
    """The same tensor in another buffer."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return operands

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [cotangents[0]]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[0])


@op("transpose")
@dataclass(frozen=True)
class Transpose(Moving):
    """The axes in another order: ``order`` holds the old axis at each new place."""

    order: tuple[int, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        if sorted(self.order) != list(range(a.rank)):
            raise ShapeError(f"{self.order} is no order of the axes of {a}")
        return (a.of(tuple(a.shape[axis] for axis in self.order)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        back = tuple(self.order.index(axis) for axis in range(len(self.order)))
        return [node.build(Transpose(back), dy)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[0].permute(self.order))


@op("concat")
@dataclass(frozen=True)
class Concat(Moving):
    """Operands end to end along ``axis``."""

    axis: int

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        first = operands[0]
        if not 0 <= self.axis < first.rank:
            raise ShapeError(f"{first} has no axis {self.axis}")
        total = 0
        for index, operand in enumerate(operands):
            if operand.dtype != first.dtype or operand.rank != first.rank or any(
                axis != self.axis and dim != first.shape[axis] for axis, dim in enumerate(operand.shape)
            ):  # fmt: skip
                raise ShapeError(f"{operand} does not join {first} along axis {self.axis}", index)
            dim = operand.shape[self.axis]
            if not isinstance(dim, int):
                raise ShapeError("the batch axis cannot be joined", index)
            total += dim
        return (first.of((*first.shape[: self.axis], total, *first.shape[self.axis + 1 :])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        gradients, start = [], 0
        for operand in node.operands:
            size = operand.type.shape[self.axis]
            assert isinstance(size, int)
            gradients.append(node.build(Slice(self.axis, start, start + size), dy))
            start += size
        return gradients

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.cat, list(operands), dim=self.axis, out=results[0])


@op("slice")
@dataclass(frozen=True)
class Slice(Moving):
    """Elements ``start`` up to ``stop`` along ``axis``."""

    axis: int
    start: int
    stop: int

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        dim = a.shape[self.axis] if 0 <= self.axis < a.rank else None
        if not isinstance(dim, int) or not 0 <= self.start < self.stop <= dim:
            raise ShapeError(f"{a} has no {self.start}…{self.stop} along axis {self.axis}")
        return (a.of((*a.shape[: self.axis], self.stop - self.start, *a.shape[self.axis + 1 :])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a = node.operands[0].type
        size = a.shape[self.axis]
        assert isinstance(size, int)
        parts = []
        for width in (self.start, size - self.stop):
            shape = (*a.shape[: self.axis], width, *a.shape[self.axis + 1 :])
            parts.append(node.build.constant(a.of(shape), 0.0) if width else None)
        return [node.build(Concat(self.axis), *(part for part in (parts[0], dy, parts[1]) if part is not None))]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(results[0].copy_, operands[0].narrow(self.axis, self.start, self.stop - self.start))


@op("pack")
@dataclass(frozen=True)
class Pack(Moving):
    """Operands flat and end to end, so that one op can go over all; the planner puts them there, without a copy."""

    labels: tuple[str, ...] = ()
    """The parameters whose gradients they are."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        if any(operand.batched or operand.dtype != operands[0].dtype for operand in operands):
            raise ShapeError("pack takes tensors of one element type and no batch axis")
        return (operands[0].of((sum(operand.elements(1) for operand in operands),)),)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.cat, [operand.view(-1) for operand in operands], out=results[0])

    def __str__(self) -> str:
        return self.name


Reshape.samples = [Sample(Reshape((2, 6)), (Normal((3, 4)),)), Sample(Reshape((12,)), (Normal((3, 4)),))]
Copy.samples = [Sample(Copy(), (Normal((3, 4)),))]
Concat.samples = [
    Sample(Concat(1), (Normal((3, 4)), Normal((3, 2)))),
    Sample(Concat(2), (Normal((2, 3, 4)), Normal((2, 3, 1)), Normal((2, 3, 2)))),
]
Slice.samples = [
    Sample(Slice(1, 1, 3), (Normal((3, 4)),)),
    Sample(Slice(1, 0, 4), (Normal((3, 4)),)),
    Sample(Slice(0, 2, 3), (Normal((3, 4)),)),
]
Pack.samples = [Sample(Pack(), (Normal((3, 4)), Normal((5,))))]
Transpose.samples = [
    Sample(Transpose((0, 2, 1)), (Normal((3, 4, 2)),)),
    Sample(Transpose((2, 0, 3, 1)), (Normal((3, 4, 2, 5)),)),
]
