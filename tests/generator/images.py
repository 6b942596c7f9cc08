"""Layers of channels and places: convolutions, pools, norms, what grows an image."""

from __future__ import annotations

import random
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from generator.layers import Arguments, Draw, Shape, divisor, layer, maybe
from generator.network import Network
from generator.pointwise import affine, bias, biased, init, moved
from generator.program import Init


def each(given: Any, axes: int) -> tuple[int, ...]:
    """A number for each axis."""
    amounts = tuple(given) if isinstance(given, tuple | list) else (given,)
    assert len(amounts) in (1, axes)
    return amounts * axes if len(amounts) == 1 else amounts


def amount(rng: random.Random, axes: int, *choices: int) -> int | tuple[int, ...]:
    """A number, or one for each axis."""
    return rng.choice(choices) if axes == 1 or rng.random() < 0.6 else tuple(rng.choice(choices) for _ in range(axes))


def convolution(axes: int, depthwise: bool = False) -> Draw:
    def drawn(rng: random.Random, shape: Shape) -> Arguments | None:
        if len(shape) != axes + 1:
            return None
        groups = divisor(rng, shape[0]) if rng.random() < 0.4 else 1
        found: Arguments = {"kernel": amount(rng, axes, 1, 2, 3)}
        if depthwise:
            found |= maybe(rng, 0.5, multiplier=rng.choice([1, 2]))
        else:
            found = {"sizes": groups * rng.randint(1, 4), **found}
        found |= maybe(rng, 0.4, stride=amount(rng, axes, 1, 2, 3)) | maybe(rng, 0.3, dilation=amount(rng, axes, 1, 2))
        found |= maybe(rng, 0.5, padding="same" if "stride" not in found and rng.random() < 0.5 else amount(rng, axes, 0, 1, 2))
        found |= {"groups": groups} if groups > 1 and not depthwise else {}
        return found | maybe(rng, 0.3, edges=rng.choice(["zeros", "reflect", "replicate"])) | init(rng, 0.2) | bias(rng)

    return drawn


def convolve(net: Network, x: Tensor, o: Arguments, out: int, groups: int) -> Tensor:
    axes = x.dim() - 2
    kernel, stride, dilation = (each(o.get(name, 1), axes) for name in ("kernel", "stride", "dilation"))
    weight = net.parameter("weight", (out, x.shape[1] // groups, *kernel), o.get("init", Init("kaiming")))
    padding = o.get("padding", 0)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    sides = [(n // 2, n - n // 2) for n in reach] if padding == "same" else [(n, n) for n in each(padding, axes)]
    padded = padded_by(x, sides, o.get("edges", "zeros"))
    function = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
    return function(padded.contiguous(), weight, biased(net, o, out), stride, 0, dilation, groups)


def padded_by(x: Tensor, sides: list[tuple[int, int]], edges: str, value: float = 0.0) -> Tensor:
    flat = [n for side in reversed(sides) for n in side]
    if not any(flat):
        return x
    return F.pad(x, flat, "constant", value) if edges == "zeros" else F.pad(x, flat, edges)


def axes_of(name: str) -> int:
    """How many axes of places a convolution's name says."""
    return int(name[-2]) if name.endswith("d") else 2


def _conv(net: Network, x: Tensor, o: Arguments) -> Tensor:
    assert x.dim() - 2 == axes_of(net.statement.name)
    return convolve(net, x, o, o["sizes"], o.get("groups", 1))


def _transposed(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes, out, groups = axes_of(net.statement.name), o["sizes"], o.get("groups", 1)
    assert x.dim() - 2 == axes
    kernel, stride, dilation = (each(o.get(name, 1), axes) for name in ("kernel", "stride", "dilation"))
    padding, added = (each(o.get(name, 0), axes) for name in ("padding", "output_padding"))
    weight = net.parameter("weight", (x.shape[1], out // groups, *kernel), o.get("init", Init("kaiming")))
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[axes - 1]
    return function(x.contiguous(), weight, biased(net, o, out), stride, padding, added, groups, dilation)


def transposed(axes: int) -> Draw:
    def drawn(rng: random.Random, shape: Shape) -> Arguments | None:
        if len(shape) != axes + 1 or max(shape) > 9:
            return None
        groups = divisor(rng, shape[0]) if rng.random() < 0.4 else 1
        found: Arguments = {"sizes": groups * rng.randint(1, 3), "kernel": amount(rng, axes, 1, 2, 3)}
        found |= maybe(rng, 0.5, stride=amount(rng, axes, 1, 2)) | maybe(rng, 0.3, padding=amount(rng, axes, 0, 1))
        found |= maybe(rng, 0.3, dilation=amount(rng, axes, 1, 2)) | maybe(rng, 0.2, output_padding=amount(rng, axes, 0, 1))
        return found | ({"groups": groups} if groups > 1 else {}) | init(rng, 0.2) | bias(rng)

    return drawn


_BARE = ("sizes", "kernel", "init")
for _axes, _names in ((1, ("conv1d",)), (2, ("conv", "conv2d")), (3, ("conv3d",))):
    layer(*_names, draw=convolution(_axes), bare=_BARE, learns=True, weight=2)(_conv)
    layer(*(name.replace("conv", "convtranspose") for name in _names), draw=transposed(_axes), bare=_BARE, learns=True)(
        _transposed
    )


@layer("depthwise", draw=convolution(2, depthwise=True), bare=("kernel", "multiplier", "init"), learns=True)
def depthwise(net: Network, x: Tensor, o: Arguments) -> Tensor:
    assert x.dim() == 4
    return convolve(net, x, o, x.shape[1] * o.get("multiplier", 1), x.shape[1])


def pool(average: bool) -> Draw:
    def drawn(rng: random.Random, shape: Shape) -> Arguments | None:
        axes = len(shape) - 1
        if not 1 <= axes <= 3:
            return None
        found = maybe(rng, 0.7, kernel=amount(rng, axes, 1, 2, 3)) | maybe(rng, 0.4, stride=amount(rng, axes, 1, 2))
        found |= maybe(rng, 0.3, padding=amount(rng, axes, 0, 1)) | maybe(rng, 0.3, ceil=True)
        if average:
            return found | maybe(rng, 0.3, padded=False) | maybe(rng, 0.2, divisor=3)
        return found | maybe(rng, 0.3, dilation=amount(rng, axes, 1, 2))

    return drawn


def fits(x: Tensor, kernel: tuple[int, ...], o: Arguments) -> None:
    """A window is no larger than the padded image, which torch does not ask for with ``ceil``."""
    more = zip(
        kernel, x.shape[2:], *(each(o.get(name, n), len(kernel)) for name, n in (("padding", 0), ("dilation", 1))), strict=True
    )
    assert all(d * (k - 1) + 1 <= size + 2 * padding for k, size, padding, d in more)


@layer("maxpool", draw=pool(False), bare=("kernel",))
def maxpool(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes = x.dim() - 2
    kernel = each(o.get("kernel", 2), axes)
    stride = each(o["stride"], axes) if "stride" in o else kernel
    fits(x, kernel, o)
    function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[axes - 1]
    return function(x, kernel, stride, each(o.get("padding", 0), axes), each(o.get("dilation", 1), axes), o.get("ceil", False))


@layer("avgpool", draw=pool(True), bare=("kernel",))
def avgpool(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes = x.dim() - 2
    kernel = each(o.get("kernel", 2), axes)
    stride = each(o["stride"], axes) if "stride" in o else kernel
    padding, padded = each(o.get("padding", 0), axes), o.get("padded", True)
    fits(x, kernel, o)
    divisor = o.get("divisor", 0) or None
    if axes == 1:  # torch's has no divisor there
        found = F.avg_pool2d(x.unsqueeze(2), (1, *kernel), (1, *stride), (0, *padding), o.get("ceil", False), padded, divisor)
        return found.squeeze(2)
    return (F.avg_pool2d, F.avg_pool3d)[axes - 2](x, kernel, stride, padding, o.get("ceil", False), padded, divisor)


def _global(rng: random.Random, shape: Shape) -> Arguments | None:
    axes = len(shape) - 1
    if not 1 <= axes <= 3:
        return None
    return maybe(rng, 0.5, kind=rng.choice(["mean", "max"])) | maybe(rng, 0.4, to=amount(rng, axes, 1, 2, 3))


@layer("globalpool", draw=_global, bare=("kind",))
def globalpool(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes, greatest = x.dim() - 2, o.get("kind", "mean") == "max"
    if "to" not in o:
        return x.amax(tuple(range(2, x.dim()))) if greatest else x.mean(tuple(range(2, x.dim())))
    most = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)
    mean = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)
    return (most if greatest else mean)[axes - 1](x, each(o["to"], axes))


@layer("batchnorm", draw=lambda rng, shape: affine(rng, shape) | maybe(rng, 0.3, momentum=0.3), learns=True)
def batchnorm(net: Network, x: Tensor, o: Arguments) -> Tensor:
    size = tuple(x.shape[1:2])
    weight, shift = moved(net, o, size)
    mean = net.running.get(f"{net.prefix}.running_mean", torch.zeros(size, dtype=x.dtype)).clone()
    variance = net.running.get(f"{net.prefix}.running_var", torch.ones(size, dtype=x.dtype)).clone()
    eps, axes = o.get("eps", 1e-5), (0, *range(2, x.dim()))
    F.batch_norm(x.detach(), mean, variance, weight, shift, net.training, o.get("momentum", 0.1), eps)  # moves the statistics
    if net.training:
        found, spread = x.mean(axes), x.var(axes, correction=0)
    else:
        found, spread = mean, variance
    net.running |= {f"{net.prefix}.running_mean": mean, f"{net.prefix}.running_var": variance}
    # Written out: its own gradient is wrong of samples whose last axis is 1, if they are transposed afterwards (torch 2.13).
    along = (-1, *[1] * (x.dim() - 2))
    out = (x - found.view(along)) / (spread + eps).sqrt().view(along)
    out = out if weight is None else out * weight.view(along)
    return out if shift is None else out + shift.view(along)


def _groups(rng: random.Random, shape: Shape) -> Arguments | None:
    groups = divisor(rng, shape[0])
    return None if torch.Size(shape).numel() == groups else {"groups": groups, **affine(rng, shape)}


@layer("groupnorm", draw=_groups, bare=("groups",), learns=True)
def groupnorm(net: Network, x: Tensor, o: Arguments) -> Tensor:
    weight, shift = moved(net, o, tuple(x.shape[1:2]))
    return F.group_norm(x, o["groups"], weight, shift, o.get("eps", 1e-5))


@layer("instancenorm", draw=lambda rng, shape: None if torch.Size(shape[1:]).numel() == 1 else (
    maybe(rng, 0.3, eps=0.01) | maybe(rng, 0.5, affine=True) | maybe(rng, 0.3, bias=False)), learns=True)  # fmt: skip
def instancenorm(net: Network, x: Tensor, o: Arguments) -> Tensor:
    if x[0, 0].numel() == 1:
        raise ValueError("one place has no deviation")
    weight, shift = moved(net, {"affine": False, **o}, tuple(x.shape[1:2]))
    return F.group_norm(x, x.shape[1], weight, shift, o.get("eps", 1e-5))


def _grown(rng: random.Random, shape: Shape) -> Arguments | None:
    axes = len(shape) - 1
    if not 1 <= axes <= 3 or max(shape) > 6:
        return None
    return (
        {"factor": amount(rng, axes, 1, 2, 3), **maybe(rng, 0.5, mode=rng.choice(["nearest", "linear"]))}
        if rng.random() < 0.8
        else {}
    )


@layer("upsample", draw=_grown, bare=("factor", "mode"))
def upsample(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes = x.dim() - 2
    factor = each(o.get("factor", 2), axes)
    sizes = [n * f for n, f in zip(x.shape[2:], factor, strict=True)]
    linear = ("linear", "bilinear", "trilinear")[axes - 1]
    return F.interpolate(x, sizes, mode="nearest" if o.get("mode", "nearest") == "nearest" else linear)


def _padded(rng: random.Random, shape: Shape) -> Arguments | None:
    axes = len(shape) - 1
    if not 1 <= axes <= 3 or max(shape) > 9:
        return None
    sided = [rng.randint(0, 2) for _ in range(2 * axes)]
    edges = rng.choice(["zeros", "reflect", "replicate"])
    found = {"amounts": sided if rng.random() < 0.4 else amount(rng, axes, 1, 2)} | maybe(rng, 0.8, edges=edges)
    return found | (maybe(rng, 0.5, value=0.5) if found.get("edges", "zeros") == "zeros" else {})


@layer("pad", draw=_padded, bare=("amounts",))
def pad(net: Network, x: Tensor, o: Arguments) -> Tensor:
    axes = x.dim() - 2
    given = o["amounts"]
    if isinstance(given, list):
        assert len(given) == 2 * axes
        sides = list(zip(given[::2], given[1::2], strict=True))
    else:
        sides = [(n, n) for n in each(given, axes)]
    return padded_by(x, sides, o.get("edges", "zeros"), o.get("value", 0.0))
