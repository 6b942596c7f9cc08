"""One nest under its schedule: tiles of a block's places, their rows, by vectors, their columns, all in registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from lampc.ir.expression import Call, Expression, Number
from lampc.loops.language import At, Axis, Fold, Nest, Place, Reduced, Reduction
from lampc.loops.schedule import SMALL, dependencies, grouped
from lampc.native.address import Access, Addresses, State
from lampc.native.emit import Lane, Values
from lampc.native.tile import across, apply


@dataclass(frozen=True)
class _Total:
    """One of the numbers, or vectors, that a reduction carries along."""

    reduction: Reduction
    row: int
    column: int


class NestTiles:
    """The loops of a nest, and what is done at each tile."""

    def __init__(self, state: State, nest: Nest, split: Axis | None) -> None:
        self.s, self.nest = state, nest
        self.w = state.writer
        self.split = split
        self.needed = dependencies(nest)
        self.vector, self.block = state.schedule.vector, state.schedule.block
        self.addresses = Addresses(state)
        self.rows = 1

    def run(self) -> None:
        """Write all of it."""
        self._loops([*self.s.schedule.loops])

    # Places ---------------------------------------------------------------------------------------------------------

    def _over(self, axis: Axis, start: str, stop: str, step: int, carried: Sequence[tuple[str, str]],
              body: Callable[[Values], Values]) -> Values:  # fmt: skip
        def each(place: str, values: Values) -> Values:
            with self.s.at(axis, place):
                return body(values)

        return self.w.loop(start, stop, step, carried, each)

    def _each(self, axis: Axis, start: str, stop: str, step: int, body: Callable[[], None]) -> None:
        def each(_: Values) -> Values:
            body()
            return []

        self._over(axis, start, stop, step, [], each)

    def _range(self, axis: Axis) -> tuple[str, str]:
        return self.s.share(axis.extent) if axis == self.split else ("0", self.s.size(axis.extent))

    def _loops(self, loops: list[Axis]) -> None:
        if loops:
            self._each(loops[0], *self._range(loops[0]), 1, lambda: self._loops(loops[1:]))
        else:
            self._vectors()

    def _vectors(self) -> None:
        """Tiles of vectors, then what is left: fewer vectors, the last with a tail; of a batch number by number."""
        s, vector, width = self.s, self.vector, self.s.lane.count
        if vector is None or vector not in self.nest.axes:
            self._blocks()
        elif vector.extent.batched:
            start, stop = self._range(vector)
            length = self.w.let(f"sub nsw i64 {stop}, {start}")
            whole = self.w.let(f"mul nsw i64 {self.w.let(f'sdiv i64 {length}, {width}')}, {width}")
            middle = self.w.let(f"add nsw i64 {start}, {whole}")
            self._each(vector, start, middle, width, self._blocks)
            wide, s.lane = s.lane, s.lane.one
            self._each(vector, middle, stop, 1, self._blocks)
            s.lane = wide
        else:
            count = s.schedule.vectors
            whole_tiles = vector.extent.count // (width * count)
            self._tiles(0, whole_tiles * width * count, count, 0)
            left = vector.extent.count - whole_tiles * width * count
            self._tiles(whole_tiles * width * count, vector.extent.count, -(-left // width), left % width)

    def _tiles(self, start: int, stop: int, columns: int, tail: int) -> None:
        if start == stop:
            return
        assert self.vector is not None
        self.s.columns, self.s.tail = columns, tail
        self._each(self.vector, str(start), str(stop), columns * self.s.lane.count, self._blocks)
        self.s.columns, self.s.tail = 1, 0

    def _blocks(self) -> None:
        """Whole blocks, then one of what the extent leaves over, then single places."""
        if self.block is None:
            self._tile()
            return
        start, stop = self._range(self.block)
        size = self.s.schedule.size
        left = 1 if self.block.extent.batched or self.block == self.split else self.block.extent.count % size
        for rows in dict.fromkeys((size, max(1, left), 1)):
            length = self.w.let(f"sub nsw i64 {stop}, {start}")
            whole = self.w.let(f"mul nsw i64 {self.w.let(f'sdiv i64 {length}, {rows}')}, {rows}")
            end = self.w.let(f"add nsw i64 {start}, {whole}")
            self.rows = rows
            self._each(self.block, start, end, rows, self._tile)
            start = end
        self.rows = 1

    def _tile(self) -> None:
        for group in grouped(self.nest.reductions):
            self._reduce(group)
        for row in range(self.rows):
            for column in range(self.s.columns):
                self._place_done(row, column)

    def _place_done(self, row: int, column: int) -> None:
        """What is stored at one place, when all that it is made of has been read: a store may write over that."""
        here = []
        for store in self.nest.stores:
            access = Access(store.view, store.index)
            needed = self.needed[id(store.expression)] | access.axes()
            if row in self._tall(needed) and column in self._broad(needed):
                wide = self.vector in needed and self.vector in self.nest.axes
                value = self._value_as(self.s.lane if wide else self.s.lane.one, store.expression, row, column)
                here.append((access, value, wide, store.add))
        for access, value, wide, add in here:
            self.addresses.store(access, value, row, column, wide, add)

    def _tall(self, needed: frozenset[Axis] | set[Axis]) -> range:
        """The tile's rows, of what changes along the block."""
        return range(self.rows if self.block in needed else 1)

    def _broad(self, needed: frozenset[Axis] | set[Axis]) -> range:
        """The tile's columns, of what changes along vectors."""
        return range(self.s.columns if self.vector in needed else 1)

    # Reductions -----------------------------------------------------------------------------------------------------

    def _totals(self, reduction: Reduction) -> list[_Total]:
        needed = self.needed[id(reduction.expression)]
        columns = range(1) if self.vector in reduction.axes else self._broad(needed)
        return [_Total(reduction, row, column) for row in self._tall(needed) for column in columns]

    def _lane_of(self, reduction: Reduction) -> Lane:
        along = self.vector in self.needed[id(reduction.expression)] or self.vector in reduction.axes
        return self.s.lane if along else self.s.lane.one

    def _reduce(self, group: list[Reduction]) -> None:
        totals = [each for reduction in group for each in self._totals(reduction)]
        carried: list[tuple[str, str]] = []
        for each in totals:
            lane, fold = self._lane_of(each.reduction), each.reduction.fold
            carried.append((str(lane), self.w.constant(lane, 0.0 if fold is Fold.SUM else float("-inf"))))
            carried += [(str(lane), self.w.constant(lane, 0.0))] if fold is Fold.ARGMAX else []
        values = iter(self._along(list(group[0].axes), totals, carried))
        for each in totals:
            lane, value = self._lane_of(each.reduction), next(values)
            if each.reduction.fold is Fold.ARGMAX:
                value = next(values)
            if self.vector in each.reduction.axes:
                value = across(self.w, lane, value, each.reduction.fold is Fold.MAX)
            self.s.keep(value, "reduced", each.reduction.name, each.row, each.column)

    def _along(self, axes: list[Axis], totals: list[_Total], carried: list[tuple[str, str]]) -> Values:
        """What the places along some axes make of the numbers that are carried, one axis inside the other."""
        values = [value for _, value in carried]
        if not axes:
            return self._added(totals, values)
        self._prepare([total.reduction.expression for total in totals])
        axis, inner = axes[0], axes[1:]

        def inside(values: Values) -> Values:
            return self._along(inner, totals, [(kind, value) for (kind, _), value in zip(carried, values, strict=True)])

        if axis == self.vector:
            return self._along_vectors(axis, carried, inside)
        if not any(each.extent.batched for each in axes) and prod(each.extent.count for each in axes) <= SMALL:
            for place in range(axis.extent.count):
                with self.s.at(axis, str(place)):
                    values = inside(values)
            return values
        return self._over(axis, "0", self.s.size(axis.extent), 1, carried, inside)

    def _along_vectors(self, axis: Axis, carried: list[tuple[str, str]], inside: Callable[[Values], Values]) -> Values:
        width, total = self.s.lane.count, axis.extent.count
        whole = total // width * width
        values = self._over(axis, "0", str(whole), width, carried, inside) if whole else [value for _, value in carried]
        if total % width:
            self.s.tail = total % width
            with self.s.at(axis, str(whole)):
                values = inside(values)
            self.s.tail = 0
        return values

    def _added(self, totals: list[_Total], values: Values) -> Values:
        found: Values = []
        before = iter(values)
        for each in totals:
            lane, root, fold = self._lane_of(each.reduction), each.reduction.expression, each.reduction.fold
            if fold is Fold.SUM:
                found.append(self._one_more(lane, root, each, next(before)))
                continue
            value = self._held(self._value_as(lane, root, each.row, each.column), each, float("-inf"))
            if fold is Fold.MAX:
                found.append(apply(self.w, lane, "max", [next(before), value]))
            else:
                found += self._greater(lane, value, each.reduction, next(before), next(before))
        return found

    def _one_more(self, lane: Lane, root: Expression, each: _Total, before: str) -> str:
        """A sum with one more number; a product is added by one operation."""
        tailed = self.s.tail and self.vector in each.reduction.axes
        if isinstance(root, Call) and root.function == "mul" and not tailed:
            a, b = (self._value_as(lane, part, each.row, each.column) for part in root.arguments)
            return self.w.fma(lane, a, b, before)
        value = self._held(self._value_as(lane, root, each.row, each.column), each, 0.0)
        return self.w.let(f"fadd {lane} {before}, {value}")

    def _greater(self, lane: Lane, value: str, reduction: Reduction, before: str, place: str) -> Values:
        """The greater number, and its place: the first of equals, the last of NaN."""
        w, flag = self.w, lane.of("i1")
        above, nan = w.let(f"fcmp ogt {lane} {value}, {before}"), w.let(f"fcmp uno {lane} {value}, {value}")
        taken = w.let(f"or {flag} {above}, {nan}")
        total = "0"
        for axis in reduction.axes:
            total = w.let(f"mul nsw i64 {total}, {self.s.size(axis.extent)}")
            total = w.let(f"add nsw i64 {total}, {self.s.places[axis]}")
        here = w.splat(lane, w.let(f"sitofp i64 {total} to {lane.scalar}"))
        return [w.let(f"select {flag} {taken}, {lane} {value}, {lane} {before}"),
                w.let(f"select {flag} {taken}, {lane} {here}, {lane} {place}")]  # fmt: skip

    def _held(self, value: str, each: _Total, other: float) -> str:
        """Of a vector along a reduced axis what lies behind the end counts as another number."""
        if not (self.s.tail and self.vector in each.reduction.axes):
            return value
        lane = self.s.lane
        mask = ", ".join(f"i1 {int(k < self.s.tail)}" for k in range(lane.count))
        return self.w.let(f"select {lane.of('i1')} <{mask}>, {lane} {value}, {lane} {self.w.constant(lane, other)}")

    # Expressions ----------------------------------------------------------------------------------------------------

    def _prepare(self, roots: Sequence[Expression]) -> None:
        """Compute what the loops that are about to be opened do not change."""
        seen: set[int] = set()
        stack = [*roots]
        while stack:
            part = stack.pop()
            if id(part) in seen or isinstance(part, Number | Reduced):
                continue
            seen.add(id(part))
            needed = self.needed[id(part)]
            if needed <= self.s.places.keys() and not self._waits(part):
                for row in self._tall(needed):
                    for column in self._broad(needed):
                        self.value(part, row, column)
            elif isinstance(part, At):
                for row in self._tall(needed):
                    self.addresses.pointer(Access(part.view, part.index, part.otherwise), row)
            elif isinstance(part, Call):
                stack.extend(part.arguments)

    def _waits(self, part: Expression) -> bool:
        """Whether a part asks for a reduction that is not done."""
        if isinstance(part, Reduced):
            return self.s.known("reduced", part.name, 0, 0) is None
        return isinstance(part, Call) and any(self._waits(argument) for argument in part.arguments)

    def value(self, part: Expression, row: int, column: int) -> str:
        """A number, or a vector where the expression changes along vectors."""
        needed = self.needed[id(part)]
        row, column = row if self.block in needed else 0, column if self.vector in needed else 0
        key = ("reduced", part.name, row, column) if isinstance(part, Reduced) else (id(part), row, column)
        return self.s.known(*key) or self.s.keep(self._value(part, row, column), *key)

    def _value(self, part: Expression, row: int, column: int) -> str:
        lane = self.s.lane if self.vector in self.needed[id(part)] else self.s.lane.one
        if isinstance(part, Number):
            return self.w.coefficient(part.value, self.s.lane.one)
        if isinstance(part, At):
            return self.addresses.load(Access(part.view, part.index, part.otherwise), row, column)
        if isinstance(part, Place):
            return self._place(part, lane, row, column)
        assert isinstance(part, Call), part
        return apply(self.w, lane, part.function, [self._value_as(lane, a, row, column) for a in part.arguments])

    def _value_as(self, lane: Lane, part: Expression, row: int, column: int) -> str:
        """The same as a vector, where one is wanted of a number."""
        value = self.value(part, row, column)
        if lane.count == 1 or self.vector in self.needed[id(part)]:
            return value
        return self.s.known("spread", value) or self.s.keep(self.w.splat(lane, value), "spread", value)

    def _place(self, part: Place, lane: Lane, row: int, column: int) -> str:
        """A sum of axes as numbers; along vectors it grows from number to number."""
        w = self.w
        first = w.let(f"sitofp i64 {self.s.whole(part.value, row)} to {lane.scalar}")
        if lane.count == 1:
            return first
        step = dict(part.value.terms)[self.vector]  # type: ignore[index]
        numbers = ", ".join(f"{lane.scalar} {float(step * (k + column * lane.count))}" for k in range(lane.count))
        return w.let(f"fadd {lane} {w.splat(lane, first)}, <{numbers}>")
