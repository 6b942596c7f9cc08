"""A patch of a value: some of its numbers, drawn as the network's first step might see them.

Rows stand for samples and for places within them, columns for features. What is known of a value is what its patch shows:
its deviation, how much of it all samples share, how often it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from lampc.ir.types import Type

Array = NDArray[np.float64]

LARGEST = 1e150
"""Numbers stay within; their squares are still finite."""
_FEW = 8
"""Columns below which each row stands for a network of its own: their mean would be one draw."""


@dataclass(frozen=True)
class Patch:
    """``numbers[rows, columns]``, one row or column where all are alike."""

    numbers: Array
    axis: int | None = None
    """The value's axis that columns go along, from its end; None: one number a row."""

    @property
    def rms(self) -> float:
        """The root of the mean square."""
        return float(np.sqrt(np.square(self.numbers).mean()))


@cache
def _spread(count: int) -> Array:
    """Normal numbers at even distances of probability, mean square 1: few say what many drawn ones would."""
    normal = NormalDist()
    numbers = np.array([normal.inv_cdf((i + 0.5) / count) for i in range(count)])
    return np.asarray(numbers / np.sqrt(np.square(numbers).mean()))


@dataclass
class Draw:
    """Where patches come from: their size, and random numbers from a fixed seed."""

    rows: int = 128
    columns: int = 32
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def wide(self, size: int) -> int:
        """The columns for so many features."""
        return min(size, self.columns)

    def normal(self, columns: int) -> Array:
        """N(0, 1), each row with its mirror image, so that the mean is 0, and the mean square 1."""
        half = self.random.standard_normal((self.rows // 2, columns))
        half /= np.sqrt(np.square(half).mean())
        return np.concatenate([half, -half])

    def like(self, x: Array, columns: int) -> Array:
        """Sums of ``x[rows, features]`` with random signs or weights, mean square 1; rows are as alike as those of x."""
        square = float(np.square(x).mean())
        if square == 0.0 or columns < _FEW or len(x) < 2:
            return self.normal(columns)
        means = x.mean(axis=0)
        common = (np.square(means).mean() - x.var(axis=0).mean() / len(x)) / square
        if common <= 0.01:
            return self.normal(columns)
        shared = self.random.permutation(_spread(columns))[None]
        made = np.sqrt(common) * shared + np.sqrt(max(0.0, 1 - common)) * self.normal(columns)
        made /= np.sqrt(np.square(made).mean())
        return np.asarray(made)

    def shuffled(self, x: Array, columns: int) -> Array:
        """The same numbers as another patch, of what lies along another axis."""
        return np.resize(self.random.permutation(x.ravel()), (self.rows, columns))

    def along(self, patch: Patch, axis: int, size: int) -> Array:
        """The numbers with columns along an axis, of so many features."""
        x = patch.numbers
        if patch.axis is None or patch.axis == axis:
            return np.broadcast_to(x, (max(len(x), 1), self.wide(size))) if x.shape[1] == 1 else x
        return self.shuffled(x, self.wide(size))

    def gathered(self, x: Array, columns: int) -> Array:
        """Features that several places of one sample make up: columns of x beside columns of other rows."""
        times = -(-columns // x.shape[1])
        parts = [x, *(x[self.random.permutation(len(x))] for _ in range(times - 1))]
        return np.concatenate(parts, axis=1)[:, :columns]

    def chance(self, share: float, like: Array) -> Array:
        """1 with a probability, else 0."""
        return (self.random.random((self.rows, like.shape[1])) < share).astype(np.float64)


def bounded(x: Array) -> Array:
    """Numbers within ``LARGEST``; what is none counts as 0."""
    if np.isfinite(x.sum()) and np.abs(x).max(initial=0.0) < LARGEST:
        return x
    return np.clip(np.nan_to_num(x, nan=0.0, posinf=LARGEST, neginf=-LARGEST), -LARGEST, LARGEST)


def size_along(type: Type, axis: int) -> int:
    """How many numbers lie along an axis from the end; 1 for the minibatch."""
    dim = type.shape[axis] if -type.rank <= axis < 0 else 1
    return dim if isinstance(dim, int) else 1


def places(type: Type) -> int:
    """How many rows of its last axis a sample has."""
    count = 1
    for dim in type.shape[:-1]:
        count *= dim if isinstance(dim, int) else 1
    return count
