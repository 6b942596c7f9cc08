"""What ONNX nodes become that have weights, windows or states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.rotary import Mixed
from lampc.importing.text import NoLayer, need, refused, there
from lampc.importing.values import Value, move, size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lampc.importing.onnx_graph import Reader


def attributes(node: Any) -> dict[str, Any]:
    """A node's options."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _gemm(reader: Reader, node: Any) -> Tracked:
    options = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0, **attributes(node)}
    weight, bias = there(reader.given(node, 1)), reader.given(node, 2)
    need(options["alpha"] == 1.0)
    need(not options["transA"])
    bias = None if bias is None else (bias * options["beta"]).reshape(-1).astype(bias.dtype)
    if bias is not None and bias.size == 1:
        bias = bias.repeat(weight.shape[0 if options["transB"] else 1])
    return layers.linear(reader.out, reader.value(node), weight if options["transB"] else weight.T, bias)


def _conv(reader: Reader, node: Any) -> Tracked:
    options, weight = attributes(node), there(reader.given(node, 1))
    axes = weight.ndim - 2
    value, before = reader.value(node), _padding(options, axes)
    if node.op_type == "Conv" and before is None:
        pads = list(options["pads"])
        value = layers.padded(reader.out, value, [(0, 0)] * 2 + list(zip(pads[:axes], pads[axes:], strict=True)))
        before = [0] * axes
    return layers.conv(
        reader.out, value, reader.sample(node), weight, reader.given(node, 2), options.get("strides", 1), before,
        options.get("dilations", 1), int(options.get("group", 1)), node.op_type == "ConvTranspose",
        options.get("output_padding", 0),
    )  # fmt: skip


def _padding(options: Mapping[str, Any], axes: int) -> list[int] | None:
    """At each end of an axis; None if the ends differ.

    Raises:
        NoLayer: if it is worked out from the input's size.
    """
    pads = list(options.get("pads", [0] * 2 * axes))
    need(options.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID"))
    return pads[:axes] if pads[:axes] == pads[axes:] else None


def _pool(reader: Reader, node: Any) -> Tracked:
    options = {"storage_order": 0, **attributes(node)}
    kernel = list(options["kernel_shape"])
    need(len(node.output) == 1)
    largest = node.op_type == "MaxPool"
    return layers.pool(
        reader.out, reader.value(node), reader.sample(node), "maxpool" if largest else "avgpool", kernel,
        list(options.get("strides", [1])), there(_padding(options, len(kernel))), bool(options.get("ceil_mode")),
        options.get("dilations", 1) if largest else 1, bool(options.get("count_include_pad")),
    )  # fmt: skip


def _globalpool(reader: Reader, node: Any) -> Tracked:
    kind = "max" if node.op_type == "GlobalMaxPool" else "mean"
    return layers.reduced(reader.out, reader.value(node), kind, range(2, len(reader.value(node).shape)), keep=True)


def _batchnorm(reader: Reader, node: Any) -> Tracked:
    weight, bias, mean, variance = (there(reader.given(node, number)) for number in range(1, 5))
    eps = attributes(node).get("epsilon", 1e-5)
    return layers.batchnorm(reader.out, reader.value(node), reader.value(node).shape[1:], eps, mean, variance, weight, bias)


def _norm(reader: Reader, node: Any) -> Tracked:
    options, value = attributes(node), reader.value(node)
    need(options.get("axis", -1) in (-1, len(value.shape) - 1))
    kind = "layernorm" if node.op_type == "LayerNormalization" else "rmsnorm"
    return layers.norm(reader.out, value, kind, options.get("epsilon", 1e-5), reader.given(node, 1), reader.given(node, 2))


def _channelnorm(reader: Reader, node: Any) -> Tracked:
    options = attributes(node)
    text = "instancenorm" if node.op_type == "InstanceNormalization" else f"groupnorm {options['num_groups']}"
    eps = options.get("epsilon", 1e-5)
    return layers.channelnorm(reader.out, reader.value(node), text, eps, reader.given(node, 1), reader.given(node, 2))


def _gather(reader: Reader, node: Any) -> Tracked:
    table = there(reader.given(node, 0))
    need(table.ndim == 2)
    need(attributes(node).get("axis", 0) == 0)
    return layers.embedding(reader.out, reader.value(node, 1), table)


def _resize(reader: Reader, node: Any) -> Tracked:
    options = attributes(node)
    before, after = reader.value(node).shape[1:], reader.sample(node)
    mode, how = options.get("mode", b"nearest"), options.get("coordinate_transformation_mode", b"half_pixel")
    factors = [b // a for a, b in zip(before[1:], after[1:], strict=True)]
    need(before[0] == after[0])
    need(all(a * f == b for a, f, b in zip(before[1:], factors, after[1:], strict=True)))
    need((mode, how) in ((b"nearest", b"asymmetric"), (b"linear", b"half_pixel"), (b"linear", b"pytorch_half_pixel")))
    text = f"upsample {size(factors)}{' linear' if mode == b'linear' else ''}"
    return layers.layer(reader.out, reader.value(node), text, after)


def _pad(reader: Reader, node: Any) -> Tracked:
    value, ends = reader.value(node), there(reader.given(node, 1)).tolist()
    fill, axes = reader.given(node, 2), reader.given(node, 3)
    rank = len(value.shape)
    amounts = [(0, 0)] * rank
    for place, axis in enumerate(range(rank) if axes is None else axes.tolist()):
        amounts[axis % rank] = (ends[place], ends[place + len(ends) // 2])
    mode = attributes(node).get("mode", b"constant").decode()
    return layers.padded(reader.out, value, amounts, mode, 0.0 if fill is None else float(fill.reshape(-1)[0]))


def _attention(reader: Reader, node: Any) -> Tracked:
    """Attention as one node, of samples x heads x places x features."""
    options, (q, k, v) = attributes(node), (reader.values.get(node.input[number]) for number in range(3))
    need(len(node.input) < 5 and len(node.output) == 1 and not options.get("softcap"))
    if not all(isinstance(part, Value | Mixed) and len(part.shape) == 4 for part in (q, k, v)):
        raise NoLayer
    scale = options.get("scale") or q.shape[-1] ** -0.5  # type: ignore[union-attr]
    mask = reader.given(node, 3)
    return arithmetic.dot(reader.out, q, k, v, mask, bool(options.get("is_causal")), scale)  # type: ignore[arg-type]


def _prelu(reader: Reader, node: Any) -> Tracked:
    value, slope = reader.value(node), there(reader.given(node, 1))
    need(slope.size == 1 or slope.shape[-len(value.shape) + 1 :] == (value.shape[1], *[1] * (len(value.shape) - 2)))
    text = "prelu" if slope.size == 1 else "prelu channels"
    return layers.layer(reader.out, value, text, value.shape[1:], slope=slope.reshape(-1))


_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has the gates that lampc wants in order: input, forget, cell, output; reset, update, new."""


def _recurrent(reader: Reader, node: Any) -> Tracked:
    """Places, directions, samples and features, of a layer of one kind; its weights are gate by gate."""
    import numpy as np

    options, kind, order = attributes(node), node.op_type, _GATES[node.op_type]
    w, r, bias = (reader.given(node, number) for number in (1, 2, 3))
    states = [reader.given(node, number) for number in range(5, 7)]
    activation = [word.decode().lower() for word in options.get("activations", [])]
    wrong = options.get("clip") or options.get("layout") or (kind == "GRU" and not options.get("linear_before_reset"))
    lengths = reader.given(node, 4)
    if w is None or r is None or wrong or any(s is not None and s.any() for s in states) or (kind != "RNN" and activation) \
            or (lengths is not None and (lengths != reader.value(node).shape[0]).any()):  # fmt: skip
        raise refused(f"`{kind}` (node `{reader.name(node)}`) begins with a state, or has options, without a counterpart")
    direction = {b"forward": "forward", b"reverse": "backward", b"bidirectional": "both"}[options.get("direction", b"forward")]
    hidden = int(options["hidden_size"])
    suffixes = {"forward": ("",), "backward": ("_reverse",), "both": ("", "_reverse")}[direction]
    weights = {}
    for place, name in enumerate(suffixes):
        parts = {"weight_ih": w[place], "weight_hh": r[place]}
        if bias is not None:
            parts |= dict(zip(("bias_ih", "bias_hh"), bias[place].reshape(2, -1), strict=True))
        for label, array in parts.items():
            gates = array.reshape(len(order), hidden, *array.shape[1:])[list(order)]
            weights[f"{label}_l0{name}"] = gates.reshape(array.shape).copy()
    samples_first = move(reader.value(node), lambda index: np.swapaxes(index, 0, 1))
    states_of = layers.recurrence(reader.out, samples_first, kind.lower(), hidden, weights, 1, direction,
                                  activation[0] if activation and kind == "RNN" else "tanh")  # fmt: skip
    if len(node.output) > 1 and node.output[1]:
        reader.values[node.output[1]] = layers.last_states(states_of, hidden, 1, len(suffixes))

    def by_places(index: NDArray[Any]) -> NDArray[Any]:
        return index.reshape(*index.shape[:2], len(suffixes), hidden).transpose(1, 2, 0, 3)

    return move(states_of, by_places)


LAYERS: Mapping[str, Callable[[Reader, Any], Tracked]] = {
    "Gemm": _gemm, "Conv": _conv, "ConvTranspose": _conv, "MaxPool": _pool, "AveragePool": _pool,
    "GlobalAveragePool": _globalpool, "GlobalMaxPool": _globalpool, "BatchNormalization": _batchnorm,
    "LayerNormalization": _norm, "RMSNormalization": _norm, "InstanceNormalization": _channelnorm,
    "GroupNormalization": _channelnorm, "Gather": _gather, "Resize": _resize, "Pad": _pad, "Attention": _attention,
    "PRelu": _prelu, "LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent,
}  # fmt: skip
"""Nodes that are layers."""
