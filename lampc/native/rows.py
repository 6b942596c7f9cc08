"""Kernels whose rows must be whole and are too long for registers: what a row comes to is found in loops of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lampc.ir.expression import Across, Column, Expression, Load, Number, Pattern, Shift, exchanged
from lampc.loops.language import Affine, At, Axis, Extent, Fold, Loops, Nest, Place, Put, Reduced, Reduction, View, affine
from lampc.native.kernel import Buffer, Kernel, Store, Way
from lampc.native.spaces import NoNativeForm

WHOLE = 64 * 512
"""Bits of the longest row that is kept in registers: as much on every machine, in narrower vectors the more."""


def is_long(kernel: Kernel, buffers: Mapping[int, Buffer]) -> bool:
    """Whether a kernel's rows must be whole, and are too long."""
    bits = max((64 if buffers[id].dtype == "f64" else 32 for id in kernel.slots), default=32)
    return kernel.whole_rows and kernel.cols * bits > WHOLE


def in_loops(kernel: Kernel, buffers: Mapping[int, Buffer], room: Callable[[str], int]) -> Iterator[Loops]:
    """The same as nests: row by row what it comes to, then its numbers; and sums over the rows.

    ``room``: a new buffer for a number a row.

    Raises:
        NoNativeForm: if there are random numbers, or a transposed result.
    """
    across = [part for part in kernel.parts() if isinstance(part, Across)]
    wide = [store for store in kernel.stores if store.way is not Way.ROW]
    kept = {id(part): room(part.kind) for part in across if wide}
    space = _Space.of(kernel, buffers)
    first = _Wording(space, Axis("k", Extent(kernel.cols)))
    totals = tuple(first.reduction(part, f"t{n}") for n, part in enumerate(across))
    puts = [Put(*space.row_of(s.buffer), first.of(s.expression)) for s in kernel.stores if s.way is Way.ROW]
    puts += [Put(*space.row_of(kept[id(part)]), first.of(part)) for part in across if wide]
    later = _Wording(space, Axis("c", Extent(kernel.cols)), {part: At(*space.row_of(id)) for part, id in kept.items()})
    body = [Nest("totals", (), tuple(puts), totals)]
    each = tuple(later.put(store) for store in wide if store.way is Way.EACH)
    if each:
        body.append(Nest("numbers", (later.column,), each))
    yield Loops(kernel.name, tuple(body), space.axes)
    for number, store in enumerate(wide):
        if store.way is not Way.EACH:
            yield Loops(f"{kernel.name}_{number}", (later.sum(store),))


@dataclass(frozen=True)
class _Space:
    """The rows of a kernel as axes: two where what has a number a row lies in rows of its own."""

    axes: tuple[Axis, ...]
    row: Affine
    rows: Extent
    buffers: Mapping[int, Buffer]

    @staticmethod
    def of(kernel: Kernel, buffers: Mapping[int, Buffer]) -> _Space:
        """A kernel's."""
        alone = {load.buffer for load in kernel.loads() if load.pattern is Pattern.ROW}
        alone |= {store.buffer for store in kernel.stores if store.way is Way.ROW}
        apart = {buffers[id].cols for id in alone if buffers[id].cols > 1 and buffers[id].rows != Extent(1)}
        if not apart:
            axis = Axis("r", kernel.rows)
            return _Space((axis,), affine(axis), kernel.rows, buffers)
        (inner,) = apart
        outer, axis = Axis("r", Extent(kernel.rows.count // inner, kernel.rows.batched)), Axis("s", Extent(inner))
        return _Space((outer, axis), outer * inner + axis, kernel.rows, buffers)

    def row_of(self, id: int) -> tuple[View, tuple[Affine, ...]]:
        """Where a buffer has a row's number."""
        buffer = self.buffers[id]
        if buffer.cols == 1 or buffer.rows == Extent(1):
            return View(id, (self.rows, Extent(1))), (self.row, affine(0))
        return View(id, (buffer.rows, Extent(buffer.cols))), tuple(map(affine, self.axes))

    def place(self, id: int, column: Axis, shift: Shift) -> tuple[View, tuple[Affine, ...]]:
        """Where a buffer has the number of a row and a column."""
        buffer = self.buffers[id]
        return View(id, (buffer.rows, Extent(buffer.cols))), (self.row * shift.step + shift.start, column + shift.offset)


@dataclass
class _Wording:
    """A kernel's expressions at a row and a column, said of axes; shared as they were."""

    space: _Space
    column: Axis
    known: dict[int, Expression] = field(default_factory=dict)
    """What stands for parts that are known."""

    def of(self, part: Expression) -> Expression:
        """An expression."""
        return exchanged([part], self._said, self.known)[0]

    def _said(self, part: Expression) -> Expression:
        if isinstance(part, Load):
            return self._load(part)
        if isinstance(part, Column):
            return Place(affine(self.column))
        if isinstance(part, Number):
            return part
        raise NoNativeForm(f"{type(part).__name__.lower()} numbers in rows of {self.column.extent}, which must be whole,")

    def _load(self, load: Load) -> At:
        if load.pattern is Pattern.EACH:
            return At(*self.space.place(load.buffer, self.column, load.shift))
        if load.pattern is Pattern.ROW:
            return At(*self.space.row_of(load.buffer))
        if load.pattern is Pattern.COLUMN:
            return At(View(load.buffer, (self.column.extent,)), (affine(self.column),))
        return At(View(load.buffer, (Extent(1),)), (affine(0),))

    def reduction(self, part: Across, name: str) -> Reduction:
        """What a row comes to, under a name by which it is known from now on."""
        found = Reduction(name, Fold.MAX if part.kind == "max" else Fold.SUM, (self.column,), self.of(part.argument))
        self.known[id(part)] = Reduced(name) / float(self.column.extent.count) if part.kind == "mean" else Reduced(name)
        return found

    def put(self, store: Store) -> Put:
        """What is stored at each place."""
        return Put(*self.space.place(store.buffer, self.column, store.shift), self.of(store.expression))

    def sum(self, store: Store) -> Nest:
        """A column's sum, or that of all."""
        if store.way is Way.TURNED:
            raise NoNativeForm(f"rows of {self.column.extent} numbers, which must be whole, transposed")
        columns = (self.column,) if store.way is Way.SUM_ROWS else ()
        axes = self.space.axes if columns else (*self.space.axes, self.column)
        found = Reduction("total", Fold.SUM, axes, self.of(store.expression))
        view = View(store.buffer, (self.column.extent if columns else Extent(1),))
        return Nest("sum", columns, (Put(view, (affine(self.column if columns else 0),), Reduced("total")),), (found,))
