"""What holds after each pass, checked where ``LAMPC_VERIFY=1``: the graph's invariants, and what the pass itself promises."""

from __future__ import annotations

import os
from collections.abc import Callable

from lampc.ir.graph import Graph
from lampc.ir.keys import gradients
from lampc.ir.leaves import Constant, Leaf
from lampc.ir.program import Routine
from lampc.ir.types import ONE
from lampc.ir.verify import Invalid, verify, verify_routine
from lampc.ops.arithmetic import Mul, Scale
from lampc.ops.shape import Reshape


def asked() -> bool:
    """Whether passes are to be checked."""
    return os.environ.get("LAMPC_VERIFY", "") not in ("", "0")


def checked(name: str, graph: Graph) -> Graph:
    """A graph as a pass has made it.

    Raises:
        Invalid: if it is wrong, and checks are asked for.
    """
    if asked():
        try:
            verify(graph)
            if name in PROMISES:
                PROMISES[name](graph)
        except Invalid as error:
            raise Invalid(f"after {name}: {error}") from None
    return graph


def checked_routine(routine: Routine) -> Routine:
    """Op lists as lowering has made them; likewise."""
    if asked():
        verify_routine(routine)
    return routine


def simplified(graph: Graph) -> None:
    """In what leads to an output: no scale of a scale or by 1, no product with a constant, no reshape of a reshape."""
    for node in (graph[id] for id in graph.live(graph.outputs.values())):
        operands = [graph[operand.node].op for operand in node.operands]
        if isinstance(node.op, Scale):
            _require(node.op.factor != ONE and not isinstance(operands[0], Scale), "{} can be simplified", node)
        elif isinstance(node.op, Reshape):
            _require(not isinstance(operands[0], Reshape), "{} is a reshape of a reshape", node)
        elif isinstance(node.op, Mul):
            others = [graph.type(operand) for operand in node.operands[::-1]]
            constant = any(
                isinstance(op, Constant) and other == node.types[0] for op, other in zip(operands, others, strict=True)
            )
            _require(not constant, "{} is a product with a constant", node)


def alive(graph: Graph) -> None:
    """Every node leads to an output."""
    dead = set(range(len(graph))) - graph.live(graph.outputs.values())
    _require(not dead, "{} are for nothing", [str(graph[id].op) for id in sorted(dead)][:3])


def unique(graph: Graph) -> None:
    """No two pure nodes have equal op, operands and types."""
    seen: dict[object, int] = {}
    for node in graph:
        if node.op.pure:
            key = (node.op.key() if isinstance(node.op, Constant) else node.op, node.operands, node.types)
            _require(key not in seen, "{} is node {} once more", node, seen.get(key))
            seen[key] = node.id


def differentiated(graph: Graph) -> None:
    """A gradient has its parameter's type, and none is made in the forward stage."""
    types = {node.op.label: node.types[0] for node in graph if isinstance(node.op, Leaf) and hasattr(node.op, "label")}
    for label, value in gradients(graph.outputs).items():
        _require(graph.type(value) == types[label], "the gradient of {} is {}", label, graph.type(value))


PROMISES: dict[str, Callable[[Graph], None]] = {
    "simplify": simplified,
    "remove_dead": alive,
    "share_common": unique,
    "differentiate": differentiated,
}
"""By the pass's name."""


def _require(holds: bool, message: str, *parts: object) -> None:
    if not holds:
        raise Invalid(message.format(*parts))
