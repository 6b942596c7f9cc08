"""Comparing predictions with classes: picking the one that a label names, and binary cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Across, Column, Expression, call, number
from lampc.ir.op import Kernel, Labels, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import DType, Shape, Type
from lampc.ops.elementwise import Elementwise, ElementwiseGrad, count
from lampc.ops.exponential import Log
from lampc.ops.waves import CHOICES

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("pick")
@dataclass(frozen=True)
class Pick(Op):
    """``a[…, label]``: of each row of ``a[…, classes]`` the element that ``labels[…]`` names.

    ``outside``: a label may be none of the classes, and what its row gives is not used.
    """

    outside: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, labels = operands
        if labels.dtype != "i64":
            raise ShapeError(f"labels are whole numbers, not {labels}", 1)
        if not a.rank or a.shape[:-1] != labels.shape:
            raise ShapeError(f"{labels} does not label the rows of {a}", 1)
        return (a.of(labels.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        a, labels = node.operands
        return [node.build(PickGrad(a.type.shape, self.outside), dy, labels), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, labels = operands
        index, out = labels.unsqueeze(-1), results[0].unsqueeze(-1)
        inside = torch.empty_like(index) if self.outside else index

        def kernel() -> None:
            if self.outside:
                torch.clamp(index, 0, a.shape[-1] - 1, out=inside)
            torch.gather(a, -1, inside, out=out)

        return kernel

    def expression(self, *operands: Expression) -> Expression:
        a, label = operands
        return Across("sum", call("select", call("equal", Column(), label), a, 0.0))


@op("pick_grad")
@dataclass(frozen=True)
class PickGrad(Op):
    """Zeros of ``shape`` but for ``dy`` at the labels."""

    shape: Shape
    outside: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, labels = operands
        if dy.shape != self.shape[:-1]:
            raise ShapeError(f"{dy} is no gradient of rows of {self.shape}")
        if labels != Type("i64", dy.shape):
            raise ShapeError(f"{labels} does not label {dy}", 1)
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Pick(self.outside), g, node.operands[1]), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, labels = operands
        out, index, source = results[0], labels.unsqueeze(-1), dy.unsqueeze(-1)
        inside = torch.empty_like(index) if self.outside else index

        def kernel() -> None:
            if self.outside:
                torch.clamp(index, 0, out.shape[-1] - 1, out=inside)
            out.zero_()
            out.scatter_(-1, inside, source)

        return kernel

    def __str__(self) -> str:
        return self.name

    def expression(self, *operands: Expression) -> Expression:
        dy, label = operands
        return call("select", call("equal", Column(), label), dy, 0.0)


@op("class_weight")
@dataclass(frozen=True)
class ClassWeight(Op):
    """``weights[label]``, or 1 where there are none; 0 for the label that is ignored."""

    dtype: DType
    weights: tuple[float, ...] = ()
    ignore: int | None = None

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (labels,) = operands
        if labels.dtype != "i64":
            raise ShapeError(f"labels are whole numbers, not {labels}")
        return (Type(self.dtype, labels.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        return [None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (labels,), (out,) = operands, results
        table = torch.tensor(self.weights or (1.0,), dtype=out.dtype, device=out.device)
        index, ignored = torch.empty_like(labels), torch.empty(labels.shape, dtype=torch.bool, device=out.device)

        def kernel() -> None:
            torch.clamp(labels, 0, len(table) - 1, out=index)
            torch.index_select(table, 0, index.view(-1), out=out.view(-1))
            if self.ignore is not None:
                torch.eq(labels, self.ignore, out=ignored)
                out.masked_fill_(ignored, 0.0)

        return kernel

    def expression(self, *operands: Expression) -> Expression:
        (label,) = operands
        if len(self.weights) > CHOICES:
            raise NotImplementedError(f"more than {CHOICES} weights")
        chosen = number(1.0)
        for index, weight in enumerate(self.weights):
            chosen = call("select", call("equal", label, float(index)), weight, chosen)
        return chosen if self.ignore is None else call("select", call("equal", label, float(self.ignore)), 0.0, chosen)


@op("bce")
class BinaryCrossEntropy(Elementwise):
    """``-y·log p - (1 - y)·log(1 - p)`` of each element, the logarithms held above -100 as torch does."""

    exact: ClassVar[bool] = True

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        p, y = node.operands
        with_respect_to_y = node.build(Log(), 1.0 - p) - node.build(Log(), p)
        return [node.build(BinaryCrossEntropyGrad(), dy, p, y), dy * with_respect_to_y]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 7 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function, (p, y), out = torch.ops.aten.binary_cross_entropy.out, operands, results[0]

        def careful() -> None:
            """Of what is no probability NaN comes, where torch's kernel raises, or stops the device."""
            inside = (p >= 0) & (p <= 1)
            function(torch.where(inside, p, 0.5), y, reduction=0, out=out)
            out.masked_fill_(~inside, math.nan)

        def kernel() -> None:
            try:
                function(p, y, reduction=0, out=out)
            except RuntimeError:
                careful()

        return careful if p.is_cuda else kernel

    def expression(self, *operands: Expression) -> Expression:
        p, y = operands
        log_p, log_q = (call("max", call("log", x), -100.0) for x in (p, 1.0 - p))
        return (y - 1.0) * log_q - y * log_p


@op("bce_grad")
class BinaryCrossEntropyGrad(ElementwiseGrad):
    """``dy · (p - y) / (p·(1 - p))`` from ``dy``, ``p`` and ``y``."""

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 5 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = torch.ops.aten.binary_cross_entropy_backward.grad_input
        return partial(function, *operands, reduction=0, grad_input=results[0])

    def expression(self, *operands: Expression) -> Expression:
        dy, p, y = operands
        return dy * (p - y) / call("max", p * (1.0 - p), 1e-12)


Pick.samples = [
    Sample(Pick(), (Normal((3, 4)), Labels((3,), 4))),
    Sample(Pick(True), (Normal((2, 3, 4)), Labels((2, 3), 4))),
]
BinaryCrossEntropy.samples = [Sample(BinaryCrossEntropy(), (Uniform((3, 4), 0.1, 0.9), Uniform((3, 4), 0.1, 0.9)))]
BinaryCrossEntropyGrad.samples = [
    Sample(BinaryCrossEntropyGrad(), (Normal((3, 4)), Uniform((3, 4), 0.1, 0.9), Uniform((3, 4), 0.1, 0.9)))
]
PickGrad.samples = [
    Sample(PickGrad((3, 4)), (Normal((3,)), Labels((3,), 4))),
    Sample(PickGrad((3, 4), True), (Normal((3,)), Labels((3,), 4))),
]
ClassWeight.samples = [
    Sample(ClassWeight("f64", (0.5, 2.0, 1.0, 0.0), 2), (Labels((7,), 4),)),
    Sample(ClassWeight("f64", (), 1), (Labels((3, 2), 3),)),
]
