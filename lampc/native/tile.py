"""Expressions on a tile: some rows by some vectors of columns, everything in registers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lampc.ir.expression import (
    HERE,
    Across,
    Call,
    Column,
    Expression,
    Load,
    Number,
    Pattern,
    Product,
    Random,
    Shift,
    children,
)
from lampc.native.emit import Lane, Writer, element
from lampc.native.functions import FUNCTIONS, OF_TWO
from lampc.native.kernel import Buffer, Kernel, Rows
from lampc.native.philox import uniform

ONE, ROW, COLUMN, EACH = 0, 1, 2, 3
"""What an expression depends on: nothing, the row, the column, both. They combine as bits."""


@dataclass
class Frame:
    """What the tiles of a kernel share: addresses, and numbers that are the same at every place."""

    writer: Writer
    kernel: Kernel
    buffers: Mapping[int, Buffer]
    lane: Lane
    """A vector of columns."""
    width: int
    """Numbers in a vector, whatever the tile uses."""
    pointers: dict[int, str] = field(default_factory=dict)
    once: dict[int, str] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)

    def stride(self, id: int) -> int:
        """Elements from one row to the next."""
        return padded(self.buffers[id].cols, self.width)

    def pointer(self, id: int) -> str:
        """A buffer's address."""
        return self.pointers[id]

    def begin(self) -> None:
        """Load addresses, and what no place changes."""
        for index, buffer in enumerate(self.kernel.slots):
            slot = self.writer.at("%table", str(index), "ptr")
            self.pointers[buffer] = self.writer.let(f"load ptr, ptr {slot}, align 8")
        for part in self.kernel.parts():
            self.ranks[id(part)] = self._rank(part)
            if self.ranks[id(part)] == ONE:
                self.once[id(part)] = self._one(part)

    def _rank(self, part: Expression) -> int:
        if isinstance(part, Load):
            return {Pattern.EACH: EACH, Pattern.COLUMN: COLUMN, Pattern.ROW: ROW, Pattern.ONE: ONE}[part.pattern]
        if isinstance(part, Product | Random):
            return EACH
        if isinstance(part, Across):
            return ROW
        if isinstance(part, Column):
            return COLUMN
        rank = ONE
        for child in children(part):
            rank |= self.ranks[id(child)]
        return rank

    def _one(self, part: Expression) -> str:
        scalar = self.lane.one
        if isinstance(part, Number):
            return self.writer.coefficient(part.value, self.lane.one)
        if isinstance(part, Load):
            return self.load(part.buffer, scalar, self.pointer(part.buffer))
        assert isinstance(part, Call)
        return apply(self.writer, scalar, part.function, [self.once[id(a)] for a in part.arguments])

    def load(self, id: int, lane: Lane, address: str) -> str:
        """Numbers of a buffer's own type, as those of the kernel's."""
        return self.writer.load_as(self.buffers[id].dtype, lane, address)

    def store(self, id: int, lane: Lane, value: str, address: str) -> None:
        """Numbers of the kernel's type into a buffer of its own."""
        self.writer.store_as(self.buffers[id].dtype, lane, value, address)

    def store_some(self, id: int, value: str, address: str, count: int) -> None:
        """The first numbers of a vector, leaving what lies behind them alone."""
        lane, w = self.lane, self.writer
        own = Lane(self.buffers[id].dtype == "f64", lane.count)
        assert own == lane, "only kernels of one place mix types"
        full = f"@llvm.masked.store.{lane.suffix}.p0"
        mask = lane.of("i1")
        w.functions.declare(f"declare void {full}({lane}, ptr, i32, {mask})")
        bits = ", ".join(f"i1 {int(k < count)}" for k in range(lane.count))
        w.line(f"call void {full}({lane} {value}, ptr {address}, i32 {lane.bits // 8}, {mask} <{bits}>)")

    def element(self, id: int) -> str:
        """A buffer's element type."""
        return element(self.buffers[id].dtype)


@dataclass
class Tile:
    """Some rows by some vectors. Numbers of a row are scalars until they meet a vector."""

    frame: Frame
    rows: list[str]
    """The rows' numbers."""
    columns: list[str]
    """The columns at which the vectors begin."""
    tail: int
    """Numbers of the last vector that count; 0: all."""
    products: dict[tuple[int, int], str] = field(default_factory=dict)
    known: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def value(self, part: Expression, i: int, j: int) -> str:
        """A vector at row i and vector j."""
        rank = self.frame.ranks[id(part)]
        found = self.at(part, i, j)
        return found if rank & COLUMN else self.spread(part, found, i)

    def spread(self, part: Expression, value: str, i: int) -> str:
        """A row's number as a vector."""
        key = (-id(part), i if self.frame.ranks[id(part)] & ROW else -1, 0)
        if key not in self.known:
            self.known[key] = self.frame.writer.splat(self.frame.lane, value)
        return self.known[key]

    def at(self, part: Expression, i: int, j: int) -> str:
        """A vector, or one number where the columns do not matter."""
        rank = self.frame.ranks[id(part)]
        if rank == ONE:
            return self.frame.once[id(part)]
        key = (id(part), i if rank & ROW else -1, j if rank & COLUMN else -1)
        if key not in self.known:
            self.known[key] = self._at(part, rank, i, j)
        return self.known[key]

    def _at(self, part: Expression, rank: int, i: int, j: int) -> str:
        frame, w = self.frame, self.frame.writer
        if isinstance(part, Load):
            lane = frame.lane if rank & COLUMN else frame.lane.one
            return frame.load(part.buffer, lane, self.address(part.buffer, part.pattern, i, j, part.shift))
        if isinstance(part, Product):
            return self.products[i, j]
        if isinstance(part, Across):
            return self._across(part, i)
        if isinstance(part, Column):
            return self._column(j)
        if isinstance(part, Random):
            return uniform(w, frame.lane, self.rows[i], frame.kernel.cols, self.columns[j], part.stream)
        assert isinstance(part, Call)
        if rank & COLUMN:
            return apply(w, frame.lane, part.function, [self.value(argument, i, j) for argument in part.arguments])
        return apply(w, frame.lane.one, part.function, [self.at(argument, i, j) for argument in part.arguments])

    def address(self, id: int, pattern: Pattern, i: int, j: int, shift: Shift = HERE) -> str:
        """Where a buffer's numbers for row i and vector j begin."""
        frame, w = self.frame, self.frame.writer
        kind, base = frame.element(id), frame.pointer(id)
        if pattern is Pattern.ROW:
            return w.at(base, self._row(id, i), kind)
        if pattern is Pattern.COLUMN:
            return w.at(base, self.columns[j], kind)
        if shift != HERE:
            return self._shifted(id, i, j, shift)
        key = (-1 - id, i, -2)
        if key not in self.known:
            self.known[key] = w.at(base, w.let(f"mul nsw i64 {self.rows[i]}, {frame.stride(id)}"), kind)
        return w.at(self.known[key], self.columns[j], kind)

    def _row(self, id: int, i: int) -> str:
        """Where a buffer has row i's number: its own rows lie one after another, each padded."""
        buffer, w, stride = self.frame.buffers[id], self.frame.writer, self.frame.stride(id)
        if buffer.rows == Rows(1) or buffer.cols == stride:
            return self.rows[i]
        key = (-1 - id, i, -3)
        if key not in self.known:
            line = w.let(f"sdiv i64 {self.rows[i]}, {buffer.cols}")
            left = w.let(f"srem i64 {self.rows[i]}, {buffer.cols}")
            self.known[key] = w.let(f"add nsw i64 {w.let(f'mul nsw i64 {line}, {stride}')}, {left}")
        return self.known[key]

    def _shifted(self, id: int, i: int, j: int, shift: Shift) -> str:
        frame, w = self.frame, self.frame.writer
        stride = frame.stride(id)
        line = w.let(f"mul nsw i64 {self.rows[i]}, {shift.step * stride}")
        column = w.let(f"add nsw i64 {self.columns[j]}, {shift.start * stride + shift.offset}")
        return w.at(frame.pointer(id), w.let(f"add nsw i64 {line}, {column}"), frame.element(id))

    def _column(self, j: int) -> str:
        lane, w = self.frame.lane, self.frame.writer
        offset = w.let(f"sitofp i64 {self.columns[j]} to {lane.scalar}")
        if lane.count == 1:
            return offset
        numbers = ", ".join(f"{lane.scalar} {float(k)}" for k in range(lane.count))
        return w.let(f"fadd {lane} {w.splat(lane, offset)}, <{numbers}>")

    def masked(self, value: str, j: int, other: float) -> str:
        """A vector whose places beyond the last column hold another number."""
        lane, w = self.frame.lane, self.frame.writer
        if not self.tail or j != len(self.columns) - 1:
            return value
        mask = ", ".join(f"i1 {int(k < self.tail)}" for k in range(lane.count))
        return w.let(f"select {lane.of('i1')} <{mask}>, {lane} {value}, {lane} {w.constant(lane, other)}")

    def _across(self, part: Across, i: int) -> str:
        """Vectors are combined first, then the numbers of one."""
        lane, w = self.frame.lane, self.frame.writer
        maximum = part.kind == "max"
        total = ""
        for j in range(len(self.columns)):
            value = self.masked(self.value(part.argument, i, j), j, -math.inf if maximum else 0.0)
            total = value if not total else apply(w, lane, "max" if maximum else "add", [total, value])
        result = across(w, lane, total, maximum)
        if part.kind == "mean":
            result = w.let(f"fdiv {lane.scalar} {result}, {w.constant(lane.one, float(self.frame.kernel.cols))}")
        return result


def across(w: Writer, lane: Lane, value: str, maximum: bool = False) -> str:
    """The sum or maximum of a vector's numbers, halves first: the order is fixed, so results repeat."""
    count = lane.count
    while count > 1:
        half = count // 2
        mask = ", ".join(f"i32 {half + k if k < half else 0}" for k in range(lane.count))
        moved = w.let(f"shufflevector {lane} {value}, {lane} poison, <{lane.count} x i32> <{mask}>")
        value = apply(w, lane, "max" if maximum else "add", [value, moved])
        count = half
    return value if lane.count == 1 else w.let(f"extractelement {lane} {value}, i64 0")


def padded(cols: int, width: int) -> int:
    """A row's length in memory: whole vectors, and for long rows an odd number of them.

    Rows a power of two apart would share a few sets of the caches, and drive one another out.
    """
    if cols == 1:
        return 1
    vectors = -(-cols // width)
    return width * (vectors | 1 if vectors >= 8 else vectors)


_OPERATORS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"greater": "ogt", "equal": "oeq"}


def apply(w: Writer, lane: Lane, function: str, arguments: list[str]) -> str:
    """A function of values of one type."""
    if function in _OPERATORS:
        return w.binary(_OPERATORS[function], lane, *arguments)
    if function in ("max", "min"):  # NaN wins, as in torch
        a, b = arguments
        test = w.let(f"fcmp {'ogt' if function == 'max' else 'olt'} {lane} {a}, {b}")
        chosen = w.let(f"select {lane.of('i1')} {test}, {lane} {a}, {lane} {b}")
        nan = w.let(f"fcmp uno {lane} {a}, {a}")
        return w.let(f"select {lane.of('i1')} {nan}, {lane} {a}, {lane} {chosen}")
    if function in _COMPARISONS:
        test = w.let(f"fcmp {_COMPARISONS[function]} {lane} {arguments[0]}, {arguments[1]}")
        return w.let(f"uitofp {lane.of('i1')} {test} to {lane}")
    if function == "select":
        condition, a, b = arguments
        test = w.let(f"fcmp une {lane} {condition}, {w.constant(lane, 0.0)}")
        return w.let(f"select {lane.of('i1')} {test}, {lane} {a}, {lane} {b}")
    if function in ("sqrt", "abs", "floor"):
        return w.intrinsic({"abs": "fabs"}.get(function, function), lane, *arguments)
    assert function in FUNCTIONS or function in OF_TWO, function
    return w.call(function, lane, *arguments)
