"""Kernels over axes, drawn at random: sound by the way they are made, their numbers small and whole, so that sums are exact."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from lampc.ir.expression import Expression, call, number
from lampc.ir.types import Coefficient, DType
from lampc.loops.language import (
    Affine,
    At,
    Axis,
    Extent,
    Fold,
    Index,
    Loops,
    Nest,
    Place,
    Put,
    Reduced,
    Reduction,
    Scan,
    Through,
    View,
    affine,
)
from lampc.native.kernel import Buffer

BATCH = Extent(1, batched=True)
STEP = Affine((), 1)


@dataclass
class Drawing:
    """Buffers and what may be read, as nests are made."""

    chance: random.Random
    dtype: DType
    batch: int
    buffers: dict[int, Buffer] = field(default_factory=dict)
    views: dict[int, View] = field(default_factory=dict)
    """How each buffer's numbers lie."""
    tables: dict[int, int] = field(default_factory=dict)
    """Of buffers of places: below which number these are."""
    ties: set[int] = field(default_factory=set)
    """Buffers of few numbers, some of them NaN."""

    # Buffers --------------------------------------------------------------------------------------------------------

    def view(self, dims: Sequence[Extent], dtype: DType | None = None) -> View:
        """A buffer of its own, its dimensions in some order."""
        order = list(range(len(dims)))
        if self.chance.random() < 0.5:
            self.chance.shuffle(order)
        id = len(self.buffers)
        view = View(id, tuple(dims), tuple(order) if order != sorted(order) else ())
        last = dims[order[-1]] if dims else Extent(1)
        lead = [dims[dim] for dim in order[:-1]] + ([last] if last.batched else [])
        rows = Extent(math.prod(dim.count for dim in lead), any(dim.batched for dim in lead))
        self.buffers[id] = Buffer(id, f"b{id}", dtype or self.dtype, rows, 1 if last.batched else last.count)
        self.views[id] = view
        return view

    def extent(self, most: int) -> Extent:
        return Extent(min(most, self.chance.choice([1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 70])))

    def axes(self, prefix: str, count: int, most: int, batched: bool = True) -> tuple[Axis, ...]:
        """Axes of at most so many places, one of them perhaps the batch."""
        found: list[Axis] = []
        for n in range(count):
            if batched and self.chance.random() < 0.3 and not any(axis.extent.batched for axis in found):
                extent = Extent(self.chance.choice([1, 1, 2]), batched=True)
            else:
                extent = self.extent(max(1, most))
            most //= extent.at(self.batch)
            found.append(Axis(f"{prefix}{n}", extent))
        return tuple(found)

    # Places ---------------------------------------------------------------------------------------------------------

    def span(self, part: Affine) -> tuple[Affine, Extent]:
        """A sum moved so that its least value is 0, or a little more, and a dimension that holds it."""
        if len(part.terms) == 1 and part.terms[0][0].extent.batched:
            return affine(part.terms[0][0]), part.terms[0][0].extent
        room = self.chance.choice([0, 0, 0, 1, 2])
        moved = part + (room - part.least())
        greatest = moved.greatest()
        assert greatest is not None
        return moved, Extent(greatest + 1 + self.chance.choice([0, 0, 0, 1, 3]))

    def sum(self, axes: Sequence[Axis], most: int = 2) -> Affine:
        """Multiples of some axes; the batch stands alone."""
        picked = self.chance.sample(axes, min(len(axes), self.chance.randint(0, most)))
        if any(axis.extent.batched for axis in picked):
            return affine(next(axis for axis in picked if axis.extent.batched))
        found = Affine()
        for axis in picked:
            found = found + axis * self.chance.choice([1, 1, 1, 1, 2, 3, -1])
        return found

    def apart(self, axes: Sequence[Axis]) -> tuple[Index, ...]:
        """An index that is another at each place: axes alone, stretched, turned round, or two as the digits of one number."""
        left, index = list(axes), list[Index]()
        self.chance.shuffle(left)
        while left:
            axis = left.pop()
            part = axis * self.chance.choice([1, 1, 1, 2, -1] if not axis.extent.batched else [1])
            if left and not axis.extent.batched and not left[-1].extent.batched and self.chance.random() < 0.2:
                reach = 1 + abs(part.terms[0][1]) * (axis.extent.count - 1)
                part = part + left.pop() * (reach * self.chance.choice([1, -1]))
            index.append(part)
        if self.chance.random() < 0.1:
            index.append(affine(0))
        return tuple(index)

    def stored(self, axes: Sequence[Axis]) -> tuple[View, tuple[Index, ...]]:
        """A fresh view, and where each place of some axes goes in it."""
        pairs = [self.span(part) for part in self.apart(axes) if isinstance(part, Affine)]
        return self.view([extent for _, extent in pairs]), tuple(part for part, _ in pairs)

    def read(self, axes: Sequence[Axis], ties: bool = False) -> At:
        """A buffer of its own, read at sums of some axes; perhaps outside, perhaps through a table."""
        otherwise = self.chance.choice([0.0, 2.0, -math.inf]) if self.chance.random() < 0.3 and not ties else None
        index: list[Index] = []
        dims: list[Extent] = []
        for _ in range(self.chance.randint(1, 4)):
            once = any(dim.batched for dim in dims)  # a buffer grows with the batch, not with its square
            part, extent = self.span(self.sum([axis for axis in axes if not (once and axis.extent.batched)]))
            if otherwise is not None and self.chance.random() < 0.7:
                part = part + self.chance.choice([-2, -1, 1, 3])
                extent = extent if extent.batched else Extent(max(1, extent.count - self.chance.randint(0, 3)))
            if self.chance.random() < 0.08 and not ties:
                index.append(self.through(axes, extent))
            else:
                index.append(part)
            dims.append(extent)
        if math.prod(dim.at(self.batch) for dim in dims) > 100_000:
            return self.read(axes, ties)
        view = self.view(dims)
        if ties:
            self.ties.add(view.buffer)
        return At(view, tuple(index), otherwise)

    def through(self, axes: Sequence[Axis], extent: Extent) -> Through:
        """A place within an extent, as a table has it."""
        pairs = [self.span(self.sum(axes))]
        if not pairs[0][1].batched and self.chance.random() < 0.5:
            pairs.append(self.span(self.sum(axes)))
        table = self.view([dim for _, dim in pairs], self.chance.choice(["i64", "i64", self.dtype]))
        self.tables[table.buffer] = extent.at(self.batch)
        return Through(table, tuple(part for part, _ in pairs))

    # Expressions ----------------------------------------------------------------------------------------------------

    def expression(self, axes: Sequence[Axis], results: Sequence[Expression], depth: int = 2) -> Expression:
        """Of what is read at some axes, and of results that there are."""
        draw = self.chance.random()
        if results and draw < 0.35:
            return self.chance.choice(results)
        if depth == 0 or draw < 0.5:
            if draw > 0.45:
                return Place(self.sum(axes) + self.chance.randint(-2, 2))
            return self.read(axes) if draw > 0.04 else number(Coefficient(self.chance.choice([0.5, 3.0, -1.0]), draw < 0.01))
        a, b = (self.expression(axes, results, depth - 1) for _ in range(2))
        function = self.chance.choice(["add", "sub", "mul", "mul", "max", "min", "abs", "greater", "select"])
        if function == "mul":
            return small(a) * small(b)
        if function == "select":
            return call("select", call("equal", a, number(1.0)), a, b)
        return call("abs", a) if function == "abs" else call(function, a, b)

    def reductions(self, axes: Sequence[Axis], results: Sequence[Expression]) -> tuple[Reduction, ...]:
        """Some, over the same axes or others, which may ask for those before them."""
        found: list[Reduction] = []
        over = self.axes("k", self.chance.randint(1, 3), 80)
        for n in range(self.chance.choice([1, 1, 2, 3])):
            if self.chance.random() < 0.3:
                over = self.axes(f"k{n}", self.chance.randint(1, 2), 40)
            fold = self.chance.choice([Fold.SUM, Fold.SUM, Fold.MAX, Fold.ARGMAX])
            known = [*results, *(Reduced(r.name) for r in found)]
            if fold is Fold.ARGMAX or self.chance.random() < 0.1:
                inner: Expression = self.read([*axes, *over], ties=True)
                fold = Fold.MAX if fold is Fold.SUM else fold
            else:
                inner = self.expression([*axes, *over], known)
            if fold is Fold.SUM and not isinstance(inner, At):
                inner = small(inner) if self.chance.random() < 0.3 else finite(inner)
            elif fold is Fold.SUM:
                inner = finite(inner) if inner.otherwise == -math.inf else inner
            found.append(Reduction(f"r{n}", fold, over, inner))
        return tuple(found)

    # Nests ----------------------------------------------------------------------------------------------------------

    def nest(self, outer: Sequence[Axis], results: Sequence[Expression] = (), most: int = 500) -> Nest:
        """One that stores into buffers of its own, for each place of outer axes."""
        axes = self.axes("i", self.chance.randint(1, 5), most, batched=not any(axis.extent.batched for axis in outer))
        scope = [*outer, *axes]
        reductions = self.reductions(scope, results) if self.chance.random() < 0.7 else ()
        known = [*results, *(Reduced(r.name) for r in reductions)]
        ordered = tuple(axis for axis in axes if self.chance.random() < 0.3) if self.chance.random() < 0.3 else ()
        stores = [self.store(scope, ordered, known) for _ in range(self.chance.choice([1, 1, 2]))]
        return Nest(f"n{len(self.buffers)}", axes, tuple(stores), reductions, ordered)

    def store(self, scope: Sequence[Axis], ordered: Sequence[Axis], known: Sequence[Expression]) -> Put:
        """What is stored at each place, or added up along ordered axes."""
        if ordered and self.chance.random() < 0.7:
            kept = [axis for axis in scope if axis not in ordered]
            view, index = self.stored(kept)
            if self.chance.random() < 0.3:  # scattered along the ordered ones
                table = self.through(ordered, extent := self.extent(9))
                dims = (*view.dims, extent)
                return Put(self.view(dims), (*index, table), finite(self.expression(scope, known)), add=True)
            return Put(view, index, finite(self.expression(scope, known)), add=True)
        view, index = self.stored(scope)
        value = self.expression(scope, known)
        if self.chance.random() < 0.2:  # what was there is read at the same place
            value = call("max", At(view, index), value)
        return Put(view, index, value, add=False)

    def scan(self) -> tuple[Nest | Scan, ...]:
        """A row of numbers that each come of the one before them, onwards or backwards."""
        time = Axis("t", Extent(self.chance.choice([1, 2, 5])))
        wide = self.extent(20)
        state = self.view((Extent(time.extent.count + 1), BATCH, wide))
        b, j, k = Axis("b", BATCH), Axis("j", wide), Axis("k", wide)
        now, before = affine(time) + 1, affine(time)
        if self.chance.random() < 0.5:
            now, before = (time * -1) + (time.extent.count - 1), (time * -1) + time.extent.count
        product = At(state, (before, affine(b), affine(k))) * self.read([j, k])
        sums = Reduction("s", Fold.SUM, (k,), product)
        value = self.expression([time, b, j], [Reduced("s"), At(state, (before, affine(b), affine(j)))])
        step = Nest("step", (b, j), (Put(state, (now, affine(b), affine(j)), small(value)),), (sums,))
        after = self.nest([time], [], most=100)
        return (Scan(time, (step, after) if self.chance.random() < 0.5 else (step,)),)

    def loops(self) -> Loops:
        """One nest, several, a scan, or any for each place of outer axes."""
        draw = self.chance.random()
        if draw < 0.6:
            return Loops("drawn", (self.nest([]),))
        if draw < 0.7:
            return Loops("drawn", (self.nest([], most=100), self.nest([], most=100)))
        if draw < 0.85:
            return Loops("drawn", self.scan())
        outer = self.axes("o", self.chance.randint(1, 2), 8)
        first = self.nest(outer, most=60)
        made = [At(store.view, store.index) for store in first.stores if not store.add]
        axes, stores = first.axes, []
        if made:  # what the first nest has made, read again
            view, index = self.stored([*outer, *axes])
            stores.append(Nest("again", axes, (Put(view, index, self.expression([*outer, *axes], made)),)))
        return Loops("drawn", (first, *stores, self.nest(outer, most=60)), outer)


def small(value: Expression) -> Expression:
    """Between -8 and 8, so that products stay exact; NaN becomes a number."""
    return call("min", call("max", call("select", call("equal", value, value), value, 1.0), -8.0), 8.0)


def finite(value: Expression) -> Expression:
    """Without infinities, and so without sums that are none."""
    return call("min", call("max", call("select", call("equal", value, value), value, 1.0), -1000.0), 1000.0)


def drawn(seed: int) -> tuple[Drawing, Loops]:
    """A kernel, and what it reads."""
    chance = random.Random(seed)
    drawing = Drawing(chance, "f32" if seed % 2 else "f64", 1 + seed % 5)
    return drawing, drawing.loops()
