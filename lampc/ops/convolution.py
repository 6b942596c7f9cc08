"""Convolutions over one to three axes, and their transposes, through torch's own forward and backward kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Dim, Shape, Type
from lampc.ops.elementwise import count, one_dtype
from lampc.ops.reduction import Sum

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode

Steps = tuple[int, ...]
"""A number for each axis that a window moves along."""


@dataclass(frozen=True)
class Windows(Op):
    """How a kernel moves over its input; one number an axis. ``output_padding`` is for the transposed form alone."""

    stride: Steps
    padding: Steps
    dilation: Steps
    groups: int = 1
    transposed: bool = False
    output_padding: Steps = ()

    def windows(self) -> tuple[Steps, Steps, Steps, int, bool, Steps]:
        """What ops that move alike begin with."""
        return (self.stride, self.padding, self.dilation, self.groups, self.transposed, self.output_padding)

    def arguments(self) -> tuple[Any, ...]:
        """What torch's kernels take after the tensors."""
        added = self.output_padding or (0,) * len(self.stride)
        return (self.stride, self.padding, self.dilation, self.transposed, added, self.groups)

    def out(self, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """The result's sizes along the axes that the kernel moves along."""
        if self.transposed:
            added = self.output_padding or (0,) * len(sizes)
            return tuple(
                (size - 1) * step - 2 * pad + spread * (k - 1) + more + 1
                for size, k, step, pad, spread, more in zip(
                    sizes, kernel, self.stride, self.padding, self.dilation, added, strict=True
                )
            )
        return tuple(
            (size + 2 * pad - spread * (k - 1) - 1) // step + 1
            for size, k, step, pad, spread in zip(sizes, kernel, self.stride, self.padding, self.dilation, strict=True)
        )

    def attributes(self) -> dict[str, Any]:
        """One number for all axes where they are equal; what does nothing is left out."""
        plain = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "output_padding": 0, "transposed": False}
        shown = {name: short(getattr(self, name)) for name in plain}
        return {name: value for name, value in shown.items() if value not in (plain[name], "")}


def short(value: Any) -> Any:
    """Numbers for axes as a listing shows them: one where they are equal, else ``3x2``."""
    if not isinstance(value, tuple):
        return value
    return value[0] if len(set(value)) == 1 else "x".join(map(str, value))


def fixed(dims: Sequence[Dim]) -> tuple[int, ...]:
    """Sizes that are known.

    Raises:
        ShapeError: if one is the batch.
    """
    sizes = tuple(dim for dim in dims if isinstance(dim, int))
    if len(sizes) != len(dims):
        raise ShapeError("the batch is the first axis, and no other")
    return sizes


@op("conv")
class Convolution(Windows):
    """``Σ w · x`` over a window, for each place and output channel: x[B, C, …], w[out, C/groups, …], perhaps a bias[out].

    Transposed, w is [C, out/groups, …], and it is the gradient of a convolution with respect to its input.
    """

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        x, w = operands[:2]
        axes = len(self.stride)
        if x.rank != axes + 2:
            raise ShapeError(f"takes samples of {axes + 1} axes, channels first, not {x}")
        if w.rank != axes + 2 or w.batched:
            raise ShapeError(f"takes a weight of {axes + 2} axes, not {w}", 1)
        one_dtype(*operands)
        channels, *sizes = fixed(x.shape[1:])
        first, second, *kernel = fixed(w.shape)
        made, taken = (second * self.groups, first) if self.transposed else (first, second * self.groups)
        if channels != taken:
            raise ShapeError(f"takes {taken} channels, and {x} has {channels}")
        if first % self.groups:
            raise ShapeError(f"{first} channels are not {self.groups} equal groups", 1)
        if len(operands) > 2 and operands[2] != x.of((made,)):
            raise ShapeError(f"the bias {operands[2]} does not fit {made} channels", 2)
        out = self.out(sizes, kernel)
        if min(out) < 1:
            raise ShapeError(f"leaves nothing of {x}: the kernel is larger")
        return (x.of((x.shape[0], made, *out)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        x, w = node.operands[:2]
        dx = node.build(ConvolutionInputGrad(*self.windows(), shape=x.type.shape), dy, w)
        dw = node.build(ConvolutionWeightGrad(*self.windows(), shape=w.type.shape), dy, x)
        axes = (0, *range(2, dy.type.rank))
        return [dx, dw, *(node.build(Sum(axes), dy) for _ in node.operands[2:])]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        x, w = operands[:2]
        products = x if self.transposed else results[0]
        return 2 * count(products) * count(w[1:]) + (count(results[0]) if len(operands) > 2 else 0)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, w = operands[:2]
        bias = operands[2] if len(operands) > 2 else None
        out, function, arguments = results[0], torch.ops.aten.convolution.default, self.arguments()

        def kernel() -> None:
            out.copy_(function(x, w, bias, *arguments))

        return kernel


@dataclass(frozen=True)
class _ConvolutionGrad(Windows):
    shape: Shape = ()
    """Of the result."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, other = operands
        forward = Convolution(*self.windows())
        result = dy.of(self.shape)
        if forward.infer(*self._forward(result, other)) != (dy,):
            raise ShapeError(f"{dy} is no gradient of this convolution")
        return (result,)

    def _forward(self, result: Type, other: Type) -> tuple[Type, Type]:
        """The types of x and w."""
        raise NotImplementedError

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        dy, w = operands[0], self._weight(operands, results)
        return 2 * count(dy) * count(w[1:])

    def _weight(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        raise NotImplementedError


@op("conv_input_grad")
class ConvolutionInputGrad(_ConvolutionGrad):
    """The gradient with respect to x, from ``dy`` and ``w``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        dy, w = node.operands
        dw = ConvolutionWeightGrad(*self.windows(), shape=w.type.shape)
        return [node.build(Convolution(*self.windows()), g, w), node.build(dw, dy, g)]

    def _forward(self, result: Type, other: Type) -> tuple[Type, Type]:
        return result, other

    def _weight(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return operands[1]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, w), (dx,) = operands, results
        function, arguments = torch.ops.aten.convolution_backward.default, self.arguments()

        def kernel() -> None:
            # The input's shape is all that is needed of it, and the result has that.
            dx.copy_(function(dy, dx, w, None, *arguments, [True, False, False])[0])

        return kernel


@op("conv_weight_grad")
class ConvolutionWeightGrad(_ConvolutionGrad):
    """The gradient with respect to w, from ``dy`` and ``x``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        dy, x = node.operands
        dx = ConvolutionInputGrad(*self.windows(), shape=x.type.shape)
        return [node.build(Convolution(*self.windows()), x, g), node.build(dx, dy, g)]

    def _forward(self, result: Type, other: Type) -> tuple[Type, Type]:
        return other, result

    def _weight(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return results[0]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, x), (dw,) = operands, results
        function, arguments = torch.ops.aten.convolution_backward.default, self.arguments()

        def kernel() -> None:
            dw.copy_(function(dy, x, dw, None, *arguments, [False, True, False])[1])

        return kernel


_PLAIN = Convolution((1, 1), (0, 0), (1, 1))
_STRIDED = Convolution((2, 1), (1, 2), (1, 2), 2)
_TURNED = Convolution((2, 1), (1, 0), (1, 2), 2, True, (1, 0))
Convolution.samples = [
    Sample(_PLAIN, (Normal((3, 2, 5, 4)), Normal((3, 2, 3, 3)), Normal((3,)))),
    Sample(_STRIDED, (Normal((3, 4, 5, 6)), Normal((6, 2, 3, 2)))),
    Sample(_TURNED, (Normal((3, 4, 4, 3)), Normal((4, 3, 3, 2)), Normal((6,)))),
    Sample(Convolution((2,), (1,), (1,)), (Normal((3, 2, 7)), Normal((4, 2, 3)), Normal((4,)))),
    Sample(Convolution((1, 1, 1), (0, 1, 0), (1, 1, 1)), (Normal((2, 2, 3, 3, 4)), Normal((3, 2, 2, 2, 3)))),
]
ConvolutionInputGrad.samples = [
    Sample(ConvolutionInputGrad((2, 1), (1, 0), (1, 1), 2, shape=(3, 4, 5, 4)), (Normal((3, 6, 3, 2)), Normal((6, 2, 3, 3)))),
]
ConvolutionWeightGrad.samples = [
    Sample(ConvolutionWeightGrad((2, 1), (1, 0), (1, 1), 2, shape=(6, 2, 3, 3)), (Normal((3, 6, 3, 2)), Normal((3, 4, 5, 4)))),
]
