"""The linear layer."""

from __future__ import annotations

import math

from lampc.ir.leaves import Gain, Initialiser
from lampc.ir.op import ShapeError, SizeMismatch
from lampc.ir.types import B
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Arrow, Int, Label, Name, Param, Signature
from lampc.ops.matmul import MatMul
from lampc.ops.reduction import Expand, Sum
from lampc.ops.shape import Reshape
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
    shape = (sizes.right, size)
    tie = arguments["tie"]
    weight = make.tied(tie, "weight", shape) if tie else make.parameter("weight", shape, arguments["init"])
    out = make(MatMul(transposed=True), x, weight)
    if arguments["bias"] is None:
        return out
    return out + make.parameter("bias", (sizes.right,), arguments["bias"])


def _bilinear(make: Construct, x: Term, arguments: Arguments) -> Term:
    """As torch: y_o = xᵀ·W_o·z + b_o, by one product with z and a sum over x's features."""
    z: Term = arguments["with"]
    for value in (x, z):
        if value.type.rank != 2 or value.type.dtype == "i64":
            raise ShapeError(f"takes two vectors, but gets {value.type}", code="E402")
    first, second, out = x.type.shape[1], z.type.shape[1], arguments["out"]
    assert isinstance(first, int)
    weight = make.parameter("weight", (out, first, second), arguments["init"])
    rows = make(MatMul(transposed=True), z, make(Reshape((out * first, second)), weight))
    weighed = make(Reshape((B, out, first)), rows) * make(Expand((B, out, first), (1,)), x)
    result = make(Sum((2,)), weighed)
    return result if arguments["bias"] is None else result + make.parameter("bias", (out,), arguments["bias"])


layer(
    LayerType(
        name="bilinear",
        doc="xᵀ·W·z + b for each output, z a value that was named; W is [out, x, z]",
        example="linear 4->8; tanh as z; linear 8; bilinear 3 with=z",
        signature=Signature(
            (
                Param("out", Int(), doc="how many outputs"),
                Param("with", Label(), doc="the other value", positional=False),
                Param("init", Init(general=True), Initialiser("xavier", (), Gain.AUTO), "how the weight begins"),
                Param("bias", Init(optional=True), ZEROS, "how the bias begins; `off` for none", positional=False),
            )
        ),
        build=_bilinear,
        learns=True,
    )
)
layer(
    LayerType(
        name="linear",
        doc="x·Wᵀ + b over the last axis; W is [out, in]",
        example="linear 2->25 xavier; tanh; linear 25->1 xavier",
        signature=Signature(
            (
                Param("sizes", Arrow(), doc="`in->out`, or `out` where the input is known"),
                Param("init", Init(general=True), NORMAL, "how the weight begins"),
                Param("bias", Init(optional=True), ZEROS, "how the bias begins; `off` for none", positional=False),
                Param("tie", Name(), None, "share the weight of the layer that was named so", positional=False),
            )
        ),
        build=_build,
        input_shape=lambda arguments: None if arguments["sizes"].left is None else (arguments["sizes"].left,),
        learns=True,
    )
)
