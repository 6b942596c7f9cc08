"""Exponentials, logarithms and what is made of them.

Exponentials: Cody and Waite's reduction x = n·ln 2 + r with ln 2 in two parts, then Taylor's series of eʳ - 1, |r| ≤ ½ ln 2.
Logarithms: x = 2ᵉ·m, then the series of 2·artanh((m - 1)/(m + 1)). Powers are e to y·log x, float32's in float64 as well: the
logarithm is a pair of numbers, for its error is multiplied by as much as 700.
"""

from __future__ import annotations

import math

from lampc.native.arithmetic import Math

LN2_HIGH = {False: 0.693359375, True: 6.93147180369123816490e-01}
"""Few enough bits that n·LN2_HIGH is exact."""
LN2_LOW = {False: math.log(2) - 0.693359375, True: 1.90821492927058770002e-10}


def _reduced(m: Math, x: str) -> tuple[str, str]:
    """N, as low bits, and r: x = n·ln 2 + r."""
    n, bits = m.nearest(x, 1 / math.log(2))
    r = m.fma(n, m.const(-LN2_HIGH[m.lane.double]), x)
    return bits, m.fma(n, m.const(-LN2_LOW[m.lane.double]), r)


def _exp_less_one_of_small(m: Math, r: str) -> str:
    terms = 13 if m.lane.double else 7
    return m.mul(m.polynomial(r, [1 / math.factorial(k) for k in range(terms, 0, -1)]), r)


def _scaled(m: Math, e: str, n: str) -> str:
    """E·2ⁿ in two steps, so that what is between the greatest power and infinity, and below the normal numbers, is right."""
    unused = m.lane.bits - m.mantissa
    whole = m.integer("ashr", m.integer("shl", n, m.whole(unused)), m.whole(unused))
    half = m.integer("ashr", whole, m.whole(1))
    return m.mul(m.mul(e, m.power_of_two(half)), m.power_of_two(m.integer("sub", whole, half)))


def exp(m: Math, x: str) -> str:
    """``eˣ``."""
    low, high = (-746.0, 710.0) if m.lane.double else (-104.0, 89.0)
    n, r = _reduced(m, m.clamped(x, low, high))
    return _scaled(m, m.add(_exp_less_one_of_small(m, r), m.const(1.0)), n)


def _grown(m: Math, x: str) -> str:
    """``eˣ - 1`` where 2ⁿ and its sum with 1 are numbers."""
    n, r = _reduced(m, x)
    power = m.power_of_two(n)
    return m.fma(_exp_less_one_of_small(m, r), power, m.sub(power, m.const(1.0)))


def expm1(m: Math, x: str) -> str:
    """``eˣ - 1``; above 40, where the 1 is lost, that is eˣ, which knows of infinity."""
    result = _grown(m, m.clamped(x, -40.0, 40.0))
    return m.choose(m.test("ogt", x, m.const(40.0)), m.w.call("exp", m.lane, x), result)


def tanh(m: Math, x: str) -> str:
    """(e²ˣ - 1)/(e²ˣ + 1) for |x|, the sign put back."""
    size = m.absolute(x)
    bound = m.const(20.0 if m.lane.double else 10.0)
    size = m.choose(m.test("ogt", size, bound), bound, size)
    grown = _grown(m, m.add(size, size))
    return m.same_sign(m.div(grown, m.add(grown, m.const(2.0))), x)


def sigmoid(m: Math, x: str) -> str:
    """1/(1 + e⁻ˣ), through e to minus |x|, which cannot overflow."""
    e = m.w.call("exp", m.lane, m.negative(m.absolute(x)))
    share = m.div(m.const(1.0), m.add(m.const(1.0), e))
    return m.choose(m.below(x, m.const(0.0)), m.mul(e, share), share)


def _artanh_series(m: Math, s: str, terms: int) -> str:
    """2·artanh(s) less its first term: 2s³/3 + 2s⁵/5 + … ."""
    square = m.mul(s, s)
    series = m.polynomial(square, [2 / (2 * k + 1) for k in range(terms, 0, -1)])
    return m.mul(m.mul(series, square), s)


def _split(m: Math, x: str) -> tuple[str, str]:
    """E and f: x = 2ᵉ·(1 + f), 1 + f between √½ and √2, for a positive finite x; one below the normal numbers is scaled up."""
    shift = 54 if m.lane.double else 25
    tiny = m.below(x, m.const(2.2250738585072014e-308 if m.lane.double else 1.1754943508222875e-38))
    bits = m.bits(m.choose(tiny, m.mul(x, m.const(2.0**shift)), x))
    root, one = m.bits(m.const(math.sqrt(0.5))), m.bits(m.const(1.0))
    moved = m.integer("add", bits, m.integer("sub", one, root))
    exponent = m.integer("sub", m.integer("lshr", moved, m.whole(m.mantissa)), m.whole(m.bias))
    fraction = m.integer("and", moved, m.whole((1 << m.mantissa) - 1))
    f = m.sub(m.number(m.integer("add", fraction, root)), m.const(1.0))
    e = m.w.let(f"sitofp {m.lane.integer} {exponent} to {m.lane}")
    return m.sub(e, m.choose(tiny, m.const(float(shift)), m.const(0.0))), f


def log(m: Math, x: str) -> str:
    """The natural logarithm; log 0 is -∞, of a negative number NaN, of +∞ that itself."""
    double, infinity = m.lane.double, m.const(math.inf)
    e, f = _split(m, x)
    s = m.div(f, m.add(f, m.const(2.0)))
    rest = m.add(m.add(s, s), _artanh_series(m, s, 11 if double else 5))
    result = m.fma(e, m.const(LN2_LOW[double]), rest)
    result = m.fma(e, m.const(LN2_HIGH[double]), result)
    result = m.choose(m.test("oeq", x, infinity), infinity, result)
    result = m.choose(m.test("oeq", x, m.const(0.0)), m.const(-math.inf), result)
    result = m.choose(m.test("uge", x, m.const(0.0)), result, m.const(math.nan))
    return m.choose(m.test("uno", x, x), x, result)


def log1p(m: Math, x: str) -> str:
    """The logarithm of u = 1 + x, and what rounding took from u, (x - (u - 1))/u, added; none is known at -1 and ∞."""
    u = m.add(x, m.const(1.0))
    lost = m.div(m.sub(x, m.sub(u, m.const(1.0))), u)
    logarithm = m.w.call("log", m.lane, u)
    known = m.below(m.absolute(logarithm), m.const(math.inf))
    return m.choose(known, m.add(logarithm, lost), logarithm)


def softplus(m: Math, x: str) -> str:
    """max(x, 0) + log(1 + e to minus |x|); the logarithm as 2·artanh(e/(2 + e))."""
    e = m.w.call("exp", m.lane, m.negative(m.absolute(x)))
    s = m.div(e, m.add(e, m.const(2.0)))
    rest = m.add(m.add(s, s), _artanh_series(m, s, 16 if m.lane.double else 8))
    positive = m.choose(m.below(x, m.const(0.0)), m.const(0.0), x)
    return m.add(positive, rest)


def _log_pair(m: Math, x: str) -> tuple[str, str]:
    """Log x as a pair, 2⁻⁶⁰ of it off, for a positive finite x in float64."""
    e, f = _split(m, x)
    below, lost = m.two_sum(m.const(2.0), f)
    s = m.div(f, below)
    left = m.div(m.sub(m.exactly(m.negative(s), below, f), m.mul(s, lost)), below)
    high, low = m.two_sum(m.mul(e, m.const(LN2_HIGH[True])), m.add(s, s))
    low = m.add(low, m.fma(e, m.const(LN2_LOW[True]), m.add(left, left)))
    return m.two_sum(high, m.add(low, _artanh_series(m, s, 11)))


def _size(m: Math, x: str, y: str) -> str:
    """|x|ʸ in float64, NaN where both are special: of 1 to infinity, say."""
    size, infinity = m.absolute(x), m.const(math.inf)
    high, low = _log_pair(m, size)
    high = m.choose(m.test("oeq", size, m.const(0.0)), m.const(-math.inf), high)
    high = m.choose(m.test("oeq", size, infinity), infinity, high)
    power, lost = m.two_product(y, high)
    lost = m.add(lost, m.mul(y, low))
    lost = m.choose(m.below(m.absolute(power), m.const(1000.0)), lost, m.const(0.0))
    n, r = _reduced(m, m.clamped(power, -746.0, 710.0))
    return _scaled(m, m.add(_exp_less_one_of_small(m, m.add(r, lost)), m.const(1.0)), n)


def power(narrow: Math, base: str, exponent: str) -> str:
    """``xʸ``; what it is of special numbers is C's ``pow``: x⁰ and 1ʸ are 1 even of NaN, and so is (-1) to ±∞."""
    (m, x), (_, y) = narrow.as_double(base), narrow.as_double(exponent)
    one, zero = m.const(1.0), m.const(0.0)
    result = m.choose(m.test("oeq", m.absolute(x), one), one, _size(m, x, y))
    half = m.mul(y, m.const(0.5))
    whole = m.test("oeq", m.w.intrinsic("floor", m.lane, y), y)
    odd = m.both(whole, m.test("one", m.w.intrinsic("floor", m.lane, half), half))
    negative = m.integer("lshr", m.bits(x), m.whole(63))
    result = m.choose(odd, m.flipped(result, negative), result)
    rooted = m.both(m.below(x, zero), m.test("une", x, m.const(-math.inf)))
    result = m.choose(m.both(rooted, m.test("one", m.w.intrinsic("floor", m.lane, y), y)), m.const(math.nan), result)
    result = m.choose(m.test("uno", x, y), m.add(x, y), result)
    return narrow.from_double(m.choose(m.either(m.test("oeq", y, zero), m.test("oeq", x, one)), one, result))
