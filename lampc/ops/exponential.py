"""Exponentials, logarithms and other functions of a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lampc.ir.expression import Expression, call
from lampc.ir.op import Kernel, Normal, Run, Sample, Uniform, op
from lampc.ops.arithmetic import Square
from lampc.ops.elementwise import Elementwise, count, reduce_to

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode


@op("exp")
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
class Log(Elementwise):
    """The natural logarithm."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy / node.operands[0]]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("log", a)


@op("expm1")
class Expm1(Elementwise):
    """``eᵃ - 1``, to the last digit where a is near 0."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy * node.build(Exp(), node.operands[0])]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("expm1", a)


@op("log1p")
class Log1p(Elementwise):
    """``log(1 + a)``, to the last digit where a is near 0."""

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [dy / (node.operands[0] + 1.0)]

    def expression(self, *operands: Expression) -> Expression:
        (a,) = operands
        return call("log1p", a)


@op("xlogy")
@dataclass(frozen=True)
class XLogY(Elementwise):
    """``a · log b``, and its limit 0 where a is 0; ``plus`` for ``a · log(1 + b)``.

    Where a and the logarithm's operand are 0 the slopes are not finite. Theirs is taken by the least number above 0, and
    0, so that no gradient is ruined by what is counted 0 times.
    """

    plus: bool = False

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        from lampc.ops.arithmetic import Greater, Where

        (dy,) = cotangents
        assert dy
        a, b = node.operands
        build = node.build
        whole = b + 1.0 if self.plus else b
        zero = build.constant(whole.type.of(()), 0.0)
        size = build(Greater(), whole, zero) + build(Greater(), zero, whole)
        least = build.constant(whole.type.of(()), math.log(LEAST[whole.type.dtype]))
        logarithm = build(Log1p(), b) if self.plus else build(Log(), b)
        kept = build(Where(), size, logarithm, least)
        counted = build(Greater(), a, zero) + build(Greater(), zero, a)
        return [reduce_to(dy * kept, a), reduce_to(build(Where(), counted, dy * a / whole, zero), b)]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 2 * count(results[0])

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        function = torch.special.xlog1py if self.plus else torch.xlogy
        return partial(function, *operands, out=results[0])

    def expression(self, *operands: Expression) -> Expression:
        a, b = operands
        nothing = call("select", call("equal", b, b), 0.0, b)  # NaN stays NaN
        return call("select", call("equal", a, 0.0), nothing, a * call("log1p" if self.plus else "log", b))


LEAST: dict[str, float] = {"f32": 2.0**-149, "f64": 2.0**-1074, "bf16": 2.0**-133}
"""The least number above 0 of each element type."""


@op("sin")
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
Expm1.samples = [Sample(Expm1(), (Normal((3, 4)),)), Sample(Expm1(), (Uniform((3, 4), -1e-5, 1e-5),))]
Log1p.samples = [Sample(Log1p(), (Uniform((3, 4), -0.9, 2.0),)), Sample(Log1p(), (Uniform((3, 4), -1e-5, 1e-5),))]
XLogY.samples = [
    Sample(XLogY(), (Normal((3, 4)), Uniform((3, 4), 0.5, 2.0))),
    Sample(XLogY(True), (Normal((3, 4)), Uniform((4,), -0.5, 2.0))),
]
Sin.samples = [Sample(Sin(), (Normal((3, 4)),))]
Cos.samples = [Sample(Cos(), (Normal((3, 4)),))]
Erf.samples = [Sample(Erf(), (Normal((3, 4)),))]
