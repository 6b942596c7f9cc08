"""What each of ATen's functions becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked, shifted
from lampc.importing.aten import Arguments, arrayed
from lampc.importing.attention import Scores, masked
from lampc.importing.rotary import Mixed
from lampc.importing.text import NoLayer, Writer, need, there
from lampc.importing.values import Value, by_elements, joined, move, shortest, size


def _linear(out: Writer, a: Arguments) -> Tracked:
    return layers.linear(out, a.value("input"), there(a.array("weight")), a.array("bias"))


def _addmm(out: Writer, a: Arguments) -> Tracked:
    need(a["beta"] == a["alpha"] == 1)
    return layers.linear(out, a.value("mat1"), there(a.array("mat2")).T, there(a.array("self")))


def _conv(out: Writer, a: Arguments) -> Tracked:
    weight = there(a.array("weight"))
    turned = "transpose" in a.op or ("transposed" in a.given and bool(a["transposed"]))
    padding = a["padding"]
    if isinstance(padding, str):
        kernel = [
            (count - 1) * step
            for count, step in zip(weight.shape[2:], layers.each(a["dilation"], weight.ndim - 2), strict=True)
        ]
        need(padding == "valid" or all(number % 2 == 0 for number in kernel))
        padding = 0 if padding == "valid" else [number // 2 for number in kernel]
    more = a["output_padding"] if turned else 0
    return layers.conv(out, a.value("input"), a.shape(), weight, a.array("bias"), a["stride"], padding, a["dilation"],
                       a["groups"], turned, more)  # fmt: skip


def _pool(kind: str) -> Callable[[Writer, Arguments], Tracked | tuple[Tracked, ...]]:
    def say(out: Writer, a: Arguments) -> Tracked | tuple[Tracked, ...]:
        largest = kind == "maxpool"
        if not largest and "divisor_override" in a.given:
            need(a["divisor_override"] is None)
        found = layers.pool(
            out, a.value("self"), a.shape(), kind, a["kernel_size"], a["stride"] or a["kernel_size"], a["padding"],
            a["ceil_mode"], a["dilation"] if largest else 1, largest or a["count_include_pad"],
        )  # fmt: skip
        return (found,)

    return say


def _adaptive(kind: str) -> Callable[[Writer, Arguments], Tracked | tuple[Tracked, ...]]:
    def say(out: Writer, a: Arguments) -> Tracked | tuple[Tracked, ...]:
        shape = a.shape()
        text = f"globalpool{'' if kind == 'mean' else ' max'} to={'x'.join(map(str, shape[1:]))}"
        return (layers.layer(out, a.value("self"), text, shape),)

    return say


def _batchnorm(out: Writer, a: Arguments) -> tuple[Tracked, ...]:
    value = a.value("input")
    found = layers.batchnorm(out, value, value.shape[1:], a["eps"], there(a.array("running_mean")),
                             there(a.array("running_var")), a.array("weight"), a.array("bias"))  # fmt: skip
    return (found,)


def _norm(kind: str) -> Callable[[Writer, Arguments], tuple[Tracked, ...]]:
    def say(out: Writer, a: Arguments) -> tuple[Tracked, ...]:
        value = a.value("input")
        need(list(a["normalized_shape"]) == [value.shape[-1]])
        eps = a["eps"] if a["eps"] is not None else 1.1920928955078125e-07  # float32's, as torch takes it
        bias = a.array("bias") if kind == "layernorm" else None
        return (layers.norm(out, value, kind, eps, a.array("weight"), bias),)

    return say


def _groupnorm(out: Writer, a: Arguments) -> Tracked:
    text = f"groupnorm {a['num_groups']}"
    return layers.channelnorm(out, a.value("input"), text, a["eps"], a.array("weight"), a.array("bias"))


def _native_groupnorm(out: Writer, a: Arguments) -> tuple[Tracked, ...]:
    text = f"groupnorm {a['group']}"
    return (layers.channelnorm(out, a.value("input"), text, a["eps"], a.array("weight"), a.array("bias")),)


def _instancenorm(out: Writer, a: Arguments) -> Tracked:
    need(a["use_input_stats"])
    return layers.channelnorm(out, a.value("input"), "instancenorm", a["eps"], a.array("weight"), a.array("bias"))


def _recurrent(kind: str, activation: str = "tanh") -> Callable[[Writer, Arguments], tuple[Tracked | None, ...]]:
    def say(out: Writer, a: Arguments) -> tuple[Tracked | None, ...]:
        import numpy as np

        states = a["hx"] if isinstance(a["hx"], list) else [a["hx"]]
        need(all(not isinstance(state, Tracked) and not bool(state.any()) for state in states))
        need(not (a["train"] and a["dropout"]))
        value, count, directions = a.value("input"), a["num_layers"], 2 if a["bidirectional"] else 1
        parts = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if a["has_biases"] else ()))
        names = [
            f"{part}_l{layer}{suffix}" for layer in range(count) for suffix in ("", "_reverse")[:directions] for part in parts
        ]
        weights = {name: arrayed(given) for name, given in zip(names, a["params"], strict=True)}
        hidden = weights["weight_hh_l0"].shape[1]
        samples_first = value if a["batch_first"] else move(value, lambda index: np.swapaxes(index, 0, 1))
        found = layers.recurrence(out, samples_first, kind, hidden, weights, count, "both" if directions == 2 else "forward",
                                  activation)  # fmt: skip
        last = layers.last_states(found, hidden, count, directions)
        unknown = move(last, lambda index: np.full_like(index, -1))
        return (found if a["batch_first"] else move(found, lambda index: np.swapaxes(index, 0, 1)), last, unknown)

    return say


def _dot(out: Writer, a: Arguments) -> Tracked:
    mask, (q, k, v) = a.array("attn_mask"), (a[name] for name in ("query", "key", "value"))
    need(all(isinstance(part, Value | Mixed) for part in (q, k, v)))
    need(not a["dropout_p"])
    scale = a["scale"] if a["scale"] is not None else q.shape[-1] ** -0.5
    return arithmetic.dot(out, q, k, v, mask, a["is_causal"], scale)


def _reduce(kind: str) -> Callable[[Writer, Arguments], Tracked]:
    def say(out: Writer, a: Arguments) -> Tracked:
        value = a.value("self")
        axes = a["dim"]
        axes = list(range(len(value.shape))) if axes is None or axes == [] else axes if isinstance(axes, list) else [axes]
        return layers.reduced(out, value, kind, axes, a["keepdim"])

    return say


def _max(out: Writer, a: Arguments) -> tuple[Tracked, ...]:
    return (layers.reduced(out, a.value("self"), "max", [a["dim"]], a["keepdim"]),)


def _glu(out: Writer, a: Arguments) -> Tracked:
    value, axis = a.value("self"), a["dim"]
    half = value.shape[axis] // 2
    first, second = (move(value, lambda index, s=start: index.take(range(s, s + half), axis)) for start in (0, half))  # type: ignore[misc]
    return joined(out, "product", (first, by_elements(out, second, "sigmoid")))


def _plus(out: Writer, a: Arguments) -> Tracked:
    other = a.either("other")
    return arithmetic.plus(out, a.either("self"), arithmetic.times(out, other, arrayed(a["alpha"]))
                           if isinstance(other, Tracked) else other * a["alpha"])  # fmt: skip


def _minus(out: Writer, a: Arguments) -> Tracked:
    need(a["alpha"] == 1)
    return arithmetic.minus(out, a.either("self"), a.either("other"))


def _rsub(out: Writer, a: Arguments) -> Tracked:
    need(a["alpha"] == 1)
    return arithmetic.minus(out, a.either("other"), a.either("self"))


def _divided(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.divided(out, a.either("self"), a.either("other"))


def _times(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.times(out, a.either("self"), a.either("other"))


def _negative(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.times(out, a["self"], arrayed(-1.0))


def _product(other: str) -> Callable[[Writer, Arguments], Tracked]:
    return lambda out, a: arithmetic.product(out, a.either("self"), a.either(other))


def _weighed(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.weighed(out, a["self"], a["dim"])


def _masked(out: Writer, a: Arguments) -> Tracked:
    """Scores, hidden where a mask is true."""
    mask = there(a.array("mask"))
    if not isinstance(a["self"], Scores) or float(arrayed(a["value"])) > -1e4:
        raise NoLayer
    return masked(a["self"], ~mask)


def _where(out: Writer, a: Arguments) -> Tracked:
    seen = there(a.array("condition"))
    if not isinstance(a["self"], Scores) or (there(a.array("other")) > -1e4).any():
        raise NoLayer
    return masked(a["self"], seen)


def _baddbmm(out: Writer, a: Arguments) -> Tracked:
    """A mask, plus queries times keys."""
    need(a["beta"] in (0, 1))
    scores = arithmetic.product(out, a.value("batch1"), a.value("batch2"))
    scaled = arithmetic.times(out, scores, arrayed(a["alpha"]))
    return arithmetic.plus(out, scaled, there(a.array("self"))) if a["beta"] else scaled


def _upsample(mode: str) -> Callable[[Writer, Arguments], Tracked]:
    def say(out: Writer, a: Arguments) -> Tracked:
        before, after = a.value("input").shape[1:], a.shape()
        need(not mode or not a["align_corners"])
        factors = [large // small for small, large in zip(before[1:], after[1:], strict=True)]
        need(all(small * factor == large for small, factor, large in zip(before[1:], factors, after[1:], strict=True)))
        return layers.layer(out, a.value("input"), f"upsample {size(factors)}{mode}", after)

    return say


def _pad(out: Writer, a: Arguments) -> Tracked:
    value, ends = a.value("self"), list(a["pad"])
    pairs = [(ends[i], ends[i + 1]) for i in range(0, len(ends), 2)][::-1]  # torch begins with the last axis
    amounts = [(0, 0)] * (len(value.shape) - len(pairs)) + pairs
    if "constant_pad_nd" in a.op:
        return layers.padded(out, value, amounts, "constant", float(a["value"]))
    return layers.padded(out, value, amounts, a["mode"], float(a["value"] or 0.0))


def _prelu(out: Writer, a: Arguments) -> Tracked:
    value, weight = a.value("self"), there(a.array("weight"))
    return layers.layer(out, value, "prelu channels" if weight.size > 1 else "prelu", value.shape[1:], slope=weight)


def _softplus(out: Writer, a: Arguments) -> Tracked:
    need(a["beta"] == 1)
    return by_elements(out, a.value("self"), "softplus")


def _elu(out: Writer, a: Arguments) -> Tracked:
    need(a["scale"] == a["input_scale"] == 1)
    return by_elements(out, a.value("self"), f"elu {shortest(a['alpha'])}")


def _dropout(out: Writer, a: Arguments) -> Tracked:
    value = next(iter(a.given.values()))
    return by_elements(out, value, f"dropout {a['p']!r}") if a["train"] and isinstance(value, Value) else value


def _gelu(out: Writer, a: Arguments) -> Tracked:
    return by_elements(out, a.value("self"), "gelu" if a["approximate"] == "none" else f"gelu {a['approximate']}")


def _power(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.formula(out, a.value("self"), f"x ^ {shortest(float(a['exponent']))}")


def _held(out: Writer, a: Arguments) -> Tracked:
    low, high = a["min"], a["max"]
    if low is not None and high is not None:
        return by_elements(out, a.value("self"), f"hardtanh low={shortest(float(low))} high={shortest(float(high))}")
    if high is None:
        return by_elements(out, a.value("self"), "relu") if low == 0 else _bounded(out, a, "max", low)
    return _bounded(out, a, "min", high)


def _bounded(out: Writer, a: Arguments, kind: str, end: float) -> Tracked:
    return arithmetic.formula(out, a.value("self"), f"{kind}({shortest(float(end))}, x)")


def _hardtanh(out: Writer, a: Arguments) -> Tracked:
    ends = [shortest(float(a[name])) for name in ("min_val", "max_val")]
    return by_elements(out, a.value("self"), f"hardtanh low={ends[0]} high={ends[1]}")


def _same(out: Writer, a: Arguments) -> Tracked:
    """Another element type: floats stay floats, and the input's names names."""
    found: Tracked = a["self"]
    need("float" in str(a.given.get("dtype", "float")) or (isinstance(found, Value) and found.layer == 0))
    return found


def _plain(text: str) -> Callable[[Writer, Arguments], Tracked]:
    return lambda out, a: by_elements(out, a.value("self"), text)


def _formula(text: str) -> Callable[[Writer, Arguments], Tracked]:
    return lambda out, a: arithmetic.formula(out, a.value("self"), text)


def _embedding(out: Writer, a: Arguments) -> Tracked:
    return layers.embedding(out, a.value("indices"), there(a.array("weight")))


def _concat(out: Writer, a: Arguments) -> Tracked:
    return arithmetic.concatenated(out, [v if isinstance(v, Tracked) else arrayed(v) for v in a["tensors"]], a["dim"])


def _stack(out: Writer, a: Arguments) -> Tracked:
    import numpy as np

    values = a["tensors"]
    axis = a["dim"] % (len(values[0].shape) + 1)
    need(all(isinstance(value, Value | Mixed) for value in values))
    return arithmetic.concatenated(out, [shifted(v, lambda index: np.expand_dims(index, axis)) for v in values], axis)


def _leaky(out: Writer, a: Arguments) -> Tracked:
    return by_elements(out, a.value("self"), f"leakyrelu {shortest(a['negative_slope'])}")


def _logsoftmax(out: Writer, a: Arguments) -> Tracked:
    return layers.softmax(out, a.value("self"), a["dim"], log=True)


_ALIKE: Mapping[str, Callable[[Writer, Any], Any]] = {
    **{name: _plain(text) for name, text in {
        "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "silu": "silu", "selu": "selu", "mish": "mish",
        "relu6": "hardtanh low=0.0 high=6.0"}.items()},
    **{name: _formula(text) for name, text in {
        "exp": "exp(x)", "log": "log(x)", "sqrt": "sqrt(x)", "abs": "abs(x)", "reciprocal": "1 / x",
        "square": "x * x",
        "log1p": "log(1 + x)", "rsqrt": "1 / sqrt(x)", "hardswish": "x * min(6, max(0, x + 3)) / 6",
        "hardsigmoid": "min(6, max(0, x + 3)) / 6", "log_sigmoid": "-log(1 + exp(-x))"}.items()},
    "linear": _linear, "addmm": _addmm, "conv1d": _conv, "conv2d": _conv, "conv3d": _conv, "convolution": _conv,
    "max_pool1d": _pool("maxpool"), "max_pool2d": _pool("maxpool"), "max_pool3d": _pool("maxpool"),
    "max_pool2d_with_indices": _pool("maxpool"), "avg_pool1d": _pool("avgpool"), "avg_pool2d": _pool("avgpool"),
    "avg_pool3d": _pool("avgpool"), "adaptive_avg_pool1d": _adaptive("mean"), "adaptive_avg_pool2d": _adaptive("mean"),
    "adaptive_avg_pool3d": _adaptive("mean"), "_adaptive_avg_pool2d": _adaptive("mean"),
    "adaptive_max_pool1d": _adaptive("max"), "adaptive_max_pool2d": _adaptive("max"), "batch_norm": _batchnorm,
    "_native_batch_norm_legit_no_training": _batchnorm, "layer_norm": _norm("layernorm"),
    "native_layer_norm": _norm("layernorm"), "rms_norm": _norm("rmsnorm"), "group_norm": _groupnorm,
    "native_group_norm": _native_groupnorm, "instance_norm": _instancenorm, "embedding": _embedding,
    "scaled_dot_product_attention": _dot, "cat": _concat, "pad": _pad, "constant_pad_nd": _pad, "stack": _stack,
    "matmul": _product("other"), "bmm": _product("mat2"), "mm": _product("mat2"), "baddbmm": _baddbmm, "_softmax": _weighed,
    "_log_softmax": _logsoftmax, "glu": _glu, "gelu": _gelu, "elu": _elu, "leaky_relu": _leaky, "prelu": _prelu,
    "softplus": _softplus, "hardtanh": _hardtanh, "clamp": _held, "dropout": _dropout, "amax": _reduce("max"),
    "neg": _negative,
}  # fmt: skip

CALLS: Mapping[str, Callable[[Writer, Any], Any]] = {
    **{f"aten.{name}.default": say for name, say in _ALIKE.items()},
    **{f"aten.{name}": say for name, say in {
        "conv1d.padding": _conv, "conv2d.padding": _conv, "conv3d.padding": _conv, "conv_transpose1d.default": _conv,
        "conv_transpose2d.input": _conv, "conv_transpose3d.input": _conv, "lstm.input": _recurrent("lstm"),
        "gru.input": _recurrent("gru"), "rnn_tanh.input": _recurrent("rnn"), "rnn_relu.input": _recurrent("rnn", "relu"),
        "add.Tensor": _plus, "add.Scalar": _plus, "sub.Tensor": _minus, "sub.Scalar": _minus, "rsub.Scalar": _rsub,
        "mul.Tensor": _times, "mul.Scalar": _times, "div.Tensor": _divided, "div.Scalar": _divided,
        "pow.Tensor_Scalar": _power, "softmax.int": _weighed, "log_softmax.int": _logsoftmax, "mean.dim": _reduce("mean"),
        "sum.dim_IntList": _reduce("sum"), "max.dim": _max, "masked_fill.Scalar": _masked, "where.self": _where,
        "upsample_nearest1d.vec": _upsample(""), "upsample_nearest2d.vec": _upsample(""),
        "upsample_nearest3d.vec": _upsample(""), "upsample_linear1d.vec": _upsample(" linear"),
        "upsample_bilinear2d.vec": _upsample(" linear"), "upsample_trilinear3d.vec": _upsample(" linear"),
        "to.dtype": _same,
        "to.device": _same, "to.dtype_layout": _same, "_to_copy.default": _same, "feature_dropout.default": _dropout,
    }.items()},
}  # fmt: skip
"""Functions that compute."""
