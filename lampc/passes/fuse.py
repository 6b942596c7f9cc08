"""Several ops as one, where torch has a kernel for it."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.layers.own_gradient import WithGradient
from lampc.ops.arithmetic import Add, AddScaled, Mul, Sub
from lampc.ops.matmul import Affine, MatMul
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite


def fuse(graph: Graph) -> Graph:
    """``matmul`` and ``add`` become ``affine``; a product that is added or subtracted becomes ``add_scaled``.

    What stood for a gradient of one's own goes. Before: a whole graph. After: the same values up to rounding; what was fused
    is dead unless used elsewhere.
    """
    return rewrite(graph, _rule)


def _rule(site: Site) -> Term | None:
    op = site.node.op
    if isinstance(op, WithGradient):  # it has said its gradient
        return site.operands[0]
    if isinstance(op, Add):
        return _affine(site) or _add_scaled(site, 1, 1.0) or _add_scaled(site, 0, 1.0)
    return _add_scaled(site, 1, -1.0) if isinstance(op, Sub) else None


def _affine(site: Site) -> Term | None:
    product, bias = site.operands
    inner = product.node
    if inner.op != MatMul(transposed=True) or bias.type.shape != site.type.shape[-1:] or not site.only_use(0):
        return None
    a, w = (site.build.term(operand) for operand in inner.operands)
    return site.build(Affine(), a, w, bias)


def _add_scaled(site: Site, product: int, sign: float) -> Term | None:
    term, other = site.operands[product], site.operands[1 - product]
    if not isinstance(term.node.op, Mul) or not site.only_use(product):
        return None
    if term.type != site.type or other.type != site.type or site.type.rank == 0:
        return None
    b, c = (site.build.term(operand) for operand in term.node.operands)
    return site.build(AddScaled(sign), other, b, c)
