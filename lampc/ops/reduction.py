"""Sums and means, and their reverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Fixed, Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Shape, Type, inverse_count
from lampc.ops.elementwise import count

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@dataclass(frozen=True)
class Reduction(Op):
    """One result from all elements along some axes, which disappear."""

    axes: tuple[int, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        if any(not 0 <= axis < a.rank for axis in self.axes):
            raise ShapeError(f"{a} has no axis {max(self.axes)}")
        return (a.of(tuple(dim for axis, dim in enumerate(a.shape) if axis not in self.axes)),)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0])


@op("sum")
class Sum(Reduction):
    """The sum over ``axes``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(Expand(node.operands[0].type.shape, self.axes), dy)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.sum, operands[0], self.axes, out=results[0])


@op("mean")
class Mean(Reduction):
    """The mean over ``axes``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        shape = node.operands[0].type.shape
        share = inverse_count(tuple(shape[axis] for axis in self.axes))
        return [node.build(Expand(shape, self.axes), dy) * share]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.mean, operands[0], self.axes, out=results[0])


@op("amax")
class Max(Reduction):
    """The greatest number over ``axes``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(MaxGrad(self.axes), dy, node.operands[0], node.out)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.amax, operands[0], self.axes, out=results[0])


@op("amax_grad")
@dataclass(frozen=True)
class MaxGrad(Op):
    """``dy`` where ``a`` is the maximum ``y``, in equal shares where it is so several times; from ``dy, a, y``."""

    axes: tuple[int, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, a, y = operands
        (reduced,) = Max(self.axes).infer(a)
        for index, operand in ((0, dy), (2, y)):
            if operand != reduced:
                raise ShapeError(f"the maxima of {a} are {reduced}, not {operand}", index)
        return (a,)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        dy, a, y = node.operands
        shares = node.build(MaxGrad(self.axes), node.build.constant(dy.type, 1.0), a, y)
        return [node.build(Sum(self.axes), g * shares), None, None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 3 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, a, y), (da,) = operands, results
        for axis in self.axes:
            dy, y = dy.unsqueeze(axis), y.unsqueeze(axis)
        share = torch.empty_like(dy)

        def kernel() -> None:
            torch.eq(a, y, out=da)
            torch.sum(da, self.axes, keepdim=True, out=share)
            torch.div(dy, share, out=share)
            da.mul_(share)

        return kernel


@op("expand")
@dataclass(frozen=True)
class Expand(Op):
    """Repeats along ``axes``, which are new, up to ``shape``."""

    shape: Shape
    axes: tuple[int, ...]

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (a,) = operands
        kept = tuple(dim for axis, dim in enumerate(self.shape) if axis not in self.axes)
        if a.shape != kept:
            raise ShapeError(f"expand takes {a.of(kept)}, not {a}")
        return (a.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(Sum(self.axes), dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        view = operands[0]
        for axis in self.axes:
            view = view.unsqueeze(axis)
        return partial(results[0].copy_, view.expand(results[0].shape))

    def __str__(self) -> str:
        return f"expand(axes={self.axes})"


Sum.samples = [Sample(Sum((0,)), (Normal((3, 4)),)), Sample(Sum((0, 2)), (Normal((3, 4, 5)),))]
Mean.samples = [Sample(Mean((0, 1)), (Normal((3, 4)),)), Sample(Mean((1,)), (Normal((3, 4)),))]
Max.samples = [Sample(Max((1,)), (Normal((3, 4)),)), Sample(Max((0, 2)), (Normal((3, 4, 5)),))]
MaxGrad.samples = [Sample(MaxGrad((1,)), (Normal((3,)), Fixed((3, 4), 2.0), Fixed((3,), 2.0)))]
Expand.samples = [Sample(Expand((3, 4), (0, 1)), (Normal(()),)), Sample(Expand((3, 4), (1,)), (Normal((3,)),))]
