"""Functions of a number or a vector, as polynomials: at most 4 units in the last place off in float32, 1e-14 in float64.

Exponentials: Cody and Waite's reduction x = n·ln 2 + r with ln 2 in two parts, then Taylor's series of eʳ - 1, |r| ≤ ½ ln 2.
Logarithms: x = 2ᵉ·m, then the series of 2·artanh((m - 1)/(m + 1)). The error function: Cody 1969, "Rational Chebyshev
approximations for the error function".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from lampc.native.emit import Functions, Lane, Writer

LN2_HIGH = {False: 0.693359375, True: 6.93147180369123816490e-01}
"""Few enough bits that n·LN2_HIGH is exact."""
LN2_LOW = {False: math.log(2) - 0.693359375, True: 1.90821492927058770002e-10}

_ERF_SMALL = ([1.85777706184603153e-1, 3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
               3.20937758913846947e03],
              [1.0, 2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03,
               2.84423683343917062e03])  # fmt: skip
_ERF_LARGE = ([2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01,
               2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03,
               1.23033935479799725e03],
              [1.0, 1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
               3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03])  # fmt: skip


class _Math:
    """Arithmetic on values of one type."""

    def __init__(self, writer: Writer, lane: Lane) -> None:
        self.w = writer
        self.lane = lane

    def const(self, value: float) -> str:
        return self.w.constant(self.lane, value)

    def add(self, a: str, b: str) -> str:
        return self.w.let(f"fadd {self.lane} {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        return self.w.let(f"fsub {self.lane} {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        return self.w.let(f"fmul {self.lane} {a}, {b}")

    def div(self, a: str, b: str) -> str:
        return self.w.let(f"fdiv {self.lane} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        return self.w.fma(self.lane, a, b, c)

    def absolute(self, a: str) -> str:
        return self.w.intrinsic("fabs", self.lane, a)

    def below(self, a: str, b: str) -> str:
        return self.w.let(f"fcmp olt {self.lane} {a}, {b}")

    def choose(self, condition: str, a: str, b: str) -> str:
        return self.w.let(f"select {self.lane.of('i1')} {condition}, {self.lane} {a}, {self.lane} {b}")

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """By Horner's rule, the highest power first."""
        result = self.const(coefficients[0])
        for coefficient in coefficients[1:]:
            result = self.fma(result, x, self.const(coefficient))
        return result

    def integer(self, op: str, a: str, b: str) -> str:
        return self.w.let(f"{op} {self.lane.integer} {a}, {b}")

    def cast(self, a: str, there: bool) -> str:
        """The same bits as an integer, or back."""
        kinds = (str(self.lane), self.lane.integer)
        source, target = kinds if there else kinds[::-1]
        return self.w.let(f"bitcast {source} {a} to {target}")

    def same_sign(self, a: str, sign: str) -> str:
        return self.w.intrinsic("copysign", self.lane, a, sign)


def _reduced(m: _Math, x: str) -> tuple[str, str]:
    """N and r: x = n·ln 2 + r."""
    double = m.lane.double
    n = m.w.intrinsic("roundeven", m.lane, m.mul(x, m.const(1 / math.log(2))))
    r = m.fma(n, m.const(-LN2_HIGH[double]), x)
    return n, m.fma(n, m.const(-LN2_LOW[double]), r)


def _power_of_two(m: _Math, n: str) -> str:
    """2ⁿ for whole n of a normal number's exponent."""
    bias, mantissa = (1023, 52) if m.lane.double else (127, 23)
    whole = m.w.let(f"fptosi {m.lane} {n} to {m.lane.integer}")
    biased = m.integer("add", whole, m.w.integer(m.lane, bias))
    return m.cast(m.integer("shl", biased, m.w.integer(m.lane, mantissa)), there=False)


def _exp_less_one_of_small(m: _Math, r: str) -> str:
    terms = 13 if m.lane.double else 7
    return m.mul(m.polynomial(r, [1 / math.factorial(k) for k in range(terms, 0, -1)]), r)


def _clamped(m: _Math, x: str, low: float, high: float) -> str:
    """X held between two numbers; NaN stays NaN."""
    x = m.choose(m.w.let(f"fcmp ogt {m.lane} {x}, {m.const(high)}"), m.const(high), x)
    return m.choose(m.below(x, m.const(low)), m.const(low), x)


def _exp(m: _Math, x: str) -> str:
    """Scaled in two steps, so that results between the greatest power and infinity, and below the normal ones, are right."""
    low, high = (-746.0, 710.0) if m.lane.double else (-104.0, 89.0)
    n, r = _reduced(m, _clamped(m, x, low, high))
    e = m.add(_exp_less_one_of_small(m, r), m.const(1.0))
    half = m.w.intrinsic("floor", m.lane, m.mul(n, m.const(0.5)))
    return m.mul(m.mul(e, _power_of_two(m, half)), _power_of_two(m, m.sub(n, half)))


def _expm1(m: _Math, x: str) -> str:
    """Above 40, where the 1 is lost, that is eˣ, which knows of infinity."""
    n, r = _reduced(m, _clamped(m, x, -40.0, 40.0))
    power = _power_of_two(m, n)
    result = m.fma(_exp_less_one_of_small(m, r), power, m.sub(power, m.const(1.0)))
    large = m.w.let(f"fcmp ogt {m.lane} {x}, {m.const(40.0)}")
    return m.choose(large, m.w.call("exp", m.lane, x), result)


def _tanh(m: _Math, x: str) -> str:
    """(e²ˣ - 1)/(e²ˣ + 1) for |x|, the sign put back."""
    size = m.absolute(x)
    bound = m.const(20.0 if m.lane.double else 10.0)
    size = m.choose(m.w.let(f"fcmp ogt {m.lane} {size}, {bound}"), bound, size)
    n, r = _reduced(m, m.add(size, size))
    power = _power_of_two(m, n)
    grown = m.fma(_exp_less_one_of_small(m, r), power, m.sub(power, m.const(1.0)))
    return m.same_sign(m.div(grown, m.add(grown, m.const(2.0))), x)


def _sigmoid(m: _Math, x: str) -> str:
    """1/(1 + e⁻ˣ), through e to minus |x|, which cannot overflow."""
    e = m.w.call("exp", m.lane, m.sub(m.const(-0.0), m.absolute(x)))
    share = m.div(m.const(1.0), m.add(m.const(1.0), e))
    return m.choose(m.below(x, m.const(0.0)), m.mul(e, share), share)


def _artanh_series(m: _Math, s: str, terms: int) -> str:
    """2·artanh(s) = 2s + 2s³/3 + … ."""
    square = m.mul(s, s)
    series = m.polynomial(square, [2 / (2 * k + 1) for k in range(terms, 0, -1)])
    return m.fma(m.mul(series, square), s, m.add(s, s))


def _log(m: _Math, x: str) -> str:
    """Below the normal numbers x is scaled up first; log 0 is -∞, of a negative number NaN, of +∞ that itself."""
    double = m.lane.double
    bias, mantissa, least = (1023, 52, 2.2250738585072014e-308) if double else (127, 23, 1.1754943508222875e-38)
    shift = 54 if double else 25
    tiny = m.below(x, m.const(least))
    scaled = m.choose(tiny, m.mul(x, m.const(2.0**shift)), x)
    bits = m.cast(scaled, there=True)
    root = m.cast(m.const(math.sqrt(0.5)), there=True)
    one = m.cast(m.const(1.0), there=True)
    moved = m.integer("add", bits, m.integer("sub", one, root))
    exponent = m.integer("sub", m.integer("lshr", moved, m.w.integer(m.lane, mantissa)), m.w.integer(m.lane, bias))
    fraction = m.integer("and", moved, m.w.integer(m.lane, (1 << mantissa) - 1))
    f = m.sub(m.cast(m.integer("add", fraction, root), there=False), m.const(1.0))
    e = m.w.let(f"sitofp {m.lane.integer} {exponent} to {m.lane}")
    e = m.sub(e, m.choose(tiny, m.const(float(shift)), m.const(0.0)))
    s = m.div(f, m.add(f, m.const(2.0)))
    result = m.fma(e, m.const(LN2_LOW[double]), _artanh_series(m, s, 11 if double else 5))
    result = m.fma(e, m.const(LN2_HIGH[double]), result)
    infinity = m.const(math.inf)
    result = m.choose(m.w.let(f"fcmp oeq {m.lane} {x}, {infinity}"), infinity, result)
    result = m.choose(m.w.let(f"fcmp oeq {m.lane} {x}, {m.const(0.0)}"), m.const(-math.inf), result)
    return m.choose(m.w.let(f"fcmp uge {m.lane} {x}, {m.const(0.0)}"), m.choose(
        m.w.let(f"fcmp uno {m.lane} {x}, {x}"), x, result), m.const(math.nan))  # fmt: skip


def _log1p(m: _Math, x: str) -> str:
    """The logarithm of u = 1 + x, and what rounding took from u, (x - (u - 1))/u, added; none is known at -1 and ∞."""
    u = m.add(x, m.const(1.0))
    lost = m.div(m.sub(x, m.sub(u, m.const(1.0))), u)
    logarithm = m.w.call("log", m.lane, u)
    known = m.below(m.absolute(logarithm), m.const(math.inf))
    return m.choose(known, m.add(logarithm, lost), logarithm)


def _softplus(m: _Math, x: str) -> str:
    """max(x, 0) + log(1 + e to minus |x|); the logarithm as 2·artanh(e/(2 + e))."""
    e = m.w.call("exp", m.lane, m.sub(m.const(-0.0), m.absolute(x)))
    rest = _artanh_series(m, m.div(e, m.add(e, m.const(2.0))), 16 if m.lane.double else 8)
    positive = m.choose(m.below(x, m.const(0.0)), m.const(0.0), x)
    return m.add(positive, rest)


def _erf(m: _Math, x: str) -> str:
    size = m.absolute(x)
    square = m.mul(x, x)
    above, under = _ERF_SMALL
    small = m.mul(x, m.div(m.polynomial(square, above), m.polynomial(square, under)))
    bound = m.const(6.0)
    held = m.choose(m.w.let(f"fcmp ogt {m.lane} {size}, {bound}"), bound, size)
    above, under = _ERF_LARGE
    e = m.w.call("exp", m.lane, m.sub(m.const(-0.0), m.mul(held, held)))
    rest = m.mul(e, m.div(m.polynomial(held, above), m.polynomial(held, under)))
    large = m.same_sign(m.sub(m.const(1.0), rest), x)
    result = m.choose(m.below(size, m.const(0.46875)), small, large)
    return m.choose(m.w.let(f"fcmp uno {m.lane} {x}, {x}"), x, result)


FUNCTIONS: dict[str, Callable[[_Math, str], str]] = {
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
}
"""Functions of one number that are written here."""

LIBRARY = ("sin", "cos", "pow")
"""Functions that the C library computes, a number at a time."""


def write(name: str, lane: Lane, functions: Functions) -> str:
    """The function for a type, as LLVM's language."""
    writer = Writer(functions)
    result = FUNCTIONS[name](_Math(writer, lane), "%x")
    head = f"define internal {lane} @lamp_{name}_{lane.suffix}({lane} %x) alwaysinline {{"
    return "\n".join([head, "entry:", *writer.lines, f"  ret {lane} {result}", "}"])
