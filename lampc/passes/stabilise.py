"""Numerically safe forms of what was written plainly."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.ops.activations import Sigmoid, Softplus
from lampc.ops.arithmetic import Sub
from lampc.ops.classes import BinaryCrossEntropy
from lampc.ops.exponential import Log
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite
from lampc.passes.simplify import constant_of


def stabilise(graph: Graph) -> Graph:
    """Rewrite logarithms that would underflow: log softmax, log sigmoid, log(1 - sigmoid), bce of a sigmoid.

    Before: a forward graph. After: none of the three is left where the pattern is plain to see, so that `sigmoid`
    with `loss bce` and `softmax` with `loss crossentropy` are exact far out; each rewrite leaves a note.
    """
    return rewrite(graph, _rule)


def _rule(site: Site) -> Term | None:
    if isinstance(site.node.op, BinaryCrossEntropy):
        return _bce(site)
    if not isinstance(site.node.op, Log):
        return None
    x = site.operands[0]
    inner = x.node
    if isinstance(inner.op, Softmax):
        with site.build.at(note="stable: log(softmax) is log_softmax"):
            return site.build(LogSoftmax(), site.build.term(inner.operands[0]))
    if isinstance(inner.op, Sigmoid):
        with site.build.at(note="stable: log(sigmoid(z)) is -softplus(-z)"):
            return -site.build(Softplus(), -site.build.term(inner.operands[0]))
    if isinstance(inner.op, Sub):
        one, sigmoid = (site.build.term(operand) for operand in inner.operands)
        value = constant_of(one)
        if value is not None and value.power == 0 and value.value == 1.0 and isinstance(sigmoid.node.op, Sigmoid):
            with site.build.at(note="stable: log(1 - sigmoid(z)) is -softplus(z)"):
                return -site.build(Softplus(), site.build.term(sigmoid.node.operands[0]))
    return None


def _bce(site: Site) -> Term | None:
    p, y = site.operands
    if not isinstance(p.node.op, Sigmoid):
        return None
    z = site.build.term(p.node.operands[0])
    with site.build.at(note="stable: bce(sigmoid(z), y) is softplus(z) - y·z"):
        return site.build(Softplus(), z) - y * z
