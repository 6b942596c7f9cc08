"""The functions of a number or a vector that expressions may call: at most 4 units in the last place off in float32, 1e-14
relative in float64, the same bits at every width and on every machine. None is the C library's.

The error function: Cody 1969, "Rational Chebyshev approximations for the error function".
"""

from __future__ import annotations

from collections.abc import Callable

from lampc.native import exponential
from lampc.native.arithmetic import Math
from lampc.native.emit import Functions, Lane, Writer
from lampc.native.trigonometric import cosine, sine

_ERF_SMALL = ([1.85777706184603153e-1, 3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
               3.20937758913846947e03],
              [1.0, 2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03,
               2.84423683343917062e03])  # fmt: skip
_ERF_LARGE = ([2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01,
               2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03,
               1.23033935479799725e03],
              [1.0, 1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
               3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03])  # fmt: skip


def _erf(m: Math, x: str) -> str:
    size = m.absolute(x)
    square = m.mul(x, x)
    above, under = _ERF_SMALL
    small = m.mul(x, m.div(m.polynomial(square, above), m.polynomial(square, under)))
    bound = m.const(6.0)
    held = m.choose(m.test("ogt", size, bound), bound, size)
    above, under = _ERF_LARGE
    e = m.w.call("exp", m.lane, m.negative(m.mul(held, held)))
    rest = m.mul(e, m.div(m.polynomial(held, above), m.polynomial(held, under)))
    large = m.same_sign(m.sub(m.const(1.0), rest), x)
    result = m.choose(m.below(size, m.const(0.46875)), small, large)
    return m.choose(m.test("uno", x, x), x, result)


FUNCTIONS: dict[str, Callable[[Math, str], str]] = {
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "log": exponential.log,
    "log1p": exponential.log1p,
    "tanh": exponential.tanh,
    "sigmoid": exponential.sigmoid,
    "softplus": exponential.softplus,
    "erf": _erf,
    "sin": sine,
    "cos": cosine,
}
"""Functions of one number."""

OF_TWO: dict[str, Callable[[Math, str, str], str]] = {"pow": exponential.power}
"""Functions of two numbers."""


def write(name: str, lane: Lane, functions: Functions) -> str:
    """The function for a type, as LLVM's language."""
    writer = Writer(functions)
    m = Math(writer, lane)
    result = FUNCTIONS[name](m, "%x") if name in FUNCTIONS else OF_TWO[name](m, "%x", "%y")
    parameters = f"{lane} %x" if name in FUNCTIONS else f"{lane} %x, {lane} %y"
    head = f"define internal {lane} @lamp_{name}_{lane.suffix}({parameters}) alwaysinline {{"
    return "\n".join([head, "entry:", *writer.lines, f"  ret {lane} {result}", "}"])
