"""Types of values: an element type and a shape whose batch axis is a symbol."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

DType = Literal["f32", "f64", "bf16", "i64", "bool"]
"""Element types; ``bool`` lives only inside a kernel's own masks."""

BYTES: Final[dict[DType, int]] = {"f32": 4, "f64": 8, "bf16": 2, "i64": 8, "bool": 1}


class Batch:
    """The batch size, a number that is known only when a program runs. There is one, ``B``."""

    _only: Batch | None = None

    def __new__(cls) -> Batch:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "B"

    def __reduce__(self) -> tuple[type[Batch], tuple[()]]:
        return (Batch, ())


B: Final = Batch()
Dim = int | Batch
Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Type:
    """``f32[B, 25]``."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.shape)

    @property
    def batched(self) -> bool:
        """Whether one of the axes is the batch."""
        return B in self.shape

    @property
    def sample(self) -> tuple[int, ...]:
        """The shape less the batch axis: what a ``.lamp`` file writes."""
        return tuple(dim for dim in self.shape if isinstance(dim, int))

    def of(self, shape: Shape) -> Type:
        """The same element type in another shape."""
        return Type(self.dtype, shape)

    def dims(self, batch: int) -> tuple[int, ...]:
        """The shape for a batch of ``batch`` samples."""
        return tuple(dim if isinstance(dim, int) else batch for dim in self.shape)

    def elements(self, batch: int) -> int:
        """The number of elements for a batch of ``batch`` samples."""
        return math.prod(self.dims(batch))

    def nbytes(self, batch: int) -> int:
        """The bytes for a batch of ``batch`` samples."""
        return BYTES[self.dtype] * self.elements(batch)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def sample_text(shape: tuple[int, ...]) -> str:
    """A sample's shape as a ``.lamp`` file writes it: ``1x28x28``, ``25``, and ``scalar`` for none."""
    return "x".join(map(str, shape)) if shape else "scalar"


@dataclass(frozen=True, slots=True)
class Coefficient:
    """The number ``value · Bᵖ``: what is known of a factor such as 2/N before the batch size is."""

    value: float
    power: int = 0

    def __mul__(self, other: Coefficient) -> Coefficient:
        return Coefficient(self.value * other.value, self.power + other.power)

    def at(self, batch: int) -> float:
        """The number for a batch of ``batch`` samples."""
        return self.value * float(batch) ** self.power

    def __str__(self) -> str:
        if self.power == 0:
            return f"{self.value:.12g}"
        power = "" if abs(self.power) == 1 else f"^{abs(self.power)}"
        return f"{self.value:.12g}{'·' if self.power > 0 else '/'}B{power}"


ONE: Final = Coefficient(1.0)


def inverse_count(shape: Shape) -> Coefficient:
    """1/N for a tensor of N elements in ``shape``."""
    fixed = math.prod(dim for dim in shape if isinstance(dim, int))
    return Coefficient(1.0 / fixed, -sum(dim is B for dim in shape))
