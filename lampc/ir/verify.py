"""The invariants of graphs and op lists. Tests run this after every pass."""

from __future__ import annotations

from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import Constant, Leaf
from lampc.ir.program import Routine


class Invalid(AssertionError):
    """An invariant does not hold."""


def verify(graph: Graph) -> None:
    """Check a graph.

    Raises:
        Invalid: unless every node's id is its place, its operands are earlier results, so that there is no cycle, its types
            are what its op infers, and its stage is no earlier than its operands' stages.
    """
    order = {stage: place for place, stage in enumerate(Stage)}
    nodes = list(graph)
    for place, node in enumerate(nodes):
        _require(node.id == place, "node {} stands at {}", node.id, place)
        stage, given = order[node.stage], []
        for id, result in node.operands:
            _require(0 <= id < place, "{} uses the later node {}", node, id)
            made = nodes[id]
            _require(result < len(made.types), "{} uses result {} of {}", node, result, made)
            _require(order[made.stage] <= stage or not made.operands, "{} uses {}, of a later stage", node, made)
            given.append(made.types[result])
        inferred = node.op.infer(*given)
        _require(inferred == node.types, "{} is typed {}, its op infers {}", node, node.types, inferred)
    for name, value in graph.outputs.items():
        _require(0 <= value.node < len(nodes) and value.result < len(nodes[value.node].types), "output {}: {}", name, value)


def verify_routine(routine: Routine) -> None:
    """Check op lists.

    Raises:
        Invalid: unless every slot is made once, before it is used, and stages follow one another.
    """
    made = {slot.id for slot in routine.slots if isinstance(slot.leaf, Leaf | Constant)}
    stages = [list(Stage).index(instruction.stage) for instruction in routine.instructions]
    _require(stages == sorted(stages), "stages are mixed")
    for instruction in routine.instructions:
        _require(all(slot in made for slot in instruction.inputs), "{} uses what is not made yet", instruction)
        _require(not any(slot in made for slot in instruction.outputs), "{} makes a slot again", instruction)
        made.update(instruction.outputs)
    _require(all(slot in made for slot in routine.outputs.values()), "an output is never made")


def _require(holds: bool, message: str, *parts: object) -> None:
    if not holds:
        raise Invalid(message.format(*parts))
