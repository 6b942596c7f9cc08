"""Common subexpressions."""

from __future__ import annotations

from lampc.ir.graph import Graph, Value
from lampc.ir.leaves import Constant
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, keep, rewrite


def share_common(graph: Graph) -> Graph:
    """Compute what is computed twice once.

    Before: any graph. After: no two pure nodes have equal op, operands and types. A node keeps the stage of the
    first that computes it, so a later stage may use it.
    """
    seen: dict[object, int] = {}

    def rule(site: Site) -> tuple[Term, ...] | None:
        node = site.node
        if not node.op.pure:
            return None
        op = node.op.key() if isinstance(node.op, Constant) else node.op
        key = (op, tuple(operand.value for operand in site.operands), node.types)
        if key in seen:
            return tuple(site.build.term(Value(seen[key], index)) for index in range(len(node.types)))
        results = keep(site.build, node, site.operands)
        seen[key] = results[0].value.node
        return results

    return rewrite(graph, rule)
