"""Finding every value a place in one arena, by when it is needed."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from lampc.ir.program import Instruction, Routine

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


@dataclass(frozen=True)
class Plan:
    """Byte offsets of the slots that own a buffer in the arena, for one batch size."""

    batch: int
    offsets: dict[int, int]
    size: int
    """The arena's bytes."""


def plan_memory(routine: Routine, batch: int, reuse: bool = True) -> Plan:
    """Place the buffers of a routine.

    Before: a lowered routine. After: buffers that are needed at the same time do not overlap, but for a result that
    takes over the buffer of an operand which is not needed again. With ``reuse`` off no two overlap.
    """
    last = _last_use(routine)
    arena = Arena()
    offsets: dict[int, int] = {}
    sizes = {slot.id: _round(slot.type.nbytes(batch)) for slot in routine.slots if slot.in_arena}
    ends: dict[int, list[int]] = {}
    for root, index in last.items():
        ends.setdefault(index, []).append(root)
    for index, instruction in enumerate(routine.instructions):
        taken: set[int] = set()
        for output in instruction.outputs:
            root = routine.root(output)
            if root in offsets or root not in sizes:
                continue
            heir = _inheritance(routine, instruction, output, index, last, taken, batch) if reuse else None
            if heir is not None:
                offsets[root] = offsets[heir]
                taken.add(heir)
            else:
                offsets[root] = arena.take(sizes[root])
        for root in ends.get(index, ()):
            if reuse and root in offsets and root not in taken:
                arena.give(offsets[root], sizes[root])
    return Plan(batch, offsets, arena.size)


def _last_use(routine: Routine) -> dict[int, int]:
    """The index of the last instruction that touches each root's buffer; outputs are needed to their stages' end."""
    last: dict[int, int] = {}
    for index, instruction in enumerate(routine.instructions):
        for slot in (*instruction.inputs, *instruction.outputs):
            last[routine.root(slot)] = index
    # What a caller may read after forward and backward stays until the update begins, and to its end: a step
    # runs all three, and a caller reads after it too.
    end = len(routine.instructions)
    for slot in routine.outputs.values():
        last[routine.root(slot)] = end
    return last


def _inheritance(
    routine: Routine,
    instruction: Instruction,
    output: int,
    index: int,
    last: dict[int, int],
    taken: set[int],
    batch: int,
) -> int | None:
    """The operand's buffer that the first result may be written over."""
    if output != instruction.outputs[0] or not routine.slots[output].in_arena:
        return None
    size = routine.slots[output].type.nbytes(batch)
    for position in instruction.op.takes_over:
        if position >= len(instruction.inputs):
            break
        slot = routine.slots[instruction.inputs[position]]
        root = routine.root(slot.id)
        whole = routine.slots[root].in_arena and routine.slots[root].type.nbytes(batch) == size
        # As large alone will not do: torch refuses to write [1] over [], a scalar that it is broadcast from.
        alike = slot.type == routine.slots[output].type
        if whole and alike and last[root] == index and root not in taken:
            return root
    return None


def _round(size: int) -> int:
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)


class Arena:
    """Free stretches, best fit; neighbours grow together."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []  # offset and size, by offset
        self._by_size: list[tuple[int, int]] = []  # size and offset

    def take(self, size: int) -> int:
        index = bisect.bisect_left(self._by_size, (size, 0))
        if index == len(self._by_size):
            return self._grow(size)
        found, offset = self._by_size[index]
        self._remove(offset, found)
        if found > size:
            self._insert(offset + size, found - size)
        return offset

    def give(self, offset: int, size: int) -> None:
        index = bisect.bisect_left(self._free, (offset, 0))
        if index < len(self._free) and self._free[index][0] == offset + size:
            after = self._free[index]
            self._remove(*after)
            size += after[1]
        if index > 0 and sum(self._free[index - 1]) == offset:
            before = self._free[index - 1]
            self._remove(*before)
            offset, size = before[0], before[1] + size
        self._insert(offset, size)

    def _grow(self, size: int) -> int:
        offset = self.size
        if self._free and sum(self._free[-1]) == self.size:
            offset, found = self._free[-1]
            self._remove(offset, found)
        self.size = offset + size
        return offset

    def _insert(self, offset: int, size: int) -> None:
        bisect.insort(self._free, (offset, size))
        bisect.insort(self._by_size, (size, offset))

    def _remove(self, offset: int, size: int) -> None:
        del self._free[bisect.bisect_left(self._free, (offset, size))]
        del self._by_size[bisect.bisect_left(self._by_size, (size, offset))]
