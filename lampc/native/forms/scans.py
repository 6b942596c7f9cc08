"""Recurrent networks, scanned: a kernel for a whole sequence, another for its gradient."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.expression import Expression, call, number
from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.loops.language import Affine, Nest, Reduced
from lampc.native.forms.recurrence import Recurrence, plus, recurrence
from lampc.native.making import Making, at, put
from lampc.ops.gru import GruScan, GruScanGrad
from lampc.ops.lstm import LstmScan, LstmScanGrad
from lampc.ops.recurrent import RnnScan, RnnScanGrad


def sigmoid(x: Expression) -> Expression:
    """1/(1 + e⁻ˣ)."""
    return call("sigmoid", x)


def tanh(x: Expression) -> Expression:
    """The hyperbolic tangent."""
    return call("tanh", x)


def of_sigmoid(y: Expression) -> Expression:
    """A sigmoid's slope where it is y."""
    return y * (1.0 - y)


def of_tanh(y: Expression) -> Expression:
    """A tanh's slope where it is y."""
    return 1.0 - y * y


def rnn(making: Making, node: Node) -> None:
    """``h ← f(gates + h·wᵀ)``."""
    gates, w, *initial = node.operands
    this, h, begin, op = recurrence(making, node, w), making.result(node), _only(initial), node.op
    assert isinstance(op, RnnScan)

    def step(now: Affine, before: Affine | None, _: Affine | None) -> Nest:
        brought = this.brought(h, before, begin)
        (gate,) = plus(this.gates(gates, now), brought)
        return this.nest([this.put_state(h, now, tanh(gate) if op.activation == "tanh" else call("max", gate, 0.0))], brought)

    this.kernel(step)


def rnn_grad(making: Making, node: Node) -> None:
    """``dgates ← f'·(dy + dgates·w)``."""
    dy, h, w = node.operands
    this, dgates, op = recurrence(making, node, w), making.result(node), node.op
    assert isinstance(op, RnnScanGrad)

    def step(now: Affine, after: Affine | None, _: Affine | None) -> Nest:
        returned, state = this.returned(dgates, after), this.state(h, now)
        (dh,) = plus([this.state(dy, now)], returned)
        bent = dh * of_tanh(state) if op.activation == "tanh" else call("select", call("greater", state, 0.0), dh, 0.0)
        return this.nest([this.put_state(dgates, now, bent)], returned)

    end = []
    if op.initial:
        returned = this.returned(dgates, _first(this))
        end = [this.nest([put(making.result(node, 1), (this.b, this.j), Reduced("returned"))], returned)]
    this.kernel(step, end, backwards=True)


def gru(making: Making, node: Node) -> None:
    """``h ← n + z·(h - n)``, ``n = tanh(gates + r·(h·wᵀ + b))``."""
    gates, w, bias, *initial = node.operands
    this, begin = recurrence(making, node, w), _only(initial)
    h, values, part = (making.result(node, k) for k in range(3))

    def step(now: Affine, before: Affine | None, _: Affine | None) -> Nest:
        brought = this.brought(h, before, begin)
        own_r, own_z, own_n = this.gates(gates, now)
        r, z, kept = plus([making.read(bias, (this.gate(n),)) for n in range(3)], brought)
        r, z = sigmoid(own_r + r), sigmoid(own_z + z)
        n = tanh(own_n + r * kept)
        found = n + z * ((this.before(h, before, begin) or number(0.0)) - n)
        stores = [this.put_state(part, now, kept), *this.put_gates(values, now, [r, z, n]), this.put_state(h, now, found)]
        return this.nest(stores, brought)

    this.kernel(step)


def gru_grad(making: Making, node: Node) -> None:
    """Backwards: what a place hands on to the one before is ``dh·z``, and what its gates bring by the matrix."""
    dy, h, values, part, w, *initial = node.operands
    this, begin = recurrence(making, node, w), _only(initial)
    dgates, dstate, handed = making.result(node, 0), making.result(node, 1), this.room("dh")
    everywhere = (this.b, this.j)

    def step(now: Affine, after: Affine | None, earlier: Affine | None) -> Nest:
        returned = this.returned(dstate, after)
        (dh,) = plus([this.state(dy, now)], returned)
        dh = dh + at(handed, everywhere) if returned else dh
        r, z, n = this.gates(values, now)
        before = this.before(making.view(h), earlier, begin) or number(0.0)
        dn, dz = dh * (1.0 - z) * of_tanh(n), dh * (before - n) * of_sigmoid(z)
        dr = dn * this.state(part, now) * of_sigmoid(r)
        stores = [*this.put_gates(dgates, now, [dr, dz, dn]), *this.put_gates(dstate, now, [dr, dz, dn * r])]
        return this.nest([*stores, put(handed, everywhere, dh * z)], returned)

    end = []
    if initial:
        found = at(handed, everywhere) + Reduced("returned")
        end = [this.nest([put(making.result(node, 2), everywhere, found)], this.returned(dstate, _first(this)))]
    this.kernel(step, end, backwards=True)


def lstm(making: Making, node: Node) -> None:
    """``c ← f·c + i·g``, ``h ← o·tanh c``."""
    gates, w, *initial = node.operands
    this, (begin, cell) = recurrence(making, node, w), initial or (None, None)
    h, c, values = (making.result(node, k) for k in range(3))

    def step(now: Affine, before: Affine | None, _: Affine | None) -> Nest:
        brought = this.brought(h, before, begin)
        of_i, of_f, of_g, of_o = plus(this.gates(gates, now), brought)
        i, f, g, o = sigmoid(of_i), sigmoid(of_f), tanh(of_g), sigmoid(of_o)
        kept = this.before(c, before, cell)
        found = i * g if kept is None else f * kept + i * g
        stores = [*this.put_gates(values, now, [i, f, g, o]), this.put_state(c, now, found)]
        return this.nest([*stores, this.put_state(h, now, o * tanh(found))], brought)

    this.kernel(step)


def lstm_grad(making: Making, node: Node) -> None:
    """Backwards: what a place hands on to the one before is ``dc·f``, and what its gates bring by the matrix."""
    dy, c, values, w, *initial = node.operands
    this, begin = recurrence(making, node, w), _only(initial)
    dgates, handed, everywhere = making.result(node), this.room("dc"), (this.b, this.j)

    def step(now: Affine, after: Affine | None, earlier: Affine | None) -> Nest:
        returned = this.returned(dgates, after)
        (dh,) = plus([this.state(dy, now)], returned)
        i, f, g, o = this.gates(values, now)
        bent = tanh(this.state(c, now))
        dc = dh * o * of_tanh(bent)
        dc = dc + at(handed, everywhere) if returned else dc
        kept = this.before(making.view(c), earlier, begin) or number(0.0)
        found = [dc * g * of_sigmoid(i), dc * kept * of_sigmoid(f), dc * i * of_tanh(g), dh * bent * of_sigmoid(o)]
        return this.nest([*this.put_gates(dgates, now, found), put(handed, everywhere, dc * f)], returned)

    end = []
    if initial:
        stores = [put(making.result(node, 1), everywhere, Reduced("returned")),
                  put(making.result(node, 2), everywhere, at(handed, everywhere))]  # fmt: skip
        end = [this.nest(stores, this.returned(dgates, _first(this)))]
    this.kernel(step, end, backwards=True)


def _first(this: Recurrence) -> Affine:
    """The place that the scan began with, the last that its gradient comes to."""
    return this.course().place(0)


def _only(initial: list[Value]) -> Value | None:
    return initial[0] if initial else None


SCANS: dict[type[Op], Callable[[Making, Node], None]] = {
    RnnScan: rnn, RnnScanGrad: rnn_grad, GruScan: gru, GruScanGrad: gru_grad, LstmScan: lstm, LstmScanGrad: lstm_grad,
}  # fmt: skip
