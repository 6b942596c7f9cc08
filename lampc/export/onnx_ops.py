"""How ONNX says each op of an inference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

from lampc.ir.graph import Value
from lampc.ir.op import Run
from lampc.ir.types import Type

Say = Callable[["Build", Any, list[str], list[Type], Type], str | None]
"""An op, its operands' names and types, and its result's, to the result's name; None where there is no way to say it."""


@dataclass
class Build:
    """The nodes and weights of the model that is being written."""

    dtype: str
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    names: dict[Value, str] = field(default_factory=dict)
    input: str = "x"
    """What the network's samples are, once normalised."""
    taken: set[str] = field(default_factory=set)
    """Names of others', such as a table's columns, that no node or weight may have."""
    _count: int = 0

    def free(self, name: str) -> str:
        """A name that is nobody's yet, as much like one as can be."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def add(self, kind: str, inputs: Sequence[str], out: str = "", **attributes: Any) -> str:
        """Append a node; its first output's name."""
        from onnx import helper

        self._count += 1
        name = out or self.free(f"{kind.lower()}_{self._count}")
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{self._count}", **attributes))
        return name

    def constant(self, array: Any, name: str = "") -> str:
        """A weight, or any array that is known."""
        import numpy as np
        from onnx import numpy_helper

        self._count += 1
        name = self.free(name or f"constant_{self._count}")
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def number(self, value: float) -> str:
        """A number of the network's element type."""
        import numpy as np

        return self.constant(np.asarray(value, dtype=self.numpy))

    def whole(self, *values: int) -> str:
        """Whole numbers, for shapes and axes."""
        import numpy as np

        return self.constant(np.asarray(values, dtype=np.int64))

    @property
    def numpy(self) -> Any:
        """NumPy's name for the network's element type."""
        import numpy as np

        return np.float64 if self.dtype == "f64" else np.float32

    def kind(self, type: Type) -> int:
        """ONNX's number for an element type."""
        from onnx import TensorProto

        return int({"f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE, "i64": TensorProto.INT64}[type.dtype])

    def shape(self, dims: Sequence[Any]) -> str:
        """A shape whose batch is that of the samples."""
        if all(isinstance(dim, int) for dim in dims):
            return self.whole(*dims)
        batch = self.add("Slice", [self.add("Shape", [self.input]), self.whole(0), self.whole(1)])
        parts = [self.whole(dim) if isinstance(dim, int) else batch for dim in dims]
        return self.add("Concat", parts, axis=0)

    def heads(self, x: str, heads: int) -> str:
        """[N, T, heads·D] as [N, heads, T, D]."""
        return self.add("Transpose", [self.add("Reshape", [x, self.whole(0, 0, heads, -1)])], perm=[0, 2, 1, 3])


def _simple(kind: str, **attributes: Any) -> Say:
    return lambda build, op, a, types, out: build.add(kind, a, **attributes)


def _affine(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    turned = op.name == "affine" or op.transposed
    if types[0].rank == 2:
        return build.add("Gemm", a, transB=int(turned))
    weight = build.add("Transpose", [a[1]], perm=[1, 0]) if turned else a[1]
    made = build.add("MatMul", [a[0], weight])
    return build.add("Add", [made, a[2]]) if len(a) > 2 else made


def _reduce(kind: str) -> Say:
    return lambda build, op, a, types, out: build.add(kind, [a[0], build.whole(*op.axes)], keepdims=0)


def _expand(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Expand", [build.add("Unsqueeze", [a[0], build.whole(*op.axes)]), build.shape(op.shape)])


def _reshape(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Reshape", [a[0], build.whole(*(dim if isinstance(dim, int) else -1 for dim in op.shape))])


def _slice(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Slice", [a[0], build.whole(op.start), build.whole(op.stop), build.whole(op.axis)])


def _where(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Where", [build.add("Not", [build.add("Equal", [a[0], build.number(0.0)])]), *a[1:]])


def _greater(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Cast", [build.add("Greater", a)], to=build.kind(out))


def _scale(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str | None:
    return None if op.factor.power else build.add("Mul", [a[0], build.number(op.factor.value)])


def _add_scaled(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Add" if op.sign > 0 else "Sub", [a[0], build.add("Mul", a[1:])])


def _elu(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    made = build.add("Elu", a, alpha=op.alpha)
    return made if op.scale == 1.0 else build.add("Mul", [made, build.number(op.scale)])


def _clip(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Clip", [a[0], build.number(op.low), build.number(op.high)])


def _softplus(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    """max(x, 0) + log(1 + e^-|x|): Softplus itself overflows in places."""
    small = build.add("Exp", [build.add("Neg", [build.add("Abs", a)])])
    return build.add("Add", [build.add("Relu", a), build.add("Log", [build.add("Add", [small, build.number(1.0)])])])


def _log1p(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    """x·log(u)/(u - 1) for u = 1 + x as it is rounded, an error that both share; x itself where u is 1."""
    x, one = a[-1], build.number(1.0)
    whole = build.add("Add", [x, one])
    logarithm, less = build.add("Log", [whole]), build.add("Sub", [whole, one])
    small = build.add(
        "Where", [build.add("Equal", [whole, one]), x, build.add("Mul", [logarithm, build.add("Div", [x, less])])]
    )
    near = build.add("Less", [build.add("Abs", [x]), build.number(0.5)])
    return build.add("Where", [near, small, logarithm])


def _expm1(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    """2t/(1 - t) for t = tanh(x/2) where x is small."""
    one = build.number(1.0)
    half = build.add("Tanh", [build.add("Mul", [a[0], build.number(0.5)])])
    small = build.add("Div", [build.add("Add", [half, half]), build.add("Sub", [one, half])])
    near = build.add("Less", [build.add("Abs", a), one])
    return build.add("Where", [near, small, build.add("Sub", [build.add("Exp", a), one])])


def _xlogy(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    logarithm = _log1p(build, op, a, types, out) if op.plus else build.add("Log", [a[1]])
    none = build.add("Equal", [a[0], build.number(0.0)])
    return build.add("Where", [none, build.number(0.0), build.add("Mul", [a[0], logarithm])])


def _guard(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    return build.add("Where", [build.add("Equal", [a[0], build.number(0.0)]), a[1], a[1]])


def _rmsnorm(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    square = build.add("ReduceMean", [build.add("Mul", [a[0], a[0]]), build.whole(-1)], keepdims=1)
    root = build.add("Sqrt", [build.add("Add", [square, build.number(op.eps)])])
    return build.add("Mul", [build.add("Div", [a[0], root]), a[1]])


def _batchnorm(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    import numpy as np

    channels = types[0].shape[1]
    assert isinstance(channels, int)
    affine = a[1:3] if op.affine else [build.constant(np.full(channels, v, build.numpy)) for v in (1.0, 0.0)]
    return build.add("BatchNormalization", [a[0], *affine, *a[-2:]], epsilon=op.eps)


def _groupnorm(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    import numpy as np

    _, channels, *rest = types[0].shape
    assert isinstance(channels, int)
    plain = [build.constant(np.full(op.groups, value, build.numpy)) for value in (1.0, 0.0)]
    if op.groups == channels:
        return build.add("InstanceNormalization", [a[0], *(a[1:] or plain)], epsilon=op.eps)
    grouped = build.add("Reshape", [a[0], build.whole(0, op.groups, -1)])
    made = build.add("InstanceNormalization", [grouped, *plain], epsilon=op.eps)
    made = build.add("Reshape", [made, build.shape(types[0].shape)])
    if not a[1:]:
        return made
    weight, bias = (build.add("Reshape", [name, build.whole(channels, *(1 for _ in rest))]) for name in a[1:])
    return build.add("Add", [build.add("Mul", [made, weight]), bias])


def _conv(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    more: dict[str, Any] = {"output_padding": list(op.output_padding)} if op.transposed and op.output_padding else {}
    return build.add("ConvTranspose" if op.transposed else "Conv", a, strides=list(op.stride), pads=[*op.padding] * 2,
                     dilations=list(op.dilation), group=op.groups, **more)  # fmt: skip


def _maxpool(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    dilation = op.dilation or (1,) * len(op.kernel)
    pads, given = [*op.padding] * 2, a
    if op.ceil:  # runtimes disagree about windows over the edge: here none reaches there
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, op.kernel, strict=True)]
        ends = build.whole(0, 0, *op.padding, 0, 0, *_beyond(op, types[0], out, reach))
        given, pads = [build.add("Pad", [a[0], ends, build.number(-math.inf)], mode="constant")], [0] * len(pads)
    return build.add(
        "MaxPool", given, kernel_shape=list(op.kernel), strides=list(op.stride), pads=pads, dilations=list(dilation)
    )


def _beyond(op: Any, type: Type, out: Type, reach: list[int]) -> list[int]:
    """How far the last window of each axis goes over the end; ``reach``: how long windows are."""
    axes = zip(type.shape[2:], out.shape[2:], op.stride, op.padding, reach, strict=True)
    return [max(0, (made - 1) * stride - padding + length - size) for size, made, stride, padding, length in axes]  # type: ignore[operator]


def _avgpool(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    if op.ceil or op.divisor:
        return _counted(build, op, a[0], types[0], out)
    return build.add("AveragePool", a, kernel_shape=list(op.kernel), strides=list(op.stride), pads=[*op.padding] * 2,
                     count_include_pad=int(op.padded))  # fmt: skip


def _counted(build: Build, op: Any, x: str, type: Type, out: Type) -> str:
    """Runtimes disagree about windows over the edge: here none reaches there, and each mean is put right by what it counts."""
    import numpy as np

    counts = np.ones((1, 1))
    for size, made, kernel, stride, padding in zip(
        type.shape[2:], out.shape[2:], op.kernel, op.stride, op.padding, strict=True
    ):
        assert isinstance(size, int)
        assert isinstance(made, int)
        starts = np.arange(made) * stride - padding
        low, high = (-padding, size + padding) if op.padded else (0, size)
        counts = counts[..., None] * (np.minimum(starts + kernel, high) - np.maximum(starts, low))
    ends = build.whole(0, 0, *op.padding, 0, 0, *_beyond(op, type, out, list(op.kernel)))
    padded = build.add("Pad", [x, ends, build.number(0.0)], mode="constant")
    means = build.add("AveragePool", [padded], kernel_shape=list(op.kernel), strides=list(op.stride))
    factors = math.prod(op.kernel) / (np.full_like(counts, op.divisor) if op.divisor else counts)
    return build.add("Mul", [means, build.constant(factors.astype(build.numpy))])


def _adaptive(most: bool) -> Say:
    """Axis after axis, for windows are products of stretches."""

    def say(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
        sizes = [dim for dim in types[0].shape[2:] if isinstance(dim, int)]
        if all(size == 1 for size in op.sizes):
            return build.add("GlobalMaxPool" if most else "GlobalAveragePool", a)
        if all(size % made == 0 for size, made in zip(sizes, op.sizes, strict=True)):
            window = [size // made for size, made in zip(sizes, op.sizes, strict=True)]
            return build.add("MaxPool" if most else "AveragePool", a, kernel_shape=window, strides=window)
        x = a[0]
        for axis, (size, made) in enumerate(zip(sizes, op.sizes, strict=True), 2):
            parts = []
            for i in range(made):
                ends = (i * size // made, -(-(i + 1) * size // made))
                part = build.add("Slice", [x, build.whole(ends[0]), build.whole(ends[1]), build.whole(axis)])
                parts.append(build.add("ReduceMax" if most else "ReduceMean", [part, build.whole(axis)], keepdims=1))
            x = build.add("Concat", parts, axis=axis)
        return x

    return say


def _upsample(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    import numpy as np

    scales = build.constant(np.asarray([1.0, 1.0, *op.factors], dtype=np.float32))
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if op.mode == "nearest" else {
        "coordinate_transformation_mode": "half_pixel"}  # fmt: skip
    return build.add("Resize", [a[0], "", scales], mode=op.mode, **how)


def _pad(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    pairs = [(0, 0)] * (types[0].rank - len(op.amounts)) + list(op.amounts)
    mode = {"zeros": "constant", "replicate": "edge"}.get(op.mode, op.mode)
    ends = build.whole(*(pair[0] for pair in pairs), *(pair[1] for pair in pairs))
    return build.add("Pad", [a[0], ends, *([build.number(op.value)] if mode == "constant" else [])], mode=mode)


def _attention(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    ends = (0, op.heads, op.heads + op.kv_heads, op.heads + 2 * op.kv_heads)
    parts = build.heads(a[0], ends[-1])
    q, k, v = (build.add("Slice", [parts, build.whole(first), build.whole(last), build.whole(1)])
               for first, last in pairwise(ends))  # fmt: skip
    return _weighed(build, op, q, k, v, [], types[0], out)


def _attend(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    q, k, v = (build.heads(name, heads) for name, heads in zip(a, (op.heads, op.kv_heads, op.kv_heads), strict=False))
    masks = []
    for name, type in zip(a[3:], types[3:], strict=True):
        axes = {2: (1, 2), 3: (1,), 4: ()}[type.rank]
        zero = build.whole(0) if type.dtype == "i64" else build.number(0.0)
        seen = build.add("Greater", [name, zero])
        masks.append(build.add("Unsqueeze", [seen, build.whole(*axes)]) if axes else seen)
    return _weighed(build, op, q, k, v, masks, types[1], out)


def _weighed(build: Build, op: Any, q: str, k: str, v: str, masks: list[str], keys: Type, out: Type) -> str:
    """softmax(q·kᵀ/√D)·v, where masks let it."""
    import numpy as np

    length, width = out.shape[1], out.shape[2]
    assert isinstance(length, int)
    assert isinstance(width, int)
    assert isinstance(keys.shape[1], int)
    sinks = getattr(op, "sinks", 0)
    if op.heads != op.kv_heads:
        shared = build.whole(*(head // (op.heads // op.kv_heads) for head in range(op.heads)))
        k, v = (build.add("Gather", [part, shared], axis=1) for part in (k, v))
    scores = build.add("MatMul", [q, build.add("Transpose", [k], perm=[0, 1, 3, 2])])
    scores = build.add("Mul", [scores, build.number((width // op.heads) ** -0.5)])
    blind = bool(masks)  # a place may see nothing; by a causal mask alone it sees itself
    if op.causal:
        masks = [*masks, build.constant(np.tri(length, keys.shape[1] - sinks, dtype=bool)[None, None])]
    seen = reduce(lambda a, b: build.add("And", [a, b]), masks) if masks else ""
    if sinks and seen:
        ends = build.whole(0, 0, 0, 0, 0, 0, 0, sinks)
        seen = build.add("Pad", [seen, ends, build.constant(np.asarray(True))], mode="constant")
    if seen:  # no infinities, whose differences would be no numbers
        scores = build.add("Where", [seen, scores, build.number(float(np.finfo(build.numpy).min) / 2)])
    weights = build.add("Softmax", [scores], axis=-1)
    if blind:
        weights = build.add("Where", [seen, weights, build.number(0.0)])
    made = build.add("Transpose", [build.add("MatMul", [weights, v])], perm=[0, 2, 1, 3])
    return build.add("Reshape", [made, build.whole(0, 0, width)])


def _rope(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    import numpy as np

    _, length, width = out.shape
    assert isinstance(length, int)
    assert isinstance(width, int)
    parts, turned = op.heads + 2 * op.kv_heads, op.heads + op.kv_heads
    half = width // parts // 2
    angles = np.arange(length)[:, None] * op.base ** (-np.arange(half) / half) * op.sign
    whole = np.zeros((1, length, parts, half))
    whole[:, :, :turned] = angles[None, :, None]
    cos, sin = (build.constant(f(whole).astype(build.numpy)) for f in (np.cos, np.sin))
    split = build.add("Reshape", [a[0], build.whole(0, 0, parts, 2, half)])
    x, y = (build.add("Gather", [split, build.constant(np.asarray(i))], axis=3) for i in (0, 1))
    first = build.add("Sub", [build.add("Mul", [x, cos]), build.add("Mul", [y, sin])])
    second = build.add("Add", [build.add("Mul", [x, sin]), build.add("Mul", [y, cos])])
    both = build.add("Concat", [build.add("Unsqueeze", [t, build.whole(3)]) for t in (first, second)], axis=3)
    return build.add("Reshape", [both, build.whole(0, 0, width)])


_ORDERS = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Where torch has the gates that ONNX wants in order: input, output, forget, cell; update, reset, new."""


def _scan(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    """ONNX multiplies inputs by a weight first: here by one that puts the gates, which are made, in its order."""
    import numpy as np

    gates, w, *rest = a
    size = out.shape[2]
    assert isinstance(size, int)
    order, width = _ORDERS[op.name], size * op.gates
    eye = np.eye(width, dtype=build.numpy).reshape(op.gates, size, width)[list(order)].reshape(1, width, width)
    turned = build.add("Reshape", [w, build.whole(op.gates, size, size)])
    turned = build.add("Gather", [turned, build.whole(*order)], axis=0)
    recurrent = build.add("Reshape", [turned, build.whole(1, width, size)])
    inputs = [build.add("Transpose", [gates], perm=[1, 0, 2]), build.constant(eye), recurrent]
    more: dict[str, Any] = {"hidden_size": size, "direction": "reverse" if op.reverse else "forward"}
    if op.name == "gru":
        gated = build.add("Reshape", [rest.pop(0), build.whole(op.gates, size)])
        bias = build.add("Gather", [gated, build.whole(*order)], axis=0)
        zeros = build.constant(np.zeros((1, width), dtype=build.numpy))
        inputs.append(build.add("Concat", [zeros, build.add("Reshape", [bias, build.whole(1, width)])], axis=1))
        more["linear_before_reset"] = 1
    elif op.name == "rnn":
        more["activations"] = [op.activation.capitalize()]
    if rest:
        inputs += [""] * (5 - len(inputs)) + [build.add("Unsqueeze", [state, build.whole(0)]) for state in rest]
    made = build.add(op.name.upper(), inputs, **more)
    return build.add("Transpose", [build.add("Squeeze", [made, build.whole(1)])], perm=[1, 0, 2])


def _worked_out(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str:
    import torch

    made = torch.empty(out.dims(1), dtype=torch.float64)
    op.bind(torch, [made], [], Run(1))()
    return build.constant(made.numpy().astype(build.numpy))


def _constant(build: Build, op: Any, a: list[str], types: list[Type], out: Type) -> str | None:
    if op.value.power:
        return None
    one = build.number(op.value.value)
    return one if not op.type.shape else build.add("Expand", [one, build.shape(op.type.shape)])


SAY: Mapping[str, Say] = {
    **{name: _simple(kind) for name, kind in {
        "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "abs": "Abs", "sqrt": "Sqrt", "exp": "Exp", "log": "Log",
        "erf": "Erf", "sin": "Sin", "cos": "Cos", "sign": "Sign", "floor": "Floor", "tanh": "Tanh", "sigmoid": "Sigmoid",
        "relu": "Relu", "maximum": "Max", "minimum": "Min", "copy": "Identity"}.items()},
    "softmax": _simple("Softmax", axis=-1), "log_softmax": _simple("LogSoftmax", axis=-1),
    "square": lambda build, op, a, types, out: build.add("Mul", [a[0], a[0]]),
    "silu": lambda build, op, a, types, out: build.add("Mul", [a[0], build.add("Sigmoid", a)]),
    "gelu": lambda build, op, a, types, out: build.add("Gelu", a, approximate=op.approximate),
    "leaky_relu": lambda build, op, a, types, out: build.add("LeakyRelu", a, alpha=op.slope),
    "power": lambda build, op, a, types, out: build.add("Pow", [a[0], build.number(op.exponent)]),
    "concat": lambda build, op, a, types, out: build.add("Concat", a, axis=op.axis),
    "transpose": lambda build, op, a, types, out: build.add("Transpose", a, perm=list(op.order)),
    "layernorm": lambda build, op, a, types, out: build.add("LayerNormalization", a, axis=-1, epsilon=op.eps),
    "gather": lambda build, op, a, types, out: build.add("Gather", a, axis=0),
    "log1p": _log1p, "expm1": _expm1, "xlogy": _xlogy, "guard": _guard,
    "softplus": _softplus, "elu": _elu, "hardtanh": _clip, "scale": _scale, "add_scaled": _add_scaled, "greater": _greater,
    "where": _where, "affine": _affine, "matmul": _affine, "sum": _reduce("ReduceSum"), "mean": _reduce("ReduceMean"),
    "amax": _reduce("ReduceMax"), "expand": _expand, "reshape": _reshape, "slice": _slice, "rmsnorm": _rmsnorm,
    "batchnorm_inference": _batchnorm, "groupnorm": _groupnorm, "conv": _conv, "maxpool": _maxpool, "avgpool": _avgpool,
    "adaptive_avgpool": _adaptive(False), "adaptive_maxpool": _adaptive(True), "upsample": _upsample, "pad": _pad,
    "attention": _attention, "attend": _attend, "rope": _rope, "rnn": _scan, "lstm": _scan, "gru": _scan,
    "waves": _worked_out, "table": _worked_out, "constant": _constant,
}  # fmt: skip
