"""Where the numbers of a nest lie: addresses that grow with the axes, guards, vectors and what stands beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from lampc.loops.language import Affine, Axis, Extent, Index, Through, View
from lampc.loops.schedule import Schedule, axes_of, columns, merged, step_along, steps, strides
from lampc.native.emit import Lane, Writer, element, literal
from lampc.native.kernel import Buffer
from lampc.native.tile import padded

FILL = 16_384
"""Numbers of the constant that stands for what lies outside a buffer, where that is 0."""
SHORT_FILL = 128
"""Where it is another number."""


@dataclass(frozen=True)
class Access:
    """A view at an index; ``otherwise`` is what lies outside."""

    view: View
    index: tuple[Index, ...]
    otherwise: float | None = None

    def axes(self) -> frozenset[Axis]:
        """The axes that it moves with."""
        return axes_of(self.index)

    def guards(self) -> list[tuple[int, Affine]]:
        """The dimensions in which it may lie outside."""
        if self.otherwise is None:
            return []
        pairs = zip(range(len(self.index)), self.index, self.view.dims, strict=True)
        return [(dim, part) for dim, part, extent in pairs if isinstance(part, Affine) and not part.within(extent)]


@dataclass
class State:
    """Where a nest's rendering is: the places that are known, and what has been computed for them."""

    writer: Writer
    buffers: Mapping[int, Buffer]
    pointers: Mapping[int, str]
    schedule: Schedule
    lane: Lane
    """A vector."""
    full: int
    """Numbers of a whole vector, whatever the lane has."""
    places: dict[Axis, str]
    scopes: list[dict[tuple[object, ...], str]] = field(default_factory=lambda: [{}])
    tail: int = 0
    """Numbers of the last vector that count; 0: all."""
    columns: int = 1
    """Vectors of a tile."""

    @contextmanager
    def at(self, axis: Axis, place: str) -> Iterator[None]:
        """What is known at one place of an axis is forgotten at the next."""
        self.places[axis] = place
        self.scopes.append({})
        yield
        self.scopes.pop()
        del self.places[axis]

    def known(self, *key: object) -> str | None:
        """What has been computed under a key."""
        return next((scope[key] for scope in reversed(self.scopes) if key in scope), None)

    def keep(self, value: str, *key: object) -> str:
        """Remember it, for the places that are known now."""
        self.scopes[-1][key] = value
        return value

    def size(self, extent: Extent) -> str:
        """An extent as a value."""
        if not extent.batched:
            return str(extent.count)
        return "%batch" if extent.count == 1 else self.writer.let(f"mul nsw i64 %batch, {extent.count}")

    def share(self, extent: Extent) -> tuple[str, str]:
        """From where and up to where this thread's part of so many places reaches."""
        w, size = self.writer, self.size(extent)
        first = w.let(f"mul nsw i64 {size}, %part")
        following = w.let(f"add nsw i64 {first}, {size}")
        return w.let(f"sdiv i64 {first}, %parts"), w.let(f"sdiv i64 {following}, %parts")

    def times(self, place: str, step: Extent) -> str:
        """A place times a step, in elements."""
        if place.lstrip("-").isdigit() and not step.batched:
            return str(int(place) * step.count)
        found = place if step.count == 1 else self.writer.let(f"mul nsw i64 {place}, {step.count}")
        return self.writer.let(f"mul nsw i64 {found}, %batch") if step.batched else found

    def whole(self, part: Affine, row: int = 0) -> str:
        """An index as a whole number, ``row`` places along the block."""
        total, constant = "", part.constant
        for axis, coefficient in part.terms:
            constant += coefficient * row if axis == self.schedule.block else 0
            term = self.times(self.places[axis], Extent(coefficient))
            if term.lstrip("-").isdigit():
                constant += int(term)
            else:
                total = self.writer.let(f"add nsw i64 {total}, {term}") if total else term
        if not total:
            return str(constant)
        return self.writer.let(f"add nsw i64 {total}, {constant}") if constant else total


class Addresses:
    """Pointers for the places that a nest has come to, each computed in the outermost loop that allows it."""

    def __init__(self, state: State) -> None:
        self.s = state
        self.w = state.writer

    def kind(self, view: View) -> str:
        """The element type of a view's buffer."""
        return element(self.s.buffers[view.buffer].dtype)

    def steps(self, access: Access) -> dict[Axis, list[Extent]]:
        """Elements from one place of each axis to the next."""
        return steps(access.index, self._strides(access.view))

    def _strides(self, view: View) -> tuple[Extent, ...]:
        return strides(view, padded(columns(view), self.s.full))

    def along(self, access: Access) -> Extent | None:
        """The step of the vector axis; None if it is no single one, or a number found elsewhere decides."""
        vector = self.s.schedule.vector
        return Extent(0) if vector is None else step_along(vector, access.index, self._strides(access.view))

    # Chains ---------------------------------------------------------------------------------------------------------

    def pointer(self, access: Access, row: int = 0, column: int = 0) -> str:
        """Where the number for the places that are known lies, ``row`` along the block and ``column`` vectors on."""
        block, vector, moves = self.s.schedule.block, self.s.schedule.vector, self.steps(access)
        apart = self._apart(access)
        found = self._chain(access, row if apart else 0)
        offsets = [] if apart or not row else [self.s.times(str(row), step) for step in moves.get(block, ())]  # type: ignore[arg-type]
        if column and vector in moves:
            offsets += [self.s.times(str(column * self.s.lane.count), step) for step in moves[vector]]
        for offset in offsets:
            found = self.w.at(found, offset, self.kind(access.view))
        return found

    def _apart(self, access: Access) -> bool:
        """Whether each place of the block has a way of its own: a guard or a table decides, or they lie far apart."""
        block = self.s.schedule.block
        if block is None or self.s.schedule.size == 1:
            return block is not None
        guarded = {axis for _, part in access.guards() for axis, _ in part.terms}
        found = any(isinstance(part, Through) and block in axes_of(part.index) for part in access.index)
        return found or block in guarded or (bool(access.guards()) and self._reach(access, {block}) > self._room(access))

    def _reach(self, access: Access, near: set[Axis], done: set[Axis] | None = None) -> float:
        """Elements that some axes still reach over, onwards; infinity if that is not known, or backwards.

        ``near``: axes of which only the block's places count; all others do if ``done`` is given, and they are not in it.
        """
        reach = 0.0
        for axis, moves in self.steps(access).items():
            if axis in near:
                places: float = self.s.schedule.size
            elif done is None or axis in done:
                continue
            else:
                places = float("inf") if axis.extent.batched else axis.extent.count
            if places > 1:
                forward = all(not step.batched and step.count > 0 for step in moves)
                reach += (places - 1) * sum(step.count for step in moves) if forward else float("inf")
        return reach

    def _room(self, access: Access) -> int:
        """Elements that one may go on from the beginning of the constant that stands for what lies outside."""
        return (FILL if access.otherwise == 0 else SHORT_FILL) - self.s.full * self.s.columns

    def _chain(self, access: Access, row: int) -> str:
        """The base, moved on by one known axis after another; where a guard's axes are all known it chooses."""
        s, kind = self.s, self.kind(access.view)
        moves, widths = self.steps(access), self._strides(access.view)
        constants = [Extent(part.constant * stride.count, stride.batched)
                     for part, stride in zip(access.index, widths, strict=True) if isinstance(part, Affine)]  # fmt: skip
        found = self._moved(s.pointers[access.view.buffer], [("1", step) for step in merged(constants)], kind)
        waiting = [(n, part) for n, part in enumerate(access.index) if isinstance(part, Through)]
        guards, done = access.guards(), set[Axis]()
        for axis, place in [(None, ""), *s.places.items()]:
            if axis is not None:
                done.add(axis)
                found = self._moved(found, [(place, step) for step in moves.get(axis, ())], kind)
                if row and axis == s.schedule.block:
                    found = self._moved(found, [(str(row), step) for step in moves.get(axis, ())], kind)
            for n, part in [each for each in waiting if axes_of(each[1].index) <= done]:
                waiting.remove((n, part))
                found = self._moved(found, [(self._through(part, row), widths[n])], kind)
            if guards and self._decided(access, done):
                found, guards = self._guarded(access, guards, found, row), []
        return found

    def _moved(self, pointer: str, moves: list[tuple[str, Extent]], kind: str) -> str:
        known = self.s.known("moved", pointer, *moves)
        if known is not None:
            return known
        found = pointer
        for place, step in moves:
            offset = self.s.times(place, step)
            if offset != "0":
                found = self.w.at(found, offset, kind)
        return found if found == pointer else self.s.keep(found, "moved", pointer, *moves)

    def _through(self, part: Through, row: int) -> str:
        """The whole number that says where."""
        inner, kind = Access(part.view, part.index), self.kind(part.view)
        address = self._chain(inner, row)
        known = self.s.known("through", address)
        if known is not None:
            return known
        found = self.w.let(f"load {kind}, ptr {address}, align {4 if kind == 'float' else 8}")
        if kind != "i64":
            found = self.w.let(f"fptosi {kind} {found} to i64")
        return self.s.keep(found, "through", address)

    def _decided(self, access: Access, done: set[Axis]) -> bool:
        """Whether a guard can choose here: its axes are known, and the rest of the way stays within the constant."""
        block, vector = self.s.schedule.block, self.s.schedule.vector
        guarded = {axis for _, part in access.guards() for axis, _ in part.terms}
        if (vector in guarded and self.s.lane.count > 1) or not guarded <= done:
            return False
        if any(isinstance(part, Through) and not axes_of(part.index) <= done for part in access.index):
            return False  # how far a table's number will move on is not known
        near = {block} if block is not None and block in done and not self._apart(access) else set[Axis]()
        return access.axes() <= done or self._reach(access, near, done) <= self._room(access)

    def _guarded(self, access: Access, guards: list[tuple[int, Affine]], pointer: str, row: int) -> str:
        places = [self.s.places[axis] for _, part in guards for axis, _ in part.terms]
        known = self.s.known("guard", access.otherwise, pointer, row, *places)
        if known is not None:
            return known
        condition = self._condition(access, guards, row)
        found = self.w.let(f"select i1 {condition}, ptr {pointer}, ptr {self._fill(access)}")
        return self.s.keep(found, "guard", access.otherwise, pointer, row, *places)

    def _condition(self, access: Access, guards: list[tuple[int, Affine]], row: int) -> str:
        condition = ""
        for dim, part in guards:
            size = self.s.size(access.view.dims[dim])
            here = self.w.let(f"icmp ult i64 {self.s.whole(part, row)}, {size}")
            condition = self.w.let(f"and i1 {condition}, {here}") if condition else here
        return condition

    def _fill(self, access: Access) -> str:
        assert access.otherwise is not None
        kind = self.kind(access.view)
        if access.otherwise == 0:
            name, text = f"@zeros_{kind}", f"[{FILL} x {kind}] zeroinitializer"
        else:
            value = "0" if kind == "i64" else literal(access.otherwise, kind == "double")
            name = f"@fill_{kind}_{value}"
            text = f"[{SHORT_FILL} x {kind}] [{', '.join([f'{kind} {value}'] * SHORT_FILL)}]"
        self.w.functions.declare(f"{name} = internal constant {text}, align 64")
        return name

    # Numbers --------------------------------------------------------------------------------------------------------

    def load(self, access: Access, row: int, column: int) -> str:
        """A number, or a vector where the access moves along vectors, as numbers of the kernel's type."""
        s, vector = self.s, self.s.schedule.vector
        if vector not in access.axes() or s.lane.count == 1:
            return self._plain(access, s.lane.one, self.pointer(access, row, column))
        step, guarded = self.along(access), any(vector in dict(part.terms) for _, part in access.guards())
        if step == Extent(1) and not guarded:
            return self._plain(access, s.lane, self.pointer(access, row, column))
        return self._spread(access, row, column)

    def _plain(self, access: Access, lane: Lane, address: str) -> str:
        return self.w.load_as(self.s.buffers[access.view.buffer].dtype, lane, address)

    def _spread(self, access: Access, row: int, column: int) -> str:
        """A vector number by number: its places lie apart, or some of them outside."""
        w, lane = self.w, self.s.lane
        found = w.constant(lane, access.otherwise or 0.0)
        for k in range(self._count(column)):
            with self.single(k, column):
                number = self._plain(access, lane.one, self.pointer(access, row))
            found = w.let(f"insertelement {lane} {found}, {lane.scalar} {number}, i64 {k}")
        return found

    def _count(self, column: int) -> int:
        last = column == self.s.columns - 1
        return self.s.tail if self.s.tail and last else self.s.lane.count

    @contextmanager
    def single(self, k: int, column: int) -> Iterator[None]:
        """Go on with one number of a vector as if it were all."""
        s, vector = self.s, self.s.schedule.vector
        assert vector is not None
        offset = k + column * s.lane.count
        place = self.w.let(f"add nsw i64 {s.places[vector]}, {offset}") if offset else s.places[vector]
        before, lane = s.places[vector], s.lane
        s.places[vector], s.lane = place, lane.one
        s.scopes.append({})
        schedule, s.schedule = s.schedule, Schedule(s.schedule.loops, None, 1, s.schedule.block, s.schedule.size)
        yield
        s.schedule = schedule
        s.scopes.pop()
        s.places[vector], s.lane = before, lane

    def store(self, access: Access, value: str, row: int, column: int, wide: bool, add: bool) -> None:
        """A number, or a ``wide`` vector's, to where they belong; with ``add`` to what is there."""
        s, w, lane = self.s, self.w, self.s.lane
        if not wide or lane.count == 1:
            self._write(access, lane.one, value, self.pointer(access, row, column), add)
        elif self.along(access) == Extent(1) and (self._count(column) == lane.count or self._free(access)):
            self._write(access, lane, value, self.pointer(access, row, column), add)
        else:
            for k in range(self._count(column)):
                number = w.let(f"extractelement {lane} {value}, i64 {k}")
                with self.single(k, column):
                    self._write(access, s.lane, number, self.pointer(access, row), add)

    def _free(self, access: Access) -> bool:
        """Whether what lies behind the last number is padding of the same row."""
        view, vector = access.view, self.s.schedule.vector
        last = view.memory[-1]
        padding = columns(view) > 1
        return padding and access.index[last] == Affine(((vector, 1),)) and view.dims[last] == vector.extent  # type: ignore[arg-type, union-attr]

    def _write(self, access: Access, lane: Lane, value: str, address: str, add: bool) -> None:
        if add:
            value = self.w.let(f"fadd {lane} {self._plain(access, lane, address)}, {value}")
        self.w.store_as(self.s.buffers[access.view.buffer].dtype, lane, value, address)
