"""The forward graph as it is used, not trained."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.ops.random import Dropout
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite


def without_dropout(graph: Graph) -> Graph:
    """Leave dropout out.

    Before: a forward graph in which a dropout's mask has no use. After: no dropout.
    """

    def rule(site: Site) -> tuple[Term, ...] | None:
        if not isinstance(site.node.op, Dropout):
            return None
        x, _ = site.operands
        return (x, x)

    return rewrite(graph, rule)
