"""Running op lists: every instruction becomes a call with its buffers bound, once for a batch size."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from lampc.ir.graph import Stage
from lampc.ir.leaves import Constant, Input
from lampc.ir.op import Kernel, Run
from lampc.ir.program import Instruction, Routine
from lampc.passes.plan_memory import plan_memory
from lampc.runtime.fit import fitting_minibatch
from lampc.runtime.group import Group
from lampc.runtime.random import Random
from lampc.runtime.storage import DTYPES, Storage


class Executor:
    """A routine bound to buffers for one batch size. Running it allocates nothing.

    ``inputs`` (``x``, ``y`` and ``w``, where they are used) are filled before a run; ``outputs`` hold what it computed, until
    the next.
    """

    def __init__(
        self,
        routine: Routine,
        batch: int,
        storage: Storage,
        random: Random | None = None,
        reuse: bool = True,
        group: Group | None = None,
    ) -> None:
        self.routine = routine
        self.batch = batch
        self.plan = plan_memory(routine, batch, reuse)
        self._storage = storage
        fitting_minibatch(self.plan.size, batch, storage.device)
        self._arena = torch.empty(self.plan.size, dtype=torch.uint8, device=storage.device)
        self._tensors = self._bind_slots()
        self.inputs = {slot.leaf.label: self._tensors[slot.id] for slot in routine.slots if isinstance(slot.leaf, Input)}
        self.outputs = {name: self._tensors[slot] for name, slot in routine.outputs.items()}
        self._run = Run(batch, random, group)
        self._kernels = [(i, self._bind(i)) for i in routine.instructions if not i.free]
        self.forward = self._calls(Stage.FORWARD)
        self.backward = self._calls(Stage.BACKWARD)
        self.update = self._calls(Stage.UPDATE)
        self.step = [*self.forward, *self.backward, *self.update]
        needed = _needed(routine, routine.outputs["prediction"])
        self.predict = [kernel for instruction, kernel in self._kernels if needed.issuperset(instruction.outputs)]

    def fill(self, x: Tensor, y: Tensor | None = None, w: Tensor | None = None) -> None:
        """Copy a minibatch into the inputs; a program need not use all. Samples that come without weights weigh 1."""
        inputs = self.inputs
        if "x" in inputs:
            inputs["x"].copy_(x)
        if y is not None and "y" in inputs:
            inputs["y"].copy_(y)
        if "w" in inputs:
            if w is None:
                inputs["w"].fill_(1.0)
            else:
                inputs["w"].copy_(w)

    def _calls(self, stage: Stage) -> list[Kernel]:
        return [kernel for instruction, kernel in self._kernels if instruction.stage is stage]

    def _bind_slots(self) -> list[Tensor]:
        routine, batch, device = self.routine, self.batch, self._storage.device
        tensors: list[Tensor | None] = [None] * len(routine.slots)
        for slot in routine.slots:
            dtype, dims = DTYPES[slot.type.dtype], slot.type.dims(batch)
            if isinstance(slot.leaf, Constant):
                tensors[slot.id] = torch.full(dims, slot.leaf.value.at(batch), dtype=dtype, device=device)
            elif isinstance(slot.leaf, Input):
                tensors[slot.id] = torch.zeros(dims, dtype=dtype, device=device)
            elif slot.leaf is not None:
                tensors[slot.id] = self._storage.tensor(slot.leaf)
            elif slot.in_arena and slot.id in self.plan.offsets:
                start, size = self.plan.offsets[slot.id], slot.type.nbytes(batch)
                tensors[slot.id] = self._arena[start : start + size].view(dtype).view(dims)
        for slot in routine.slots:
            if slot.base is not None:
                tensors[slot.id] = self._within(slot.id, tensors)
        assert all(tensor is not None for tensor in tensors)
        return [tensor for tensor in tensors if tensor is not None]

    def _within(self, id: int, tensors: list[Tensor | None]) -> Tensor:
        """The tensor of a slot that lies in another's buffer."""
        slot, offset = self.routine.slots[id], 0
        root = slot
        while root.base is not None:
            offset += root.offset
            root = self.routine.slots[root.base]
        whole = tensors[root.id]
        assert whole is not None
        size = slot.type.elements(self.batch)
        return whole.view(-1).narrow(0, offset, size).view(slot.type.dims(self.batch))

    def _bind(self, instruction: Instruction) -> Kernel:
        results = [self._tensors[slot] for slot in instruction.outputs]
        operands = [self._tensors[slot] for slot in instruction.inputs]
        return instruction.op.bind(torch, results, operands, self._run)

    def first_nonfinite(self) -> Instruction | str | None:
        """What first holds NaN or infinity when the forward list runs again: a leaf's name, or an instruction."""
        for slot in self.routine.leaves():
            tensor = self._tensors[slot.id]
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                return slot.name
        for instruction, kernel in self._kernels:
            if instruction.stage is not Stage.FORWARD:
                break
            kernel()
            for slot_id in instruction.outputs:
                if not bool(torch.isfinite(self._tensors[slot_id]).all()):
                    return instruction
        return None


def run(kernels: Iterable[Kernel]) -> None:
    """Run kernels in order."""
    for kernel in kernels:
        kernel()


def _needed(routine: Routine, output: int) -> set[int]:
    """The slots that a slot depends on, with those that the same instructions fill."""
    needed = {output}
    for instruction in reversed(routine.instructions):
        if needed.intersection(instruction.outputs):
            needed.update(instruction.inputs, instruction.outputs)
    return needed
