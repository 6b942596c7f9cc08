"""What rewriting passes share: building a graph anew, node by node, with a rule for what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lampc.ir.graph import Graph, Node, Value
from lampc.ir.keys import Key
from lampc.ir.types import Type
from lampc.ops.term import Build, Context, Term

Rule = Callable[["Site"], Sequence[Term] | Term | None]
"""The results that take a node's place, or None to keep it."""


@dataclass(frozen=True)
class Site:
    """A node of the old graph at its place in the new one."""

    build: Build
    node: Node
    operands: tuple[Term, ...]
    graph: Graph
    """The old graph."""
    outputs: frozenset[Value]
    """The old graph's outputs."""

    @property
    def type(self) -> Type:
        """The first result's type."""
        return self.node.types[0]

    def only_use(self, operand: int) -> bool:
        """Whether nothing else needs an operand."""
        value = self.node.operands[operand]
        return len(self.graph.users(value.node)) == 1 and value not in self.outputs


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """A graph in which the rule has been applied to every node, operands first; the old one is untouched.

    New nodes inherit the place, stage and layer of the node whose place they take.
    """
    new = Graph()
    build = Build(new)
    moved: dict[Value, Term] = {}
    outputs = frozenset(graph.outputs.values())
    for node in graph:
        operands = tuple([moved[operand] for operand in node.operands])
        build.context = Context(node.spans, node.stage, node.layer, node.note)
        results = rule(Site(build, node, operands, graph, outputs))
        if results is None:
            results = keep(build, node, operands)
        elif isinstance(results, Term):
            results = (results,)
        for index, result in enumerate(results):
            assert result.type == node.types[index], (node, result.type)
            moved[Value(node.id, index)] = result
    new.outputs = {name: moved[value].value for name, value in graph.outputs.items()}
    return new


def keep(build: Build, node: Node, operands: Sequence[Term]) -> tuple[Term, ...]:
    """The same node on new operands."""
    same = build.graph.add(
        node.op, [operand.value for operand in operands], node.types, node.spans, node.stage, node.layer, node.note
    )
    return tuple([build.term(Value(same.id, index)) for index in range(len(node.types))])


def subgraph(graph: Graph, outputs: Mapping[Key, Value]) -> Graph:
    """The nodes that some outputs depend on."""
    live = graph.live(outputs.values())
    if len(live) == len(graph):
        return graph.with_outputs(outputs)
    new = Graph()
    moved: dict[Value, Value] = {}
    for node in graph:
        if node.id not in live:
            continue
        operands = [moved[operand] for operand in node.operands]
        same = new.add(node.op, operands, node.types, node.spans, node.stage, node.layer, node.note)
        moved.update({Value(node.id, index): Value(same.id, index) for index in range(len(node.types))})
    new.outputs = {name: moved[value] for name, value in outputs.items()}
    return new
