"""How many threads torch may use inside an op."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from lampc.ir.program import Routine

SMALL = 30_000_000
"""Floating point operations of a step below which a second thread costs more than it gains: on two cores a step of
3·10⁶ took 103 µs with one thread and 130 µs with two, one of 3·10⁷ was even."""


@contextmanager
def one_thread_if_small(routine: Routine, batch: int) -> Iterator[None]:
    """Use one thread inside, if a run of the routine is small; torch's own number again afterwards."""
    before = torch.get_num_threads()
    small = before > 1 and flops(routine, batch) < SMALL
    if small:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if small:
            torch.set_num_threads(before)


def flops(routine: Routine, batch: int) -> int:
    """The floating point operations of all of a routine's op lists."""
    shapes = [slot.type.dims(batch) for slot in routine.slots]
    return sum(
        instruction.op.flops([shapes[slot] for slot in instruction.inputs], [shapes[slot] for slot in instruction.outputs])
        for instruction in routine.instructions
    )
