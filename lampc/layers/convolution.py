"""Convolutions, channels first: a sample is [channels, …places]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from lampc.ir.leaves import Gain, Initialiser, Input
from lampc.ir.op import ShapeError, SizeMismatch
from lampc.ir.types import Type
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Amounts, Arrow, Int, Param, Signature
from lampc.ops.convolution import Convolution
from lampc.ops.grid import Pad
from lampc.ops.term import Term

KAIMING = Initialiser("kaiming", (), Gain.AUTO)
"""The default: a kernel has too many inputs for N(0, 1)."""
ZEROS = Initialiser("zeros")


def places(x: Type, axes: int) -> tuple[int, ...]:
    """The sizes of an image's axes after its channels.

    Raises:
        ShapeError: if a sample has not so many axes.
    """
    if x.rank != axes + 2 or x.dtype == "i64":
        form = "channels x " + " x ".join(("length",) if axes == 1 else ("depth", "height", "width")[-axes:])
        fix = ""
        if x.dtype != "i64" and x.rank == axes + 1:
            fix = f"one channel is an axis, too: `reshape 1x{'x'.join(map(str, x.sample))}` before it"
        elif x.rank == 2:
            side = round(math.prod(x.sample) ** (1 / axes))
            size = "x".join(["1", *[str(side)] * axes])
            fix = f"`reshape` makes one: `reshape {size if side**axes == math.prod(x.sample) else '…'}`"
        raise ShapeError(f"takes samples of {axes + 1} axes, {form}, but gets {x}", code="E402", fix=fix)
    return tuple(dim for dim in x.shape[2:] if isinstance(dim, int))


def spread(name: str, amounts: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """A number for each axis.

    Raises:
        ShapeError: if there are neither one nor as many as axes.
    """
    if len(amounts) not in (1, axes):
        raise ShapeError(f"takes one number for `{name}`, or {axes}, not {'x'.join(map(str, amounts))}", code="E405")
    return amounts * axes if len(amounts) == 1 else amounts


def _channels(x: Type, written: int | None) -> int:
    channels = x.shape[1]
    assert isinstance(channels, int)
    if written is not None and written != channels:
        raise SizeMismatch(f"{written} channels", f"{channels} channels")
    return channels


def _sides(padding: tuple[int, ...] | str, kernel: tuple[int, ...], dilation: tuple[int, ...], stride: tuple[int, ...]
           ) -> tuple[tuple[int, int], ...]:  # fmt: skip
    """(before, after) for each axis; ``same``: as many places come out as go in, the odd one after."""
    if isinstance(padding, str):
        if padding == "same" and max(stride) > 1:
            raise ShapeError("keeps the size (`same`) only with a stride of 1", code="E405")
        reach = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
        return tuple((n // 2, n - n // 2) for n in reach)
    return tuple((n, n) for n in spread("padding", padding, len(kernel)))


def _check_groups(channels: int, out: int, groups: int) -> None:
    for count, what in ((channels, "input"), (out, "output")):
        if count % groups:
            raise ShapeError(f"cannot split {count} {what} channels into {groups} equal groups", code="E405",
                             fix="let `groups` divide both numbers of channels")  # fmt: skip


def _build(axes: int) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        sizes = places(x.type, axes)
        channels = _channels(x.type, arguments["sizes"].left)
        return convolve(make, x, sizes, channels, arguments["sizes"].right, arguments["groups"], arguments)

    return build


def convolve(make: Construct, x: Term, sizes: tuple[int, ...], channels: int, out: int, groups: int, arguments: Arguments
             ) -> Term:  # fmt: skip
    """A convolution with its parameters."""
    axes = len(sizes)
    _check_groups(channels, out, groups)
    kernel, stride, dilation = (spread(name, arguments[name], axes) for name in ("kernel", "stride", "dilation"))
    sides = _sides(arguments["padding"], kernel, dilation, stride)
    for size, k, d, side in zip(sizes, kernel, dilation, sides, strict=True):
        if d * (k - 1) + 1 > size + sum(side):
            padded = f", padded {size + sum(side)}" if sum(side) else ""
            most = (size + sum(side) - 1) // d + 1
            fix = f"take a kernel of {most} at most, or add padding" if most > 1 else "take a smaller kernel, or add padding"
            last = axes == 2 and sizes[-1] in (1, 3, 4) and channels > sizes[-1]
            if last and isinstance(x.node.op, Input):  # as TensorFlow has it
                fix = f"channels come first: `input {'x'.join(map(str, (sizes[-1], channels, sizes[0])))}`"
            raise ShapeError(f"has a kernel that reaches over {d * (k - 1) + 1} places, larger than the image's {size}{padded}",
                             code="E405", fix=fix)  # fmt: skip
    padding = tuple(before for before, _ in sides)
    if arguments["edges"] != "zeros" or any(before != after for before, after in sides):
        mode = arguments["edges"]
        if mode == "reflect" and any(max(side) >= size for side, size in zip(sides, sizes, strict=True)):
            raise ShapeError("cannot reflect more places than there are", code="E405")
        x = make(Pad(sides, mode), x)
        padding = (0,) * axes
    weight = make.parameter("weight", (out, channels // groups, *kernel), arguments["init"])
    return make(Convolution(stride, padding, dilation, groups), x, weight, *_bias(make, out, arguments))


def _bias(make: Construct, out: int, arguments: Arguments) -> tuple[Term, ...]:
    return () if arguments["bias"] is None else (make.parameter("bias", (out,), arguments["bias"]),)


def _depthwise(make: Construct, x: Term, arguments: Arguments) -> Term:
    sizes = places(x.type, 2)
    channels = _channels(x.type, None)
    return convolve(make, x, sizes, channels, channels * arguments["multiplier"], channels, arguments)


def _build_transposed(axes: int) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        places(x.type, axes)
        channels, out = _channels(x.type, arguments["sizes"].left), arguments["sizes"].right
        groups = arguments["groups"]
        _check_groups(channels, out, groups)
        names = ("kernel", "stride", "dilation", "padding", "output_padding")
        kernel, stride, dilation, padding, added = (spread(name, arguments[name], axes) for name in names)
        if any(more >= max(s, d) for more, s, d in zip(added, stride, dilation, strict=True)):
            raise ShapeError("takes an `output_padding` smaller than its stride or dilation", code="E405")
        weight = make.parameter("weight", (channels, out // groups, *kernel), arguments["init"])
        op = Convolution(stride, padding, dilation, groups, True, added)
        return make(op, x, weight, *_bias(make, out, arguments))

    return build


_SIZES = Param("sizes", Arrow(), doc="`in->out` channels, or `out` where the input is known")
_KERNEL = Param("kernel", Amounts(low=1), doc="the window's size: `3x3`, or `3`")
_STRIDE = Param("stride", Amounts(low=1), (1,), "how far the window moves", positional=False)
_PADDING = Param("padding", Amounts(("same", "valid")), (0,), "places added at each edge; `same` keeps the size",
                 positional=False)  # fmt: skip
_DILATION = Param("dilation", Amounts(low=1), (1,), "how far apart the window's places are", positional=False)
_GROUPS = Param("groups", Int(), 1, "parts that the channels are split into", positional=False)
_INIT = Param("init", Init(general=True), KAIMING, "how the weight begins")
_BIAS = Param("bias", Init(optional=True), ZEROS, "how the bias begins; `off` for none", positional=False)


def edges(default: Any = "zeros") -> Param:
    """What stands beyond the edges."""
    from lampc.layers.signature import OneOf

    return Param("edges", OneOf(("zeros", "reflect", "replicate")), default, "what stands beyond the edges", positional=False)


_SHAPES = {"1d": "3x16", "2d": "3x16x16", "3d": "1x8x8x8"}

for _name, _axes in (("conv", 2), ("conv1d", 1), ("conv2d", 2), ("conv3d", 3)):
    _shape = _SHAPES[f"{_axes}d"]
    _doc = (
        "the same as `conv`"
        if _name == "conv2d"
        else f"each window of {_axes} axes times a kernel; the weight is [out, in/groups, …]"
    )
    layer(LayerType(_name, _doc, f"input {_shape}; {_name} 8 3 padding=same; relu; flatten; linear 10",
                    Signature((_SIZES, _KERNEL, _STRIDE, _PADDING, _DILATION, _GROUPS, _INIT, _BIAS, edges())), _build(_axes),
                    learns=True))  # fmt: skip
layer(LayerType("depthwise", "each channel with `multiplier` kernels of its own",
                "input 3x16x16; depthwise 3x3 padding=1; conv 8 1",
                Signature((_KERNEL, Param("multiplier", Int(), 1, "kernels a channel"), _STRIDE, _PADDING, _DILATION,
                           _INIT, _BIAS, edges())), _depthwise, learns=True))  # fmt: skip
for _name, _axes in (("convtranspose", 2), ("convtranspose1d", 1), ("convtranspose2d", 2), ("convtranspose3d", 3)):
    _shape = _SHAPES[f"{_axes}d"]
    _doc = "the same as `convtranspose`" if _name == "convtranspose2d" else (
        "a convolution's reverse, which grows the image; the weight is [in, out/groups, …]")  # fmt: skip
    layer(LayerType(_name, _doc, f"input {_shape}; {_name} 8 2 stride=2",
                    Signature((_SIZES, _KERNEL, _STRIDE,
                               Param("padding", Amounts(), (0,), "places cut off at each edge", positional=False),
                               Param("output_padding", Amounts(), (0,), "places added at the far edge", positional=False),
                               _DILATION, _GROUPS, _INIT, _BIAS)), _build_transposed(_axes), learns=True))  # fmt: skip
