"""Kernels over axes as machine code, called by themselves: on memory with NaN between rows and marks behind its end."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lampc.loops.language import Loops
from lampc.native import nests
from lampc.native.code import Target
from lampc.native.emit import Functions
from lampc.native.engine import Code, compile_text
from lampc.native.functions import write
from lampc.native.kernel import Buffer
from lampc.native.place import SPARE
from lampc.native.tile import padded

Numbers = Mapping[int, NDArray[Any]]
"""Of each buffer, as they follow one another, without padding."""
MARKS = 64
"""Numbers behind a buffer's end that nobody may touch."""
TYPES = {"f32": np.float32, "f64": np.float64, "i64": np.int64}


@dataclass(frozen=True)
class Case:
    """A kernel under one way to schedule its nests, for a machine."""

    loops: Loops
    buffers: Mapping[int, Buffer]
    double: bool
    batch: int
    chooser: nests.Chooser
    target: Target


def compiled(cases: Sequence[Case]) -> Code:
    """Functions ``k0``, ``k1``, … ."""
    functions, texts = Functions(write, cases[0].target.fma), []
    for number, case in enumerate(cases):
        text = nests.function(case.loops, case.buffers, case.target, case.double, case.batch, functions, case.chooser)
        texts.append(f"define void @k{number}{text}")
    return Code(compile_text("\n\n".join([str(functions), *texts])))


def ran(code: Code, number: int, case: Case, numbers: Numbers, parts: int = 1) -> dict[int, NDArray[Any]]:
    """What the buffers hold after a kernel has run, its parts one after the other, the last first."""
    width = case.target.width(case.double)
    memory = {id: _laid(case.buffers[id], case.batch, width, values) for id, values in numbers.items()}
    table = np.array([memory[id].ctypes.data for id in case.loops.slots], np.uint64)
    random = np.zeros(4, np.uint32)
    call = code.function(f"k{number}", None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    for part in reversed(range(parts)):
        call(table.ctypes.data, case.batch, random.ctypes.data, part, parts)
    for id, array in memory.items():
        assert (array[-MARKS:] == 77).all(), f"{case.buffers[id]} is written behind its end"
    return {id: _taken(case.buffers[id], case.batch, width, array) for id, array in memory.items()}


def _laid(buffer: Buffer, batch: int, width: int, values: NDArray[Any]) -> NDArray[Any]:
    rows, stride = buffer.rows.at(batch), padded(buffer.cols, width)
    nothing = 0 if buffer.dtype == "i64" else np.nan
    whole = np.full(rows * stride + SPARE + MARKS, nothing, TYPES[buffer.dtype])
    whole[-MARKS:] = 77
    whole[: rows * stride].reshape(rows, stride)[:, : buffer.cols] = values.reshape(rows, buffer.cols)
    return whole


def _taken(buffer: Buffer, batch: int, width: int, whole: NDArray[Any]) -> NDArray[Any]:
    rows, stride = buffer.rows.at(batch), padded(buffer.cols, width)
    return whole[: rows * stride].reshape(rows, stride)[:, : buffer.cols].reshape(-1).copy()
