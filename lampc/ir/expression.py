"""What an op computes, number by number, for native code: loops are built around expressions.

An expression stands for a value at each place of a space of rows and columns. Sharing is by identity: an expression that
two others hold is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lampc.ir.types import Coefficient


class Pattern(StrEnum):
    """How a buffer is read or written at row r and column c."""

    EACH = "[r, c]"
    COLUMN = "[c]"
    ROW = "[r]"
    ONE = "[]"


@dataclass(frozen=True)
class Shift:
    """Another place of the same buffer: row ``step·r + start``, column ``c + offset``."""

    step: int = 1
    start: int = 0
    offset: int = 0


HERE = Shift()


@dataclass(frozen=True, eq=False)
class Expression:
    """A number at each place. Arithmetic builds larger ones."""

    def __add__(self, other: Expression | float) -> Expression:
        return call("add", self, other)

    def __radd__(self, other: float) -> Expression:
        return call("add", other, self)

    def __sub__(self, other: Expression | float) -> Expression:
        return call("sub", self, other)

    def __rsub__(self, other: float) -> Expression:
        return call("sub", other, self)

    def __mul__(self, other: Expression | float) -> Expression:
        return call("mul", self, other)

    def __rmul__(self, other: float) -> Expression:
        return call("mul", other, self)

    def __truediv__(self, other: Expression | float) -> Expression:
        return call("div", self, other)

    def __rtruediv__(self, other: float) -> Expression:
        return call("div", other, self)

    def __neg__(self) -> Expression:
        return call("sub", -0.0, self)


@dataclass(frozen=True, eq=False)
class Load(Expression):
    """A number from a buffer."""

    buffer: int
    pattern: Pattern
    shift: Shift = HERE


@dataclass(frozen=True, eq=False)
class Number(Expression):
    """The same number everywhere; it may depend on the batch size."""

    value: Coefficient


@dataclass(frozen=True, eq=False)
class Call(Expression):
    """A function of numbers at the same place."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, eq=False)
class Across(Expression):
    """The sum, mean or maximum (``kind``) of a row's numbers, the same at each of its columns."""

    kind: str
    argument: Expression


@dataclass(frozen=True, eq=False)
class Column(Expression):
    """The column's number, from 0."""


@dataclass(frozen=True, eq=False)
class Product(Expression):
    """What the kernel's contraction gives at this place."""


@dataclass(frozen=True, eq=False)
class Random(Expression):
    """A number in [0, 1) drawn for this place, this step, and a stream of its own."""

    stream: int


def call(function: str, *arguments: Expression | float) -> Expression:
    """A function of expressions and plain numbers."""
    return Call(function, tuple(number(argument) for argument in arguments))


def number(value: Expression | Coefficient | float) -> Expression:
    """A plain number as an expression."""
    if isinstance(value, Expression):
        return value
    return Number(value if isinstance(value, Coefficient) else Coefficient(float(value)))


def children(expression: Expression) -> tuple[Expression, ...]:
    """What an expression is made of."""
    if isinstance(expression, Call):
        return expression.arguments
    return (expression.argument,) if isinstance(expression, Across) else ()


def walk(root: Expression, seen: set[int]) -> Iterator[Expression]:
    """An expression's parts that have not been ``seen``, operands first; they are from then on."""
    stack = [(root, False)]
    while stack:
        current, ready = stack.pop()
        if id(current) in seen:
            continue
        if ready:
            seen.add(id(current))
            yield current
        else:
            stack.append((current, True))
            stack.extend((child, False) for child in reversed(children(current)))


def parts_of(roots: Iterable[Expression]) -> Iterator[Expression]:
    """Every part of some expressions, operands first, each once."""
    seen: set[int] = set()
    for root in roots:
        yield from walk(root, seen)


def exchanged(roots: Sequence[Expression], leaf: Callable[[Expression], Expression],
              known: dict[int, Expression] | None = None) -> list[Expression]:  # fmt: skip
    """Expressions with other leaves, shared as they were; ``known``: what stands for some parts already, whatever they hold."""
    made = {} if known is None else known
    for part in parts_of(roots):  # operands first, so that nothing recurs
        if id(part) in made:
            continue
        if isinstance(part, Call):
            made[id(part)] = Call(part.function, tuple(made[id(argument)] for argument in part.arguments))
        elif isinstance(part, Across):
            made[id(part)] = Across(part.kind, made[id(part.argument)])
        else:
            made[id(part)] = leaf(part)
    return [made[id(root)] for root in roots]


def shifted(place: str, shift: Shift) -> str:
    """``[r, c]`` with a shift."""
    row = f"{shift.step}r + {shift.start}" if (shift.step, shift.start) != (1, 0) else "r"
    column = f"c + {shift.offset}" if shift.offset else "c"
    return place if shift == HERE else f"[{row}, {column}]"


def text(expression: Expression, name: Any = None) -> str:
    """An expression for people; ``name`` gives a buffer's name by its id."""
    named = name or (lambda id: f"b{id}")
    if isinstance(expression, Load):
        place = shifted(str(expression.pattern), expression.shift)
        return f"{named(expression.buffer)}{place if expression.pattern is not Pattern.ONE else ''}"
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Call):
        parts = [text(argument, name) for argument in expression.arguments]
        sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}.get(expression.function)
        return f"({parts[0]} {sign} {parts[1]})" if sign else f"{expression.function}({', '.join(parts)})"
    if isinstance(expression, Across):
        return f"{expression.kind}_c({text(expression.argument, name)})"
    return {Column: "c", Product: "product"}.get(type(expression), "random")
