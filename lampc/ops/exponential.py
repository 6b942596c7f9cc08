"""Exponentials, logarithms and other functions of one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.ir.expression import Expression, call
from lampc.ir.op import Normal, Sample, Uniform, op
from lampc.ops.arithmetic import Square
from lampc.ops.elementwise import Elementwise

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("exp")
@dataclass(frozen=True)
class Exp(Elementwise):
    """``eᵃ``."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * node.out]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("exp", a)


@op("log")
@dataclass(frozen=True)
class Log(Elementwise):
    """The natural logarithm."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy / node.operands[0]]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("log", a)


@op("sin")
@dataclass(frozen=True)
class Sin(Elementwise):
    """The sine."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * node.build(Cos(), node.operands[0])]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("sin", a)


@op("cos")
@dataclass(frozen=True)
class Cos(Elementwise):
    """The cosine."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [-(dy * node.build(Sin(), node.operands[0]))]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("cos", a)


@op("erf")
@dataclass(frozen=True)
class Erf(Elementwise):
    """The error function."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        slope = node.build(Exp(), -node.build(Square(), node.operands[0]))
        return [dy * (slope * (2.0 / math.sqrt(math.pi)))]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("erf", a)


Exp.samples = [Sample(Exp(), (Normal((3, 4)),))]
Log.samples = [Sample(Log(), (Uniform((3, 4), 0.5, 2.0),))]
Sin.samples = [Sample(Sin(), (Normal((3, 4)),))]
Cos.samples = [Sample(Cos(), (Normal((3, 4)),))]
Erf.samples = [Sample(Erf(), (Normal((3, 4)),))]
