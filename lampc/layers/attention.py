"""Layers for sequences of names: embedding, positions, attention."""

from __future__ import annotations

from lampc.ir.leaves import Initialiser
from lampc.ir.op import ShapeError, SizeMismatch
from lampc.ir.types import Type
from lampc.layers.initialisers import AUTO, Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.linear import ZEROS
from lampc.layers.signature import Arrow, Flag, Float, Int, OneOf, Param, Signature
from lampc.ops.attention import Attention, Gather, Rope
from lampc.ops.matmul import MatMul
from lampc.ops.term import Term
from lampc.ops.waves import Waves

XAVIER = Initialiser("xavier", (), AUTO)


def _embedding(make: Construct, x: Term, arguments: Arguments) -> Term:
    if x.type.dtype != "i64":
        raise ShapeError(f"takes whole numbers, but gets {x.type}", code="E402", fix="say so in the input: `input 64 int<96>`")
    sizes = arguments["sizes"]
    below = make.below(x)
    rows = sizes.left if sizes.left is not None else below
    if not rows:
        raise ShapeError("is not told how many names there are", code="E403", fix="write `embedding 96->128`")
    if below > rows:
        raise SizeMismatch(f"whole numbers below {rows}", f"whole numbers below {below}")
    return make(Gather(), make.parameter("weight", (rows, sizes.right), arguments["init"]), x)


def sequence(x: Type, wanted: int | None = None) -> tuple[int, int]:
    """The length and the width of a sample.

    Raises:
        ShapeError: if it has not these two axes, or not the width that is wanted.
    """
    if x.rank != 3 or x.dtype == "i64":
        raise ShapeError(f"takes samples of length x features, but gets {x}", code="E402",
                         fix="put `embedding` before it" if x.dtype == "i64" else "")  # fmt: skip
    _, length, width = x.shape
    assert isinstance(length, int)
    assert isinstance(width, int)
    if wanted is not None and wanted != width:
        raise SizeMismatch(wanted, width)
    return length, width


def _position(make: Construct, x: Term, arguments: Arguments) -> Term:
    length, width = sequence(x.type)
    if arguments["kind"] == "sinusoidal":
        return x + make(Waves(make.dtype, length, width, arguments["base"]))
    most = arguments["length"] or length
    if length > most:
        raise ShapeError(f"has {most} places, and the sequence is longer: {length}", code="E405")
    table = make.parameter("weight", (most, width), arguments["init"])
    return x + (table if most == length else make.part(table, 0, length))


def _attention(make: Construct, x: Term, arguments: Arguments) -> Term:
    _, width = sequence(x.type)
    heads = arguments["heads"]
    kv_heads = arguments["kv_heads"] or heads
    if width % heads:
        raise ShapeError(f"cannot split {width} features into {heads} equal heads", code="E405",
                         fix=f"take a number that divides {width}")  # fmt: skip
    if heads % kv_heads:
        raise ShapeError(f"cannot share {kv_heads} keys among {heads} heads equally", code="E405",
                         fix=f"let `kv_heads` divide {heads}")  # fmt: skip
    size = width // heads
    if arguments["rope"] and size % 2:
        raise ShapeError(f"cannot turn pairs in heads of {size} numbers", code="E405", fix="let heads have an even size")
    total = (heads + 2 * kv_heads) * size
    qkv = make(MatMul(transposed=True), x, make.parameter("in_proj_weight", (total, width), arguments["init"]))
    if arguments["bias"] is not None:
        qkv = qkv + make.parameter("in_proj_bias", (total,), arguments["bias"])
    if arguments["rope"]:
        qkv = make(Rope(heads, kv_heads, arguments["base"]), qkv)
    out = make(Attention(heads, kv_heads, arguments["causal"]), qkv)
    out = make(MatMul(transposed=True), out, make.parameter("out_proj.weight", (width, width), arguments["init"]))
    if arguments["bias"] is not None:
        out = out + make.parameter("out_proj.bias", (width,), arguments["bias"])
    return out


_NORMAL = Initialiser("normal", (1.0,))
_SMALL = Initialiser("normal", (0.02,))

layer(LayerType("embedding", "a learnt row for each whole number; the weight is [names, out]",
                "input 16 int<96>; embedding 96->32; mean 1; linear 2",
                Signature((Param("sizes", Arrow(), doc="`names->out`, or `out` where the input says how many names"),
                           Param("init", Init(), _NORMAL, "how the weight begins"))),
                _embedding, whole=True, learns=True))  # fmt: skip
layer(LayerType("position", "plus a number for each place and feature: learnt, or sines and cosines",
                "input 16 int<96>; embedding 32; position; attention 4 causal; linear 96",
                Signature((Param("kind", OneOf(("learned", "sinusoidal")), "learned", "which"),
                           Param("length", Int(0), 0, "places that are learnt; 0: as many as the sequence has"),
                           Param("init", Init(), _SMALL, "how learnt ones begin"),
                           Param("base", Float(1.0), 10_000.0, "the longest wave, over 2π", positional=False))),
                _position, nodes=2, keeps_shape=True, learns=True))  # fmt: skip
layer(LayerType("attention", "each place takes from all others, head by head, what it asks for",
                "input 16 int<96>; embedding 32; attention 4 causal rope; linear 96",
                Signature((Param("heads", Int(), doc="how many"),
                           Param("kv_heads", Int(0), 0, "keys and values, shared by heads; 0: one each", positional=False),
                           Param("causal", Flag(), False, "no place sees a later one"),
                           Param("rope", Flag(), False, "turn queries and keys by their places"),
                           Param("base", Float(1.0), 10_000.0, "of rope's waves", positional=False),
                           Param("init", Init(), XAVIER, "how weights begin"),
                           Param("bias", Init(optional=True), ZEROS, "how biases begin; `off` for none", positional=False))),
                _attention, nodes=6, keeps_shape=True, learns=True))  # fmt: skip
