"""Nodes without operands: what a program is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lampc.ir.op import Op, op
from lampc.ir.types import Coefficient, Shape, Type

SCALAR = Type("f64", ())
"""Of settings and of the step's number."""


@dataclass(frozen=True)
class Leaf(Op):
    """A value from outside; it costs nothing and is never run."""

    type: Type

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (self.type,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0


@op("input")
@dataclass(frozen=True)
class Input(Leaf):
    """A minibatch: ``x``, or the target ``y``."""

    label: str = "x"
    below: int = 0
    """Whole numbers below this; 0: any numbers."""

    def __str__(self) -> str:
        return f"input {self.label}"


class Gain(Enum):
    """A gain that is no number yet."""

    AUTO = "auto"
    """To be found from the activation that follows."""


@dataclass(frozen=True)
class Initialiser:
    """How a tensor begins: ``kind`` and its numbers (see ``lampc/layers/initialisers.py``)."""

    kind: str
    numbers: tuple[float, ...] = ()
    gain: float | Gain = 1.0

    @property
    def factor(self) -> float:
        """The gain, which has been found."""
        assert not isinstance(self.gain, Gain), f"the gain of {self} has not been found"
        return self.gain

    def __str__(self) -> str:
        return self.kind + (f"({', '.join(f'{number:g}' for number in self.numbers)})" if self.numbers else "")


@op("parameter")
@dataclass(frozen=True)
class Parameter(Leaf):
    """A tensor that is learnt: ``linear1.weight``, shape [out, in]."""

    label: str
    initialiser: Initialiser
    trainable: bool = True
    lr: float | None = None
    """A learning rate of its own; the optimiser's where it is None."""

    def __str__(self) -> str:
        return f"parameter {self.label}"


@op("state")
@dataclass(frozen=True)
class State(Leaf):
    """A tensor that is kept from step to step: an optimiser's momentum, a running mean."""

    label: str
    value: float = field(default=0.0, compare=False)
    """What it is filled with at first."""
    labels: tuple[str, ...] = ()
    """The parameters that it goes along with, where those lie packed."""

    def __str__(self) -> str:
        return f"state {self.label}"


@op("setting")
@dataclass(frozen=True)
class Setting(Leaf):
    """A number that may change between steps without recompiling: the learning rate, ``dropout1.rate``.

    Kept in float64, whatever the precision.
    """

    label: str
    value: float = field(default=0.0, compare=False)
    """What it is at first."""

    def __str__(self) -> str:
        return f"setting {self.label}"


@op("constant")
@dataclass(frozen=True)
class Constant(Op):
    """A tensor filled with one number, which may depend on the batch size."""

    type: Type
    value: Coefficient

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        return (self.type,)

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def __str__(self) -> str:
        return f"constant {self.value}"

    def key(self) -> tuple[Any, ...]:
        """What tells constants apart, -0.0 and 0.0 too."""
        return (self.type, self.value, math.copysign(1.0, self.value.value))


def fill(dtype_of: Type, shape: Shape, value: float) -> Constant:
    """A constant of another value's element type."""
    return Constant(dtype_of.of(shape), Coefficient(value))


@op("parameters")
@dataclass(frozen=True)
class Parameters(Leaf):
    """Parameters end to end, as the runtime stores them, so that an optimiser's step is one op for all.

    All that are trained, or a group of them: what has the same learning rate and decay.
    """

    labels: tuple[str, ...]
    label: str = "parameters"

    def __str__(self) -> str:
        return self.label
