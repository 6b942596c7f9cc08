"""Sine and cosine, float32's in float64 as well, of numbers of any size.

x = n·π/2 + r with |r| ≤ π/4, then Taylor's series. Near numbers by Cody and Waite's reduction, π/2 in parts; float64's with
pairs, for near a multiple of π/2 all but a few bits of x cancel. Far ones by Payne and Hanek's: of the bits of 2/π only those
matter that a multiple of 4 does not swallow.
"""

from __future__ import annotations

import math
from functools import cache

from lampc.native.arithmetic import Math
from lampc.native.emit import Values

HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
"""π/2 as a sum."""
FAR = 40
"""The power of two from which a number is far: below, n and its products with these parts are known well enough."""
_BITS = 1168
"""Bits of 2/π: as far as a window of 192 for the greatest float64 reaches."""


def sine(m: Math, x: str) -> str:
    """``sin x``."""
    return _wave(m, x, 0)


def cosine(m: Math, x: str) -> str:
    """``cos x``: the sine a quarter later."""
    return _wave(m, x, 1)


def _wave(narrow: Math, number: str, quarter: int) -> str:
    m, x = narrow.as_double(number)
    exact = narrow.lane.double
    r, n = _far(m, x, *(_near_exactly if exact else _near)(m, x))
    square = m.mul(r, r)
    terms = 8 if exact else 4
    odd = [(-1) ** k / math.factorial(2 * k + 1) for k in range(terms, -1, -1)]
    even = [(-1) ** k / math.factorial(2 * k) for k in range(terms + 1, -1, -1)]
    up, across = m.mul(r, m.polynomial(square, odd)), m.polynomial(square, even)
    turned = m.integer("add", n, m.whole(quarter))
    sideways = m.w.let(f"trunc {m.lane.integer} {turned} to {m.lane.of('i1')}")
    result = m.choose(sideways, across, up)
    return narrow.from_double(m.flipped(result, m.integer("lshr", turned, m.whole(1))))


def _near(m: Math, x: str) -> tuple[str, str]:
    """R, enough for float32's, and n as low bits."""
    n, bits = m.nearest(x, 2 / math.pi)
    r = m.exactly(n, m.const(-HALF_PI[0]), x)
    return m.exactly(n, m.const(-HALF_PI[1]), r), bits


def _near_exactly(m: Math, x: str) -> tuple[str, str]:
    """R, right to its last bits however much cancels, and n as low bits."""
    n, bits = m.nearest(x, 2 / math.pi)
    first, lost = m.two_product(n, m.const(HALF_PI[0]))
    second, lost_again = m.two_product(n, m.const(HALF_PI[1]))
    taken, rest = m.two_sum(lost, second)
    high, low = m.two_sum(m.sub(x, first), m.negative(taken))  # x - first is exact
    low = m.sub(m.sub(low, rest), m.fma(n, m.const(HALF_PI[2]), lost_again))
    return m.choose(m.test("oeq", n, m.const(0.0)), x, m.add(high, low)), bits


def _far(m: Math, x: str, r: str, n: str) -> tuple[str, str]:
    """The same with those of far numbers in their places, one after another: there are none, as a rule."""
    w, lane, count = m.w, m.lane, m.lane.count
    for text in (_table(), _REDUCED):
        w.functions.declare(text)
    far = any_far = m.test("oge", m.absolute(x), m.const(2.0**FAR))
    if count > 1:
        w.functions.declare(f"declare i1 @llvm.vector.reduce.or.v{count}i1(<{count} x i1>)")
        any_far = w.let(f"call i1 @llvm.vector.reduce.or.v{count}i1(<{count} x i1> {far})")
    stop = w.let(f"select i1 {any_far}, i64 {count}, i64 0")

    def each(k: str, found: Values) -> Values:
        here = x if count == 1 else w.let(f"extractelement {lane} {x}, i64 {k}")
        pair = w.let(f"call <2 x double> @lamp_far(double {here})")
        own = w.let(f"extractelement <2 x double> {pair}, i64 0")
        turns = w.let(f"bitcast double {w.let(f'extractelement <2 x double> {pair}, i64 1')} to i64")
        if count == 1:
            return [own, turns]
        added = w.let(f"insertelement {lane} {found[0]}, double {own}, i64 {k}")
        counted = w.let(f"insertelement {lane.integer} {found[1]}, i64 {turns}, i64 {k}")
        return [m.choose(far, added, found[0]),
                w.let(f"select {lane.of('i1')} {far}, {lane.integer} {counted}, {lane.integer} {found[1]}")]  # fmt: skip

    r, n = w.loop("0", stop, 1, [(str(lane), r), (lane.integer, n)], each)
    return r, n


@cache
def _table() -> str:
    """The bits of 2/π behind the point, the last first, and room for a window's end.

    By Machin's formula, π/4 = 4·artan(1/5) - artan(1/239), in whole numbers.
    """
    unit = 1 << _BITS + 64

    def artan(inverse: int) -> int:
        total, term, k = 0, unit // inverse, 0
        while term:
            total += (-1) ** k * (term // (2 * k + 1))
            term //= inverse * inverse
            k += 1
        return total

    bits = (unit << _BITS) // (8 * artan(5) - 2 * artan(239))
    text = "".join(f"\\{byte:02X}" for byte in bits.to_bytes(160, "little"))
    return f'@lamp_two_over_pi = internal constant [160 x i8] c"{text}"'


_REDUCED = f"""define internal <2 x double> @lamp_far(double %x) noinline {{
entry:
  ; |x| = m·2^(e - 1075): of m·2/pi·2^(e - 1075) the last two bits before the point, and 190 behind it
  %bits = bitcast double %x to i64
  %size = lshr i64 %bits, 52
  %own = and i64 %size, 2047
  %far = icmp uge i64 %own, {1023 + FAR}
  %e = select i1 %far, i64 %own, i64 {1023 + FAR}
  %fraction = and i64 %bits, {(1 << 52) - 1}
  %m = or i64 %fraction, {1 << 52}
  %skipped = sub i64 {_BITS + 1075 - 190}, %e
  %byte = lshr i64 %skipped, 3
  %place = getelementptr inbounds i8, ptr @lamp_two_over_pi, i64 %byte
  %read = load i256, ptr %place, align 1
  %bit = and i64 %skipped, 7
  %bit.wide = zext i64 %bit to i256
  %moved = lshr i256 %read, %bit.wide
  %window = trunc i256 %moved to i192
  %m.wide = zext i64 %m to i192
  %product = mul i192 %window, %m.wide
  ; the nearest whole number, and what is left, signed
  %nearest = add i192 %product, {1 << 189}
  %n.wide = lshr i192 %nearest, 190
  %n = trunc i192 %n.wide to i64
  %left = shl i192 %product, 2
  %below = icmp slt i192 %left, 0
  %minus = sub i192 0, %left
  %part = select i1 %below, i192 %minus, i192 %left
  %zeros.wide = call i192 @llvm.ctlz.i192(i192 %part, i1 false)
  %zeros = trunc i192 %zeros.wide to i64
  %first = shl i192 %part, %zeros.wide
  %top = lshr i192 %first, 129
  %whole = trunc i192 %top to i64
  %number = sitofp i64 %whole to double
  %exponent = sub i64 {1023 - 63}, %zeros
  %scale.bits = shl i64 %exponent, 52
  %scale = bitcast i64 %scale.bits to double
  %share = fmul double %number, %scale
  %r = fmul double %share, 0x3FF921FB54442D18
  ; signs; of infinity none is known
  %negative = icmp slt i64 %bits, 0
  %flip = xor i1 %negative, %below
  %r.minus = fneg double %r
  %r.signed = select i1 %flip, double %r.minus, double %r
  %nothing = fsub double %x, %x
  %r.known = fadd double %r.signed, %nothing
  %n.minus = sub i64 0, %n
  %n.signed = select i1 %negative, i64 %n.minus, i64 %n
  %n.bits = bitcast i64 %n.signed to double
  %one = insertelement <2 x double> poison, double %r.known, i64 0
  %both = insertelement <2 x double> %one, double %n.bits, i64 1
  ret <2 x double> %both
}}
declare i192 @llvm.ctlz.i192(i192, i1)"""
