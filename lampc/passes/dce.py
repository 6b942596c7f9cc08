"""Dead code."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.passes.rewrite import subgraph


def remove_dead(graph: Graph) -> Graph:
    """Leave out the nodes that no output depends on.

    Before: any graph. After: every node leads to an output.
    """
    return subgraph(graph, graph.outputs)
