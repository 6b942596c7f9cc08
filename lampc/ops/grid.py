"""Growing the axes of images and sequences: repeating or interpolating between places, and padding at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, op
from lampc.ir.types import Shape, Type
from lampc.ops.convolution import Steps, fixed
from lampc.ops.elementwise import count

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
"""What torch calls linear interpolation, by the number of axes."""


@op("upsample")
@dataclass(frozen=True)
class Upsample(Op):
    """So many times as large along each axis but batch and channels; ``nearest`` repeats, ``linear`` interpolates."""

    factors: Steps
    mode: str = "nearest"

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (x,) = operands
        if x.rank != len(self.factors) + 2:
            raise ShapeError(f"takes samples of {len(self.factors) + 1} axes, channels first, not {x}")
        sizes = fixed(x.shape[2:])
        return (x.of((*x.shape[:2], *(size * factor for size, factor in zip(sizes, self.factors, strict=True)))),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [node.build(UpsampleGrad(self.factors, self.mode), dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0 if self.mode == "nearest" else count(results[0]) * 2 ** (len(self.factors) + 1)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = getattr(torch.ops.aten, self._kernel()).out
        return partial(function, operands[0], list(results[0].shape[2:]), *self._scales(), out=results[0])

    def _kernel(self) -> str:
        axes = len(self.factors)
        return f"upsample_{'nearest' if self.mode == 'nearest' else LINEAR[axes]}{axes}d"

    def _scales(self) -> tuple[Any, ...]:
        aligned = () if self.mode == "nearest" else (False,)
        return (*aligned, *map(float, self.factors))


@op("upsample_grad")
class UpsampleGrad(Upsample):
    """The gradient from ``dy``: each place's share of what it was copied to."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (dy,) = operands
        if dy.rank != len(self.factors) + 2:
            raise ShapeError(f"takes samples of {len(self.factors) + 1} axes, channels first, not {dy}")
        sizes = fixed(dy.shape[2:])
        if any(size % factor for size, factor in zip(sizes, self.factors, strict=True)):
            raise ShapeError(f"{dy} is not {self.factors} times as large as anything")
        return (dy.of((*dy.shape[:2], *(size // factor for size, factor in zip(sizes, self.factors, strict=True)))),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Upsample(self.factors, self.mode), g)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy,), (dx,) = operands, results
        function = getattr(torch.ops.aten, self._kernel() + "_backward").grad_input
        return partial(function, dy, list(dy.shape[2:]), list(dx.shape), *self._scales(), grad_input=dx)


@op("pad")
@dataclass(frozen=True)
class Pad(Op):
    """More places before and after along the last axes, (before, after) for each: zeros (or ``value``), or what the
    edge holds (``replicate``), or what lies inside it (``reflect``).
    """

    amounts: tuple[tuple[int, int], ...]
    mode: str = "zeros"
    value: float = 0.0

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (x,) = operands
        axes = len(self.amounts)
        if x.rank <= axes:
            raise ShapeError(f"{x} has no {axes} axes to pad")
        sizes = fixed(x.shape[-axes:])
        if self.mode == "reflect" and any(max(pair) >= size for pair, size in zip(self.amounts, sizes, strict=True)):
            raise ShapeError(f"{x} has not as many places as are to be reflected")
        if self.mode != "zeros" and x.rank != axes + 2:
            raise ShapeError(f"`{self.mode}` takes samples of {axes + 1} axes, channels first, not {x}")
        made = tuple(size + sum(pair) for size, pair in zip(sizes, self.amounts, strict=True))
        kept = (size + min(a, 0) + min(b, 0) for size, (a, b) in zip(sizes, self.amounts, strict=True))
        if min(made) < 1 or min(kept) < 1:
            raise ShapeError(f"leaves nothing of {x}")
        return (x.of((*x.shape[:-axes], *made)),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        if self.mode == "zeros":
            return [node.build(Pad(tuple((-before, -after) for before, after in self.amounts)), dy)]
        return [node.build(PadGrad(self.amounts, self.mode, shape=node.operands[0].type.shape), dy)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def flat(self) -> list[int]:
        """The amounts as torch takes them: the last axis first."""
        return [amount for pair in reversed(self.amounts) for amount in pair]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        x, out = operands[0], results[0]
        if self.mode == "zeros":
            return self._constant(x, out)
        return partial(getattr(torch.ops.aten, self.kernel()).out, x, self.flat(), out=out)

    def _constant(self, x: Any, out: Any) -> Kernel:
        """What is kept of x goes to its place in the result, whose rest is filled; negative amounts cut off."""
        inside, kept = out, x
        for axis, (before, after) in enumerate(self.amounts, x.dim() - len(self.amounts)):
            size = x.shape[axis] + min(before, 0) + min(after, 0)
            inside = inside.narrow(axis, max(before, 0), size)
            kept = kept.narrow(axis, max(-before, 0), size)
        whole, value = inside.shape == out.shape, self.value

        def kernel() -> None:
            if not whole:
                out.fill_(value)
            inside.copy_(kept)

        return kernel

    def kernel(self) -> str:
        """What torch calls it."""
        return f"{'reflection' if self.mode == 'reflect' else 'replication'}_pad{len(self.amounts)}d"

    def attributes(self) -> dict[str, Any]:
        """The same amount on all sides as one number."""
        found = super().attributes()
        every = {amount for pair in self.amounts for amount in pair}
        return {**found, "amounts": every.pop()} if len(every) == 1 else found


@op("pad_grad")
@dataclass(frozen=True)
class PadGrad(Pad):
    """The gradient from ``dy``: what was copied is added where it came from."""

    shape: Shape = ()

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        (dy,) = operands
        if Pad(self.amounts, self.mode).infer(dy.of(self.shape)) != (dy,):
            raise ShapeError(f"{dy} is no gradient of a padded {self.shape}")
        return (dy.of(self.shape),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (g,) = cotangents
        assert g
        return [node.build(Pad(self.amounts, self.mode), g)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy,), (dx,) = operands, results
        # Of the input the kernel takes the shape alone, which the result has.
        return partial(getattr(torch.ops.aten, self.kernel() + "_backward").grad_input, dy, dx, self.flat(), grad_input=dx)


Upsample.samples = [
    Sample(Upsample((2, 3)), (Normal((3, 2, 4, 3)),)),
    Sample(Upsample((2,)), (Normal((3, 2, 4)),)),
    Sample(Upsample((2, 3), "linear"), (Normal((3, 2, 4, 3)),)),
    Sample(Upsample((3,), "linear"), (Normal((3, 2, 4)),)),
    Sample(Upsample((2, 1, 2), "linear"), (Normal((2, 2, 3, 2, 2)),)),
]
UpsampleGrad.samples = [Sample(UpsampleGrad((2, 3)), (Normal((3, 2, 4, 6)),))]
Pad.samples = [
    Sample(Pad(((1, 2), (0, 1))), (Normal((3, 2, 4, 3)),)),
    Sample(Pad(((1, 2),), "zeros", 0.5), (Normal((3, 2, 4)),)),
    Sample(Pad(((-1, 2),)), (Normal((3, 2, 4)),)),
    Sample(Pad(((1, 2), (0, 1)), "reflect"), (Normal((3, 2, 4, 3)),)),
    Sample(Pad(((3, 2),), "replicate"), (Normal((3, 2, 4)),)),
]
PadGrad.samples = [Sample(PadGrad(((1, 2),), "replicate", shape=(3, 2, 4)), (Normal((3, 2, 7)),))]
