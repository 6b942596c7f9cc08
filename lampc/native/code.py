"""Kernels as LLVM functions: blocks of rows by vectors of columns, kept in registers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lampc.ir.expression import HERE, Across, Call, Column, Expression, Load, Pattern, Random
from lampc.native.emit import Functions, Lane, Values, Writer
from lampc.native.kernel import Buffer, Contract, Kernel, Rows, Store, Way
from lampc.native.philox import uniform
from lampc.native.rows import WHOLE
from lampc.native.spaces import NoNativeForm
from lampc.native.tile import ONE, ROW, Frame, Tile, across, apply

VECTOR = 64
"""Bytes of a vector: the widest register that there is."""

_PACKED_BLOCKS = 6
"""Blocks of rows from which it pays to copy a tile of a product's second factor into one piece."""
_PACKED_LEAST = 32_768
"""Bytes of such pieces: smaller ones stay in the first cache as they are."""
SCRATCH = 262_144
"""Bytes of the largest; a larger one would leave the second cache. Each thread has so many, where ``random`` says."""


@dataclass(frozen=True)
class Target:
    """What of the machine the text depends on. But for ``fma`` it changes how numbers are blocked, never a bit of them."""

    bytes: int
    """Of a vector register."""
    registers: int
    """Vector registers."""
    fma: bool = True
    """Whether a product and a sum are one instruction; else ``fma`` would be a call for every number."""
    yields: str = "sched_yield"
    """The system's function, without arguments, that gives another thread its turn; empty if it has none."""

    def width(self, double: bool) -> int:
        """Numbers in a vector, the same on every machine: so sums have one order. LLVM splits what registers cannot hold."""
        return VECTOR // (8 if double else 4)

    @property
    def held(self) -> int:
        """How many vectors all registers hold."""
        return self.bytes * self.registers // VECTOR


def function(kernel: Kernel, buffers: Mapping[int, Buffer], target: Target, double: bool, batch: int,
             functions: Functions) -> str:  # fmt: skip
    """A kernel as a function's parameters and body: ``(ptr table, i64 batch, ptr random, i64 part, i64 parts)``.

    Of ``parts`` threads that call it, ``part`` does its share: tiles of columns, each computed as one thread alone would.
    The table holds the addresses of the kernel's ``slots``, so that alike kernels have the same text. ``batch`` is the
    usual batch size: a hint.
    """
    single = kernel.rows == Rows(1) and kernel.cols == 1
    width = target.width(double)
    lane = Lane(double or single, 1 if single else width)
    writer = Writer(functions)
    frame = Frame(writer, kernel, buffers, lane, width)
    generator = _Generator(frame, target, batch)
    if not generator.split:
        writer.leave(writer.let("icmp ne i64 %part, 0"), "void")
    frame.begin()
    generator.run()
    writer.line("ret void")
    body = "\n".join([*writer.room, *writer.lines])
    return f"(ptr noalias %table, i64 %batch, ptr noalias %random, i64 %part, i64 %parts) {{\nentry:\n{body}\n}}"


@dataclass(frozen=True)
class _Sum:
    """A column's sum, or a sum of all: for each vector of a tile's columns one sum is carried along the rows.

    So its order is that of rows and columns, however they are cut into blocks.
    """

    store: Store
    total: str = ""
    """Of a sum of all: where the vectors' sums are added up, one after the other."""


class _Generator:
    def __init__(self, frame: Frame, target: Target, batch: int) -> None:
        self.frame = frame
        self.kernel = frame.kernel
        self.w = frame.writer
        self.lane = frame.lane
        self.target = target
        self.batch = batch
        vectors = -(-self.kernel.cols // self.lane.count)
        summed = any(store.way is Way.SUM_ALL for store in self.kernel.stores)
        self.split = not summed and not self.kernel.whole_rows and vectors > self._most_vectors(vectors)
        """Whether several threads may share it: there are several tiles, and no number that depends on all."""
        self.panel = self.scratch = ""
        self.sums: list[_Sum] = []

    def run(self) -> None:
        kernel = self.kernel
        if kernel.rows == Rows(1) and kernel.cols == 1:
            self._one()
        elif kernel.cols == 1 and self._contiguous():
            self._flat()
        elif kernel.turns:
            self._turn()
        else:
            self.sums = self._begin_sums()
            if kernel.contract is not None and kernel.contract.over_rows:
                self._outer(kernel.contract)
            else:
                self._tiles()
            self._finish_all()

    def _rows(self, rows: Rows) -> str:
        if not rows.batched:
            return str(rows.count)
        return "%batch" if rows.count == 1 else self.w.let(f"mul nsw i64 %batch, {rows.count}")

    def _contiguous(self) -> bool:
        """Whether the rows of one column lie side by side in every buffer."""
        buffers = self.frame.buffers
        loads = all(load.shift == HERE and buffers[load.buffer].cols == 1 for load in self.kernel.loads())
        turned = {s.buffer for s in self.kernel.stores if s.way is Way.TURNED and buffers[s.buffer].rows == Rows(1)}
        return loads and all(s.buffer in turned or buffers[s.buffer].cols == 1 for s in self.kernel.stores)

    def _one(self) -> None:
        """One place: whatever is summed is itself."""
        tile = Tile(self.frame, ["0"], ["0"], 0)
        for store in self.kernel.stores:
            value = tile.at(store.expression, 0, 0)
            self.frame.store(store.buffer, self.lane, value, self.frame.pointer(store.buffer))

    # One column: vectors lie along the rows -------------------------------------------------------------------------

    def _flat(self) -> None:
        rows = self._rows(self.kernel.rows)
        width = self.lane.count
        whole = self.w.let(f"and i64 {rows}, {-width}")
        sums = [s for s in self.kernel.stores if s.way in (Way.SUM_ALL, Way.SUM_ROWS)]
        zero = self.w.constant(self.lane, 0.0)
        totals = self.w.loop("0", whole, width, [(str(self.lane), zero)] * len(sums), lambda r, c: self._run(r, c, sums))
        numbers = [across(self.w, self.lane, total) for total in totals]
        vector, self.frame.lane, self.lane = self.lane, self.lane.one, self.lane.one
        numbers = self.w.loop(whole, rows, 1, [(str(self.lane), n) for n in numbers], lambda r, c: self._run(r, c, sums))
        for store, number in zip(sums, numbers, strict=True):
            self.frame.store(store.buffer, self.lane, number, self.frame.pointer(store.buffer))
        self.frame.lane = self.lane = vector

    def _run(self, row: str, carried: Values, sums: Sequence[Store]) -> Values:
        """Some rows of one column: as if they were columns of one row."""
        tile = _Run(self.frame, [row], [row], 0)
        results = []
        for store in self.kernel.stores:
            value = tile.value(store.expression, 0, 0)
            if store in sums:
                results.append(self.w.binary("fadd", self.lane, carried[sums.index(store)], value))
            else:
                self.frame.store(store.buffer, self.lane, value, self.w.at(self.frame.pointer(store.buffer), row,
                                                                           self.frame.element(store.buffer)))  # fmt: skip
        return results

    # Rows by tiles of columns ---------------------------------------------------------------------------------------

    def _tiles(self) -> None:
        vectors = -(-self.kernel.cols // self.lane.count)
        if self.kernel.whole_rows:
            assert self.kernel.cols * self.lane.bits <= WHOLE, "longer ones are nests"
            self._columns(["0"], vectors, last=True)
            return
        self._each_tile(vectors, lambda column, size, tail: self._columns([column], size, bool(tail)))

    def _each_tile(self, vectors: int, body: Callable[[str, int, int], None]) -> None:
        """Tiles of columns, ``body`` given the first column, the vectors, and how many numbers of the last count."""
        width, index = self.lane.count, 0
        for first, size, count in shares(vectors, self._most_vectors(vectors)):
            last = first + size * count == vectors and bool(self._tail())
            self._alike(index, first * width, size * width, count - last, lambda c, size=size: body(c, size, 0))  # type: ignore[misc]
            index += count
            if last:
                column = str((vectors - size) * width)
                if self.split:
                    own = self.w.let(f"icmp eq i64 {self.w.let(f'urem i64 {index - 1}, %parts')}, %part")
                    with self.w.when(own):
                        body(column, size, self._tail())
                else:
                    body(column, size, self._tail())

    def _alike(self, index: int, first: int, step: int, count: int, body: Callable[[str], None]) -> None:
        """Tiles of one size; tile number t is the part t mod parts'."""
        w = self.w

        def each(column: str, _: Values) -> Values:
            body(column)
            return []

        if not count:
            return
        if self.split:
            turn = w.let(f"add i64 {w.let(f'sub i64 %part, {index}')}, {w.let(f'mul i64 %parts, {index + 1}')}")
            skipped = w.let(f"mul i64 {w.let(f'urem i64 {turn}, %parts')}, {step}")
            start, stride = w.let(f"add i64 {skipped}, {first}"), w.let(f"mul i64 %parts, {step}")
            w.loop(start, str(first + step * count), stride, [], each)
        elif count == 1:
            body(str(first))
        else:
            w.loop(str(first), str(first + step * count), step, [], each)

    def _most_vectors(self, vectors: int) -> int:
        if self.kernel.turns:
            return 1
        if self.kernel.contract is None:
            return 8 if vectors <= 8 else 4
        if self.kernel.whole_rows:
            return vectors
        return max(1, self.target.held // (16 if self.kernel.contract.over_rows else 8))

    def _tail(self) -> int:
        return self.kernel.cols % self.lane.count

    def _columns(self, start: list[str], vectors: int, last: bool) -> None:
        """All rows of a tile of columns."""
        w, lane = self.w, self.lane
        columns = [w.let(f"add nsw i64 {start[0]}, {j * lane.count}") for j in range(vectors)]
        tail = self._tail() if last else 0
        carried = [(str(lane), w.constant(lane, 0.0))] * (len(self.sums) * vectors)
        block = self._block_rows(vectors)
        rows = self._rows(self.kernel.rows)
        self.panel = self._packed(columns, block)

        def body(size: int) -> Callable[[str, Values], Values]:
            def one(row: str, values: Values) -> Values:
                numbers = [row, *(w.let(f"add nsw i64 {row}, {i}") for i in range(1, size))]
                return self._block(numbers, columns, {}, tail, values)

            return one

        values = [first for _, first in carried]
        done = "0"
        # What the usual batch leaves over goes in one smaller block; whatever else is left, row by row.
        for size in dict.fromkeys((block, max(1, self.kernel.rows.at(self.batch) % block), 1)):
            left = w.let(f"sub nsw i64 {rows}, {done}")
            whole = w.let(f"mul nsw i64 {w.let(f'sdiv i64 {left}, {size}')}, {size}")
            stop = w.let(f"add nsw i64 {done}, {whole}")
            values = w.loop(done, stop, size, carried, body(size))
            carried = [(kind, value) for (kind, _), value in zip(carried, values, strict=True)]
            done = stop
        self._finish(columns, values)

    def _packed(self, columns: list[str], block: int) -> str:
        """A tile's columns of a large second factor, copied into one piece that many rows will use; empty if not worth it."""
        contract, w, lane = self.kernel.contract, self.w, self.lane
        if contract is None or self.kernel.rows.at(self.batch) < _PACKED_BLOCKS * block:
            return ""
        stride = len(columns) * lane.count
        size = contract.size.count * stride * lane.bits // 8
        if not _PACKED_LEAST <= size <= SCRATCH:
            return ""
        if not self.scratch:  # not on the stack, which may be small
            self.scratch = "%panel"
            w.room += [
                "  %scratch = getelementptr inbounds i8, ptr %random, i64 8",
                "  %panels = load ptr, ptr %scratch, align 8",
                f"  %before = mul nsw i64 %part, {SCRATCH}",
                "  %panel = getelementptr inbounds i8, ptr %panels, i64 %before",
            ]
        source = w.at(self.frame.pointer(contract.b), columns[0], lane.scalar)

        def copy(k: str, _: Values) -> Values:
            line = w.at(source, w.let(f"mul nsw i64 {k}, {self.frame.stride(contract.b)}"), lane.scalar)
            target = w.at(self.scratch, w.let(f"mul nsw i64 {k}, {stride}"), lane.scalar)
            for j in range(len(columns)):
                offset = str(j * lane.count)
                w.store(lane, w.load(lane, w.at(line, offset, lane.scalar)), w.at(target, offset, lane.scalar))
            return []

        w.loop("0", str(contract.size.count), 1, [], copy)
        return self.scratch

    def _begin_sums(self) -> list[_Sum]:
        found = []
        for number, store in enumerate(self.kernel.stores):
            if store.way is Way.SUM_ROWS:
                found.append(_Sum(store))
            elif store.way is Way.SUM_ALL:
                total = f"%total{number}"
                self.w.room.append(f"  {total} = alloca {self.lane}, align 16")
                self.w.store(self.lane, self.w.constant(self.lane, 0.0), total)
                found.append(_Sum(store, total))
        return found

    def _most_rows(self, vectors: int) -> int:
        """Rows whose sums take three quarters of the registers; the factors need the rest, or they are loaded twice."""
        return max(1, min(14, self.target.held * 3 // 4 // vectors))

    def _block_rows(self, vectors: int) -> int:
        """How many rows at once: as many as registers hold, so that the usual batch leaves few over."""
        if self.kernel.contract is None:
            return 1
        most = self._most_rows(vectors)
        rows = self.kernel.rows.at(self.batch)

        def cost(block: int) -> float:
            return (rows // block) * (block * vectors + 0.6 * (block + vectors)) + (rows % block) * 3.0 * (vectors + 1)

        return min(range(1, most + 1), key=lambda block: (cost(block), -block))

    def _block(self, rows: list[str], columns: list[str], products: dict[tuple[int, int], str], tail: int = 0,
               carried: Sequence[str] = ()) -> Values:  # fmt: skip
        """Contract, evaluate and store a block; the sums with its numbers added, row after row."""
        tile = Tile(self.frame, rows, columns, tail, products)
        contract = self.kernel.contract
        if contract is not None and not products:
            tile.products.update(self._contracted(contract, rows, columns))
        values = list(carried)
        for i in range(len(rows)):
            for store in self.kernel.stores:
                self._store(tile, store, i)
            values = self._added(tile, i, values)
        return values

    def _store(self, tile: Tile, store: Store, i: int) -> None:
        frame, lane = self.frame, self.lane
        if store.way is Way.ROW:
            value = tile.at(store.expression, i, 0)
            assert frame.ranks[id(store.expression)] in (ONE, ROW), "a row's number"
            frame.store(store.buffer, lane.one, value, tile.address(store.buffer, Pattern.ROW, i, 0))
        elif store.way is Way.EACH:
            for j in range(len(tile.columns)):
                value = tile.value(store.expression, i, j)
                address = tile.address(store.buffer, Pattern.EACH, i, j, store.shift)
                # What lies behind the last column may be another's, or the next row.
                part = store.shift != HERE or self.kernel.cols == 1 or frame.buffers[store.buffer].cols != self.kernel.cols
                if part and tile.tail and j == len(tile.columns) - 1:
                    frame.store_some(store.buffer, value, address, tile.tail)
                else:
                    frame.store(store.buffer, lane, value, address)
        elif store.way is Way.TURNED:
            for j in range(len(tile.columns)):
                self._store_turned(tile, store, i, j)

    def _store_turned(self, tile: Tile, store: Store, i: int, j: int) -> None:
        """A vector's numbers, each into a row of its own."""
        frame, w, lane = self.frame, self.w, self.lane
        value = tile.value(store.expression, i, j)
        last = j == len(tile.columns) - 1 and tile.tail
        stride, kind = frame.stride(store.buffer), frame.element(store.buffer)
        start = w.let(f"add nsw i64 {w.let(f'mul nsw i64 {tile.columns[j]}, {stride}')}, {tile.rows[i]}")
        base = w.at(frame.pointer(store.buffer), start, kind)
        for k in range(tile.tail if last else lane.count):
            number = w.let(f"extractelement {lane} {value}, i64 {k}")
            frame.store(store.buffer, lane.one, number, w.at(base, str(k * stride), kind))

    def _added(self, tile: Tile, i: int, values: Values) -> Values:
        """The sums, those of one store after those of another, with row i's numbers."""
        before, after = iter(values), []
        for found in self.sums:
            for j in range(len(tile.columns)):
                part = tile.value(found.store.expression, i, j)
                part = tile.masked(part, j, 0.0) if found.total else part
                after.append(self.w.binary("fadd", self.lane, next(before), part))
        return after

    def _finish(self, columns: list[str], values: Values) -> None:
        """A tile of columns is done: its columns' sums are stored, or added to the sum of all."""
        frame, w, lane = self.frame, self.w, self.lane
        own = iter(values)
        for found in self.sums:
            id = found.store.buffer
            for column in columns:
                if found.total:
                    w.store(lane, w.binary("fadd", lane, w.load(lane, found.total), next(own)), found.total)
                else:
                    frame.store(id, lane, next(own), w.at(frame.pointer(id), column, frame.element(id)))

    def _finish_all(self) -> None:
        """All columns are done: of each sum of all its vector's numbers are added."""
        frame, w, lane = self.frame, self.w, self.lane
        for found in self.sums:
            if found.total:
                number = across(w, lane, w.load(lane, found.total))
                frame.store(found.store.buffer, lane.one, number, frame.pointer(found.store.buffer))

    # Transposing ----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Squares of as many rows as a vector has numbers, transposed in registers; what is left, number by number."""
        w, side, rows = self.w, self.lane.count, self.kernel.rows.count
        whole = rows // side * side

        def columns(column: str, _: int, tail: int) -> None:
            def square(row: str, _: Values) -> Values:
                for store in self.kernel.stores:
                    self._turn_square(store, row, column, tail or side)
                return []

            w.loop("0", str(whole), side, [], square)

            def left(row: str, _: Values) -> Values:
                return self._block([row], [column], {}, tail)

            w.loop(str(whole), str(rows), 1, [], left)

        self._each_tile(-(-self.kernel.cols // side), columns)

    def _turn_square(self, store: Store, row: str, column: str, count: int) -> None:
        """Halves exchange their corners, then quarters theirs, and so on."""
        frame, w, lane = self.frame, self.w, self.lane
        numbers = [row, *(w.let(f"add nsw i64 {row}, {i}") for i in range(1, lane.count))]
        tile = Tile(frame, numbers, [column], 0)
        lines = [tile.value(store.expression, i, 0) for i in range(lane.count)]
        step = 1
        while step < lane.count:
            for i in range(lane.count):
                if i & step:
                    continue
                a, b = lines[i], lines[i + step]
                low = [lane.count + k - step if k & step else k for k in range(lane.count)]
                high = [lane.count + k if k & step else k + step for k in range(lane.count)]
                lines[i], lines[i + step] = (self._shuffle(a, b, places) for places in (low, high))
            step *= 2
        stride, kind = frame.stride(store.buffer), frame.element(store.buffer)
        start = w.let(f"add nsw i64 {w.let(f'mul nsw i64 {column}, {stride}')}, {row}")
        base = w.at(frame.pointer(store.buffer), start, kind)
        for k in range(count):
            frame.store(store.buffer, lane, lines[k], w.at(base, str(k * stride), kind))

    def _shuffle(self, a: str, b: str, places: list[int]) -> str:
        lane = self.lane
        mask = ", ".join(f"i32 {place}" for place in places)
        return self.w.let(f"shufflevector {lane} {a}, {lane} {b}, <{lane.count} x i32> <{mask}>")

    # Contractions ---------------------------------------------------------------------------------------------------

    def _contracted(self, contract: Contract, rows: list[str], columns: list[str]) -> dict[tuple[int, int], str]:
        """``Σ a[r, k]·b[k, c]`` for a block, k after k: a broadcast of a, vectors of b."""
        frame, w, lane = self.frame, self.w, self.lane
        kind = lane.scalar
        stride_a = frame.stride(contract.a)
        base = w.at(frame.pointer(contract.a), w.let(f"mul nsw i64 {rows[0]}, {stride_a}"), kind)
        places = [(i, j) for i in range(len(rows)) for j in range(len(columns))]
        if self.panel:
            start, stride_b = self.panel, len(columns) * lane.count
        else:
            start, stride_b = w.at(frame.pointer(contract.b), columns[0], kind), frame.stride(contract.b)

        def body(k: str, totals: Values) -> Values:
            here = w.at(base, k, kind)
            line = w.at(start, w.let(f"mul nsw i64 {k}, {stride_b}"), kind)
            vectors = [w.load(lane, w.at(line, str(j * lane.count), kind)) for j in range(len(columns))]
            numbers = [w.splat(lane, w.load(lane.one, w.at(here, str(i * stride_a), kind))) for i in range(len(rows))]
            return [w.fma(lane, numbers[i], vectors[j], total) for (i, j), total in zip(places, totals, strict=True)]

        zero = w.constant(lane, 0.0)
        totals = w.loop("0", str(contract.size.count), 1, [(str(lane), zero)] * len(places), body)
        return dict(zip(places, totals, strict=True))

    def _outer(self, contract: Contract) -> None:
        """``Σ a[k, r]·b[k, c]`` over the batch's rows: blocks of the result stay in registers all the while."""
        w, lane = self.w, self.lane
        if any(s.way is Way.SUM_ROWS for s in self.kernel.stores) or self.kernel.whole_rows:
            raise NoNativeForm("sums over a weight gradient")
        rows = self._rows(contract.size)

        def tile(column: str, size: int, tail: int) -> None:
            columns = [w.let(f"add nsw i64 {column}, {j * lane.count}") for j in range(size)]
            values = [w.constant(lane, 0.0)] * (len(self.sums) * size)
            for top, height, times in shares(self.kernel.rows.count, self._most_rows(size)):

                def body(row: str, carried: Values, height: int = height) -> Values:
                    numbers = [row, *(w.let(f"add nsw i64 {row}, {i}") for i in range(1, height))]
                    return self._outer_block(contract, rows, Tile(self.frame, numbers, columns, tail), carried)

                if times == 1:
                    values = body(str(top), values)
                else:
                    values = w.loop(str(top), str(top + height * times), height, [(str(lane), v) for v in values], body)
            self._finish(columns, values)

        self._each_tile(-(-self.kernel.cols // lane.count), tile)

    def _outer_block(self, contract: Contract, rows: str, tile: Tile, carried: Values) -> Values:
        frame, w, lane = self.frame, self.w, self.lane
        kind = lane.scalar
        stride_a, stride_b = frame.stride(contract.a), frame.stride(contract.b)
        height, vectors = len(tile.rows), len(tile.columns)
        places = [(i, j) for i in range(height) for j in range(vectors)]
        left = w.at(frame.pointer(contract.a), tile.rows[0], kind)
        right = w.at(frame.pointer(contract.b), tile.columns[0], kind)

        def body(k: str, totals: Values) -> Values:
            here = w.at(left, w.let(f"mul nsw i64 {k}, {stride_a}"), kind)
            line = w.at(right, w.let(f"mul nsw i64 {k}, {stride_b}"), kind)
            parts = [w.load(lane, w.at(line, str(j * lane.count), kind)) for j in range(vectors)]
            numbers = [w.splat(lane, w.load(lane.one, w.at(here, str(i), kind))) for i in range(height)]
            return [w.fma(lane, numbers[i], parts[j], total) for (i, j), total in zip(places, totals, strict=True)]

        self._fetch(Tile(frame, tile.rows, tile.columns, tile.tail))
        totals = w.loop("0", rows, 1, [(str(lane), w.constant(lane, 0.0))] * len(places), body)
        return self._block(tile.rows, tile.columns, dict(zip(places, totals, strict=True)), tile.tail, carried)

    def _fetch(self, tile: Tile) -> None:
        """Ask for what the block's expressions will read, so that it is there when the contraction is done."""
        read = {load.buffer for load in self.kernel.loads() if load.pattern is Pattern.EACH and load.shift == HERE}
        for i in range(len(tile.rows)):
            for j in range(len(tile.columns)):
                for buffer in sorted(read):
                    self.w.fetch(tile.address(buffer, Pattern.EACH, i, j))


class _Run(Tile):
    """Rows of one column side by side in a vector: the place of row r is element r of every buffer."""

    def value(self, part: Expression, i: int, j: int) -> str:
        found = self.at(part, i, j)
        return self.spread(part, found, i) if self.frame.ranks[id(part)] == ONE else found

    def at(self, part: Expression, i: int, j: int) -> str:
        if self.frame.ranks[id(part)] == ONE:
            return self.frame.once[id(part)]
        key = (id(part), 0, 0)
        if key not in self.known:
            self.known[key] = self._run(part)
        return self.known[key]

    def _run(self, part: Expression) -> str:
        frame, w, (row,) = self.frame, self.frame.writer, self.rows
        if isinstance(part, Load):
            base, kind = frame.pointer(part.buffer), frame.element(part.buffer)
            if part.pattern is Pattern.COLUMN:  # of one column: a number
                return w.splat(frame.lane, frame.load(part.buffer, frame.lane.one, base))
            return frame.load(part.buffer, frame.lane, w.at(base, row, kind))
        if isinstance(part, Across):
            return self.value(part.argument, 0, 0)
        if isinstance(part, Column):
            return w.constant(frame.lane, 0.0)
        if isinstance(part, Random):
            return uniform(w, frame.lane, "0", 1, row, part.stream)
        assert isinstance(part, Call)
        return apply(w, frame.lane, part.function, [self.value(argument, 0, 0) for argument in part.arguments])


def shares(total: int, most: int) -> list[tuple[int, int, int]]:
    """A stretch in parts of nearly one size, at most ``most``: (first, size, how many of it)."""
    parts = -(-total // most)
    small, larger = divmod(total, parts)
    found = []
    if larger:
        found.append((0, small + 1, larger))
    if parts - larger:
        found.append((larger * (small + 1), small, parts - larger))
    return found
