"""Layers for sequences of names: embedding, positions, attention."""

from __future__ import annotations

from itertools import pairwise

from lampc.ir.leaves import Gain, Initialiser
from lampc.ir.op import NamesWanted, ShapeError, SizeMismatch
from lampc.ir.types import Type
from lampc.layers.initialisers import Init
from lampc.layers.layer import Arguments, Construct, LayerType, layer
from lampc.layers.linear import ZEROS
from lampc.layers.signature import Arrow, Flag, Float, Int, Label, OneOf, Param, Signature
from lampc.ops.attend import Attend
from lampc.ops.attention import Attention, Gather, Rope
from lampc.ops.matmul import MatMul
from lampc.ops.reduction import Expand
from lampc.ops.shape import Concat, Reshape, Slice
from lampc.ops.term import Term
from lampc.ops.waves import Waves

XAVIER = Initialiser("xavier", (), Gain.AUTO)


def _embedding(make: Construct, x: Term, arguments: Arguments) -> Term:
    sizes = arguments["sizes"]
    if x.type.dtype != "i64":
        raise NamesWanted(x.type, x.type.sample, sizes.left)
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
    if arguments["rope"] and arguments["keys"] is not None:
        raise ShapeError("cannot turn queries and keys of two sequences by their places", code="E405", fix="leave `rope` out")
    if arguments["keys"] is None and arguments["values"] is None:
        qkv = _projected(make, x, (heads + 2 * kv_heads) * size, arguments)
        if arguments["rope"]:
            qkv = make(Rope(heads, kv_heads, arguments["base"]), qkv)
        if all(arguments[name] is None for name in ("mask", "padding", "sink")):
            out = make(Attention(heads, kv_heads, arguments["causal"]), qkv)
        else:
            ends = (0, heads * size, (heads + kv_heads) * size, (heads + 2 * kv_heads) * size)
            out = _attend(make, arguments, [make(Slice(2, *pair), qkv) for pair in pairwise(ends)])
    else:
        out = _attend(make, arguments, _apart(make, x, kv_heads * size, arguments))
    out = make(MatMul(transposed=True), out, make.parameter("out_proj.weight", (width, width), arguments["init"]))
    if arguments["bias"] is not None:
        out = out + make.parameter("out_proj.bias", (width,), arguments["bias"])
    return out


def _projected(make: Construct, x: Term, total: int, arguments: Arguments) -> Term:
    qkv = make(MatMul(transposed=True), x, make.parameter("in_proj_weight", (total, x.type.shape[-1]), arguments["init"]))
    return qkv if arguments["bias"] is None else qkv + make.parameter("in_proj_bias", (total,), arguments["bias"])


def _apart(make: Construct, x: Term, kv: int, arguments: Arguments) -> list[Term]:
    """Queries of x, keys of another sequence, values of it or a third; one weight for all where they are equally wide."""
    keys = x if arguments["keys"] is None else arguments["keys"]
    values = keys if arguments["values"] is None else arguments["values"]
    sources, (_, width) = (x, keys, values), sequence(x.type)
    widths = [sequence(source.type)[1] for source in sources]
    if sequence(keys.type)[0] != sequence(values.type)[0]:
        raise ShapeError(f"needs as many values as keys: {values.type} and {keys.type}", code="E404")
    ends = (0, width, width + kv, width + 2 * kv)
    if len(set(widths)) == 1:
        whole = make.parameter("in_proj_weight", (ends[-1], width), arguments["init"])
        weights = [make.part(whole, *pair) for pair in pairwise(ends)]
    else:
        rows = zip("qkv", (width, kv, kv), widths, strict=True)
        weights = [make.parameter(f"{name}_proj_weight", (out, wide), arguments["init"]) for name, out, wide in rows]
    made = [make(MatMul(transposed=True), source, weight) for source, weight in zip(sources, weights, strict=True)]
    if arguments["bias"] is None:
        return made
    bias = make.parameter("in_proj_bias", (ends[-1],), arguments["bias"])
    return [term + make.part(bias, *pair) for term, pair in zip(made, pairwise(ends), strict=True)]


def _attend(make: Construct, arguments: Arguments, qkv: list[Term]) -> Term:
    """With what masks hide, and with keys that are always seen."""
    q, k, v = qkv
    heads, sink, kv = arguments["heads"], arguments["sink"], k.type.shape[2]
    row = k.type.of((k.type.shape[0], 1, kv))
    sinks = 0
    if sink in ("learned", "both"):
        extra = [make.parameter(name, (1, 1, kv), XAVIER) for name in ("bias_k", "bias_v")]
        k, v = (make(Concat(1), term, make(Expand(row.shape, (0, 1)), make(Reshape((kv,)), end)))
                for term, end in zip((k, v), extra, strict=True))  # fmt: skip
        sinks += 1
    if sink in ("zero", "both"):
        k, v = (make(Concat(1), term, make.build.constant(row, 0.0)) for term in (k, v))
        sinks += 1
    masks = [arguments[name] for name in ("padding", "mask") if arguments[name] is not None]
    try:
        return make(Attend(heads, arguments["kv_heads"] or heads, arguments["causal"], sinks), q, k, v, *masks)
    except ShapeError as error:
        raise ShapeError(str(error), code="E404") from None


_NORMAL = Initialiser("normal", (1.0,))
_SMALL = Initialiser("normal", (0.02,))

layer(LayerType("embedding", "a learnt row for each whole number; the weight is [names, out]",
                "input 16 int<96>; embedding 96->32; mean 1; linear 2",
                Signature((Param("sizes", Arrow(), doc="`names->out`, or `out` where the input says how many names"),
                           Param("init", Init(general=True), _NORMAL, "how the weight begins"))),
                _embedding, whole=True, learns=True))  # fmt: skip
layer(LayerType("position", "plus a number for each place and feature: learnt, or sines and cosines",
                "input 16 int<96>; embedding 32; position; attention 4 causal; linear 96",
                Signature((Param("kind", OneOf(("learned", "sinusoidal")), "learned", "which"),
                           Param("length", Int(0), 0, "places that are learnt; 0: as many as the sequence has"),
                           Param("init", Init(general=True), _SMALL, "how learnt ones begin"),
                           Param("base", Float(1.0), 10_000.0, "the longest wave, over 2π", positional=False))),
                _position, keeps_shape=True, learns=True))  # fmt: skip
layer(LayerType("attention", "each place takes from all others, or from another sequence, head by head, what it asks for",
                "input 16 int<96>; embedding 32; attention 4 causal rope; linear 96",
                Signature((Param("heads", Int(), doc="how many"),
                           Param("kv_heads", Int(0), 0, "keys and values, shared by heads; 0: one each", positional=False),
                           Param("causal", Flag(), False, "no place sees a later one"),
                           Param("rope", Flag(), False, "turn queries and keys by their places"),
                           Param("base", Float(1.0), 10_000.0, "of rope's waves", positional=False),
                           Param("keys", Label(), None, "the sequence whose keys and values are taken; its own if left out",
                                 positional=False),
                           Param("values", Label(), None, "the sequence whose values are taken, where not the keys'",
                                 positional=False),
                           Param("mask", Label(), None, "a number above 0 where a place, perhaps of a head, sees a key",
                                 positional=False),
                           Param("padding", Label(), None, "a number above 0 for each key that is seen", positional=False),
                           Param("sink", OneOf(("learned", "zero", "both")), None, "one key more that all places see",
                                 positional=False),
                           Param("init", Init(general=True), XAVIER, "how weights begin"),
                           Param("bias", Init(optional=True), ZEROS, "how biases begin; `off` for none", positional=False))),
                _attention, keeps_shape=True, learns=True))  # fmt: skip
