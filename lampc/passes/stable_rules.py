"""Stable forms that no line of the table says: of any power, and of what goes over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lampc.ir.leaves import Constant
from lampc.ir.op import Op
from lampc.ops.activations import Sigmoid, Softplus
from lampc.ops.arithmetic import Abs, Add, Div, Mul, Power, Scale, Sqrt, Square, Sub
from lampc.ops.exponential import Exp, Log, Log1p
from lampc.ops.guard import Guard
from lampc.ops.normalise import Softmax
from lampc.ops.reduction import Expand, Max, Mean, Sum
from lampc.ops.term import Term
from lampc.passes.pattern import Scaled, scaled

Settle = Callable[[Term], Term]
"""A term in its own stable form."""


def log_power(term: Term, settle: Settle) -> Term | None:
    """Log xᵏ = k·log x; where k is even, of any x but 0."""
    power = term.build.term(term.node.operands[0])
    if not isinstance(power.node.op, Power) or not power.node.op.exponent:
        return None
    exponent, x = power.node.op.exponent, term.build.term(power.node.operands[0])
    with term.build.at(note=f"stable: log(x^{exponent:g}) is {exponent:g}·log(x)"):
        return settle(term.build(Log(), settle(term.build(Abs(), x)) if exponent % 2 == 0 else x)) * exponent


def times_log(term: Term, settle: Settle) -> Term | None:
    """x·(log y + z) = x·log y + x·z, whose first part is 0 where x is: nothing counted 0 times, as -∞, is nothing."""
    a, b = (term.build.term(value) for value in term.node.operands)
    for x, sum_ in ((a, b), (b, a)):
        if not isinstance(sum_.node.op, Add | Sub) or x.value == sum_.value:
            continue
        parts = [term.build.term(value) for value in sum_.node.operands]
        if any(isinstance(scaled(part).term.node.op, Log | Log1p) and part.type == x.type for part in parts):
            with term.build.at(note="stable: x·(log(y) + z) is x·log(y) + x·z"):
                return term.build(sum_.node.op, *(_times(x, scaled(part), settle) for part in parts))
    return None


def _times(x: Term, part: Scaled, settle: Settle) -> Term:
    return settle(x * part.factor) if part.number else settle(settle(x * part.term) * part.factor)


def size_of_positive(term: Term, settle: Settle) -> Term | None:
    """|x| = x where x is no less than 0, whatever it is made of."""
    x = term.build.term(term.node.operands[0])
    return x if _positive(x) else None


def _positive(term: Term) -> bool:
    """Each value is looked at once: a formula may use one many times over."""
    seen, waiting = set(), [term.value]
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        node = term.build.term(value).node
        match node.op:
            case Exp() | Sigmoid() | Softplus() | Square() | Sqrt() | Abs():
                continue
            case Constant(value=number) if number.value >= 0:
                continue
            case Scale(factor=factor) if factor.value < 0:
                return False
            case Scale() | Add() | Mul() | Div():
                waiting.extend(node.operands)
            case _:
                return False
    return True


def _greatest(x: Term, axes: tuple[int, ...]) -> tuple[Term, Term]:
    """The greatest over axes, twice: as it is, and to be taken off x.

    What is taken off is put back, so that no gradient goes through it.
    """
    greatest = x.build(Max(axes), x)
    never = x.build.constant(x.type.of(()), 0.0)
    greatest = x.build(Guard(), never, greatest)
    return greatest, x.build(Expand(x.type.shape, axes), greatest) if greatest.type.rank else greatest


def log_sum_exp(term: Term, settle: Settle) -> Term | None:
    """Log Σ eˣ = m + log Σ e^(x - m), whatever m: the greatest x."""
    total = term.build.term(term.node.operands[0])
    if not isinstance(total.node.op, Sum | Mean):
        return None
    power = term.build.term(total.node.operands[0])
    if not isinstance(power.node.op, Exp):
        return None
    x = term.build.term(power.node.operands[0])
    with term.build.at(note="stable: log(sum(exp(x))) is max(x) + log(sum(exp(x - max(x))))"):
        greatest, taken = _greatest(x, total.node.op.axes)
        return term.build(Log(), term.build(total.node.op, term.build(Exp(), x - taken))) + greatest


def share_of_sum(term: Term, settle: Settle) -> Term | None:
    """eˣ / Σ eˣ = e^(x - m) / Σ e^(x - m); over a last axis that is softmax."""
    power, total = (term.build.term(value) for value in term.node.operands)
    spread = isinstance(total.node.op, Expand)
    if spread:
        total = term.build.term(total.node.operands[0])
    if not isinstance(power.node.op, Exp) or not isinstance(total.node.op, Sum) or total.node.operands != (power.value,):
        return None
    x, axes = term.build.term(power.node.operands[0]), total.node.op.axes
    if spread and axes == (x.type.rank - 1,) and x.type.rank > 1:
        with term.build.at(note="stable: exp(x) / sum(exp(x)) is softmax(x)"):
            return term.build(Softmax(), x)
    with term.build.at(note="stable: exp(x) / sum(exp(x)) is exp(x - max(x)) / sum(exp(x - max(x)))"):
        _, taken = _greatest(x, axes)
        e = term.build(Exp(), x - taken)
        whole = term.build(Sum(axes), e)
        return e / (term.build(Expand(x.type.shape, axes), whole) if spread else whole)


RULES: Sequence[tuple[type[Op], Callable[[Term, Settle], Term | None]]] = (
    (Log, log_power), (Log, log_sum_exp), (Div, share_of_sum), (Abs, size_of_positive), (Mul, times_log),
)  # fmt: skip
"""By the op that they begin at."""
