"""The computation graph: operations on values; a networkx DiGraph of it for who asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from lampc.ir.keys import Key
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.source import Span

if TYPE_CHECKING:
    from networkx import DiGraph


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


_ONE_AT_A_TIME = Lock()


@dataclass(eq=False)
class Graph:
    """Nodes in topological order: operands come before what uses them, so ids grow along every edge.

    ``nodes`` stand at their ids; only this class appends. ``outputs`` names the values that the program is for.
    """

    nodes: list[Node] = field(default_factory=list)
    outputs: dict[Key, Value] = field(default_factory=dict)
    _users: list[list[Node]] = field(default_factory=list)
    """By node, those that take a result of it; of the nodes that have been looked at so far."""

    def nx(self) -> DiGraph[int]:
        """The nodes under their ids (attribute ``node``), and operands as edges (attribute ``operands``: positions)."""
        from networkx import DiGraph  # takes long to import, and few ask for it

        made: DiGraph[int] = DiGraph()
        for node in self.nodes:
            made.add_node(node.id, node=node)
            places: dict[int, tuple[int, ...]] = {}
            for place, operand in enumerate(node.operands):
                places[operand.node] = (*places.get(operand.node, ()), place)
            made.add_edges_from((id, node.id, {"operands": at}) for id, at in places.items())
        return made

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
        node = Node(len(self.nodes), op, operands, types, spans, stage, layer, note)
        assert all(operand.node < node.id for operand in operands), node
        self.nodes.append(node)
        return node

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        """The nodes in topological order; those that are added meanwhile are not among them."""
        return iter(self.nodes[:])

    def __getitem__(self, id: int) -> Node:
        return self.nodes[id]

    def type(self, value: Value) -> Type:
        """The type of a value."""
        return self.nodes[value.node].types[value.result]

    def users(self, id: int) -> list[Node]:
        """The nodes that take a result of node ``id``, in their order.

        What has been added since this was last asked is taken in now: many graphs are made that nobody asks.
        """
        with _ONE_AT_A_TIME:  # a program is compiled once, and asked by any number of threads
            for node in self.nodes[len(self._users) :]:
                self._users.append([])
                for operand in {value.node for value in node.operands}:
                    self._users[operand].append(node)
        return [*self._users[id]]

    def live(self, roots: Iterable[Value]) -> set[int]:
        """The nodes that the roots depend on, themselves included."""
        seen: set[int] = set()
        waiting = [root.node for root in roots]
        while waiting:
            id = waiting.pop()
            if id not in seen:
                seen.add(id)
                waiting.extend([operand.node for operand in self.nodes[id].operands])
        return seen

    def copy(self) -> Graph:
        """A graph with the same nodes, to append to."""
        return Graph([*self.nodes], dict(self.outputs))

    def with_outputs(self, outputs: Mapping[Key, Value]) -> Graph:
        """The same nodes under other outputs."""
        return Graph(self.nodes, dict(outputs), self._users)
