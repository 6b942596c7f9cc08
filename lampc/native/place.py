"""Where a module's buffers lie in its memory: work buffers that are never needed at once may share a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampc.ir.expression import number
from lampc.native.kernel import AnyKernel, Buffer, Kernel, Store
from lampc.native.tile import padded
from lampc.passes.plan_memory import Arena

ALIGNED = 64
"""Bytes: a cache line, and the widest vector."""
SPARE = 16
"""Numbers that a vector may read beyond a buffer's end."""


def lifetimes(kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer], keep: set[int]) -> dict[int, tuple[int, int]]:
    """Of each passing buffer that is not read from outside, the first and the last kernel that touch it."""
    found: dict[int, tuple[int, int]] = {}
    for index, kernel in enumerate(kernels):
        for id in kernel.slots:
            if id in buffers and buffers[id].passing and id not in keep:
                found[id] = (found.get(id, (index, index))[0], index)
    return found


def place(
    kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer], keep: set[int], batch: int, width: int, reuse: bool = True
) -> tuple[dict[int, int], int]:
    """Byte offsets for minibatches up to a size, and how many bytes there are in all; what fusing has left no use has no place.

    ``buffers``: those that share one memory; kernels may use others.
    ``keep``: buffers whose numbers outlive a step. With ``reuse`` off no two overlap.
    """
    lives = lifetimes(kernels, buffers, keep)
    fused = {id for id, buffer in buffers.items() if buffer.passing} - keep - set(lives)
    sizes = {id: _bytes(buffer, batch, width) for id, buffer in buffers.items() if id not in fused}
    if not reuse:
        lives = {}
    arena = Arena()
    offsets = {id: arena.take(size) for id, size in sizes.items() if id not in lives}
    begin: dict[int, list[int]] = {}
    end: dict[int, list[int]] = {}
    for id, (first, last) in sorted(lives.items()):
        begin.setdefault(first, []).append(id)
        end.setdefault(last, []).append(id)
    for index in range(len(kernels)):
        for id in begin.get(index, ()):
            offsets[id] = arena.take(sizes[id])
        for id in end.get(index, ()):
            arena.give(offsets[id], sizes[id])
    return offsets, arena.size


def poisoned(kernels: Sequence[AnyKernel], buffers: Mapping[int, Buffer], keep: set[int]) -> list[AnyKernel]:
    """The same kernels, each work buffer filled with NaN after its last use: what still reads it shows, in tests."""
    lives = lifetimes(kernels, buffers, keep)
    nothing = number(float("nan"))
    found: list[AnyKernel] = []
    for index, kernel in enumerate(kernels):
        found.append(kernel)
        for id in sorted(id for id, (_, last) in lives.items() if last == index):
            buffer = buffers[id]
            found.append(Kernel(f"poison_{id}", buffer.rows, buffer.cols, (Store(id, nothing),)))
    return found


def _bytes(buffer: Buffer, batch: int, width: int) -> int:
    numbers = buffer.rows.at(batch) * padded(buffer.cols, width) + SPARE
    return -(-numbers * (4 if buffer.dtype == "f32" else 8) // ALIGNED) * ALIGNED
