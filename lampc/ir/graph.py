"""The computation graph: operations on values, kept in a networkx DiGraph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import networkx as nx

from lampc.ir.keys import Key
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.source import Span


class Stage(StrEnum):
    """The part of a training step that a node belongs to."""

    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "update"


class Value(NamedTuple):
    """One result of a node."""

    node: int
    result: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """An op applied to values."""

    id: int
    op: Op
    operands: tuple[Value, ...]
    types: tuple[Type, ...]
    """The results' types."""
    spans: tuple[Span, ...]
    """The places in the source that it comes from; a gradient's are its forward node's."""
    stage: Stage = Stage.FORWARD
    layer: str = ""
    """The name of the layer that it belongs to: ``linear1``."""
    note: str = ""
    """What a pass did to it, for listings."""


@dataclass
class Graph:
    """Nodes in topological order: operands come before what uses them, so ids grow along every edge.

    ``nx`` holds the nodes under their ids (attribute ``node``) and repeats the operands as edges (attribute
    ``operands``: positions); only this class writes it. ``outputs`` names the values that the program is for.
    """

    nx: nx.DiGraph = field(default_factory=nx.DiGraph)
    outputs: dict[Key, Value] = field(default_factory=dict)

    def add(
        self,
        op: Op,
        operands: Iterable[Value],
        types: tuple[Type, ...],
        spans: tuple[Span, ...] = (),
        stage: Stage = Stage.FORWARD,
        layer: str = "",
        note: str = "",
    ) -> Node:
        """Append a node; its operands must be in the graph."""
        operands = tuple(operands)
        node = Node(len(self.nx), op, operands, types, spans, stage, layer, note)
        self.nx.add_node(node.id, node=node)
        for position, operand in enumerate(operands):
            assert operand.node < node.id, (operand, node.id)
            if self.nx.has_edge(operand.node, node.id):
                self.nx.edges[operand.node, node.id]["operands"] += (position,)
            else:
                self.nx.add_edge(operand.node, node.id, operands=(position,))
        return node

    def __len__(self) -> int:
        return len(self.nx)

    def __iter__(self) -> Iterator[Node]:
        """The nodes in topological order."""
        return iter(self.nx.nodes[id]["node"] for id in range(len(self.nx)))

    def __getitem__(self, id: int) -> Node:
        node: Node = self.nx.nodes[id]["node"]
        return node

    def type(self, value: Value) -> Type:
        """The type of a value."""
        return self[value.node].types[value.result]

    def users(self, id: int) -> list[Node]:
        """The nodes that take a result of node ``id``."""
        return [self[user] for user in self.nx.successors(id)]

    def live(self, roots: Iterable[Value]) -> set[int]:
        """The nodes that the roots depend on, themselves included."""
        seen: set[int] = set()
        waiting = [root.node for root in roots]
        while waiting:
            id = waiting.pop()
            if id not in seen:
                seen.add(id)
                waiting.extend(operand.node for operand in self[id].operands)
        return seen

    def copy(self) -> Graph:
        """A graph with the same nodes, to append to."""
        return Graph(self.nx.copy(), dict(self.outputs))

    def with_outputs(self, outputs: Mapping[Key, Value]) -> Graph:
        """The same nodes under other outputs."""
        return Graph(self.nx, dict(outputs))
