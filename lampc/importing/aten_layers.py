"""What ATen's functions become that have weights, windows or states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.aten import Arguments, arrayed
from lampc.importing.rotary import Mixed
from lampc.importing.text import Writer, need, there
from lampc.importing.values import Value, move, size


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
    if weight.size == 1:
        return layers.layer(out, value, "prelu", value.shape[1:], slope=weight.reshape(()))
    return layers.layer(out, value, "prelu channels", value.shape[1:], slope=weight)


def _embedding(out: Writer, a: Arguments) -> Tracked:
    return layers.embedding(out, a.value("indices"), there(a.array("weight")))


LAYERS: Mapping[str, Callable[[Writer, Any], Any]] = {
    "aten.linear.default": _linear, "aten.addmm.default": _addmm, "aten.conv1d.default": _conv,
    "aten.conv2d.default": _conv, "aten.conv3d.default": _conv, "aten.convolution.default": _conv,
    "aten.conv1d.padding": _conv, "aten.conv2d.padding": _conv, "aten.conv3d.padding": _conv,
    "aten.conv_transpose1d.default": _conv, "aten.conv_transpose2d.input": _conv, "aten.conv_transpose3d.input": _conv,
    "aten.max_pool1d.default": _pool("maxpool"), "aten.max_pool2d.default": _pool("maxpool"),
    "aten.max_pool3d.default": _pool("maxpool"), "aten.max_pool2d_with_indices.default": _pool("maxpool"),
    "aten.avg_pool1d.default": _pool("avgpool"), "aten.avg_pool2d.default": _pool("avgpool"),
    "aten.avg_pool3d.default": _pool("avgpool"), "aten.adaptive_avg_pool1d.default": _adaptive("mean"),
    "aten.adaptive_avg_pool2d.default": _adaptive("mean"), "aten.adaptive_avg_pool3d.default": _adaptive("mean"),
    "aten._adaptive_avg_pool2d.default": _adaptive("mean"), "aten.adaptive_max_pool1d.default": _adaptive("max"),
    "aten.adaptive_max_pool2d.default": _adaptive("max"), "aten.batch_norm.default": _batchnorm,
    "aten._native_batch_norm_legit_no_training.default": _batchnorm, "aten.layer_norm.default": _norm("layernorm"),
    "aten.native_layer_norm.default": _norm("layernorm"), "aten.rms_norm.default": _norm("rmsnorm"),
    "aten.group_norm.default": _groupnorm, "aten.native_group_norm.default": _native_groupnorm,
    "aten.instance_norm.default": _instancenorm, "aten.lstm.input": _recurrent("lstm"), "aten.gru.input": _recurrent("gru"),
    "aten.rnn_tanh.input": _recurrent("rnn"), "aten.rnn_relu.input": _recurrent("rnn", "relu"),
    "aten.scaled_dot_product_attention.default": _dot, "aten.upsample_nearest1d.vec": _upsample(""),
    "aten.upsample_nearest2d.vec": _upsample(""), "aten.upsample_nearest3d.vec": _upsample(""),
    "aten.upsample_linear1d.vec": _upsample(" linear"), "aten.upsample_bilinear2d.vec": _upsample(" linear"),
    "aten.upsample_trilinear3d.vec": _upsample(" linear"), "aten.pad.default": _pad, "aten.constant_pad_nd.default": _pad,
    "aten.prelu.default": _prelu, "aten.embedding.default": _embedding,
}  # fmt: skip
"""Functions that are layers."""
