"""Patterns over terms: what stands for any value, what for any number, and where order and factors do not matter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations

from lampc.ir.leaves import Constant, Leaf
from lampc.ir.op import Op
from lampc.ops.arithmetic import Add, Div, Mul, Scale, Square, Sub
from lampc.ops.term import Term


@dataclass(frozen=True)
class Named(Leaf):
    """What stands in a pattern for any value, or for any number."""

    label: str
    number: bool = False


@dataclass(frozen=True)
class Scaled:
    """A factor times a term that is no scale itself. A number is itself times a constant."""

    factor: float
    term: Term

    @property
    def number(self) -> bool:
        """Whether it is a number."""
        op = self.term.node.op
        return (isinstance(op, Constant) and op.value.power == 0) or (isinstance(op, Named) and op.number)

    @property
    def bare(self) -> Term:
        """The term without the factor: of a number, 1."""
        return self.term.build.constant(self.term.type, 1.0) if self.number else self.term

    def as_term(self) -> Term | float:
        """The value as a formula uses it."""
        return self.factor if self.number else self.term * self.factor


def scaled(term: Term, factor: float = 1.0) -> Scaled:
    """A term with its factors taken off."""
    while isinstance(op := term.node.op, Scale) and op.factor.power == 0:
        factor, term = factor * op.factor.value, term.build.term(term.node.operands[0])
    if isinstance(op, Constant) and op.value.power == 0:
        factor *= op.value.value
    return Scaled(factor, term)


@dataclass(frozen=True)
class Parts:
    """What a term is made of: ``factor`` times an op of operands. Sums with a number are sums, never differences."""

    factor: float
    op: Op
    operands: tuple[Scaled, ...]


def parts(term: Term) -> Parts:
    """A term's op and operands, in the one form that patterns know."""
    op = term.node.op
    operands = tuple(scaled(term.build.term(value)) for value in term.node.operands)
    if isinstance(op, Sub) and any(operand.number for operand in operands):
        return Parts(1.0, Add(), (operands[0], Scaled(-operands[1].factor, operands[1].term)))
    if isinstance(op, Mul | Div | Square) and all(operand.factor for operand in operands):
        factors = [operand.factor for operand in operands]
        bare = tuple(Scaled(1.0, operand.term) for operand in operands)
        if isinstance(op, Div):
            return Parts(factors[0] / factors[1], op, bare)
        if isinstance(op, Mul) and bare[0].term.value == bare[1].term.value:
            return Parts(factors[0] * factors[1], Square(), bare[:1])
        return Parts(math.prod(factors) ** (2 if isinstance(op, Square) else 1), op, bare)
    return Parts(1.0, op, operands)


@dataclass(frozen=True)
class Pattern:
    """``factor`` times ``number`` (a name, or none) times an op of operands, a value's name, or 1."""

    factor: float
    number: str = ""
    name: str = ""
    op: Op | None = None
    operands: tuple[Pattern, ...] = ()
    size: int = field(default=1, compare=False)


def pattern(term: Term) -> Pattern:
    """The pattern that a term is, in which inputs stand for anything, or for any number."""
    return _pattern(scaled(term))


def _pattern(value: Scaled) -> Pattern:
    op = value.term.node.op
    if isinstance(op, Named):
        return Pattern(value.factor, op.label if op.number else "", "" if op.number else op.label)
    if value.number:
        return Pattern(value.factor)
    made = parts(value.term)
    operands = tuple(map(_pattern, made.operands))
    factor = value.factor * made.factor
    if isinstance(made.op, Mul):
        for number, other in (operands, operands[::-1]):
            if number.number and number.op is None:  # c·x is x with another factor
                return Pattern(factor * number.factor * other.factor, number.number, other.name, other.op, other.operands,
                               other.size)  # fmt: skip
    return Pattern(factor, "", "", made.op, operands, 1 + sum(operand.size for operand in operands))


Bound = Mapping[str, Scaled | float]
"""What a pattern's names stand for: values, and numbers."""


def match_root(wanted: Pattern, found: Parts) -> Iterator[Bound]:
    """The ways in which a pattern fits a term, whatever the factor before the whole."""
    if wanted.op == found.op:
        yield from _operands(wanted, found, {})


def _operands(wanted: Pattern, found: Parts, bound: Bound) -> Iterator[Bound]:
    if len(wanted.operands) != len(found.operands):
        return
    either = isinstance(wanted.op, Add | Mul)
    for order in permutations(found.operands) if either else [found.operands]:
        yield from _all(wanted.operands, order, bound)


def _all(wanted: tuple[Pattern, ...], found: tuple[Scaled, ...], bound: Bound) -> Iterator[Bound]:
    if not wanted:
        yield bound
        return
    for more in _match(wanted[0], found[0], bound):
        yield from _all(wanted[1:], found[1:], more)


def _match(wanted: Pattern, found: Scaled, bound: Bound) -> Iterator[Bound]:
    if wanted.name and not wanted.number:
        yield from _bind(wanted.name, Scaled(found.factor / wanted.factor, found.term), bound)
    elif wanted.op is None and found.number:
        yield from _factor(wanted, found.factor, bound)
    elif wanted.op is not None and not found.number:
        made = parts(found.term)
        if made.op == wanted.op:
            for more in _factor(wanted, found.factor * made.factor, bound):
                yield from _operands(wanted, made, more)


def _bind(name: str, value: Scaled, bound: Bound) -> Iterator[Bound]:
    before = bound.get(name)
    if before is None:
        yield {**bound, name: value}
    elif isinstance(before, Scaled) and before.term.value == value.term.value and math.isclose(before.factor, value.factor):
        yield bound


def _factor(wanted: Pattern, factor: float, bound: Bound) -> Iterator[Bound]:
    before = bound.get(wanted.number) if wanted.number else 1.0
    if before is None:
        yield {**bound, wanted.number: factor / wanted.factor}
    elif isinstance(before, float) and math.isclose(before * wanted.factor, factor):
        yield bound
