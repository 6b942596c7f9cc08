"""The linear layer."""

from __future__ import annotations

import math

from lampc.ir.leaves import Initialiser
from lampc.ir.op import ShapeError, SizeMismatch
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Arrow, Param, Signature
from lampc.ops.matmul import MatMul
from lampc.ops.term import Term

NORMAL = Initialiser("normal", (1.0,))
ZEROS = Initialiser("zeros")


def _build(make: Construct, x: Term, arguments: Arguments) -> Term:
    sizes = arguments["sizes"]
    if x.type.rank < 2:
        raise ShapeError(f"goes over a sample's last axis, and {x.type} has none", code="E402")
    size = x.type.shape[-1]
    assert isinstance(size, int)
    if sizes.left is not None and sizes.left != size:
        flat = x.type.rank > 2 and math.prod(x.type.sample) == sizes.left
        raise SizeMismatch(sizes.left, size, fix="put `flatten` before it" if flat else "")
    weight = make.parameter("weight", x, (sizes.right, size), arguments["init"])
    out = make(MatMul(transposed=True), x, weight)
    if arguments["bias"] is None:
        return out
    return out + make.parameter("bias", x, (sizes.right,), arguments["bias"])


layer(
    LayerType(
        name="linear",
        doc="x·Wᵀ + b over the last axis; W is [out, in]",
        example="linear 2->25 xavier; tanh; linear 25->1 xavier",
        signature=Signature(
            (
                Param("sizes", Arrow(), doc="`in->out`, or `out` where the input is known"),
                Param("init", Init(), NORMAL, "how the weight begins"),
                Param("bias", Init(optional=True), ZEROS, "how the bias begins; `off` for none", positional=False),
            )
        ),
        build=_build,
        input_shape=lambda arguments: None if arguments["sizes"].left is None else (arguments["sizes"].left,),
        nodes=2,
        learns=True,
    )
)
