"""Arithmetic on values of one type, as LLVM's language: what the functions written here are made of."""

from __future__ import annotations

from collections.abc import Sequence

from lampc.native.emit import Lane, Writer


class Math:
    """Arithmetic on values of one type: numbers or vectors of them. ``%names`` go in, one comes out."""

    def __init__(self, writer: Writer, lane: Lane) -> None:
        self.w = writer
        self.lane = lane
        self.bias, self.mantissa = (1023, 52) if lane.double else (127, 23)

    def const(self, value: float) -> str:
        """The same number everywhere."""
        return self.w.constant(self.lane, value)

    def add(self, a: str, b: str) -> str:
        """``a + b``."""
        return self.w.binary("fadd", self.lane, a, b)

    def sub(self, a: str, b: str) -> str:
        """``a - b``."""
        return self.w.binary("fsub", self.lane, a, b)

    def mul(self, a: str, b: str) -> str:
        """``a · b``."""
        return self.w.binary("fmul", self.lane, a, b)

    def div(self, a: str, b: str) -> str:
        """``a / b``."""
        return self.w.binary("fdiv", self.lane, a, b)

    def fma(self, a: str, b: str, c: str) -> str:
        """``a·b + c``, rounded once where the machine has an instruction for it."""
        return self.w.fma(self.lane, a, b, c)

    def exactly(self, a: str, b: str, c: str) -> str:
        """``a·b + c``, rounded once on every machine: where there is no instruction the C library does it."""
        return self.w.intrinsic("fma", self.lane, a, b, c)

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """By Horner's rule, the highest power first."""
        result = self.const(coefficients[0])
        for coefficient in coefficients[1:]:
            result = self.fma(result, x, self.const(coefficient))
        return result

    # Pairs: a number as the sum of two, the second what the first's rounding took ---------------------------------------

    def two_sum(self, a: str, b: str) -> tuple[str, str]:
        """``a + b``, and what its rounding took (Knuth 1969)."""
        total = self.add(a, b)
        of_b = self.sub(total, a)
        return total, self.add(self.sub(a, self.sub(total, of_b)), self.sub(b, of_b))

    def two_product(self, a: str, b: str) -> tuple[str, str]:
        """``a · b``, and what its rounding took."""
        product = self.mul(a, b)
        return product, self.exactly(a, b, self.negative(product))

    # Choices ------------------------------------------------------------------------------------------------------------

    def test(self, how: str, a: str, b: str) -> str:
        """A comparison as LLVM names it; ordered ones do not hold of NaN."""
        return self.w.let(f"fcmp {how} {self.lane} {a}, {b}")

    def below(self, a: str, b: str) -> str:
        """Whether ``a < b``."""
        return self.test("olt", a, b)

    def both(self, a: str, b: str) -> str:
        """Whether both of two conditions hold."""
        return self.w.let(f"and {self.lane.of('i1')} {a}, {b}")

    def either(self, a: str, b: str) -> str:
        """Whether one of two conditions holds."""
        return self.w.let(f"or {self.lane.of('i1')} {a}, {b}")

    def choose(self, condition: str, a: str, b: str) -> str:
        """The first where the condition holds, else the second."""
        return self.w.let(f"select {self.lane.of('i1')} {condition}, {self.lane} {a}, {self.lane} {b}")

    def clamped(self, x: str, low: float, high: float) -> str:
        """X held between two numbers; NaN stays NaN."""
        x = self.choose(self.test("ogt", x, self.const(high)), self.const(high), x)
        return self.choose(self.below(x, self.const(low)), self.const(low), x)

    # Bits ---------------------------------------------------------------------------------------------------------------

    def whole(self, value: int) -> str:
        """The same integer everywhere, of as many bits as the numbers have."""
        return self.w.integer(self.lane, value)

    def integer(self, op: str, a: str, b: str) -> str:
        """Arithmetic on integers."""
        return self.w.let(f"{op} {self.lane.integer} {a}, {b}")

    def bits(self, a: str) -> str:
        """A number's bits as an integer."""
        return self.w.let(f"bitcast {self.lane} {a} to {self.lane.integer}")

    def number(self, a: str) -> str:
        """The number that has some bits."""
        return self.w.let(f"bitcast {self.lane.integer} {a} to {self.lane}")

    def absolute(self, a: str) -> str:
        """``|a|``."""
        return self.w.intrinsic("fabs", self.lane, a)

    def negative(self, a: str) -> str:
        """``-a``."""
        return self.w.let(f"fneg {self.lane} {a}")

    def same_sign(self, a: str, sign: str) -> str:
        """``|a|`` with another number's sign."""
        return self.w.intrinsic("copysign", self.lane, a, sign)

    def flipped(self, a: str, places: str) -> str:
        """``a``, or ``-a`` where an integer's last bit is set."""
        moved = self.integer("shl", places, self.whole(self.lane.bits - 1))
        return self.number(self.integer("xor", self.bits(a), moved))

    def nearest(self, x: str, factor: float) -> tuple[str, str]:
        """The whole number nearest to ``x · factor``, and integers whose low bits are its own.

        It is less than half of what the mantissa holds. Adding 1.5·2ᵐ leaves no place for a fraction: so no machine needs
        an instruction, or a library, to round.
        """
        magic = self.const(1.5 * 2.0**self.mantissa)
        moved = self.fma(x, self.const(factor), magic)
        return self.sub(moved, magic), self.bits(moved)

    def power_of_two(self, n: str) -> str:
        """2ⁿ by the low bits of an integer, for an n that is a normal number's exponent."""
        moved = self.integer("shl", n, self.whole(self.mantissa))
        return self.number(self.integer("add", moved, self.whole(self.bias << self.mantissa)))

    def as_double(self, x: str) -> tuple[Math, str]:
        """The same numbers in float64, and arithmetic on such."""
        wide = Math(self.w, Lane(True, self.lane.count))
        return wide, x if self.lane.double else self.w.let(f"fpext {self.lane} {x} to {wide.lane}")

    def from_double(self, x: str) -> str:
        """Numbers in float64 as those of this type."""
        wide = Lane(True, self.lane.count)
        return x if self.lane.double else self.w.let(f"fptrunc {wide} {x} to {self.lane}")
