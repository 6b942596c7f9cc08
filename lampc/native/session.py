"""A compiled module bound to memory: parameters and states go in, an epoch runs, they come out."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Any

from lampc.native.code import SCRATCH
from lampc.native.engine import Code
from lampc.native.kernel import Buffer, Kind
from lampc.native.module import Module
from lampc.native.place import ALIGNED, SPARE, place
from lampc.native.stop import ABANDONED, ADDRESS, Abandoned
from lampc.native.tile import padded
from lampc.passes.totals import begun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.generic]


class Session:
    """Buffers for minibatches up to a size. Not for two threads at once; each takes a session of its own.

    For tests: ``poison`` fills work buffers with NaN first; with ``reuse`` off no two share a place.
    """

    def __init__(self, module: Module, code: Code, batch: int, poison: bool = False, reuse: bool = True) -> None:
        import numpy as np

        self.module = module
        self.batch = batch
        self._numpy = np
        self._code = code
        pointer = ctypes.c_void_p
        whole = ctypes.c_int64
        self._run = code.function("run", whole, *[pointer] * 3, *[whole] * 3, *[pointer] * 5, whole, whole, pointer, pointer)
        self._weighed = any(buffer.kind is Kind.INPUT and buffer.label == "w" for buffer in module.buffers.values())
        self._memory = self._allocate(poison, reuse)
        self._table = np.array(
            [self._memory[id].ctypes.data if id in self._memory else 0 for id in module.table], dtype=np.uint64
        )
        self._random = np.zeros(6, dtype=np.uint32)
        """The key, the step, the address of what kernels use as scratch, and the bytes of a thread's private buffers."""
        self._private = _private(module, batch)
        self._poison = poison
        self._rooms = np.zeros(0, dtype=np.uint8)
        self._scratch = np.zeros(0, dtype=np.uint8)
        self._put: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self._take: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def _allocate(self, poison: bool, reuse: bool) -> dict[int, NDArray[Any]]:
        """An aligned, padded matrix for each buffer. All lie in one piece: a large one gets large pages from the system."""
        np = self._numpy
        module = self.module
        shared = {id: buffer for id, buffer in module.buffers.items() if buffer.kind is not Kind.PRIVATE}
        places, size = place(module.kernels, shared, module.keep, self.batch, module.width, reuse)
        self.size = size
        """Bytes of all buffers."""
        raw = np.zeros(size + ALIGNED, dtype=np.uint8)
        start = -raw.ctypes.data % ALIGNED
        found: dict[int, NDArray[Any]] = {}
        for id in places:
            buffer = module.buffers[id]
            dtype = np.dtype({"f32": np.float32, "f64": np.float64, "i64": np.int64}[buffer.dtype])
            shape = buffer.rows.at(self.batch), padded(buffer.cols, module.width)
            begin = start + places[buffer.id]
            whole = raw[begin : begin + (math.prod(shape) + SPARE) * dtype.itemsize].view(dtype)
            if poison and buffer.kind is Kind.WORK and buffer.dtype != "i64":
                whole.fill(np.nan)
            found[buffer.id] = whole[:-SPARE].reshape(shape)
            if buffer.numbers is not None:
                found[buffer.id][:, : buffer.cols] = np.reshape(buffer.numbers(), (shape[0], buffer.cols))
        return found

    def _matrix(self, buffer: Buffer) -> NDArray[Any]:
        """What of a buffer counts, the way round that its leaf has."""
        matrix: NDArray[Any] = self._memory[buffer.id][:, : buffer.cols]
        return matrix.T if buffer.turned else matrix

    def _numbers(self, buffer: Buffer, shape: tuple[int, ...]) -> NDArray[Any]:
        """The same in a leaf's shape: a view of it, whatever order its axes have in memory."""
        matrix = self._matrix(buffer)
        if not buffer.order:
            return matrix
        inverse = [buffer.order.index(axis) for axis in range(len(shape))]
        return matrix.reshape([shape[axis] for axis in buffer.order]).transpose(inverse)

    def bind(self, leaves: Mapping[str, NDArray[Any]]) -> None:
        """Say where parameters, states and settings come from and go to, by label; a packed state has one a parameter."""
        self._put, self._take = [], []
        for buffer in self.module.buffers.values():
            if buffer.kind in (Kind.PARAMETER, Kind.STATE, Kind.SETTING):
                matrix = self._numbers(buffer, leaves[buffer.label].shape)
                leaf = leaves[buffer.label].reshape(matrix.shape)
                self._put.append((matrix, leaf))
                if buffer.kind is not Kind.SETTING:
                    self._take.append((leaf, matrix))

    def put(self) -> None:
        """Copy what is bound in."""
        for matrix, leaf in self._put:
            matrix[...] = leaf

    def take(self) -> None:
        """Copy parameters and states out, to where they came from."""
        for leaf, matrix in self._take:
            leaf[...] = matrix

    def seed(self, key: int, step: int) -> None:
        """Where the random numbers of dropout begin."""
        self._random[:2] = key & 0xFFFFFFFF, step & 0xFFFFFFFF

    @property
    def step(self) -> int:
        """Minibatches since the last ``seed``, and what that began with."""
        return int(self._random[1])

    def run(self, x: NDArray[Any], y: NDArray[Any] | None, order: NDArray[np.int64], size: int,
            results: Sequence[NDArray[Any]] = (), threads: int = 1, sums: Sequence[float] = (), w: NDArray[Any] | None = None
            ) -> tuple[NDArray[np.float64], int]:  # fmt: skip
        """Go over samples in minibatches; each epoch's totals of what its loss comes of, and where it failed, or -1.

        Arrays are contiguous and of the module's types; ``order`` names the samples, an epoch a row. What the module copies is
        copied to ``results``. ``sums`` is what the totals begin with, so that the rest of an epoch can be gone over to the
        same sums, bit for bit. ``w``: samples' weights, where the module has that input. It fails so many samples after the
        first, before the minibatch that begins there has changed anything. Threads share the tiles of large kernels; how many
        does not change a bit of the result.

        Raises:
            Abandoned: if somebody asked to stop; then neither parameters nor results are of use any more.
        """
        assert size <= self.batch and len(results) == len(self.module.copied) and (w is not None or not self._weighed)
        targets, weights = (None if array is None else array.ctypes.data for array in (y, w))
        self._make_room(threads)
        epochs, samples = order.shape
        begin = begun(self.module.totals, sums)
        totals = self._numpy.empty((epochs, len(begin)))
        totals[:] = begin
        places = self._numpy.array([result.ctypes.data for result in results], dtype=self._numpy.uint64)
        meeting = self._numpy.zeros(8, dtype=self._numpy.int64)

        def part(number: int) -> int:
            found: int = self._run(
                self._table.ctypes.data, self._random.ctypes.data, order.ctypes.data, epochs, samples, size, x.ctypes.data,
                targets, weights, places.ctypes.data, totals.ctypes.data, number, threads, meeting.ctypes.data, ADDRESS,
            )  # fmt: skip
            return found

        if threads == 1:
            return totals, _ended(part(0))
        others = [Thread(target=part, args=(number,), daemon=True) for number in range(1, threads)]
        for other in others:
            other.start()
        failed = part(0)
        for other in others:
            other.join()
        return totals, _ended(failed)

    def _make_room(self, threads: int) -> None:
        """See to it that each thread has scratch and private buffers of its own."""
        places, size = self._private
        if len(self._rooms) < threads * size:
            self._rooms = self._numpy.full(threads * size + ALIGNED, 0xFF if self._poison else 0, dtype=self._numpy.uint8)
            start = self._rooms.ctypes.data + -self._rooms.ctypes.data % ALIGNED
            for position, id in enumerate(self.module.table):
                if id in places:
                    self._table[position] = start + places[id]
            self._random[4:] = self._numpy.array([size], dtype=self._numpy.uint64).view(self._numpy.uint32)
        needed = _scratch(threads)
        if self.module.scratch and len(self._scratch) < needed:
            self._scratch = self._numpy.zeros(needed, dtype=self._numpy.uint8)
            start = self._scratch.ctypes.data
            self._random[2:4] = self._numpy.array([start + -start % ALIGNED], dtype=self._numpy.uint64).view(self._numpy.uint32)

    def read(self, output: str) -> NDArray[Any]:
        """A copy of an output of the last minibatch."""
        buffer = self.module.buffers[self.module.outputs[output]]
        copied: NDArray[Any] = self._matrix(buffer).copy()
        return copied


def memory(module: Module, batch: int, threads: int = 1) -> int:
    """The bytes that a session takes for minibatches up to a size, shared by some threads."""
    shared = {id: buffer for id, buffer in module.buffers.items() if buffer.kind is not Kind.PRIVATE}
    _, size = place(module.kernels, shared, module.keep, batch, module.width)
    _, private = _private(module, batch)
    return size + 2 * ALIGNED + threads * private + (_scratch(threads) if module.scratch else 0)


def _private(module: Module, batch: int) -> tuple[dict[int, int], int]:
    """Where private buffers lie in the memory that a thread has for them, and how many bytes that is."""
    own = {id: buffer for id, buffer in module.buffers.items() if buffer.kind is Kind.PRIVATE}
    return place(module.kernels, own, set(), batch, module.width)


def _scratch(threads: int) -> int:
    return threads * SCRATCH + ALIGNED


def _ended(failed: int) -> int:
    if failed == ABANDONED:
        raise Abandoned
    return failed
