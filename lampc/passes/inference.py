"""The forward graph as it is used, not trained."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.ir.keys import lasting
from lampc.ops.channels import BatchNorm, BatchNormInference
from lampc.ops.guard import Guard
from lampc.ops.random import Dropout, Noise
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite


def for_inference(graph: Graph) -> Graph:
    """Leave out dropout, noise and what concerns gradients alone; let batchnorm use its running statistics, and keep those.

    Before: a forward graph in which a dropout's mask and a batchnorm's statistics have no use but to be replaced (``Next``).
    After: no dropout, no noise, no batchnorm of batches, no ``Next`` output.
    """
    return rewrite(graph.with_outputs(lasting(graph.outputs)), _rule)


def _rule(site: Site) -> tuple[Term, ...] | None:
    op = site.node.op
    if isinstance(op, Dropout):
        x, _ = site.operands
        return (x, x)
    if isinstance(op, Guard) and site.operands[1].type == site.type:
        return (site.operands[1],)
    if isinstance(op, Noise):
        return (site.build.constant(site.type, 0.0),)
    if isinstance(op, BatchNorm):
        running = site.operands[-2:]
        out = site.build(BatchNormInference(op.eps, op.affine), *site.operands)
        return (out, *running, *running)
    return None
