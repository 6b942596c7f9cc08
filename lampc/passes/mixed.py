"""Mixed precision: products in bfloat16, everything else and the parameters in float32 (Micikevicius et al. 2018)."""

from __future__ import annotations

from lampc.ir.graph import Graph
from lampc.ops.attention import Attention
from lampc.ops.cast import Cast
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite

_PRODUCTS = (MatMul, Convolution, Attention)


def mix_precision(graph: Graph) -> Graph:
    """Give products operands in bf16, and take their results back to f32.

    Before: a forward graph in f32. After: the same types at its outputs; what is differentiated from it has its products in
    bf16 too, and each parameter's gradient in f32. bf16 has float32's range, so that losses need no scaling.
    """
    return rewrite(graph, _rule)


def _rule(site: Site) -> tuple[Term, ...] | None:
    if not isinstance(site.node.op, _PRODUCTS) or site.type.dtype != "f32":
        return None
    narrow = [site.build(Cast("bf16"), operand) for operand in site.operands]
    return tuple(site.build(Cast("f32"), result) if result.type.dtype == "bf16" else result
                 for result in site.build.results(site.node.op, *narrow))  # fmt: skip
