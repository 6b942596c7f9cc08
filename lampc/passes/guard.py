"""Gradients through ``where``, ``max`` and ``min``: what is not taken does not count."""

from __future__ import annotations

from collections.abc import Iterable

from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Constant
from lampc.ops.arithmetic import Div, Greater, Maximum, Minimum, Pow, Power, Sqrt, Where
from lampc.ops.elementwise import Elementwise
from lampc.ops.exponential import Exp, Expm1, Log, Log1p, XLogY
from lampc.ops.guard import Guard
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite

_UNSAFE = (Log, Log1p, XLogY, Sqrt, Power, Pow, Div, Exp, Expm1)
"""Ops whose slope may be infinite or NaN."""


def guard_branches(graph: Graph) -> Graph:
    """In ``where(c, f(x), b)`` let no gradient reach x through f where c does not hold: 0 times an infinite slope is NaN.

    Nor in ``f(max(x, b))`` where b is taken. Before: a forward graph. After: the same numbers; what a branch's formula takes
    from outside it passes a guard first.
    """
    if not any(isinstance(node.op, Where | Maximum | Minimum) for node in graph):
        return graph
    steep = _steep(graph)

    def rule(site: Site) -> Term | None:
        if isinstance(site.node.op, Maximum | Minimum):
            return _one_taken(site) if site.node.id in steep else None
        return _branches(site) if isinstance(site.node.op, Where) else None

    return rewrite(graph, rule)


def _steep(graph: Graph) -> set[int]:
    """The nodes from which an unsafe op is reached place by place."""
    found: set[int] = set()
    for node in reversed(list(graph)):
        if isinstance(node.op, _UNSAFE) or (node.id in found and isinstance(node.op, Elementwise)):
            found.update(operand.node for operand in node.operands)
    return found


def drop_guards(graph: Graph) -> Graph:
    """Leave guards out. Before: gradients are made. After: none is left but where it repeats a smaller tensor."""
    if not any(isinstance(node.op, Guard) for node in graph):
        return graph
    return rewrite(graph, lambda site: site.operands[1] if _idle(site) else None)


def _idle(site: Site) -> bool:
    return isinstance(site.node.op, Guard) and site.operands[1].type == site.type


def _one_taken(site: Site) -> Term:
    """The greater, or the lesser, of two values each of which has no gradient where the other is it."""
    a, b = site.operands
    lost = (b, a) if isinstance(site.node.op, Maximum) else (a, b)  # a is not taken where the first is the greater
    a_lost, b_lost = site.build(Greater(), *lost), site.build(Greater(), *lost[::-1])
    guarded = [
        value if isinstance(value.node.op, Constant) else site.build(Guard(chosen=False), condition, value)
        for value, condition in ((a, a_lost), (b, b_lost))
    ]
    return site.build(site.node.op, *guarded)


def _branches(site: Site) -> Term | None:
    condition, *branches = site.operands
    guarded = [_guarded(site, condition, branch, chosen) for branch, chosen in zip(branches, (True, False), strict=True)]
    if guarded == branches:
        return None
    return site.build(Where(), condition, *guarded)


def _guarded(site: Site, condition: Term, branch: Term, chosen: bool) -> Term:
    """A branch, made again of guarded values."""
    build, inside = site.build, _formula(site, branch)
    if not any(isinstance(node.op, _UNSAFE) for node in inside.values()):
        return branch
    moved: dict[Value, Term] = {}

    def operand(node: Node, position: int, value: Value) -> Term:
        term = build.term(value)
        if isinstance(term.node.op, Constant) or (isinstance(node.op, Where | Guard) and position == 0):
            return term  # numbers and conditions have no gradient
        if value not in moved:
            moved[value] = build(Guard(chosen), condition, term)
        return moved[value]

    for node in _in_order(inside.values()):
        with build.at(spans=node.spans, note=node.note):
            operands = [operand(node, position, value) for position, value in enumerate(node.operands)]
            moved[Value(node.id)] = build(node.op, *operands)
    return moved[branch.value]


def _formula(site: Site, branch: Term) -> dict[int, Node]:
    """The nodes of the layer's formula that a branch is made of, place by place."""
    found: dict[int, Node] = {}
    waiting = [branch.node]
    while waiting:
        node = waiting.pop()
        if node.id not in found and isinstance(node.op, Elementwise) and node.layer == site.node.layer:
            found[node.id] = node
            waiting.extend(site.build.graph[value.node] for value in node.operands)
    return found


def _in_order(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.id)
