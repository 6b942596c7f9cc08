"""A learnt number for each place of the last axis: times it, or plus it."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.leaves import Initialiser
from lampc.ir.op import ShapeError
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Param, Signature
from lampc.ops.term import Term


def _learnt(name: str, join: Callable[[Term, Term], Term]) -> Callable[[Construct, Term, Arguments], Term]:
    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        if x.type.rank < 2 or x.type.dtype == "i64":
            raise ShapeError(f"goes over a sample's last axis, and {x.type} has none", code="E402")
        return join(x, make.parameter(name, x.type.shape[-1:], arguments["init"]))

    return build


layer(LayerType("scale", "x times a learnt number for each place of the last axis",
                "linear 4->8; residual { linear 8; tanh; scale constant(0.1) }; linear 1",
                Signature((Param("init", Init(), Initialiser("ones"), "how it begins"),)),
                _learnt("weight", lambda x, w: x * w), keeps_shape=True, learns=True))  # fmt: skip
layer(LayerType("bias", "x plus a learnt number for each place of the last axis", "linear 4->8 bias=off; tanh; bias; linear 1",
                Signature((Param("init", Init(), Initialiser("zeros"), "how it begins"),)),
                _learnt("bias", lambda x, b: x + b), keeps_shape=True, learns=True))  # fmt: skip
