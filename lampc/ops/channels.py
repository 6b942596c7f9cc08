"""Normalisation of channels, x[B, C, …]: over the batch, and over groups of channels within a sample; torch's kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.arithmetic import Sqrt
from lampc.ops.elementwise import count
from lampc.ops.reduction import Expand, Sum
from lampc.ops.vjp import Differentiable, gradient_of_kernel

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


def channels(x: Type) -> int:
    """The channels of x[B, C, …].

    Raises:
        ShapeError: if it has none.
    """
    size = x.shape[1] if x.rank > 1 else None
    if not isinstance(size, int) or x.dtype == "i64":
        raise ShapeError(f"takes samples whose first axis is their channels, not {x}")
    return size


def _check(name: str, x: Type, operands: Sequence[Type], first: int) -> None:
    wanted = x.of((channels(x),))
    for index, operand in enumerate(operands):
        if operand != wanted:
            raise ShapeError(f"{name} of {x} takes {wanted}, not {operand}", first + index)


@op("batchnorm")
@dataclass(frozen=True)
class BatchNorm(Differentiable):
    """``(x - mean) · rstd [· weight + bias]`` with each channel's mean over the batch (Ioffe and Szegedy 2015).

    Operands: x, [weight, bias,] running mean and variance. Results: it, mean and rstd for the gradient, and the next
    running ones, ``(1 - momentum)·running + momentum·this`` with the unbiased variance.
    """

    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        if len(operands) != (5 if self.affine else 3):
            raise ShapeError(f"batchnorm takes {5 if self.affine else 3} operands")
        x = operands[0]
        _check("batchnorm", x, operands[1:], 1)
        channel = x.of((channels(x),))
        return (x, channel, channel, channel, channel)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, *statistics = cotangents
        assert not any(statistics[2:]), "the running ones are for later"
        if dy is None or any(statistics):  # what a gradient made of them is differentiated
            return gradient_of_kernel(node, *cotangents, wanted=range(len(node.operands) - 2))
        _, mean, rstd, *_ = node.results
        grad = BatchNormGrad(self.eps, self.affine)
        if not self.affine:
            return [node.build(grad, dy, node.operands[0], mean, rstd), None, None]
        x, weight = node.operands[:2]
        return [*node.build.results(grad, dy, x, mean, rstd, weight), None, None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 8 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        out, mean, rstd, next_mean, next_variance = results
        x, running_mean, running_variance = operands[0], *operands[-2:]
        weight, bias = operands[1:3] if self.affine else (None, None)
        function = torch.ops.aten.native_batch_norm.out
        # torch's kernel moves the running statistics in place.
        normalise = partial(function, x, weight, bias, next_mean, next_variance, True, self.momentum, self.eps,
                            out=out, save_mean=mean, save_invstd=rstd)  # fmt: skip

        def kernel() -> None:
            next_mean.copy_(running_mean)
            next_variance.copy_(running_variance)
            normalise()

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        x, *affine = operands[:-2]
        others = _others(x)
        mean = x.mean(others)
        rstd = ((x - _spread(mean, x)) ** 2).mean(others).add(self.eps).rsqrt()
        return (_affine((x - _spread(mean, x)) * _spread(rstd, x), *affine), mean, rstd)


@op("batchnorm_grad")
@dataclass(frozen=True)
class BatchNormGrad(Differentiable):
    """The gradients of x, weight and bias from ``dy, x, mean, rstd[, weight]``."""

    eps: float = 1e-5
    affine: bool = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, x = operands[:2]
        if len(operands) != 4 + self.affine:
            raise ShapeError(f"batchnorm_grad takes {4 + self.affine} operands")
        if dy != x:
            raise ShapeError(f"batchnorm_grad of {x} takes {x}, not {dy}")
        _check("batchnorm_grad", x, operands[2:], 2)
        return (x, operands[4], operands[4]) if self.affine else (x,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 11 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, x, mean, rstd, *weight = operands
        function = torch.ops.aten.native_batch_norm_backward
        return _gradients(function, results, dy, x, *(weight or [None]), None, None, mean, rstd, True, self.eps)

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, x, mean, rstd, *weight = operands
        others = _others(x)
        normal, dnormal = (x - _spread(mean, x)) * _spread(rstd, x), _affine(dy, *weight)
        shares = dnormal.mean(others, keepdim=True) + normal * (dnormal * normal).mean(others, keepdim=True)
        dx = _spread(rstd, x) * (dnormal - shares)
        return (dx, (dy * normal).sum(others), dy.sum(others)) if weight else (dx,)


@op("batchnorm_inference")
@dataclass(frozen=True)
class BatchNormInference(Op):
    """The same with the running mean and variance: ``x, [weight, bias,] mean, variance``. It takes batchnorm's place."""

    eps: float = 1e-5
    affine: bool = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return BatchNorm(self.eps, affine=self.affine).infer(*operands)[:1]

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        build, x, (mean, variance) = node.build, node.operands[0], node.operands[-2:]
        others = (0, *range(2, x.type.rank))
        spread, total = Expand(x.type.shape, others), Sum(others)
        rstd = 1.0 / build(Sqrt(), variance + self.eps)
        if not self.affine:
            return [dy * build(spread, rstd), None, None]
        normal = (x - build(spread, mean)) * build(spread, rstd)
        return [dy * build(spread, rstd * node.operands[1]), build(total, dy * normal), build(total, dy), None, None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 4 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, mean, variance = operands[0], *operands[-2:]
        weight, bias = operands[1:3] if self.affine else (None, None)
        unused = tuple(torch.empty(0, dtype=x.dtype, device=x.device) for _ in range(2))
        return partial(torch.ops.aten.native_batch_norm.out, x, weight, bias, mean, variance, False, 0.0, self.eps,
                       out=results[0], save_mean=unused[0], save_invstd=unused[1])  # fmt: skip


@op("groupnorm")
@dataclass(frozen=True)
class GroupNorm(Differentiable):
    """``(x - mean) · rstd [· weight + bias]`` with mean and rstd of each sample's ``groups`` of channels (Wu and He 2018).

    As many groups as channels make it instance normalisation. Results: it, mean and rstd.
    """

    groups: int
    eps: float = 1e-5

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        x = operands[0]
        size = channels(x)
        if size % self.groups:
            raise ShapeError(f"{size} channels are not {self.groups} equal groups")
        if len(operands) not in (1, 3):
            raise ShapeError("groupnorm takes x, or x, weight and bias")
        _check("groupnorm", x, operands[1:], 1)
        group = x.of((x.shape[0], self.groups))
        return (x, group, group)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, *statistics = cotangents
        if dy is None or any(statistics):  # what a gradient made of them is differentiated
            return gradient_of_kernel(node, *cotangents)
        _, mean, rstd = node.results
        return node.build.results(GroupNormGrad(self.groups), dy, node.operands[0], mean, rstd, *node.operands[1:2])

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 8 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, (out, mean, rstd) = operands[0], results
        weight, bias = operands[1:] or (None, None)
        return partial(torch.ops.aten.native_group_norm.out, x, weight, bias, *_sizes(x), self.groups, self.eps,
                       out0=out, out1=mean, out2=rstd)  # fmt: skip

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        x, *affine = operands
        groups = x.reshape(x.shape[0], self.groups, -1)
        mean = groups.mean(2, keepdim=True)
        rstd = ((groups - mean) ** 2).mean(2, keepdim=True).add(self.eps).rsqrt()
        return (_affine(((groups - mean) * rstd).reshape(x.shape), *affine), mean.squeeze(2), rstd.squeeze(2))


@op("groupnorm_grad")
@dataclass(frozen=True)
class GroupNormGrad(Differentiable):
    """The gradients of x, weight and bias from ``dy, x, mean, rstd[, weight]``."""

    groups: int

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, x, mean, rstd = operands[:4]
        _, group, _ = GroupNorm(self.groups).infer(x)
        for index, operand, wanted in ((0, dy, x), (2, mean, group), (3, rstd, group)):
            if operand != wanted:
                raise ShapeError(f"groupnorm_grad of {x} takes {wanted}, not {operand}", index)
        _check("groupnorm_grad", x, operands[4:], 4)
        return (x, operands[4], operands[4]) if len(operands) > 4 else (x,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 14 * count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dy, x, mean, rstd, *weight = operands
        function = torch.ops.aten.native_group_norm_backward
        return _gradients(function, results, dy, x, mean, rstd, *(weight or [None]), *_sizes(x), self.groups)

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, x, mean, rstd, *weight = operands
        groups, others = (x.shape[0], self.groups, -1), _others(x)
        normal, dnormal = (x.reshape(groups) - mean.unsqueeze(2)) * rstd.unsqueeze(2), _affine(dy, *weight).reshape(groups)
        shares = dnormal.mean(2, keepdim=True) + normal * (dnormal * normal).mean(2, keepdim=True)
        dx = (rstd.unsqueeze(2) * (dnormal - shares)).reshape(x.shape)
        return (dx, (dy * normal.reshape(x.shape)).sum(others), dy.sum(others)) if weight else (dx,)


def _gradients(function: Any, results: Sequence[Any], *arguments: Any) -> Kernel:
    """A kernel for dx, or for dx, dweight and dbias."""
    if len(results) == 3:
        dx, dweight, dbias = results
        return partial(function.out, *arguments, [True, True, True], out0=dx, out1=dweight, out2=dbias)
    dx, compute = results[0], function.default

    def kernel() -> None:
        dx.copy_(compute(*arguments, [True, False, False])[0])

    return kernel


def _others(x: Any) -> tuple[int, ...]:
    """The axes that are not the channels'."""
    return (0, *range(2, x.dim()))


def _spread(channels: Any, x: Any) -> Any:
    """A number for each channel, beside x."""
    return channels.reshape(-1, *(1,) * (x.dim() - 2))


def _affine(x: Any, weight: Any = None, bias: Any = None) -> Any:
    """``x [· weight [+ bias]]`` of each channel."""
    x = x if weight is None else x * _spread(weight, x)
    return x if bias is None else x + _spread(bias, x)


def _sizes(x: Any) -> tuple[int, int, int]:
    """Samples, channels, and places of a channel."""
    return x.shape[0], x.shape[1], math.prod(x.shape[2:])


_X, _C = Normal((3, 4, 5)), Normal((4,))
_POSITIVE = Uniform((4,), 0.5, 2.0)
BatchNorm.samples = [
    Sample(BatchNorm(), (_X, _C, _C, _C, _POSITIVE)),
    Sample(BatchNorm(0.1, 0.3, affine=False), (Normal((3, 4)), _C, _POSITIVE)),
]
BatchNormGrad.samples = [Sample(BatchNormGrad(), (_X, _X, _C, _POSITIVE, _C))]
BatchNormInference.samples = [
    Sample(BatchNormInference(), (_X, _C, _C, _C, _POSITIVE)),
    Sample(BatchNormInference(0.1, affine=False), (Normal((3, 4)), _C, _POSITIVE)),
]
GroupNorm.samples = [
    Sample(GroupNorm(2), (_X, _C, _C)),
    Sample(GroupNorm(4, 0.1), (Normal((3, 4, 5, 2)),)),
]
GroupNormGrad.samples = [Sample(GroupNormGrad(2), (_X, _X, Normal((3, 2)), Uniform((3, 2), 0.5, 2.0), _C))]
