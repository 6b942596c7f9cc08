"""The syntax tree: what was written, with the place of each part, and nothing worked out yet."""

from __future__ import annotations

from dataclasses import dataclass

from lampc.source import Span


@dataclass(frozen=True, slots=True)
class Number:
    """``25``, ``0.16``, ``1e-3``."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class Size:
    """``3x3``, ``1x28x28``."""

    dims: tuple[int, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    """``"iris.csv"``; there are no escapes."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: a constant, a flag, a choice, a parameter."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """``-x``."""

    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``a + b``, and with ``- * / ^ < >`` likewise."""

    operator: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``name(a, b, c=d)``."""

    name: Word
    arguments: tuple[Expression, ...]
    options: tuple[Option, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[a, b]``."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IntType:
    """``int<96>``: whole numbers below 96."""

    size: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Arrow:
    """``2->25`` or ``->25``."""

    left: Expression | None
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Function:
    """``fn(p, y) = …`` as an argument."""

    parameters: tuple[Parameter, ...]
    body: Expression
    span: Span


Expression = Number | Size | String | Word | Negative | Binary | Call | ListOf | IntType
Argument = Expression | Arrow | Function


@dataclass(frozen=True, slots=True)
class Option:
    """``name=value``."""

    name: Word
    value: Argument
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a ``block`` or ``fn``, with its default."""

    name: Word
    default: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Layer:
    """``name argument… option=value… { branch | branch } as label``: a layer, a combinator or an experiment statement."""

    name: Word
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    branches: tuple[Body, ...] | None
    label: Word | None
    span: Span

    @property
    def head(self) -> Span:
        """The statement without its branches, which may be many lines."""
        parts = [self.name.span, *(part.span for part in (*self.arguments, *self.options))]
        return self.name.span.to(max(parts, key=lambda span: span.end))


@dataclass(frozen=True, slots=True)
class Let:
    """``let width = 25``."""

    name: Word
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Fn:
    """``fn swish(x) = x * sigmoid(1.702 * x)``."""

    name: Word
    parameters: tuple[Parameter, ...]
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """``block name(a, b=1) { … }``."""

    name: Word
    parameters: tuple[Parameter, ...]
    body: Body
    span: Span

    @property
    def head(self) -> Span:
        """The statement without its body."""
        last = self.parameters[-1].span if self.parameters else self.name.span
        return Span(self.span.source, self.span.start, last.end)


@dataclass(frozen=True, slots=True)
class Use:
    """``use "file.lamp"`` or ``use std.name``."""

    target: String | Word
    span: Span


@dataclass(frozen=True, slots=True)
class Broken:
    """A statement that could not be read; it has been reported."""

    span: Span


Statement = Layer | Let | Fn | Block | Use | Broken


@dataclass(frozen=True, slots=True)
class Body:
    """Statements in sequence."""

    statements: tuple[Statement, ...]
    span: Span
