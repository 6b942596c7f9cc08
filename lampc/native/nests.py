"""Nests as LLVM functions: axes become loops, vectors and blocks in registers, as a schedule says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lampc.loops.language import Axis, Loops, Nest, Scan
from lampc.loops.schedule import Schedule, chosen
from lampc.native.address import State
from lampc.native.code import Target
from lampc.native.emit import Functions, Lane, Values, Writer
from lampc.native.kernel import Buffer, Kind
from lampc.native.tiles import NestTiles

Chooser = Callable[[Nest, int, int], Schedule]
"""A schedule for a nest, how many vectors the registers hold, and the usual size of minibatches."""


def function(loops: Loops, buffers: Mapping[int, Buffer], target: Target, double: bool, batch: int, functions: Functions,
             chooser: Chooser = chosen) -> str:  # fmt: skip
    """A kernel's parameters and body, as ``code.function``'s are.

    Threads share the outermost axis of ``loops``, or the one that it names, or of its only nest the one that the schedule
    names; each place of it is computed as one thread alone would.
    """
    writer = Writer(functions)
    rendering = _Rendering(writer, loops, buffers, Lane(double, target.width(double)),
                           lambda nest: chooser(nest, target.held, batch))  # fmt: skip
    rendering.run()
    writer.line("ret void")
    body = "\n".join([*writer.room, *writer.lines])
    return f"(ptr noalias %table, i64 %batch, ptr noalias %random, i64 %part, i64 %parts) {{\nentry:\n{body}\n}}"


class _Rendering:
    """A kernel: the loops around its nests."""

    def __init__(self, writer: Writer, loops: Loops, buffers: Mapping[int, Buffer], lane: Lane,
                 schedule: Callable[[Nest], Schedule]) -> None:  # fmt: skip
        self.w, self.loops, self.buffers, self.lane, self.schedule = writer, loops, buffers, lane, schedule
        self.pointers: dict[int, str] = {}
        self.places: dict[Axis, str] = {}

    def run(self) -> None:
        for index, buffer in enumerate(self.loops.slots):
            slot = self.w.at("%table", str(index), "ptr")
            self.pointers[buffer] = self.w.let(f"load ptr, ptr {slot}, align 8")
            if self.buffers[buffer].kind is Kind.PRIVATE:
                self.pointers[buffer] = self._own(self.pointers[buffer])
        if not self.loops.axes and self._split() is None:
            self.w.leave(self.w.let("icmp ne i64 %part, 0"), "void")
        self._outer(self.loops.axes)

    def _own(self, first: str) -> str:
        """The room of the thread at hand, from the first thread's."""
        size = self.w.let(f"load i64, ptr {self.w.at('%random', '2', 'i64')}, align 8")
        return self.w.at(first, self.w.let(f"mul nsw i64 {size}, %part"), "i8")

    def _split(self) -> Axis | None:
        """The axis of the nests that threads share."""
        body = self.loops.body
        if self.loops.axes or self.loops.shared:
            return self.loops.shared
        return self.schedule(body[0]).split if len(body) == 1 and isinstance(body[0], Nest) else None

    def _outer(self, axes: Sequence[Axis]) -> None:
        if not axes:
            self._body(self.loops.body, self._split())
            return
        state, extent = self._state(), axes[0].extent
        start, stop = state.share(extent) if axes[0] == self.loops.axes[0] else ("0", state.size(extent))
        self._each(axes[0], start, stop, lambda: self._outer(axes[1:]))

    def _each(self, axis: Axis, start: str, stop: str, body: Callable[[], None]) -> None:
        def each(place: str, _: Values) -> Values:
            self.places[axis] = place
            body()
            return []

        self.w.loop(start, stop, 1, [], each)
        del self.places[axis]

    def _body(self, body: Sequence[Nest | Scan], split: Axis | None) -> None:
        for part in body:
            if isinstance(part, Nest):
                NestTiles(self._state(self.schedule(part)), part, split).run()
            else:
                self._each(part.axis, "0", self._state().size(part.axis.extent), lambda scan=part: self._body(scan.body, split))  # type: ignore[misc]

    def _state(self, schedule: Schedule | None = None) -> State:
        schedule = schedule or Schedule(())
        lane = self.lane if schedule.vector is not None else self.lane.one
        return State(self.w, self.buffers, self.pointers, schedule, lane, self.lane.count, dict(self.places))
