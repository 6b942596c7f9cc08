"""A module's code on another machine, an emulated ARM: a small C program reads all that it needs, and writes what it left."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lampc.native.code import SCRATCH
from lampc.native.engine import compile_text
from lampc.native.kernel import Buffer, Kind
from lampc.native.module import Module
from lampc.native.place import place
from lampc.native.tile import padded

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
Array = NDArray[Any]

MAIN = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t run(void *table, void *random, void *order, int64_t epochs, int64_t samples, int64_t size, void *x, void *y, void *w,
            void *results, void *totals, int64_t part, int64_t parts, void *meeting, void *stop);

static void *part_of(FILE *file) {
    int64_t size;
    if (fread(&size, sizeof size, 1, file) != 1) exit(2);
    void *memory = aligned_alloc(64, (size + 127) / 64 * 64);
    if (fread(memory, 1, size, file) != (size_t)size) exit(2);
    return memory;
}

int main(int count, char **names) {
    FILE *file = fopen(names[1], "rb");
    int64_t *numbers = part_of(file), *offsets = part_of(file), *order, meeting[8] = {0}, stop = 0;
    char *memory = part_of(file), *scratch = aligned_alloc(64, numbers[5]);
    order = part_of(file);
    void *x = part_of(file), *y = part_of(file), **table = calloc(numbers[3], sizeof *table);
    for (int64_t i = 0; i < numbers[3]; i++) table[i] = memory + offsets[i];
    struct { uint32_t key, step; void *scratch; int64_t private; } random = {(uint32_t)numbers[6], 0, scratch, 0};
    double totals[64] = {0};
    int64_t ended = run(table, &random, order, numbers[0], numbers[1], numbers[2], x, y, 0, 0, totals, 0, 1, meeting, &stop);
    file = fopen(names[2], "wb");
    fwrite(memory, 1, numbers[4], file);
    fclose(file);
    return ended != -1 || count != 3;
}
"""


def missing() -> str | None:
    """What is not installed; None if all is there."""
    return next((f"no {name}" for name in (COMPILER, EMULATOR) if shutil.which(name) is None), None)


def trained(module: Module, leaves: dict[str, Array], x: Array, y: Array, order: Array, batch: int, key: int,
            folder: Path) -> dict[str, Array]:  # fmt: skip
    """The leaves after some epochs, an epoch a row of ``order``; ``LAMPC_TARGET`` names the machine."""
    offsets, size = place(module.kernels, module.buffers, module.keep, batch, module.width)
    memory = np.zeros(size, dtype=np.uint8)
    held = {b.label: b for b in module.buffers.values() if b.kind in (Kind.PARAMETER, Kind.STATE, Kind.SETTING)}
    for label, buffer in held.items():
        found = _numbers(_matrix(memory, buffer, offsets[buffer.id], module, batch), buffer, leaves[label].shape)
        found[...] = leaves[label].reshape(found.shape)
    for buffer in module.buffers.values():
        if buffer.numbers is not None:
            found = _matrix(memory, buffer, offsets[buffer.id], module, batch)
            found[...] = np.reshape(buffer.numbers(), found.shape)
    numbers = [*order.shape, batch, len(module.table), size, SCRATCH, key]
    places = [offsets.get(id, 0) for id in module.table]
    parts = [np.array(numbers), np.array(places), memory, order, np.ascontiguousarray(x), np.ascontiguousarray(y)]
    (folder / "job").write_bytes(b"".join(np.int64(part.nbytes).tobytes() + part.tobytes() for part in parts))
    (folder / "kernels.o").write_bytes(compile_text(module.text))
    (folder / "main.c").write_text(MAIN, encoding="utf-8")
    command = [COMPILER, "-O1", "-static", "main.c", "kernels.o", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    subprocess.run([EMULATOR, "main", "job", "left"], cwd=folder, check=True, capture_output=True, text=True)
    memory = np.frombuffer((folder / "left").read_bytes(), dtype=np.uint8)
    return {label: _numbers(_matrix(memory, buffer, offsets[buffer.id], module, batch), buffer, leaves[label].shape)
            for label, buffer in held.items()}  # fmt: skip


def _numbers(matrix: Array, buffer: Buffer, shape: tuple[int, ...]) -> Array:
    """The same in a leaf's shape, whatever order its axes have in memory."""
    if not buffer.order:
        return matrix
    inverse = np.argsort(buffer.order)
    return matrix.reshape([shape[axis] for axis in buffer.order]).transpose(inverse)


def _matrix(memory: Array, buffer: Buffer, offset: int, module: Module, batch: int) -> Array:
    """What of a buffer counts, the way round that its leaf has."""
    shape = buffer.rows.at(batch), padded(buffer.cols, module.width)
    dtype = np.dtype({"f32": np.float32, "f64": np.float64, "i64": np.int64}[buffer.dtype])
    whole = memory[offset : offset + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)[:, : buffer.cols]
    return whole.T if buffer.turned else whole
