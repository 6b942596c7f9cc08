"""Nests gone over in plain Python, one place after another: slow, and ignorant of vectors, blocks, schedules and padding.

A buffer is the list of its numbers as they follow one another in memory, without what pads its rows.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence

from lampc.ir.expression import Call, Expression, Number
from lampc.loops.language import Affine, At, Axis, Fold, Index, Loops, Nest, Place, Put, Reduced, Reduction, Scan, View

Memory = Mapping[int, MutableSequence[float]]
Places = dict[Axis, int]


def _greatest(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _least(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


FUNCTIONS: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "max": _greatest,
    "min": _least,
    "abs": abs,
    "greater": lambda a, b: float(a > b),
    "equal": lambda a, b: float(a == b),
    "select": lambda condition, a, b: a if condition else b,
}


def interpret(loops: Loops, memory: Memory, batch: int) -> None:
    """Do to the numbers of some buffers what a kernel does."""
    for places in _all(loops.axes, batch):
        _body(loops.body, memory, batch, places)


def _all(axes: Sequence[Axis], batch: int) -> Iterator[Places]:
    for places in itertools.product(*(range(axis.extent.at(batch)) for axis in axes)):
        yield dict(zip(axes, places, strict=True))


def _body(body: Sequence[Nest | Scan], memory: Memory, batch: int, places: Places) -> None:
    for part in body:
        if isinstance(part, Scan):
            for place in range(part.axis.extent.at(batch)):
                _body(part.body, memory, batch, {**places, part.axis: place})
        else:
            for inner in _all(part.axes, batch):
                _Spot(memory, batch, {**places, **inner}).run(part)


class _Spot:
    """One place of a nest."""

    def __init__(self, memory: Memory, batch: int, places: Places) -> None:
        self.memory, self.batch, self.places = memory, batch, places
        self.reduced: dict[str, float] = {}

    def run(self, nest: Nest) -> None:
        """Everything is read, then everything stored."""
        for reduction in nest.reductions:
            self.reduced[reduction.name] = self.fold(reduction)
        for store, value in [(store, self.value(store.expression)) for store in nest.stores]:
            self.put(store, value)

    def put(self, store: Put, value: float) -> None:
        where = self.where(store.view, store.index)
        assert where is not None, "a store outside"
        numbers = self.memory[store.view.buffer]
        numbers[where] = numbers[where] + value if store.add else value

    def fold(self, reduction: Reduction) -> float:
        before = self.places
        values = []
        for inner in _all(reduction.axes, self.batch):
            self.places = {**before, **inner}
            values.append(self.value(reduction.expression))
        self.places = before
        if reduction.fold is Fold.SUM:
            return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)
        first = next((value for value in values if math.isnan(value)), max(values))
        if reduction.fold is Fold.MAX:
            return first
        lost = [k for k, value in enumerate(values) if math.isnan(value)]
        return float(lost[-1] if lost else values.index(first))

    def whole(self, part: Index) -> int:
        if isinstance(part, Affine):
            return sum(coefficient * self.places[axis] for axis, coefficient in part.terms) + part.constant
        where = self.where(part.view, part.index)
        assert where is not None, "a table is read outside"
        return int(self.memory[part.view.buffer][where])

    def where(self, view: View, index: Sequence[Index]) -> int | None:
        """Which of the buffer's numbers it is; None if it lies outside."""
        spots = [self.whole(part) for part in index]
        sizes = [dim.at(self.batch) for dim in view.dims]
        if any(not 0 <= spot < size for spot, size in zip(spots, sizes, strict=True)):
            return None
        where = 0
        for dim in view.memory:
            where = where * sizes[dim] + spots[dim]
        return where

    def value(self, part: Expression) -> float:
        if isinstance(part, At):
            where = self.where(part.view, part.index)
            if where is None:
                assert part.otherwise is not None, "a read outside"
                return part.otherwise
            return float(self.memory[part.view.buffer][where])
        if isinstance(part, Number):
            return part.value.at(self.batch)
        if isinstance(part, Place):
            return float(self.whole(part.value))
        if isinstance(part, Reduced):
            return self.reduced[part.name]
        assert isinstance(part, Call), part
        return FUNCTIONS[part.function](*map(self.value, part.arguments))
