"""From graph to op lists."""

from __future__ import annotations

from collections.abc import Iterable

from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.keys import following, lasting
from lampc.ir.leaves import Constant, Leaf, Parameters, State
from lampc.ir.program import Instruction, Routine, Slot
from lampc.ir.types import Type
from lampc.ops.shape import Copy, Pack

_ORDER = list(Stage)


def lower(graph: Graph) -> Routine:
    """Lay a graph out as instructions, stage by stage.

    Before: no dead nodes. After: every operand is made before it is used; what an update replaces is written in
    place, in the last instruction that needs the old value or after it.
    """
    nodes = sorted(graph, key=lambda node: (_ORDER.index(node.stage), node.id))
    lowering = _Lowering()
    for node in nodes:
        lowering.add(node)
    lowering.write_back(graph)
    return Routine(
        tuple(lowering.slots),
        tuple(lowering.instructions),
        {key: lowering.of[value] for key, value in lasting(graph.outputs).items()},
    )


class _Lowering:
    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.instructions: list[Instruction] = []
        self.of: dict[Value, int] = {}
        self._temporaries = 0

    def _slot(self, node: Node, index: int) -> int:
        id = len(self.slots)
        op = node.op
        if isinstance(op, Leaf | Constant):
            name = getattr(op, "label", None) or (str(op.value) if isinstance(op, Constant) else op.name)
            self.slots.append(Slot(id, node.types[index], name, op))
        else:
            self._temporaries += 1
            self.slots.append(Slot(id, node.types[index], f"%{self._temporaries}"))
        self.of[Value(node.id, index)] = id
        return id

    def add(self, node: Node) -> None:
        inputs = [self.of[operand] for operand in node.operands]
        free = node.op.view
        if isinstance(node.op, Pack):
            inputs = self._movable(node, inputs)
            free = True
        outputs = [self._slot(node, index) for index in range(len(node.types))]
        if isinstance(node.op, Leaf | Constant):
            return
        if node.op.view:
            self._place(outputs[0], inputs[0], 0)
        if isinstance(node.op, Pack):
            offset = 0
            for slot in inputs:
                self._place(slot, outputs[0], offset)
                offset += self.slots[slot].type.elements(1)
        self._emit(node, inputs, outputs, free=free)

    def _emit(self, node: Node, inputs: Iterable[int], outputs: Iterable[int], free: bool = False) -> None:
        self.instructions.append(
            Instruction(node.op, tuple(inputs), tuple(outputs), node.stage, node.spans, node.layer, node.note, free)
        )

    def _place(self, slot: int, base: int, offset: int) -> None:
        old = self.slots[slot]
        self.slots[slot] = Slot(old.id, old.type, old.name, old.leaf, base, offset)

    def _movable(self, node: Node, inputs: list[int]) -> list[int]:
        """A pack's operands, each in a buffer of its own that may lie in the pack's: copied first where it is not."""
        seen: set[int] = set()
        result = []
        for slot in inputs:
            if slot in seen or not self.slots[slot].in_arena:
                id = self._temporary(self.slots[slot].type)
                self.instructions.append(Instruction(Copy(), (slot,), (id,), Stage.BACKWARD, node.spans, node.layer))
                slot = id
            seen.add(slot)
            result.append(slot)
        return result

    def write_back(self, graph: Graph) -> None:
        """Let what an update computes end in the storage of the leaf that it replaces."""
        leaves = {slot.leaf: slot.id for slot in self.slots if isinstance(slot.leaf, State | Parameters)}
        wanted = following(graph.outputs)
        kept = self._kept([(leaves[replaced], self.of[value]) for replaced, value in wanted.items()])
        for replaced, value in wanted.items():
            leaf, new = leaves[replaced], kept.get(self.of[value], self.of[value])
            if self._can_write(new, leaf):
                self._place(new, leaf, 0)
            elif new != leaf:
                node = graph[value.node]
                id = self._temporary(self.slots[new].type, leaf)
                # What the forward pass replaces, a running mean, is written when that ends.
                stage = Stage.FORWARD if node.stage is Stage.FORWARD else Stage.UPDATE
                self.instructions.append(Instruction(Copy(), (new,), (id,), stage, node.spans, node.layer, "written back"))
        self.instructions.sort(key=lambda instruction: _ORDER.index(instruction.stage))

    def _kept(self, wanted: list[tuple[int, int]]) -> dict[int, int]:
        """For what lies in a leaf and is to replace another: copies, made before anything is replaced."""
        leaves, kept = {leaf for leaf, _ in wanted}, {}
        for leaf, new in wanted:
            root = self._root(new)
            if root in leaves and root != leaf:
                copy = self._temporary(self.slots[root].type)
                kept[new] = self._temporary(self.slots[new].type, copy)
                self.instructions.insert(0, Instruction(Copy(), (root,), (copy,), Stage.FORWARD, (), note="kept"))
        return kept

    def _temporary(self, type: Type, base: int | None = None) -> int:
        self._temporaries += 1
        self.slots.append(Slot(len(self.slots), type, f"%{self._temporaries}", base=base))
        return self.slots[-1].id

    def _root(self, slot: int) -> int:
        """The slot in whose buffer it lies."""
        while (base := self.slots[slot].base) is not None:
            slot = base
        return slot

    def _can_write(self, new: int, leaf: int) -> bool:
        """Whether the instruction that makes ``new`` may write it over ``leaf``."""
        if not self.slots[new].in_arena:
            return False
        made = next(i for i, instruction in enumerate(self.instructions) if new in instruction.outputs)
        instruction = self.instructions[made]
        if any(self._root(slot) == leaf for later in self.instructions[made + 1 :] for slot in later.inputs):
            return False
        positions = [position for position, slot in enumerate(instruction.inputs) if self._root(slot) == leaf]
        return new == instruction.outputs[0] and all(position in instruction.op.takes_over for position in positions)
