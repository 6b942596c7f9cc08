"""Algebra: constants are folded, factors gathered, and what changes nothing is left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from lampc.ir.graph import Graph
from lampc.ir.leaves import Constant
from lampc.ir.types import ONE, Coefficient
from lampc.ops.arithmetic import Add, Div, Mul, Power, Scale, Square, Sub
from lampc.ops.elementwise import Elementwise
from lampc.ops.reduction import Expand
from lampc.ops.shape import Reshape
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite


def simplify(graph: Graph) -> Graph:
    """Apply the rules below to every node.

    Before: a typed graph. After: no scale of a scale or by 1, no product with a constant, no reshape of a reshape,
    no elementwise op on constants alone. Results change by rounding at most.
    """
    return rewrite(graph, _rule)


def _rule(site: Site) -> Term | None:
    """A rule's result may be something that a rule is for."""
    before = len(site.build.graph)
    result = _once(site)
    while result is not None and result.value.node >= before:
        operands = tuple(site.build.term(operand) for operand in result.node.operands)
        following = _once(replace(site, node=result.node, operands=operands))
        if following is None:
            break
        result = following
    return result


def _once(site: Site) -> Term | None:
    op = site.node.op
    if isinstance(op, Elementwise) and site.operands and all(constant_of(operand) for operand in site.operands):
        folded = _fold(site)
        if folded is not None:
            return folded
    for kind, rule in _RULES.items():
        if isinstance(op, kind):
            return rule(site)
    return None


def constant_of(term: Term) -> Coefficient | None:
    """The number that a term repeats, if it is a constant."""
    op = term.node.op
    return op.value if isinstance(op, Constant) else None


def _fold(site: Site) -> Term | None:
    """An elementwise op on constants as a constant, where numbers that depend on the batch do not stand in the way."""
    op = site.node.op
    values = [constant_of(operand) for operand in site.operands]
    coefficients = [value for value in values if value is not None]
    result: Coefficient | None = None
    if isinstance(op, Scale):
        result = coefficients[0] * op.factor
    elif isinstance(op, Mul):
        result = coefficients[0] * coefficients[1]
    elif isinstance(op, Square):
        result = coefficients[0] * coefficients[0]
    elif type(op) in _FOLDED and all(value.power == 0 for value in coefficients):
        try:
            result = Coefficient(_FOLDED[type(op)](*(value.value for value in coefficients)))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
    if result is None or not math.isfinite(result.value):
        return None
    return site.build.constant(site.type, result)


_FOLDED: dict[type, Callable[..., float]] = {
    Add: lambda a, b: a + b,
    Sub: lambda a, b: a - b,
    Div: lambda a, b: a / b,
}


def _scale(site: Site) -> Term | None:
    op, (x,) = cast(Scale, site.node.op), site.operands
    before = x.node.op
    if isinstance(before, Scale):
        factor = before.factor * op.factor
        inner = site.build.term(x.node.operands[0])
        return inner if factor == ONE else site.build(Scale(factor), inner)
    return x if op.factor == ONE else None


def _mul(site: Site) -> Term | None:
    for x, other in (site.operands, site.operands[::-1]):
        factor = constant_of(other)
        if factor is not None and x.type == site.type:
            # `Scale` of a `Scale` is one; the rule for it has already been at x.
            before = x.node.op
            if isinstance(before, Scale):
                x, factor = site.build.term(x.node.operands[0]), before.factor * factor
            return x if factor == ONE else site.build(Scale(factor), x)
        repeated = other.node.op
        if isinstance(repeated, Expand) and x.type == site.type:
            inner = site.build.term(other.node.operands[0])
            if inner.type.rank == 0:
                return x * inner
    return None


def _add(site: Site) -> Term | None:
    a, b = site.operands
    for x, other in ((a, b), (b, a)):
        zero = constant_of(other)
        if zero is not None and zero.value == 0 and x.type == site.type:
            return x
    if isinstance(b.node.op, Scale) and b.node.op.factor == Coefficient(-1.0):
        return a - site.build.term(b.node.operands[0])
    if isinstance(a.node.op, Scale) and a.node.op.factor == Coefficient(-1.0):
        return b - site.build.term(a.node.operands[0])
    return None


def _sub(site: Site) -> Term | None:
    a, b = site.operands
    zero = constant_of(b)
    if zero is not None and zero.value == 0 and a.type == site.type:
        return a
    zero = constant_of(a)
    if zero is not None and zero.value == 0 and b.type == site.type:
        return -b
    if isinstance(b.node.op, Scale) and b.node.op.factor == Coefficient(-1.0):
        return a + site.build.term(b.node.operands[0])
    return None


def _power(site: Site) -> Term | None:
    op, (x,) = cast(Power, site.node.op), site.operands
    if op.exponent == 2:
        return site.build(Square(), x)
    return x if op.exponent == 1 else None


def _reshape(site: Site) -> Term | None:
    (x,) = site.operands
    if x.type == site.type:
        return x
    value = constant_of(x)
    if value is not None:
        return site.build.constant(site.type, value)
    if isinstance(x.node.op, Reshape):
        inner = site.build.term(x.node.operands[0])
        return inner if inner.type == site.type else site.build(cast(Reshape, site.node.op), inner)
    return None


def _expand(site: Site) -> Term | None:
    value = constant_of(site.operands[0])
    return None if value is None else site.build.constant(site.type, value)


_RULES: dict[type, Callable[[Site], Term | None]] = {
    Scale: _scale,
    Mul: _mul,
    Add: _add,
    Sub: _sub,
    Power: _power,
    Reshape: _reshape,
    Expand: _expand,
}
