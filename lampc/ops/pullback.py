"""Reverse accumulation: cotangents from results to operands, for whole graphs and for the formula of a single op."""

from __future__ import annotations

from collections.abc import Collection, Iterable, MutableMapping, Sequence

from lampc.diagnostics import LampError, Problems
from lampc.ir.graph import Node, Stage, Value
from lampc.ir.op import NoGradient
from lampc.ops.term import Build, Gradients, Term, TermNode


def pull_back(build: Build, nodes: Iterable[Node], active: Collection[int], cotangents: MutableMapping[Value, Term]) -> None:
    """Add the cotangents of what ``nodes`` depend on to those that some of their results have.

    Operands come before what uses them in ``nodes``; those made by a node that is not ``active`` get none.

    Raises:
        LampError: if an op between has no gradient (E811).
    """
    for node in reversed(list(nodes)):
        results = [Value(node.id, index) for index in range(len(node.types))]
        if not node.operands or node.id not in active or not any(result in cotangents for result in results):
            continue
        terms = TermNode(build, node, tuple(map(build.term, node.operands)), tuple(map(build.term, results)))
        with build.at(spans=node.spans, stage=Stage.BACKWARD, layer=node.layer, note=""):
            gradients = _gradients(terms, [cotangents.get(result) for result in results])
            for operand, gradient in zip(node.operands, gradients, strict=True):
                if gradient is None or operand.node not in active:
                    continue
                assert gradient.type == build.graph.type(operand), (node.op, gradient.type, build.graph.type(operand))
                add_cotangent(cotangents, operand, gradient)


def add_cotangent(cotangents: MutableMapping[Value, Term], value: Value, more: Term) -> None:
    """Add to what a value has already; the first is taken as it is."""
    before = cotangents.get(value)
    cotangents[value] = more if before is None else before + more


def _gradients(node: TermNode, cotangents: Sequence[Term | None]) -> Gradients:
    try:
        return node.node.op.gradient(node, *cotangents)
    except NoGradient:
        where = f" of `{node.node.layer}`" if node.node.layer else ""
        problems = Problems()
        span = node.node.spans[0] if node.node.spans else None
        problems.report(
            "E811",
            f"`{node.node.op.name}`{where} has no gradient",
            span,
            "differentiate before ops are fused",
        )
        raise LampError(problems.errors) from None
