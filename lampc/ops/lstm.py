"""Long short-term memory, scanned; see ``recurrent.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Kernel, Normal, Run, Sample, ShapeError, Uniform, op
from lampc.ir.types import Type
from lampc.ops.recurrent import Scan, at, in_order, scan_samples
from lampc.ops.vjp import Differentiable, gradient_of_kernel

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("lstm")
@dataclass(frozen=True)
class LstmScan(Scan, Differentiable):
    """``c ← f·c + i·g, h ← o·tanh c`` with i, f, o sigmoids and g a tanh of gates + h·wᵀ (Hochreiter and Schmidhuber 1997).

    Operands: gates, w, and what it may begin with, h and c. Results: h, and for the gradient c[B, T, H] and the gates' values.
    """

    gates: ClassVar[int] = 4

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        h = self.states(*operands)
        return (h, h, operands[0])

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        dy, *kept = cotangents
        if dy is None or any(kept):  # what a gradient made of them is differentiated
            return gradient_of_kernel(node, *cotangents)
        h, c, values = node.results
        _, w, *initial = node.operands
        dgates, *dinitial = node.build.results(LstmScanGrad(self.reverse), dy, c, values, w, *initial[1:])
        return [dgates, self.weight_gradient(dgates, h, initial), *dinitial]

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        (gates, w, *initial), (h, c, values) = operands, results
        turned, steps = w.t(), []
        for t, p in self.order(h.shape[1]):
            before = tuple(initial) or None if p is None else (at(h, p), at(c, p))
            steps.append((at(gates, t), before, at(values, t), at(values, t).chunk(4, 1), at(c, t), at(h, t)))

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

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        gates, w, *initial = operands
        h, c = initial or (torch.zeros_like(gates[:, 0, : w.shape[1]]),) * 2
        found = {}
        for t, _ in self.order(gates.shape[1]):
            i, f, g, o = (at(gates, t) + h @ w.t()).chunk(4, 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            found[t] = (h, c, torch.cat([i, f, g, o], 1))
        return in_order(torch, found)


@op("lstm_grad")
@dataclass(frozen=True)
class LstmScanGrad(Scan, Differentiable):
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
            earlier = (initial[0] if initial else None) if p is None else at(c, p)
            steps.append((at(dy, t), at(c, t), earlier, at(values, t).chunk(4, 1), at(dgates, t), at(dgates, t).chunk(4, 1)))
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

    def formula(self, torch: Any, *operands: Any) -> Sequence[Any]:
        dy, c, values, w, *initial = operands
        found: dict[int, tuple[Any, ...]] = {}
        zeros = torch.zeros_like(at(c, 0))
        dh = dc = zeros
        for t, p in reversed([*self.order(c.shape[1])]):
            i, f, g, o = at(values, t).chunk(4, 1)
            bent, earlier = at(c, t).tanh(), at(c, p) if p is not None else initial[0] if initial else zeros
            dh = dh + at(dy, t)
            dc = dc + dh * o * (1 - bent**2)
            parts = (dc * g * i * (1 - i), dc * earlier * f * (1 - f), dc * i * (1 - g**2), dh * bent * o * (1 - o))
            found[t] = (torch.cat(parts, 1),)
            dh, dc = found[t][0] @ w, dc * f
        return (*in_order(torch, found), *((dh, dc) if initial else ()))


_H, _VALUES = Normal((2, 3, 4)), Uniform((2, 3, 16), 0.1, 0.9)
LstmScan.samples = scan_samples(LstmScan, states=2)
LstmScanGrad.samples = [
    Sample(LstmScanGrad(True), (_H, _H, _VALUES, Normal((16, 4)))),
    Sample(LstmScanGrad(), (_H, _H, _VALUES, Normal((16, 4)), Normal((2, 4)))),
]
