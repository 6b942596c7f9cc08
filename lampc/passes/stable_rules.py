"""Stable forms that no line of the table says: of any power, and of what goes over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lampc.ir.op import Op
from lampc.ops.arithmetic import Abs, Div, Power
from lampc.ops.exponential import Exp, Log
from lampc.ops.guard import Guard
from lampc.ops.normalise import Softmax
from lampc.ops.reduction import Expand, Max, Mean, Sum
from lampc.ops.term import Term


def log_power(term: Term) -> Term | None:
    """Log xᵏ = k·log x; where k is even, of any x but 0."""
    power = term.build.term(term.node.operands[0])
    if not isinstance(power.node.op, Power) or not power.node.op.exponent:
        return None
    exponent, x = power.node.op.exponent, term.build.term(power.node.operands[0])
    with term.build.at(note=f"stable: log(x^{exponent:g}) is {exponent:g}·log(x)"):
        return term.build(Log(), term.build(Abs(), x) if exponent % 2 == 0 else x) * exponent


def _greatest(x: Term, axes: tuple[int, ...]) -> tuple[Term, Term]:
    """The greatest over axes, twice: as it is, and to be taken off x.

    What is taken off is put back, so that no gradient goes through it.
    """
    greatest = x.build(Max(axes), x)
    never = x.build.constant(x.type.of(()), 0.0)
    greatest = x.build(Guard(), never, greatest)
    return greatest, x.build(Expand(x.type.shape, axes), greatest) if greatest.type.rank else greatest


def log_sum_exp(term: Term) -> Term | None:
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


def share_of_sum(term: Term) -> Term | None:
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


RULES: Sequence[tuple[type[Op], Callable[[Term], Term | None]]] = ((Log, log_power), (Log, log_sum_exp), (Div, share_of_sum))
"""By the op that they begin at."""
