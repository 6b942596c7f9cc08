"""Layers that reshape, cut or reduce."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from generator.layers import Arguments, Shape, divisor, layer, maybe
from generator.network import Network
from generator.pointwise import biased
from generator.program import Init


@layer("flatten", weight=0.7)
def flatten(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.flatten(1)


def _reshape(rng: random.Random, shape: Shape) -> Arguments:
    left, made = torch.Size(shape).numel(), []
    for _ in range(rng.randint(0, 3)):
        made.append(divisor(rng, left))
        left //= made[-1]
    return {"shape": tuple(rng.sample([*made, left], len(made) + 1))}


@layer("reshape", draw=_reshape, bare=("shape",))
def reshape(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.reshape(len(x), *o["shape"])


def _transpose(rng: random.Random, shape: Shape) -> Arguments | None:
    if len(shape) > 1 and rng.random() < 0.5:
        return {}
    return {"order": rng.sample(range(1, len(shape) + 1), len(shape))} if len(shape) > 1 else None


@layer("transpose", draw=_transpose, bare=("order",))
def transpose(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.permute(0, *o["order"]) if "order" in o else x.transpose(-1, -2)


def _slice(rng: random.Random, shape: Shape) -> Arguments:
    axis = rng.randint(1, len(shape))
    size = shape[axis - 1]
    start = rng.randrange(size)
    stop = rng.randint(start + 1, size)
    found = {"start": start - size if rng.random() < 0.2 else start}
    found |= maybe(rng, 0.6, stop=stop - size if stop < size and rng.random() < 0.3 else stop)
    return found | ({"axis": axis} if axis > 1 else {})


@layer("slice", draw=_slice)
def cut(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axis = o.get("axis", 1)
    size = x.shape[axis]
    start, stop = (n + size if n < 0 else n for n in (o["start"], o.get("stop", 0) or size))
    assert 0 <= start < stop <= size
    return x.narrow(axis, start, stop - start)


def _axes(rng: random.Random, shape: Shape) -> Arguments | None:
    if len(shape) < 2:
        return None
    axes = rng.sample(range(1, len(shape) + 1), rng.randint(1, len(shape) - 1))
    return {"axes": axes[0] if len(axes) == 1 else axes}


def axes_of(o: Arguments) -> tuple[int, ...]:
    return tuple(o["axes"]) if isinstance(o["axes"], list) else (o["axes"],)


@layer("mean", draw=_axes, bare=("axes",))
def mean(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.mean(axes_of(o))


@layer("sum", draw=_axes, bare=("axes",))
def total(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.sum(axes_of(o))


@layer("max", draw=_axes, bare=("axes",))
def greatest(net: Network, x: Tensor, o: Arguments) -> Tensor:
    return x.amax(axes_of(o))


@layer("bilinear", draw=lambda rng, shape: None, bare=("out", "init"), learns=True)
def bilinear(net: Network, x: Tensor, o: Arguments) -> Tensor:
    z, out = net.labels[o["with"]], o["out"]
    weight = net.parameter("weight", (out, x.shape[1], z.shape[1]), o.get("init", Init("xavier")))
    shift = biased(net, o, out)
    found = torch.einsum("bi,oij,bj->bo", x, weight, z)
    return found if shift is None else found + shift
