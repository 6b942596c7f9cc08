"""Op lists: a graph laid out as instructions on slots, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from lampc.ir.graph import Stage
from lampc.ir.keys import Key
from lampc.ir.leaves import Constant, Leaf
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.source import Span


@dataclass(frozen=True)
class Slot:
    """Where a value lives: in a leaf's own storage, in another slot's buffer, or in the arena."""

    id: int
    type: Type
    name: str
    """``%12``, or a leaf's label."""
    leaf: Leaf | Constant | None = None
    base: int | None = None
    """The slot in whose buffer it lies, ``offset`` elements from that buffer's start."""
    offset: int = 0

    @property
    def in_arena(self) -> bool:
        """Whether the planner finds a place for it."""
        return self.leaf is None and self.base is None


@dataclass(frozen=True)
class Instruction:
    """An op on slots."""

    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stage: Stage
    spans: tuple[Span, ...]
    layer: str = ""
    note: str = ""
    free: bool = False
    """Whether there is nothing to do: its result already lies where it should."""


@dataclass(frozen=True)
class Routine:
    """Op lists that share slots: the forward, backward and update of a training step, or an inference."""

    slots: tuple[Slot, ...]
    instructions: tuple[Instruction, ...]
    outputs: dict[Key, int]
    """Slots by what they are for: ``prediction``, ``loss``, gradients."""

    def stage(self, stage: Stage) -> OpList:
        """The instructions of one stage."""
        return OpList(self, tuple(i for i in self.instructions if i.stage is stage))

    def root(self, slot: int) -> int:
        """The slot in whose buffer a slot lies, itself perhaps."""
        base = self.slots[slot].base
        while base is not None:
            slot, base = base, self.slots[base].base
        return slot

    def leaves(self) -> Iterator[Slot]:
        """The slots that are given from outside."""
        return (slot for slot in self.slots if slot.leaf is not None)


@dataclass(frozen=True)
class OpList(Sequence[Instruction]):
    """Instructions in order; printable."""

    routine: Routine
    instructions: tuple[Instruction, ...]

    def __len__(self) -> int:
        return len(self.instructions)

    @overload
    def __getitem__(self, index: int) -> Instruction: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Instruction, ...]: ...
    def __getitem__(self, index: int | slice) -> Instruction | tuple[Instruction, ...]:
        return self.instructions[index]

    def __str__(self) -> str:
        return "\n".join(self.line(instruction) for instruction in self.instructions)

    def line(self, instruction: Instruction) -> str:
        """``%12 = tanh_grad(%6, %9) : f32[B, 25]``."""
        slots = self.routine.slots
        made = ", ".join(slots[id].name for id in instruction.outputs)
        types = ", ".join(str(slots[id].type) for id in instruction.outputs)
        return f"{made} = {call(instruction, self.routine)} : {types}"


def call(instruction: Instruction, routine: Routine) -> str:
    """``scale(%8, 0.02)``: an instruction's op with its operands and attributes."""
    operands = [routine.slots[id].name for id in instruction.inputs]
    name, _, attributes = str(instruction.op).partition("(")
    if len(operands) > 6:
        operands = [operands[0], "…", operands[-1]]
    return f"{name}({', '.join([*operands, *([attributes[:-1]] if attributes else [])])})"
