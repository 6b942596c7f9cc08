"""Pooling over one to three axes, each beside its gradient, through torch's own kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Labels, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Shape, Type
from lampc.ops.convolution import Steps, fixed, short
from lampc.ops.elementwise import count

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@dataclass(frozen=True)
class Pool(Op):
    """A window of ``kernel`` numbers that moves over each channel; with ``ceil`` it may reach over the far edge."""

    kernel: Steps
    stride: Steps
    padding: Steps
    ceil: bool = False

    def spread(self) -> Steps:
        """The dilation."""
        return (1,) * len(self.kernel)

    def out(self, x: Type) -> Shape:
        """The result's shape.

        Raises:
            ShapeError: if the window is larger than the input.
        """
        axes = len(self.kernel)
        if x.rank != axes + 2:
            raise ShapeError(f"takes samples of {axes + 1} axes, channels first, not {x}")
        sizes = fixed(x.shape[2:])
        made = []
        for size, k, step, pad, spread in zip(sizes, self.kernel, self.stride, self.padding, self.spread(), strict=True):
            reach = size + 2 * pad - spread * (k - 1) - 1
            if reach < 0:
                raise ShapeError(f"leaves nothing of {x}: the window is larger")
            steps = -(-reach // step) if self.ceil else reach // step
            if self.ceil and steps * step >= size + pad:  # the last window would begin beyond the edge
                steps -= 1
            made.append(steps + 1)
        return (*x.shape[:2], *made)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(results[0]) * count(self.kernel)

    def attributes(self) -> dict[str, Any]:
        """One number for all axes where they are equal."""
        found = {name: short(value) for name, value in super().attributes().items()}
        return {name: value for name, value in found.items() if (name, value) not in (("padding", 0), ("dilation", 1))}


@op("maxpool")
@dataclass(frozen=True)
class MaxPool(Pool):
    """The greatest number in each window; results: it, and where it was, for the gradient."""

    dilation: Steps = ()

    def spread(self) -> Steps:
        return self.dilation or super().spread()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (x,) = operands
        shape = self.out(x)
        return (x.of(shape), Type("i64", shape))

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and cotangents[1] is None, "the places are for the gradient alone"
        shape = node.operands[0].type.shape
        grad = MaxPoolGrad(self.kernel, self.stride, self.padding, self.ceil, self.dilation, shape)
        return [node.build(grad, dy, node.results[1])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, out, places = _flat(operands[0], *results)
        name = "max_pool3d_with_indices" if len(self.kernel) == 3 else "max_pool2d_with_indices"
        return partial(getattr(torch.ops.aten, name).out, x, *_arguments(self), out=out, indices=places)


@op("maxpool_grad")
@dataclass(frozen=True)
class MaxPoolGrad(MaxPool):
    """The gradient from ``dy`` and the places, a tensor of ``shape``."""

    shape: Shape = ()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, places = operands
        if dy.shape != places.shape:
            raise ShapeError(f"{places} are no places of {dy}", 1)
        if dy.dtype == "i64" or places.dtype != "i64" or self.out(dy.of(self.shape)) != dy.shape:
            raise ShapeError(f"{dy} is no gradient of a pool of {self.shape}")
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Take(self), g, node.operands[1]), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dx, dy, places = _flat(results[0], *operands)
        name = "max_pool3d_with_indices_backward" if len(self.kernel) == 3 else "max_pool2d_with_indices_backward"
        # Of the input the kernel takes the shape alone, which the result has.
        return partial(getattr(torch.ops.aten, name).grad_input, dy, dx, *_arguments(self), places, grad_input=dx)


@op("maxpool_take")
@dataclass(frozen=True)
class Take(Op):
    """Of ``a``, a tensor of the pool's shape, what stands at the ``places`` of the maxima; ``pool`` puts it back there."""

    pool: MaxPoolGrad | AdaptiveMaxPoolGrad

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        a, places = operands
        taken = a.of(places.shape)
        if self.pool.infer(taken, places) != (a,):
            raise ShapeError(f"{places} are no places of {a}", 1)
        return (taken,)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(self.pool, dy, node.operands[1]), None]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        a, places, out = (tensor.view(*tensor.shape[:2], -1) for tensor in (*operands, *results))
        return partial(torch.gather, a, 2, places, out=out)

    def __str__(self) -> str:
        return self.name


@op("avgpool")
@dataclass(frozen=True)
class AvgPool(Pool):
    """The mean of each window; ``padded``: zeros beyond the edge count; ``divisor``: divided by that instead."""

    padded: bool = True
    divisor: int = 0

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (x,) = operands
        made = self.out(x)
        if len(self.kernel) == 3 and any(k > d for k, d in zip(self.kernel, fixed(x.shape[2:]), strict=True)):
            raise ShapeError(f"takes a window no larger than the input, and {x} is smaller")  # torch's limit in 3-D
        return (x.of(made),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        shape = node.operands[0].type.shape
        grad = AvgPoolGrad(self.kernel, self.stride, self.padding, self.ceil, self.padded, self.divisor, shape)
        return [node.build(grad, dy)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, out = _flat(operands[0], results[0])
        name = "avg_pool3d" if len(self.kernel) == 3 else "avg_pool2d"
        return partial(getattr(torch.ops.aten, name).out, x, *self._arguments(), out=out)

    def _arguments(self) -> tuple[Any, ...]:
        kernel, stride, padding, _, ceil = _arguments(self)
        return (kernel, stride, padding, ceil, self.padded, self.divisor or None)


@op("avgpool_grad")
@dataclass(frozen=True)
class AvgPoolGrad(AvgPool):
    """The gradient from ``dy``, a tensor of ``shape``."""

    shape: Shape = ()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (dy,) = operands
        if self.out(dy.of(self.shape)) != dy.shape:
            raise ShapeError(f"{dy} is no gradient of a pool of {self.shape}")
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(AvgPool(self.kernel, self.stride, self.padding, self.ceil, self.padded, self.divisor), g)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0]) * count(self.kernel)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dx, dy = _flat(results[0], operands[0])
        name = "avg_pool3d_backward" if len(self.kernel) == 3 else "avg_pool2d_backward"
        return partial(getattr(torch.ops.aten, name).grad_input, dy, dx, *self._arguments(), grad_input=dx)


@dataclass(frozen=True)
class Adaptive(Op):
    """Windows as large as it takes to make ``sizes``: place i of n goes from ⌊i·size/n⌋ to ⌈(i+1)·size/n⌉."""

    sizes: Steps

    def out(self, x: Type) -> Shape:
        """The result's shape.

        Raises:
            ShapeError: if the operand has other axes.
        """
        if x.rank != len(self.sizes) + 2 or x.dtype == "i64":
            raise ShapeError(f"takes samples of {len(self.sizes) + 1} axes, channels first, not {x}")
        fixed(x.shape[2:])
        return (*x.shape[:2], *self.sizes)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return max(count(operands[0]), count(results[0]))

    def function(self, torch: Any, name: str) -> Any:
        """Torch's kernel for so many axes."""
        return getattr(torch.ops.aten, name.replace("#", "3d" if len(self.sizes) == 3 else "2d"))


@op("adaptive_maxpool")
class AdaptiveMaxPool(Adaptive):
    """The greatest number in each window; results: it, and where it was."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        shape = self.out(operands[0])
        return (operands[0].of(shape), Type("i64", shape))

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and cotangents[1] is None, "the places are for the gradient alone"
        return [node.build(AdaptiveMaxPoolGrad(self.sizes, node.operands[0].type.shape), dy, node.results[1])]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, out, places = _flat(operands[0], *results)
        return partial(self.function(torch, "adaptive_max_pool#").out, x, list(out.shape[2:]), out=out, indices=places)


@op("adaptive_maxpool_grad")
@dataclass(frozen=True)
class AdaptiveMaxPoolGrad(AdaptiveMaxPool):
    """The gradient from ``dy`` and the places, a tensor of ``shape``."""

    shape: Shape = ()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, places = operands
        if places != Type("i64", dy.shape) or self.out(dy.of(self.shape)) != dy.shape:
            raise ShapeError(f"{dy} is no gradient of a pool of {self.shape}")
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Take(self), g, node.operands[1]), None]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dx, dy, places = _flat(results[0], *operands)
        return partial(self.function(torch, "adaptive_max_pool#_backward").grad_input, dy, dx, places, grad_input=dx)


@op("adaptive_avgpool")
class AdaptiveAvgPool(Adaptive):
    """The mean of each window."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (operands[0].of(self.out(operands[0])),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(AdaptiveAvgPoolGrad(self.sizes, node.operands[0].type.shape), dy)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, out = _flat(operands[0], results[0])
        return partial(self.function(torch, "adaptive_avg_pool#").out, x, list(out.shape[2:]), out=out)


@op("adaptive_avgpool_grad")
@dataclass(frozen=True)
class AdaptiveAvgPoolGrad(AdaptiveAvgPool):
    """The gradient from ``dy``, a tensor of ``shape``."""

    shape: Shape = ()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (dy,) = operands
        if self.out(dy.of(self.shape)) != dy.shape:
            raise ShapeError(f"{dy} is no gradient of a pool of {self.shape}")
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(AdaptiveAvgPool(self.sizes), g)]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        dx, dy = _flat(results[0], operands[0])
        return partial(self.function(torch, "_adaptive_avg_pool#_backward").out, dy, dx, out=dx)


def _flat(*tensors: Any) -> tuple[Any, ...]:
    """Sequences as images of one row, for which torch has kernels."""
    return tuple(tensor.unsqueeze(-2) if tensor.dim() == 3 else tensor for tensor in tensors)


def _arguments(pool: Pool) -> tuple[Any, ...]:
    kernel, stride, padding, dilation = pool.kernel, pool.stride, pool.padding, pool.spread()
    if len(kernel) == 1:
        kernel, stride, padding, dilation = (1, *kernel), (1, *stride), (0, *padding), (1, *dilation)
    return (list(kernel), list(stride), list(padding), list(dilation), pool.ceil)


MaxPool.samples = [
    Sample(MaxPool((2, 2), (2, 2), (0, 0)), (Normal((3, 2, 5, 4)),)),
    Sample(MaxPool((3, 2), (2, 1), (1, 0), True, (1, 2)), (Normal((3, 2, 6, 5)),)),
    Sample(MaxPool((3,), (2,), (1,)), (Normal((3, 2, 7)),)),
    Sample(MaxPool((2, 2, 2), (1, 2, 1), (0, 1, 0)), (Normal((2, 2, 3, 4, 3)),)),
]
MaxPoolGrad.samples = [
    Sample(MaxPoolGrad((5, 4), (1, 1), (0, 0), shape=(3, 2, 5, 4)), (Normal((3, 2, 1, 1)), Labels((3, 2, 1, 1), 20))),
]
"""Any place is one of a window that is as large as all."""
Take.samples = [
    Sample(Take(MaxPoolGrad((5, 4), (1, 1), (0, 0), shape=(3, 2, 5, 4))), (Normal((3, 2, 5, 4)), Labels((3, 2, 1, 1), 20))),
    Sample(Take(AdaptiveMaxPoolGrad((1,), (3, 2, 7))), (Normal((3, 2, 7)), Labels((3, 2, 1), 7))),
]
AvgPool.samples = [
    Sample(AvgPool((2, 2), (2, 2), (0, 0)), (Normal((3, 2, 5, 4)),)),
    Sample(AvgPool((3, 2), (2, 1), (1, 0), True, False), (Normal((3, 2, 6, 5)),)),
    Sample(AvgPool((3,), (2,), (1,), False, True, 2), (Normal((3, 2, 7)),)),
    Sample(AvgPool((2, 2, 2), (1, 2, 1), (0, 1, 0)), (Normal((2, 2, 3, 4, 3)),)),
]
AvgPoolGrad.samples = [Sample(AvgPoolGrad((2, 2), (2, 2), (0, 0), shape=(3, 2, 5, 4)), (Normal((3, 2, 2, 2)),))]
AdaptiveMaxPool.samples = [
    Sample(AdaptiveMaxPool((3, 2)), (Normal((3, 2, 5, 4)),)),
    Sample(AdaptiveMaxPool((3,)), (Normal((3, 2, 7)),)),
    Sample(AdaptiveMaxPool((2, 1, 2)), (Normal((2, 2, 3, 4, 3)),)),
]
AdaptiveMaxPoolGrad.samples = [
    Sample(AdaptiveMaxPoolGrad((1, 1), (3, 2, 5, 4)), (Normal((3, 2, 1, 1)), Labels((3, 2, 1, 1), 4))),
]
AdaptiveAvgPool.samples = [Sample(AdaptiveAvgPool(s.op.sizes), s.operands) for s in AdaptiveMaxPool.samples]  # type: ignore[attr-defined]
AdaptiveAvgPoolGrad.samples = [Sample(AdaptiveAvgPoolGrad((3, 2), (3, 2, 5, 4)), (Normal((3, 2, 3, 2)),))]
