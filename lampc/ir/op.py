"""What an operation is. The operations themselves are in ``lampc/ops``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from lampc.ir.expression import Expression
from lampc.ir.types import Type

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, Term, TermNode

Kernel = Callable[[], object]
"""A call with everything bound: reads its operands' buffers, writes its results'."""


class ShapeError(Exception):
    """Operands that an op or a layer cannot take. ``operand`` is the index of the one at fault; the caller adds places."""

    def __init__(self, message: str, operand: int = 0, *, code: str = "E404", fix: str = "") -> None:
        super().__init__(message)
        self.operand = operand
        self.code = code
        self.fix = fix


class NoGradient(Exception):
    """An op has no gradient, and one was wanted."""


class SizeMismatch(ShapeError):
    """A layer was written for another size than it gets."""

    def __init__(self, takes: object, gets: object, fix: str = "") -> None:
        super().__init__(f"takes {takes}, but gets {gets}", code="E401", fix=fix)
        self.takes = takes
        self.gets = gets


class NamesWanted(ShapeError):
    """A layer takes whole numbers that name things, and its input holds any numbers. ``below``: what the layer says of them."""

    def __init__(self, gets: object, sample: tuple[int, ...], below: int | None) -> None:
        super().__init__(f"takes whole numbers, but gets {gets}", code="E402")
        self.sample = sample
        self.below = below


@dataclass(frozen=True)
class Op:
    """An operation; its fields are its attributes, so that equal operations compare equal.

    One that adds no field to those of its base is its base's dataclass: another would take a third of a millisecond to make.
    It knows no source text and no graph.
    """

    name: ClassVar[str] = ""
    takes_over: ClassVar[tuple[int, ...]] = ()
    """Operands whose buffer the first result may be written to, element by element, when nothing needs them later."""
    view: ClassVar[bool] = False
    """Whether the result is its operand's buffer under another shape."""
    pure: ClassVar[bool] = True
    """Whether equal operands give equal results, so that two of it may become one."""
    codomain: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    """The least and the greatest that the first result can be."""
    saturates: ClassVar[bool] = False
    """Whether its slope vanishes for operands far from 0 on both sides."""
    samples: ClassVar[Sequence[Sample]] = ()
    """Operands to test the op on: every registered op needs some."""

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        """The results' types.

        Raises:
            ShapeError: if the operands do not fit.
        """
        raise NotImplementedError

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        """The operands' cotangents, one (or None) each, in terms of the results'.

        At least one cotangent is given. None for an operand: it has no gradient.

        Raises:
            NoGradient: if the op has none.
        """
        raise NoGradient

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        """Floating point operations for these shapes; an exponential counts as one."""
        raise NotImplementedError

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Run) -> Kernel:
        """The torch kernel that writes ``results`` from ``operands``; called once, when a program is loaded.

        Nothing is allocated or looked up in the kernel that is returned.
        """
        raise NotImplementedError

    def expression(self, *operands: Expression) -> Expression:
        """What the result is, number by number, for native code; not every op can be said so."""
        raise NotImplementedError

    def expressions(self, *operands: Expression) -> tuple[Expression, ...]:
        """The same for each result. One that lacks the operands' rows is summed over them."""
        return (self.expression(*operands),)

    def gain(self) -> float:
        """How much wider than its result its operand should be spread, for initialisers (Glorot and Bengio 2010)."""
        return 1.0

    def attributes(self) -> dict[str, Any]:
        """The fields that differ from their defaults, for listings."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    def __str__(self) -> str:
        attributes = ", ".join(f"{name}={value}" for name, value in self.attributes().items())
        return f"{self.name}({attributes})" if attributes else self.name


@dataclass(frozen=True)
class Run:
    """What kernels may need besides buffers."""

    batch: int
    random: Any = None
    """What random ops draw from: ``step``, a tensor, and ``keys(stream)``."""
    group: Any = None
    """The processes that share a minibatch; None for one alone."""


@dataclass(frozen=True)
class Normal:
    """An operand for a test: normal numbers of a shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Uniform(Normal):
    """Numbers between ``low`` and ``high``."""

    low: float
    high: float


@dataclass(frozen=True)
class Bits(Normal):
    """Zeros and ones: a condition, which has no gradient."""


@dataclass(frozen=True)
class Fixed(Normal):
    """The same number everywhere: a setting, which has no gradient."""

    value: float


@dataclass(frozen=True)
class Labels(Normal):
    """Whole numbers below ``classes``."""

    classes: int


@dataclass(frozen=True)
class Sample:
    """An op with operands to try it on, for the contract test."""

    op: Op
    operands: tuple[Normal, ...]


REGISTRY: dict[str, type[Op]] = {}
"""Every operation by its name."""

O = TypeVar("O", bound=type[Op])  # noqa: E741 (the type of an op class)


def op(name: str) -> Callable[[O], O]:
    """Register an op under the name that listings show."""

    def register(cls: O) -> O:
        assert name not in REGISTRY, name
        cls.name = name
        REGISTRY[name] = cls
        return cls

    return register
