"""Recurrences over a sequence, scanned: one op goes over all places, forward or in reverse, from zeros or a given state.

What a place adds on its own, ``x·W_ihᵀ + b``, is made for all places by one product beforehand; these ops add what the
state brings, ``h·W_hhᵀ``. What the gradient needs of each place is kept, and its types say how much memory that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count, one_dtype
from lampc.ops.matmul import Outer
from lampc.ops.shape import Reshape, Slice
from lampc.ops.vjp import Differentiable

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@dataclass(frozen=True)
class Scan(Op):
    """From ``gates[B, T, G·H]`` and ``w[G·H, H]`` to ``h[B, T, H]``; last may come a state to begin with, [B, H]."""

    reverse: bool = False
    gates: ClassVar[int] = 1

    def states(self, gates: Type, w: Type, *initial: Type) -> Type:
        """The type of h, given what the scan may begin with.

        Raises:
            ShapeError: if the operands do not fit.
        """
        one_dtype(gates, w)
        if gates.rank != 3 or w.rank != 2 or w.batched or not all(isinstance(dim, int) for dim in gates.shape[1:]):
            raise ShapeError(f"takes a sequence and a matrix, not {gates} and {w}")
        width, size = w.shape
        if width != gates.shape[2] or not isinstance(size, int) or width != self.gates * size or gates.dtype == "i64":
            raise ShapeError(f"{w} does not fit {gates}", 1)
        for state in initial:
            if state != gates.of((gates.shape[0], size)):
                raise ShapeError(f"begins with a state {gates.of((gates.shape[0], size))}, not {state}")
        return gates.of((*gates.shape[:2], size))

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return count(operands[0]) * (2 * operands[1][-1] + 4)

    def order(self, length: int) -> Iterator[tuple[int, int | None]]:
        """Each place with the one before it in the scan's order."""
        places = range(length)[::-1] if self.reverse else range(length)
        return zip(places, [None, *places[:-1]], strict=True)

    def weight_gradient(self, dgates: Term, h: Term, initial: Sequence[Term]) -> Term:
        """``Σ dgates ⊗ h`` of the place before, over samples and places."""
        build, length, size = h.build, h.type.shape[1], h.type.shape[2]
        assert isinstance(length, int)
        parts = []
        if length > 1:
            later, earlier = Slice(1, 1, length), Slice(1, 0, length - 1)
            if self.reverse:
                later, earlier = earlier, later
            parts.append(build(Outer(), build(later, dgates), build(earlier, h)))
        if initial:
            start = length - 1 if self.reverse else 0
            first = build(Slice(1, start, start + 1), dgates) if length > 1 else dgates
            parts.append(build(Outer(), first, build(Reshape((*initial[0].type.shape[:1], 1, size)), initial[0])))
        if not parts:
            return build.constant(h.type.of((dgates.type.shape[2], size)), 0.0)
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def at(tensor: Any, place: int) -> Any:
    """What a sequence holds at a place."""
    return tensor[:, place]


def in_order(torch: Any, found: Mapping[int, tuple[Any, ...]]) -> list[Any]:
    """Sequences of what was found at each place."""
    return [torch.stack(values, 1) for values in zip(*(found[place] for place in range(len(found))), strict=True)]


def scan_samples(scan: type[Scan], *more: tuple[int, ...], states: int = 1) -> list[Sample]:
    """A scan on short sequences, in either direction, alone and from ``states`` given; ``more``: operands after the matrix."""
    width = 4 * scan.gates
    begin = ((2, 4),) * states
    shapes: list[tuple[bool, int, tuple[tuple[int, ...], ...]]] = [
        (False, 3, ()), (True, 3, ()), (False, 1, ()), (True, 3, begin), (False, 1, begin)]  # fmt: skip
    return [Sample(scan(reverse), (Normal((2, length, width)), Normal((width, 4)), *map(Normal, (*more, *given))))
            for reverse, length, given in shapes]  # fmt: skip


@op("rnn")
@dataclass(frozen=True)
class RnnScan(Scan):
    """``h ← f(gates + h·wᵀ)``, f tanh or relu (Elman 1990)."""

    activation: str = "tanh"

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (self.states(*operands),)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        _, w, *initial = node.operands
        op = RnnScanGrad(self.reverse, self.activation, bool(initial))
        dgates, *dinitial = node.build.results(op, dy, node.out, w)
        return [dgates, self.weight_gradient(dgates, node.out, initial), *dinitial]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (gates, w, *initial), (h,) = operands, results
        turned, tanh, start = w.t(), self.activation == "tanh", initial[0] if initial else None
        steps = [(at(gates, t), start if p is None else at(h, p), at(h, t)) for t, p in self.order(h.shape[1])]

        def kernel() -> None:
            for here, before, out in steps:
                if before is None:
                    out.copy_(here)
                else:
                    torch.addmm(here, before, turned, out=out)
                if tanh:
                    out.tanh_()
                else:
                    out.relu_()

        return kernel


@op("rnn_grad")
@dataclass(frozen=True)
class RnnScanGrad(Scan, Differentiable):
    """The gradient of the gates from ``dy``, ``h`` and ``w``, then, where it began with one (``initial``), of the state."""

    activation: str = "tanh"
    initial: bool = False

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, h, w = operands
        if dy != h:
            raise ShapeError(f"{dy} is no gradient of {h}")
        states = self.states(h, w)
        return (states, *([h.of((h.shape[0], h.shape[2]))] if self.initial else []))

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, h, w), (dgates, *dinitial) = operands, results
        steps = [(at(dy, t), at(h, t), at(dgates, t), p is None) for t, p in self.order(h.shape[1])][::-1]
        carried = torch.empty(dy.shape[0], dy.shape[2], dtype=dy.dtype, device=dy.device)
        tanh = self.activation == "tanh"

        def kernel() -> None:
            carried.zero_()
            for gradient, state, out, first in steps:
                carried.add_(gradient)
                if tanh:
                    torch.ops.aten.tanh_backward.grad_input(carried, state, grad_input=out)
                else:
                    torch.ops.aten.threshold_backward.grad_input(carried, state, 0, grad_input=out)
                if not first:
                    torch.mm(out, w, out=carried)
                elif dinitial:
                    torch.mm(out, w, out=dinitial[0])

        return kernel

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, h, w = operands
        carried, found = torch.zeros_like(dy[:, 0]), {}
        for t, _ in reversed([*self.order(h.shape[1])]):
            slope = 1 - at(h, t) ** 2 if self.activation == "tanh" else (at(h, t) > 0).to(h)
            found[t] = ((carried + at(dy, t)) * slope,)
            carried = found[t][0] @ w
        return (*in_order(torch, found), *([carried] if self.initial else []))


RnnScan.samples = [*scan_samples(RnnScan), Sample(RnnScan(True, "relu"), (Normal((2, 3, 4)), Normal((4, 4))))]
RnnScanGrad.samples = [
    Sample(RnnScanGrad(), (Normal((2, 3, 4)), Uniform((2, 3, 4), -0.9, 0.9), Normal((4, 4)))),
    Sample(RnnScanGrad(True, "relu", True), (Normal((2, 3, 4)), Uniform((2, 3, 4), -0.9, 0.9), Normal((4, 4)))),
]
