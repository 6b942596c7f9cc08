"""Softmax, log-softmax, layer and root-mean-square normalisation, each over the last axis and beside its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.expression import Across, Expression, call
from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


class LastAxis(Op):
    """From operands of one shape to a result of that shape, row by row."""

    cost: ClassVar[int] = 4

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a = operands[0]
        if a.rank < 2:
            raise ShapeError(f"{self.name} goes over a sample's last axis, and {a} has none")
        for index, operand in enumerate(operands):
            if operand != a:
                raise ShapeError(f"shapes differ: {a} and {operand}", index)
        return (a,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return self.cost * count(results[0])


@op("softmax")
class Softmax(LastAxis):
    """``eᵃ / Σ eᵃ``, the maximum taken off first."""

    codomain: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(SoftmaxGrad(), dy, node.out)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.softmax, operands[0], -1, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        e = call("exp", a - Across("max", a))
        return e / Across("sum", e)


@op("softmax_grad")
class SoftmaxGrad(LastAxis):
    """``y · (dy - Σ dy·y)`` from ``dy`` and ``y = softmax a``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.formula import gradient_of_formula

        return gradient_of_formula(node, *cotangents)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = torch.ops.aten._softmax_backward_data.out
        return partial(function, *operands, -1, results[0].dtype, grad_input=results[0])

    def expression(self, *operands: Expression) -> Expression:
        dy, y = operands
        return y * (dy - Across("sum", dy * y))


@op("log_softmax")
class LogSoftmax(LastAxis):
    """``a - log Σ eᵃ``, the maximum taken off first."""

    codomain: ClassVar[tuple[float, float]] = (-math.inf, 0.0)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(LogSoftmaxGrad(), dy, node.out)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        return partial(torch.ops.aten._log_softmax.out, operands[0], -1, False, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        shifted = a - Across("max", a)
        return shifted - call("log", Across("sum", call("exp", shifted)))


@op("log_softmax_grad")
class LogSoftmaxGrad(LastAxis):
    """``dy - eʸ · Σ dy`` from ``dy`` and ``y = log_softmax a``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.formula import gradient_of_formula

        return gradient_of_formula(node, *cotangents)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = torch.ops.aten._log_softmax_backward_data.out
        return partial(function, *operands, -1, results[0].dtype, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        dy, y = operands
        return dy - call("exp", y) * Across("sum", dy)


@op("layernorm")
@dataclass(frozen=True)
class LayerNorm(Op):
    """``(a - mean) · rstd · weight + bias`` over the last axis (Ba et al. 2016); results: it, mean and rstd."""

    eps: float = 1e-5

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, weight, bias = operands
        if a.rank < 2:
            raise ShapeError(f"layernorm goes over a sample's last axis, and {a} has none")
        for index, operand in ((1, weight), (2, bias)):
            if operand != a.of(a.shape[-1:]):
                raise ShapeError(f"layernorm of {a} takes {a.of(a.shape[-1:])}, not {operand}", index)
        row = a.of((*a.shape[:-1], 1))
        return (a, row, row)

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        a, weight, bias = operands
        mean = Across("mean", a)
        centred = a - mean
        rstd = 1.0 / call("sqrt", Across("mean", centred * centred) + self.eps)
        return (centred * rstd * weight + bias, mean, rstd)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, *statistics = cotangents
        if dy is None or any(statistics):  # what a gradient made of them is differentiated
            from lampc.ops.formula import gradient_of_formula

            return gradient_of_formula(node, *cotangents)
        a, weight, bias = node.operands
        _, mean, rstd = node.results
        return node.build.results(LayerNormGrad(), dy, a, mean, rstd, weight, bias)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 8 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        out, mean, rstd = results
        function = torch.ops.aten.native_layer_norm.out
        return partial(function, operands[0], [out.shape[-1]], *operands[1:], self.eps, out0=out, out1=mean, out2=rstd)


@op("layernorm_grad")
class LayerNormGrad(Op):
    """The gradients of ``layernorm``'s operands from ``dy, a, mean, rstd, weight, bias``."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, a, mean, rstd, weight, bias = operands
        _, row, _ = LayerNorm().infer(a, weight, bias)
        for index, operand, wanted in ((0, dy, a), (2, mean, row), (3, rstd, row)):
            if operand != wanted:
                raise ShapeError(f"layernorm_grad of {a} takes {wanted}, not {operand}", index)
        return (a, weight, bias)

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        dy, a, mean, rstd, weight, _ = operands
        normal = (a - mean) * rstd
        dnormal = dy * weight
        shares = Across("mean", dnormal) + normal * Across("mean", dnormal * normal)
        return (rstd * (dnormal - shares), dy * normal, dy)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.formula import gradient_of_formula

        return gradient_of_formula(node, *cotangents)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 14 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, a, mean, rstd, weight, bias = operands
        da, dweight, dbias = results
        function = torch.ops.aten.native_layer_norm_backward.out
        return partial(function, dy, a, [a.shape[-1]], mean, rstd, weight, bias, [True, True, True],
                       out0=da, out1=dweight, out2=dbias)  # fmt: skip


@op("rmsnorm")
@dataclass(frozen=True)
class RmsNorm(Op):
    """``a / √(mean(a²) + eps) · weight`` over the last axis (Zhang and Sennrich 2019); results: it, and 1/√…."""

    eps: float = 1e-6

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, weight = operands
        if a.rank < 2:
            raise ShapeError(f"rmsnorm goes over a sample's last axis, and {a} has none")
        if weight != a.of(a.shape[-1:]):
            raise ShapeError(f"rmsnorm of {a} takes {a.of(a.shape[-1:])}, not {weight}", 1)
        return (a, a.of((*a.shape[:-1], 1)))

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        a, weight = operands
        rstd = 1.0 / call("sqrt", Across("mean", a * a) + self.eps)
        return (a * rstd * weight, rstd)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, rstd = cotangents
        if dy is None or rstd:  # what a gradient made of it is differentiated
            from lampc.ops.formula import gradient_of_formula

            return gradient_of_formula(node, *cotangents)
        a, weight = node.operands
        return node.build.results(RmsNormGrad(), dy, a, node.results[1], weight)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 4 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (a, weight), (out, rstd) = operands, results

        def kernel() -> None:
            torch.mul(a, a, out=out)
            torch.mean(out, -1, keepdim=True, out=rstd)
            rstd.add_(self.eps).rsqrt_()
            torch.mul(a, rstd, out=out)
            out.mul_(weight)

        return kernel


@op("rmsnorm_grad")
class RmsNormGrad(Op):
    """The gradients of ``rmsnorm``'s operands from ``dy, a, rstd, weight``."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, a, rstd, weight = operands
        _, row = RmsNorm().infer(a, weight)
        for index, operand, wanted in ((0, dy, a), (2, rstd, row)):
            if operand != wanted:
                raise ShapeError(f"rmsnorm_grad of {a} takes {wanted}, not {operand}", index)
        return (a, weight)

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        dy, a, rstd, weight = operands
        normal, dnormal = a * rstd, dy * weight
        return (rstd * (dnormal - normal * Across("mean", dnormal * normal)), dy * normal)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.formula import gradient_of_formula

        return gradient_of_formula(node, *cotangents)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 9 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, a, rstd, weight), (da, dweight) = operands, results
        normal, share, lead = torch.empty_like(a), torch.empty_like(rstd), tuple(range(a.dim() - 1))

        def kernel() -> None:
            torch.mul(a, rstd, out=normal)
            torch.mul(dy, normal, out=da)
            torch.sum(da, lead, out=dweight)
            da.mul_(weight)
            torch.mean(da, -1, keepdim=True, out=share)
            normal.mul_(share)
            torch.mul(dy, weight, out=da)
            da.sub_(normal).mul_(rstd)

        return kernel


_ONE, _TWO = (Normal((3, 4)),), (Normal((3, 4)), Normal((3, 4)))
_NEGATIVE = (Normal((3, 4)), Uniform((3, 4), -3.0, -0.5))
Softmax.samples = [Sample(Softmax(), _ONE), Sample(Softmax(), (Normal((2, 3, 4)),))]
SoftmaxGrad.samples = [Sample(SoftmaxGrad(), _TWO)]
LogSoftmax.samples = [Sample(LogSoftmax(), _ONE), Sample(LogSoftmax(), (Normal((2, 3, 4)),))]
LogSoftmaxGrad.samples = [Sample(LogSoftmaxGrad(), _NEGATIVE)]
LayerNorm.samples = [
    Sample(LayerNorm(), (Normal((3, 4)), Normal((4,)), Normal((4,)))),
    Sample(LayerNorm(0.1), (Normal((2, 3, 4)), Normal((4,)), Normal((4,)))),
]
LayerNormGrad.samples = [
    Sample(
        LayerNormGrad(),
        (Normal((3, 4)), Normal((3, 4)), Normal((3, 1)), Uniform((3, 1), 0.5, 2.0), Normal((4,)), Normal((4,))),
    ),
]
RmsNorm.samples = [
    Sample(RmsNorm(), (Normal((3, 4)), Normal((4,)))),
    Sample(RmsNorm(0.1), (Normal((2, 3, 4)), Normal((4,)))),
]
RmsNormGrad.samples = [
    Sample(RmsNormGrad(), (Normal((3, 4)), Normal((3, 4)), Uniform((3, 1), 0.5, 2.0), Normal((4,)))),
]
