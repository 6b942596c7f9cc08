"""Activations: layers of one op, or of a few."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.leaves import Initialiser
from lampc.ir.op import Op, ShapeError
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.signature import Flag, Float, OneOf, Param, Signature
from lampc.ops.activations import Elu, Gelu, Hardtanh, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Tanh
from lampc.ops.arithmetic import Abs, Greater, Where
from lampc.ops.reduction import Expand
from lampc.ops.term import Term

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
"""Klambauer et al. 2017, "Self-Normalizing Neural Networks"."""


def _activation(name: str, doc: str, make: Callable[[Arguments], Op], *params: Param, options: str = "") -> None:
    def build(construct: Construct, x: Term, arguments: Arguments) -> Term:
        return construct(make(arguments), x)

    example = f"linear 4->8; {name}{options}; linear 1"
    layer(LayerType(name, doc, example, Signature(params), build, keeps_shape=True))


_activation("tanh", "tanh x", lambda a: Tanh())
_activation("sigmoid", "1/(1 + e⁻ˣ)", lambda a: Sigmoid())
_activation("relu", "max(x, 0)", lambda a: Relu())
_activation("leakyrelu", "x where positive, else slope·x", lambda a: LeakyRelu(a["slope"]),
            Param("slope", Float(0.0), 0.01, "the slope below 0"))  # fmt: skip
_activation("elu", "x where positive, else alpha·(eˣ - 1)", lambda a: Elu(a["alpha"]),
            Param("alpha", Float(0.0, open_low=True), 1.0, "minus the value far below 0"))  # fmt: skip
_activation("selu", "the self-normalising elu", lambda a: Elu(SELU_ALPHA, SELU_SCALE))
_activation("gelu", "x·Φ(x)", lambda a: Gelu(a["approximate"]),
            Param("approximate", OneOf(("none", "tanh")), "none", "`tanh` for the faster approximation"))  # fmt: skip
_activation("silu", "x·sigmoid x (swish)", lambda a: Silu())
_activation("softplus", "log(1 + eˣ)", lambda a: Softplus())
_activation("hardtanh", "x held between low and high", lambda a: Hardtanh(a["low"], a["high"]),
            Param("low", Float(), -1.0, "the least value"),
            Param("high", Float(), 1.0, "the greatest value"))  # fmt: skip


def _softsign(make: Construct, x: Term, arguments: Arguments) -> Term:
    return x / (make(Abs(), x) + 1.0)


def _mish(make: Construct, x: Term, arguments: Arguments) -> Term:
    return x * make(Tanh(), make(Softplus(), x))


def _prelu(make: Construct, x: Term, arguments: Arguments) -> Term:
    if arguments["channels"]:
        return _prelu_by_channel(make, x, arguments)
    slope = make.parameter("slope", (), arguments["init"])
    positive = make(Greater(), x, make.build.constant(x.type.of(()), 0.0))
    return make(Where(), positive, x, slope * x)


def _prelu_by_channel(make: Construct, x: Term, arguments: Arguments) -> Term:
    if x.type.rank < 2:
        raise ShapeError(f"takes samples whose first axis is their channels, but gets {x.type}", code="E402")
    slope = make.parameter("slope", x.type.shape[1:2], arguments["init"])
    others = tuple(axis for axis in range(x.type.rank) if axis != 1)
    positive = make(Greater(), x, make.build.constant(x.type.of(()), 0.0))
    return make(Where(), positive, x, make(Expand(x.type.shape, others), slope) * x)


layer(LayerType("softsign", "x/(1 + |x|)", "linear 4->8; softsign; linear 1", Signature(), _softsign,
                keeps_shape=True))  # fmt: skip
layer(LayerType("mish", "x·tanh(log(1 + eˣ))", "linear 4->8; mish; linear 1", Signature(), _mish,
                keeps_shape=True))  # fmt: skip
layer(
    LayerType(
        "prelu",
        "x where positive, else slope·x, the slope learnt",
        "linear 4->8; prelu; linear 1",
        Signature(
            (
                Param("init", Init(), Initialiser("constant", (0.25,)), "how the slope begins"),
                Param("channels", Flag(), False, "a slope for each channel, a sample's first axis"),
            )
        ),
        _prelu,
        keeps_shape=True,
        learns=True,
    )
)
