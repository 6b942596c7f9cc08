"""Sums of many numbers with weights: matrix products, convolutions, and their gradients.

A weight's numbers are drawn alone, so of a sum the mean square is the count times the product of both mean squares (Glorot and
Bengio 2010, He et al. 2015). What samples share they share afterwards.
"""

from __future__ import annotations

import math

import numpy as np

from lampc.advice.signal.patch import Array, Draw, Patch, places
from lampc.advice.signal.site import Site, rule
from lampc.ir.types import Type
from lampc.ops.attention import Gather, GatherGrad
from lampc.ops.convolution import Convolution, ConvolutionInputGrad, ConvolutionWeightGrad, Windows
from lampc.ops.matmul import MatMul, Outer


def weighed(draw: Draw, x: Array, count: float, weight: Array, columns: int, whole: bool) -> Array:
    """Sums over ``count`` numbers of each row of x; ``whole``: a row has them all, and is one sample's."""
    squares = np.square(x)
    square = squares.mean(axis=1, keepdims=True) if whole else squares.mean()
    made = np.sqrt(count * weight.var() * square) * draw.like(x, columns)
    mean = float(weight.mean())
    if abs(mean) > 1e-6 * float(np.abs(weight).max(initial=0.0)):
        own = x.mean(axis=1, keepdims=True)
        if not whole:
            own = x.mean() + (own - x.mean()) * math.sqrt(x.shape[1] / max(count, x.shape[1]))
        made = made + count * mean * own
    return np.asarray(made)


@rule(MatMul)
def _matmul(site: Site) -> tuple[Patch, ...]:
    x, weight = site.along(0), site.given[1].numbers
    inner = site.types[0].shape[-1]
    count = inner if isinstance(inner, int) else 1
    return (Patch(weighed(site.draw, x, count, weight, site.wide(), count <= x.shape[1]), -1),)


@rule(Outer)
def _outer(site: Site) -> tuple[Patch, ...]:
    deviation = math.sqrt(places(site.types[0])) * site.given[0].rms * site.given[1].rms
    return (Patch(deviation * site.draw.normal(site.wide()), -1),)


@rule(Gather)
def _gather(site: Site) -> tuple[Patch, ...]:
    table = site.given[0].numbers
    return (Patch(table[site.draw.random.permutation(len(table))], -1),)


@rule(GatherGrad)
def _gather_grad(site: Site) -> tuple[Patch, ...]:
    share = places(site.types[0]) / site.op.rows
    return (Patch(site.along(0) * math.sqrt(share), -1),)


def _pairs(op: Windows, inputs: tuple[int, ...], outputs: tuple[int, ...], kernel: tuple[int, ...]) -> int:
    """How often a place of the kernel meets one inside the input, over all places of the output."""
    total = 1
    for axis, k in enumerate(kernel):
        moved, held = (inputs[axis], outputs[axis]) if op.transposed else (outputs[axis], inputs[axis])
        at = np.arange(moved)[:, None] * op.stride[axis] + np.arange(k)[None] * op.dilation[axis] - op.padding[axis]
        total *= int(((at >= 0) & (at < held)).sum())
    return total


def _meetings(op: Windows, x: Type, w: Type, y: Type) -> tuple[int, int, int, tuple[int, ...], tuple[int, ...]]:
    """The meetings of kernel and input; channels of input and output; places of both."""
    sizes, made = x.sample[1:], y.sample[1:]
    return _pairs(op, sizes, made, w.sample[2:]), x.sample[0], y.sample[0], sizes, made


@rule(Convolution)
def _convolution(site: Site) -> tuple[Patch, ...]:
    x, w = site.types[:2]
    pairs, channels, _, _, made = _meetings(site.op, x, w, site.result)
    axis = 1 - x.rank
    count = channels / site.op.groups * pairs / math.prod(made)
    sums = weighed(site.draw, site.along(0, axis), count, site.given[1].numbers, site.wide(axis), False)
    if len(site.given) > 2:
        sums = sums + site.along(2)
    return (Patch(sums, axis),)


@rule(ConvolutionInputGrad)
def _convolution_input_grad(site: Site) -> tuple[Patch, ...]:
    dy, w = site.types
    pairs, _, channels, sizes, _ = _meetings(site.op, site.result, w, dy)
    axis = 1 - dy.rank
    count = channels / site.op.groups * pairs / math.prod(sizes)
    return (Patch(weighed(site.draw, site.along(0, axis), count, site.given[1].numbers, site.wide(axis), False), axis),)


@rule(ConvolutionWeightGrad)
def _convolution_weight_grad(site: Site) -> tuple[Patch, ...]:
    dy, x = site.types
    pairs, *_ = _meetings(site.op, x, site.result, dy)
    each = pairs / math.prod(site.result.sample[2:])
    return (Patch(math.sqrt(each) * site.given[0].rms * site.given[1].rms * site.draw.normal(site.wide()), -1),)
