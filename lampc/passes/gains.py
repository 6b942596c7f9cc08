"""What follows a weight: for its initialiser's gain, and for a warning."""

from __future__ import annotations

from dataclasses import replace

from lampc.diagnostics import Problems
from lampc.ir.graph import Graph, Node
from lampc.ir.leaves import Gain, Parameter
from lampc.ir.op import Op
from lampc.layers.linear import NORMAL
from lampc.ops.activations import Sigmoid
from lampc.ops.arithmetic import Add
from lampc.ops.channels import BatchNorm, GroupNorm
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.normalise import LayerNorm, RmsNorm
from lampc.ops.pool import Pool
from lampc.ops.random import Dropout
from lampc.ops.shape import Reshape
from lampc.ops.term import Term
from lampc.passes.rewrite import Site, rewrite

_THROUGH = (MatMul, Convolution, Pool, Add, Reshape, Dropout)
"""Ops between a weight and the activation that it feeds."""
_NORMS = (LayerNorm, RmsNorm, BatchNorm, GroupNorm)
"""Ops after which the weight's size does not matter."""


def find_gains(graph: Graph) -> Graph:
    """Give every initialiser that takes a gain the one of the activation that follows (1 where none does).

    Before: a forward graph. After: every initialiser's gain is a number.
    """

    def rule(site: Site) -> Term | None:
        op = site.node.op
        if not isinstance(op, Parameter) or op.initialiser.gain is not Gain.AUTO:
            return None
        following = _activation(graph, site.node)
        gain = 1.0 if following is None else following.gain()
        return site.build(replace(op, initialiser=replace(op.initialiser, gain=gain)))

    return rewrite(graph, rule)


def warn_of_saturation(graph: Graph, problems: Problems) -> None:
    """Report weights of the default N(0, 1) that feed a tanh, sigmoid or hardtanh: many of its outputs begin flat.

    What a layer's numbers have been found to do is not said again.
    """
    said = {label.span for found in problems.warnings if found.code in ("W451", "W452") for label in found.labels}
    for node in graph:
        if node.spans and node.spans[0] in said:
            continue
        if not isinstance(node.op, Parameter) or node.op.initialiser != NORMAL or len(node.op.type.shape) != 2:
            continue
        following = _activation(graph, node)
        size = node.op.type.shape[1]
        if following is None or not following.saturates:
            continue
        which = "sigmoid" if isinstance(following, Sigmoid) else following.name
        problems.report("W401", f"weights begin as N(0, 1), the default: summed over {size} inputs they drive the "
                        f"{which} that follows to where it is flat, and it learns slowly", node.spans[0],
                        fixes=["name an initialiser: `xavier`"])  # fmt: skip


def _activation(graph: Graph, node: Node) -> Op | None:
    """The first op on a parameter's way, through the linear map that it belongs to, that is no part of it."""
    while True:
        users = graph.users(node.id)
        if len(users) != 1:
            return None
        node = users[0]
        if isinstance(node.op, _NORMS):
            return None
        if not isinstance(node.op, _THROUGH):
            return node.op
