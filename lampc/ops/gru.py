"""Gated recurrent units, scanned; see ``recurrent.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.recurrent import Scan, at, in_order, scan_samples
from lampc.ops.reduction import Sum
from lampc.ops.vjp import Differentiable, gradient_of_kernel

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("gru")
@dataclass(frozen=True)
class GruScan(Scan, Differentiable):
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
        dy, *kept = cotangents
        if dy is None or any(kept):  # what a gradient made of them is differentiated
            return gradient_of_kernel(node, *cotangents)
        h, values, part = node.results
        _, w, _, *initial = node.operands
        dgates, dstate, *dinitial = node.build.results(GruScanGrad(self.reverse), dy, h, values, part, w, *initial)
        return [dgates, self.weight_gradient(dstate, h, initial), node.build(Sum((0, 1)), dstate), *dinitial]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (gates, w, b, *initial), (h, values, part) = operands, results
        turned, size, steps = w.t(), h.shape[2], []
        for t, p in self.order(h.shape[1]):
            before = (initial[0] if initial else None) if p is None else at(h, p)
            steps.append((at(gates, t), before, at(values, t), at(part, t), at(h, t)))
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

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        gates, w, b, *initial = operands
        size, found = w.shape[1], {}
        h = initial[0] if initial else torch.zeros_like(gates[:, 0, :size])
        for t, _ in self.order(gates.shape[1]):
            here, brought = at(gates, t), h @ w.t() + b
            r, z = (here[:, : 2 * size] + brought[:, : 2 * size]).sigmoid().chunk(2, 1)
            part = brought[:, 2 * size :]
            n = (here[:, 2 * size :] + r * part).tanh()
            h = n + z * (h - n)
            found[t] = (h, torch.cat([r, z, n], 1), part)
        return in_order(torch, found)


@op("gru_grad")
@dataclass(frozen=True)
class GruScanGrad(Scan, Differentiable):
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
            before = (initial[0] if initial else None) if p is None else at(h, p)
            made = at(dstate, t)
            parts = (at(values, t).chunk(3, 1), at(part, t), at(dgates, t).chunk(3, 1), made, made.chunk(3, 1))
            steps.append((at(dy, t), before, *parts))
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

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, h, values, part, w, *initial = operands
        found: dict[int, tuple[Any, ...]] = {}
        dh = zeros = torch.zeros_like(at(h, 0))
        for t, p in reversed([*self.order(h.shape[1])]):
            r, z, n = at(values, t).chunk(3, 1)
            before = at(h, p) if p is not None else initial[0] if initial else zeros
            dh = dh + at(dy, t)
            dn, dz = dh * (1 - z) * (1 - n**2), dh * (before - n) * z * (1 - z)
            dr = dn * at(part, t) * r * (1 - r)
            found[t] = (torch.cat([dr, dz, dn], 1), torch.cat([dr, dz, dn * r], 1))
            dh = dh * z + found[t][1] @ w
        return (*in_order(torch, found), *([dh] if initial else []))


_H, _VALUES = Normal((2, 3, 4)), Uniform((2, 3, 12), 0.1, 0.9)
GruScan.samples = scan_samples(GruScan, (12,))
GruScanGrad.samples = [
    Sample(GruScanGrad(), (_H, _H, _VALUES, _H, Normal((12, 4)))),
    Sample(GruScanGrad(True), (_H, _H, _VALUES, _H, Normal((12, 4)), Normal((2, 4)))),
]
