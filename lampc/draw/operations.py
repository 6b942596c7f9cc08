"""The computation graph, operation by operation: forward, backward and update."""

from __future__ import annotations

from lampc.draw.picture import Arrow, Box, Frame, Picture
from lampc.ir.graph import Graph, Node, Stage
from lampc.ir.leaves import Constant, Leaf


def program(graph: Graph) -> Picture:
    """The picture of a graph: a frame a stage, inside it a row a step of the longest way."""
    stage = {node.id: _stage(graph, node) for node in graph}
    rank: dict[int, int] = {}
    for node in graph:
        before = [rank[operand.node] for operand in node.operands if stage[operand.node] is stage[node.id]]
        rank[node.id] = max(before, default=-1) + 1
    for node in graph:  # a leaf stands just above what needs it first
        if _is_leaf(node):
            after = [rank[user.id] for user in graph.users(node.id) if stage[user.id] is stage[node.id]]
            rank[node.id] = max(0, min(after, default=1) - 1)
    frames = []
    for name in Stage:
        rows: dict[int, list[Box]] = {}
        for node in graph:
            if stage[node.id] is name:
                rows.setdefault(rank[node.id], []).append(_box(node))
        if rows:
            parts = tuple(Frame(tuple(boxes), beside=True) for _, boxes in sorted(rows.items()))
            frames.append(Frame(parts, str(name)))
    arrows = tuple(
        Arrow(f"n{operand.node}", f"n{node.id}", _shape(graph, operand.node, operand.result))
        for node in graph
        for operand in dict.fromkeys(node.operands)
    )
    return Picture("program", Frame(tuple(frames), beside=True), arrows, _rows(graph))


def _is_leaf(node: Node) -> bool:
    return isinstance(node.op, Leaf | Constant)


def _stage(graph: Graph, node: Node) -> Stage:
    """A node's stage; a leaf's is the first that needs it."""
    users = graph.users(node.id) if _is_leaf(node) else []
    order = list(Stage)
    return min((user.stage for user in users), key=order.index, default=node.stage)


def _box(node: Node) -> Box:
    lines = [", ".join(map(str, node.types))]
    if node.layer:
        lines.append(node.layer)
    if node.note:
        lines.append(node.note)
    return Box(f"n{node.id}", str(node.op), tuple(lines), "leaf" if _is_leaf(node) else "op")


def _shape(graph: Graph, id: int, result: int) -> str:
    return ", ".join(map(str, graph[id].types[result].shape))


def _rows(graph: Graph) -> tuple[tuple[int, tuple[str, ...]], ...]:
    found: list[tuple[int, tuple[str, ...]]] = []
    for stage in Stage:
        found.append((0, (str(stage),)))
        for node in graph:
            if node.stage is not stage or _is_leaf(node):
                continue
            operands = ", ".join(_name(graph[operand.node]) for operand in node.operands)
            cells = (f"%{node.id} = {node.op}", operands, ", ".join(map(str, node.types)), node.layer, node.note)
            found.append((1, cells))
    return tuple(row for index, row in enumerate(found) if row[0] or (index + 1 < len(found) and found[index + 1][0]))


def _name(node: Node) -> str:
    if isinstance(node.op, Constant):
        return str(node.op.value)
    return getattr(node.op, "label", node.op.name) if isinstance(node.op, Leaf) else f"%{node.id}"
