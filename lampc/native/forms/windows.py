"""What the places along an axis are made of, and where that repeats: windows, interpolation, padding at the edges.

A line names, for one place, the places that it is made of, with weights. Lines that are alike, but for moving on evenly,
are one run: a loop without any test in it. Edges, phases of a stride and windows of other lengths are runs of their own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add

from lampc.ir.expression import Expression
from lampc.loops.language import Affine, Axis, Extent, Fold, Reduced, Reduction
from lampc.native.spaces import NoNativeForm

Line = tuple[tuple[int, Fraction], ...]
"""Of one place: the places that it is made of, and their weights, exactly, so that equal ones are known to be equal."""

MOST_PATCHES = 64
"""Nests that one op may come to."""
MOST_TERMS = 64
"""Numbers of a sum that is written out."""
_MOST_STEP = 32
"""Steps from place to place that are tried."""


@dataclass(frozen=True)
class Run:
    """Places ``first + step·i``, i below ``count``, of those at ``start + stride·i + offset``, weighed."""

    first: int
    step: int
    count: int
    start: int
    stride: int
    offsets: tuple[int, ...]
    weights: tuple[Fraction, ...]

    @property
    def gap(self) -> int | None:
        """How far apart its offsets are, where that and the weights are all the same; 0 for a single one."""
        gaps = {b - a for a, b in itertools.pairwise(self.offsets)}
        if len(gaps) > 1 or len(set(self.weights)) != 1:
            return None
        return gaps.pop() if gaps else 0


@dataclass(frozen=True)
class Patch:
    """A run along each of some axes: ``axes`` count its places, ``inner`` those of a window."""

    runs: tuple[Run, ...]
    axes: tuple[Axis, ...]
    inner: tuple[Axis, ...]

    @property
    def empty(self) -> bool:
        """Whether it is made of nothing."""
        return not all(run.offsets for run in self.runs)

    @property
    def window(self) -> tuple[Axis, ...]:
        """What is gone over at each place."""
        return tuple(axis for run, axis in zip(self.runs, self.inner, strict=True) if run.gap)

    @property
    def terms(self) -> int:
        """Numbers that are written out."""
        return math.prod(1 if run.gap is not None else len(run.offsets) for run in self.runs)

    @property
    def weight(self) -> Fraction | None:
        """The weight of all its numbers, if they have the same."""
        weights = [set(run.weights) for run in self.runs]
        return math.prod((each.pop() for each in weights), start=Fraction(1)) if all(len(w) == 1 for w in weights) else None

    def places(self) -> tuple[Affine, ...]:
        """Where it is."""
        return tuple(axis * run.step + run.first for run, axis in zip(self.runs, self.axes, strict=True))

    def made_of(self) -> Iterator[tuple[tuple[Affine, ...], Fraction]]:
        """What it is made of, and the weights."""
        options = [_options(run, axis, inner) for run, axis, inner in zip(self.runs, self.axes, self.inner, strict=True)]
        for each in itertools.product(*options):
            yield tuple(place for place, _ in each), math.prod((weight for _, weight in each), start=Fraction(1))

    def total(self, number: Callable[[tuple[Affine, ...], Fraction], Expression]) -> tuple[tuple[Reduction, ...], Expression]:
        """The sum of what it is made of, and the reduction that this asks for."""
        written = reduce(add, (number(places, weight) for places, weight in self.made_of()))
        if not self.window:
            return (), written
        return (Reduction("total", Fold.SUM, self.window, written),), Reduced("total")


def _options(run: Run, axis: Axis, inner: Axis) -> list[tuple[Affine, Fraction]]:
    start = axis * run.stride + run.start
    if run.gap is not None:
        return [(start + inner * run.gap + run.offsets[0], run.weights[0])]
    return [(start + offset, weight) for offset, weight in zip(run.offsets, run.weights, strict=True)]


def patches(lines: Sequence[Sequence[Line]]) -> list[Patch]:
    """The patches that together are all places of some axes.

    Raises:
        NoNativeForm: if these are too many.
    """
    along = [runs(each) for each in lines]
    if math.prod(map(len, along)) > MOST_PATCHES:
        raise NoNativeForm(f"windows of {math.prod(map(len, along))} kinds")
    found = []
    for each in itertools.product(*along):
        axes = tuple(Axis(f"i{n}", Extent(run.count)) for n, run in enumerate(each))
        inner = tuple(Axis(f"k{n}", Extent(len(run.offsets))) for n, run in enumerate(each))
        found.append(Patch(each, axes, inner))
    return found


def transposed(lines: Sequence[Line], size: int) -> list[Line]:
    """For each of ``size`` places what it is part of, with the same weights: a gradient's lines."""
    found: list[list[tuple[int, Fraction]]] = [[] for _ in range(size)]
    for place, line in enumerate(lines):
        for source, weight in line:
            found[source].append((place, weight))
    return [tuple(line) for line in found]


def runs(lines: Sequence[Line]) -> list[Run]:
    """Lines, gathered."""
    alike: dict[Line, list[tuple[int, int]]] = {}
    for place, line in enumerate(lines):
        start = line[0][0] if line else 0
        alike.setdefault(tuple((source - start, weight) for source, weight in line), []).append((place, start))
    found = []
    for line, places in alike.items():
        offsets, weights = tuple(offset for offset, _ in line), tuple(weight for _, weight in line)
        for run in min((_even(places, step) for step in range(1, _MOST_STEP + 1)), key=len):
            (first, start), (second, following) = run[0], run[min(1, len(run) - 1)]
            found.append(Run(first, max(1, second - first), len(run), start, following - start, offsets, weights))
    return found


def _even(places: list[tuple[int, int]], step: int) -> list[list[tuple[int, int]]]:
    """Pairs of a place and where its line starts, cut into parts that move on evenly, ``step`` by ``step``."""
    found: list[list[tuple[int, int]]] = []
    last: dict[int, list[tuple[int, int]]] = {}
    for place, start in places:
        run = last.get(place % step)
        if run and place - run[-1][0] == step and (len(run) == 1 or start - run[-1][1] == run[1][1] - run[0][1]):
            run.append((place, start))
        else:
            found.append([(place, start)])
            last[place % step] = found[-1]
    return found
