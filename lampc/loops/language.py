"""Kernels over named axes: what is read and written at which places, and what is reduced on the way.

A nest goes over parallel axes in any order. At each of their places it reduces expressions over further axes, one
reduction after another, and stores expressions of what came out. A buffer is read and written through a view, which
says how an n-dimensional value lies in it, at indices that are sums of multiples of the axes. What stands in which
order, in vectors and blocks, is the schedule's (``schedule.py``), and may change no bit of a result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from lampc.ir.expression import Expression, parts_of


@dataclass(frozen=True)
class Extent:
    """How many: ``count``, or so many for each sample of the batch."""

    count: int
    batched: bool = False

    def at(self, batch: int) -> int:
        """The number for a batch."""
        return self.count * batch if self.batched else self.count

    def __str__(self) -> str:
        if not self.batched:
            return str(self.count)
        return "B" if self.count == 1 else f"{self.count}B"


@dataclass(frozen=True)
class Axis:
    """A name for the whole numbers from 0 up to an extent."""

    name: str
    extent: Extent

    def __add__(self, other: Axis | Affine | int) -> Affine:
        return affine(self) + other

    def __mul__(self, factor: int) -> Affine:
        return affine(self) * factor


@dataclass(frozen=True)
class Affine:
    """``Σ coefficient · axis + constant``."""

    terms: tuple[tuple[Axis, int], ...] = ()
    constant: int = 0

    def __add__(self, other: Axis | Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.terms, self.constant + other)
        added = affine(other)
        sums = dict(self.terms)
        for axis, coefficient in added.terms:
            sums[axis] = sums.get(axis, 0) + coefficient
        return Affine(tuple((axis, c) for axis, c in sums.items() if c), self.constant + added.constant)

    def __mul__(self, factor: int) -> Affine:
        return Affine(tuple((axis, c * factor) for axis, c in self.terms if factor), self.constant * factor)

    def least(self) -> int:
        """Its least value, whatever the batch."""
        return self.constant + sum(c * (axis.extent.count - 1) for axis, c in self.terms if c < 0)

    def greatest(self) -> int | None:
        """Its greatest value; None if that grows with the batch."""
        if any(axis.extent.batched and c > 0 for axis, c in self.terms):
            return None
        return self.constant + sum(c * (axis.extent.count - 1) for axis, c in self.terms if c > 0)

    def within(self, dim: Extent) -> bool:
        """Whether it lies within a dimension, for every batch."""
        least, greatest = (self._bound(sign) for sign in (-1, 1))
        slope, size = (dim.count, 0) if dim.batched else (0, dim.count)
        below = least[0] >= 0 and sum(least) >= 0
        return below and greatest[0] <= slope and sum(greatest) <= slope + size - 1

    def _bound(self, sign: int) -> tuple[int, int]:
        """Its least (-1) or greatest (1) value as a number for each sample of the batch, and another."""
        slope, offset = 0, self.constant
        for axis, coefficient in self.terms:
            if coefficient * sign > 0:
                slope += coefficient * axis.extent.count if axis.extent.batched else 0
                offset += coefficient * (-1 if axis.extent.batched else axis.extent.count - 1)
        return slope, offset

    def __str__(self) -> str:
        parts = [(axis.name if c == 1 else f"-{axis.name}" if c == -1 else f"{c}{axis.name}") for axis, c in self.terms]
        text = "".join(part if not k or part.startswith("-") else f"+{part}" for k, part in enumerate(parts))
        if self.constant or not parts:
            text += f"{self.constant:+d}" if parts else str(self.constant)
        return text


def affine(value: Axis | Affine | int) -> Affine:
    """An axis, or a number, as a sum."""
    if isinstance(value, Affine):
        return value
    return Affine(((value, 1),)) if isinstance(value, Axis) else Affine((), value)


@dataclass(frozen=True)
class View:
    """How an n-dimensional value lies in a buffer."""

    buffer: int
    dims: tuple[Extent, ...]
    order: tuple[int, ...] = ()
    """The dimensions as they follow one another in memory, the innermost last; empty: in their own order."""

    @property
    def memory(self) -> tuple[int, ...]:
        """The same, spelt out."""
        return self.order or tuple(range(len(self.dims)))


@dataclass(frozen=True)
class Through:
    """An index that is a whole number found in a buffer of such: a row of a table, say."""

    view: View
    index: tuple[Affine, ...]


Index = Affine | Through


@dataclass(frozen=True, eq=False)
class At(Expression):
    """A number of a buffer; where an index lies outside, ``otherwise``."""

    view: View
    index: tuple[Index, ...]
    otherwise: float | None = None


@dataclass(frozen=True, eq=False)
class Place(Expression):
    """The value of a sum of axes, as a number."""

    value: Affine


@dataclass(frozen=True, eq=False)
class Reduced(Expression):
    """What a reduction of the same nest has found here."""

    name: str


class Fold(StrEnum):
    """How numbers become one."""

    SUM = "sum"
    MAX = "max"
    ARGMAX = "argmax"
    """Of the first greatest number the place, counted along the reduced axes, the last fastest; of NaN the last's, as in
    torch's pools."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """Numbers made one over some axes."""

    name: str
    fold: Fold
    axes: tuple[Axis, ...]
    expression: Expression


@dataclass(frozen=True, eq=False)
class Put:
    """An expression's way into a buffer; with ``add`` to what is there."""

    view: View
    index: tuple[Index, ...]
    expression: Expression
    add: bool = False


@dataclass(frozen=True, eq=False)
class Nest:
    """A loop over parallel axes. Of those in ``ordered`` the places follow one another: they may add to the same number."""

    name: str
    axes: tuple[Axis, ...]
    stores: tuple[Put, ...]
    reductions: tuple[Reduction, ...] = ()
    ordered: tuple[Axis, ...] = ()

    def parts(self) -> Iterator[Expression]:
        """Every expression, operands first, each once."""
        return parts_of([*(r.expression for r in self.reductions), *(s.expression for s in self.stores)])

    def accesses(self) -> Iterator[tuple[View, tuple[Index, ...], bool]]:
        """Every view that is read or written, the index, and whether it is written."""
        for part in self.parts():
            if isinstance(part, At):
                yield part.view, part.index, False
                yield from _through(part.index)
        for store in self.stores:
            yield store.view, store.index, True
            yield from _through(store.index)
            if store.add:
                yield store.view, store.index, False


@dataclass(frozen=True, eq=False)
class Scan:
    """Nests, and scans, once for each place of an axis, one place after another."""

    axis: Axis
    body: tuple[Nest | Scan, ...]


@dataclass(frozen=True, eq=False)
class Loops:
    """A kernel: nests and scans in order, for each place of some parallel axes, which threads share."""

    name: str
    body: tuple[Nest | Scan, ...]
    axes: tuple[Axis, ...] = ()
    shared: Axis | None = None
    """An axis of every nest that threads share: what a nest makes at one of its places no other place of it asks for."""

    def nests(self) -> Iterator[Nest]:
        """Its nests, in order."""
        stack: list[Nest | Scan] = [*self.body[::-1]]
        while stack:
            found = stack.pop()
            if isinstance(found, Nest):
                yield found
            else:
                stack.extend(found.body[::-1])

    @cached_property
    def slots(self) -> list[int]:
        """The buffers that it uses, in the order in which it names them."""
        return list(dict.fromkeys(view.buffer for nest in self.nests() for view, _, _ in nest.accesses()))

    @cached_property
    def reads(self) -> set[int]:
        """The buffers that it reads."""
        return {view.buffer for nest in self.nests() for view, _, written in nest.accesses() if not written}

    @cached_property
    def writes(self) -> set[int]:
        """The buffers that it writes."""
        return {view.buffer for nest in self.nests() for view, _, written in nest.accesses() if written}


def _through(index: tuple[Index, ...]) -> Iterator[tuple[View, tuple[Index, ...], bool]]:
    for part in index:
        if isinstance(part, Through):
            yield part.view, part.index, False
