"""Recurrences over a sequence, scanned: one op goes over all places, forward or in reverse, from zeros or a given state.

What a place adds on its own, ``x·W_ihᵀ + b``, is made for all places by one product beforehand; these ops add what the
state brings, ``h·W_hhᵀ``. What the gradient needs of each place is kept, and its types say how much memory that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Op, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.elementwise import count, one_dtype
from lampc.ops.matmul import Outer
from lampc.ops.reduction import Sum
from lampc.ops.shape import Reshape, Slice

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


def _at(tensor: Any, place: int) -> Any:
    return tensor[:, place]


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
        steps = [(_at(gates, t), start if p is None else _at(h, p), _at(h, t)) for t, p in self.order(h.shape[1])]

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
class RnnScanGrad(Scan):
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
        steps = [(_at(dy, t), _at(h, t), _at(dgates, t), p is None) for t, p in self.order(h.shape[1])][::-1]
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


@op("lstm")
@dataclass(frozen=True)
class LstmScan(Scan):
    """``c ← f·c + i·g, h ← o·tanh c`` with i, f, o sigmoids and g a tanh of gates + h·wᵀ (Hochreiter and Schmidhuber 1997).

    Operands: gates, w, and what it may begin with, h and c. Results: h, and for the gradient c[B, T, H] and the gates' values.
    """

    gates: ClassVar[int] = 4

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        h = self.states(*operands)
        return (h, h, operands[0])

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and not any(cotangents[1:]), "what is kept is for the gradient alone"
        h, c, values = node.results
        _, w, *initial = node.operands
        dgates, *dinitial = node.build.results(LstmScanGrad(self.reverse), dy, c, values, w, *initial[1:])
        return [dgates, self.weight_gradient(dgates, h, initial), *dinitial]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (gates, w, *initial), (h, c, values) = operands, results
        turned, steps = w.t(), []
        for t, p in self.order(h.shape[1]):
            before = tuple(initial) or None if p is None else (_at(h, p), _at(c, p))
            steps.append((_at(gates, t), before, _at(values, t), _at(values, t).chunk(4, 1), _at(c, t), _at(h, t)))

        def kernel() -> None:
            for here, before, value, (i, f, g, o), cell, state in steps:
                if before is None:
                    value.copy_(here)
                else:
                    torch.addmm(here, before[0], turned, out=value)
                i.sigmoid_()
                f.sigmoid_()
                g.tanh_()
                o.sigmoid_()
                torch.mul(i, g, out=cell)
                if before is not None:
                    cell.addcmul_(f, before[1])
                torch.tanh(cell, out=state)
                state.mul_(o)

        return kernel


@op("lstm_grad")
@dataclass(frozen=True)
class LstmScanGrad(Scan):
    """The gradient of the gates from ``dy``, c, the gates' values, and ``w``; with the first c, of the first h and c, too."""

    gates: ClassVar[int] = 4

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, c, values, w, *initial = operands
        h = self.states(values, w, *initial)
        for index, operand in ((0, dy), (1, c)):
            if operand != h:
                raise ShapeError(f"takes {h}, not {operand}", index)
        return (values, *initial, *initial)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, c, values, w, *initial), (dgates, *dinitial) = operands, results
        sigmoid, tanh = torch.ops.aten.sigmoid_backward.grad_input, torch.ops.aten.tanh_backward.grad_input
        steps = []
        for t, p in self.order(c.shape[1]):
            earlier = (initial[0] if initial else None) if p is None else _at(c, p)
            steps.append(
                (_at(dy, t), _at(c, t), earlier, _at(values, t).chunk(4, 1), _at(dgates, t), _at(dgates, t).chunk(4, 1))
            )
        steps.reverse()
        dh, dc, bent, spare = (torch.empty(dy.shape[0], dy.shape[2], dtype=dy.dtype, device=dy.device) for _ in range(4))

        def kernel() -> None:
            dh.zero_()
            dc.zero_()
            for gradient, cell, earlier, (i, f, g, o), out, (di, df, dg, do) in steps:
                dh.add_(gradient)
                torch.tanh(cell, out=bent)
                torch.mul(dh, bent, out=spare)
                sigmoid(spare, o, grad_input=do)
                torch.mul(dh, o, out=spare)
                tanh(spare, bent, grad_input=spare)
                dc.add_(spare)
                torch.mul(dc, g, out=spare)
                sigmoid(spare, i, grad_input=di)
                torch.mul(dc, i, out=spare)
                tanh(spare, g, grad_input=dg)
                if earlier is None:
                    df.zero_()
                else:
                    torch.mul(dc, earlier, out=spare)
                    sigmoid(spare, f, grad_input=df)
                    dc.mul_(f)
                    torch.mm(out, w, out=dh)
            for found, carried in zip(dinitial, (dh, dc), strict=False):
                found.copy_(carried)

        return kernel


@op("gru")
@dataclass(frozen=True)
class GruScan(Scan):
    """``h ← n + z·(h - n)``, ``n = tanh(gates + r·(h·wᵀ + b))``, r and z sigmoids (Cho et al. 2014, as torch has it).

    Operands: gates, w, b, and the state it may begin with. Results: h, and for the gradient the gates' values and the
    state's part of n.
    """

    gates: ClassVar[int] = 3

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        gates, w, b, *initial = operands
        h = self.states(gates, w, *initial)
        if b != w.of(w.shape[:1]):
            raise ShapeError(f"takes a bias {w.of(w.shape[:1])}, not {b}", 2)
        return (h, gates, h)

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy = cotangents[0]
        assert dy and not any(cotangents[1:]), "what is kept is for the gradient alone"
        h, values, part = node.results
        _, w, _, *initial = node.operands
        dgates, dstate, *dinitial = node.build.results(GruScanGrad(self.reverse), dy, h, values, part, w, *initial)
        return [dgates, self.weight_gradient(dstate, h, initial), node.build(Sum((0, 1)), dstate), *dinitial]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (gates, w, b, *initial), (h, values, part) = operands, results
        turned, size, steps = w.t(), h.shape[2], []
        for t, p in self.order(h.shape[1]):
            before = (initial[0] if initial else None) if p is None else _at(h, p)
            steps.append((_at(gates, t), before, _at(values, t), _at(part, t), _at(h, t)))
        brought = torch.empty(h.shape[0], 3 * size, dtype=h.dtype, device=h.device)

        def kernel() -> None:
            for here, before, value, kept, state in steps:
                if before is None:
                    brought.copy_(b)
                else:
                    torch.addmm(b, before, turned, out=brought)
                kept.copy_(brought[:, 2 * size :])
                torch.add(here[:, : 2 * size], brought[:, : 2 * size], out=value[:, : 2 * size])
                rz, n = value[:, : 2 * size], value[:, 2 * size :]
                rz.sigmoid_()
                r, z = rz.chunk(2, 1)
                torch.addcmul(here[:, 2 * size :], r, kept, out=n)
                n.tanh_()
                if before is None:
                    torch.addcmul(n, z, n, value=-1, out=state)
                else:
                    torch.lerp(n, before, z, out=state)

        return kernel


@op("gru_grad")
@dataclass(frozen=True)
class GruScanGrad(Scan):
    """The gradients of the gates and of the state's part from ``dy``, h, the values, the state's part of n, and ``w``.

    With the first state, its gradient too.
    """

    gates: ClassVar[int] = 3

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        dy, h, values, part, w, *initial = operands
        wanted = self.states(values, w, *initial)
        for index, operand in ((0, dy), (1, h), (3, part)):
            if operand != wanted:
                raise ShapeError(f"takes {wanted}, not {operand}", index)
        return (values, values, *initial)

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (dy, h, values, part, w, *initial), (dgates, dstate, *dinitial) = operands, results
        sigmoid, tanh = torch.ops.aten.sigmoid_backward.grad_input, torch.ops.aten.tanh_backward.grad_input
        steps = []
        for t, p in self.order(h.shape[1]):
            before = (initial[0] if initial else None) if p is None else _at(h, p)
            made = _at(dstate, t)
            parts = (_at(values, t).chunk(3, 1), _at(part, t), _at(dgates, t).chunk(3, 1), made, made.chunk(3, 1))
            steps.append((_at(dy, t), before, *parts))
        steps.reverse()
        dh, spare = (torch.empty(dy.shape[0], dy.shape[2], dtype=dy.dtype, device=dy.device) for _ in range(2))

        def kernel() -> None:
            dh.zero_()
            for gradient, before, (r, z, n), kept, (dr, dz, dn), out, (sr, sz, sn) in steps:
                dh.add_(gradient)
                if before is None:
                    torch.neg(n, out=spare)
                else:
                    torch.sub(before, n, out=spare)
                spare.mul_(dh)
                sigmoid(spare, z, grad_input=dz)
                torch.addcmul(dh, dh, z, value=-1, out=spare)
                tanh(spare, n, grad_input=dn)
                torch.mul(dn, kept, out=spare)
                sigmoid(spare, r, grad_input=dr)
                sr.copy_(dr)
                sz.copy_(dz)
                torch.mul(dn, r, out=sn)
                dh.mul_(z)
                if before is not None:
                    dh.addmm_(out, w)
            if dinitial:
                dinitial[0].copy_(dh)

        return kernel


def _samples(scan: type[Scan], *more: tuple[int, ...]) -> list[Sample]:
    width = 4 * scan.gates
    begin = ((2, 4),) * (2 if scan is LstmScan else 1)
    shapes: list[tuple[bool, int, tuple[tuple[int, ...], ...]]] = [
        (False, 3, ()), (True, 3, ()), (False, 1, ()), (True, 3, begin), (False, 1, begin)]  # fmt: skip
    return [Sample(scan(reverse), (Normal((2, length, width)), Normal((width, 4)), *map(Normal, (*more, *given))))
            for reverse, length, given in shapes]  # fmt: skip


_H, _VALUES = Normal((2, 3, 4)), Uniform((2, 3, 16), 0.1, 0.9)
RnnScan.samples = [*_samples(RnnScan), Sample(RnnScan(True, "relu"), (Normal((2, 3, 4)), Normal((4, 4))))]
LstmScan.samples = _samples(LstmScan)
GruScan.samples = _samples(GruScan, (12,))
RnnScanGrad.samples = [Sample(RnnScanGrad(), (_H, Uniform((2, 3, 4), -0.9, 0.9), Normal((4, 4))))]
LstmScanGrad.samples = [Sample(LstmScanGrad(True), (_H, _H, _VALUES, Normal((16, 4))))]
GruScanGrad.samples = [Sample(GruScanGrad(), (_H, _H, Uniform((2, 3, 12), 0.1, 0.9), _H, Normal((12, 4))))]
