"""What ONNX nodes become that have weights, windows or states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lampc.importing import arithmetic, layers, rotary
from lampc.importing.arithmetic import Tracked
from lampc.importing.onnx_node import Node
from lampc.importing.onnx_resize import RESIZES
from lampc.importing.onnx_windows import WINDOWS
from lampc.importing.rotary import Mixed
from lampc.importing.text import NoLayer, need, there
from lampc.importing.values import Value, move

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lampc.importing.onnx_graph import Reader


def _gemm(reader: Reader, node: Node) -> Tracked:
    """``alpha·A·B + beta·C``, where A and B may be turned."""
    import numpy as np

    a, b = (_turned(reader.either(node, number)) if node[f"trans{'AB'[number]}"] else reader.either(node, number)
            for number in (0, 1))  # fmt: skip
    more, alpha, beta = reader.either(node, 2) if node.given(2) else None, np.asarray(node["alpha"]), np.asarray(node["beta"])
    need(len(a.shape) == len(b.shape) == 2)
    if isinstance(a, Value) and not isinstance(b, Tracked) and not isinstance(more, Tracked):
        size = b.shape[1]
        if more is None or more.size == 1 or more.size == size == more.shape[-1]:
            bias = None if more is None else np.broadcast_to((more * beta).astype(b.dtype).reshape(-1), (size,)).copy()
            return layers.linear(reader.out, a, (b.T * alpha).astype(b.dtype), bias)
    found = arithmetic.times(reader.out, arithmetic.product(reader.out, a, b), alpha)
    if more is None:
        return found
    scaled = arithmetic.times(reader.out, more, beta) if isinstance(more, Tracked) else (more * beta).astype(more.dtype)
    return arithmetic.plus(reader.out, found, scaled)


def _turned(matrix: Any) -> Any:
    """Rows for columns."""
    return arithmetic.shifted(matrix, lambda index: index.T) if isinstance(matrix, Value | Mixed) else matrix.T


def _batchnorm(reader: Reader, node: Node) -> Tracked:
    node.ignore("momentum")
    value, (weight, bias, mean, variance) = reader.value(node), (there(reader.given(node, number)) for number in range(1, 5))
    return layers.batchnorm(reader.out, value, value.shape[1:], node["epsilon"], mean, variance, weight, bias)


def _norm(reader: Reader, node: Node) -> Tracked:
    """Over the axes from one on, which are put together."""
    value = reader.value(node)
    node.ignore("stash_type")  # a precision
    rank = len(value.shape)
    axis = int(node["axis"]) % rank
    whole = value.shape
    if axis < rank - 1:
        need(axis > 0)
        value = move(value, lambda index: index.reshape(*whole[:axis], -1))
    kind = "layernorm" if node.op == "LayerNormalization" else "rmsnorm"
    weight, bias = (None if array is None else array.reshape(-1) for array in (reader.given(node, 1), reader.given(node, 2)))
    need(all(array is None or array.size == value.shape[-1] for array in (weight, bias)))
    found = layers.norm(reader.out, value, kind, node["epsilon"], weight, bias)
    return move(found, lambda index: index.reshape(whole)) if axis < rank - 1 else found


def _groupnorm(reader: Reader, node: Node) -> Tracked:
    """Up to opset 20 a group's channels have a weight and a bias together."""
    value, groups = reader.value(node), int(node["num_groups"])
    node.ignore("stash_type")
    channels = value.shape[1]
    need(groups > 0 and channels % groups == 0)
    weight, bias = (there(reader.given(node, number)) for number in (1, 2))
    if len(weight) != channels:
        need(len(weight) == len(bias) == groups)
        weight, bias = (array.repeat(channels // groups) for array in (weight, bias))
    return layers.channelnorm(reader.out, value, f"groupnorm {groups}", node["epsilon"], weight, bias)


def _instancenorm(reader: Reader, node: Node) -> Tracked:
    weight, bias = (there(reader.given(node, number)) for number in (1, 2))
    return layers.channelnorm(reader.out, reader.value(node), "instancenorm", node["epsilon"], weight, bias)


def _gather(reader: Reader, node: Node) -> Tracked:
    table = there(reader.given(node, 0))
    need(table.ndim == 2)
    need(node["axis"] == 0)
    return layers.embedding(reader.out, reader.value(node, 1), table)


def _attention(reader: Reader, node: Node) -> Tracked:
    """Attention as one node, of samples x heads x places x features, or with the heads side by side."""
    parts = [reader.either(node, number) for number in range(3)]
    need(not node["softcap"])
    node.ignore("softmax_precision", "qk_matmul_output_mode")  # the latter of an output that is not carried
    if not all(isinstance(part, Value | Mixed) and len(part.shape) in (3, 4) for part in parts):
        raise NoLayer
    side_by_side = len(parts[0].shape) == 3
    if side_by_side:
        heads, shared = node["q_num_heads"], node["kv_num_heads"]
        parts = [_apart(part, count) for part, count in zip(parts, (heads, shared, shared), strict=True)]
    q, k, v = parts
    scale = node["scale"] or q.shape[-1] ** -0.5
    found = arithmetic.dot(reader.out, q, k, v, reader.given(node, 3), bool(node["is_causal"]), scale)
    if not side_by_side:
        return found
    return move(found, lambda index: index.swapaxes(1, 2).reshape(len(index), index.shape[2], -1))


def _apart(value: Value | Mixed, heads: int | None) -> Value | Mixed:
    """Heads that lie side by side as an axis before the places."""
    need(len(value.shape) == 3 and heads is not None and heads > 0 and value.shape[-1] % heads == 0)
    return arithmetic.shifted(value, lambda index: index.reshape(*index.shape[:2], heads, -1).swapaxes(1, 2))


def _rotary(reader: Reader, node: Node) -> Tracked:
    """Queries or keys turned by their places, half by half; with their heads apart, or side by side."""
    import numpy as np

    value, cos, sin, places = (reader.either(node, 0), *(reader.given(node, number) for number in (1, 2, 3)))
    need(isinstance(value, Value) and not node["interleaved"] and not node["rotary_embedding_dim"])
    side_by_side = len(value.shape) == 3
    if side_by_side:
        value = _apart(value, node["num_heads"])
    need(len(value.shape) == 4)
    length, half, waves = value.shape[2], value.shape[-1] // 2, []
    for given in (there(cos), there(sin)):
        if places is not None:
            need(given.ndim == places.ndim == 2 and bool(((places >= 0) & (places < len(given))).all()))
        table = given if places is None else given[places]
        need(table.shape[1:] == (length, half) and len(table) > 0 and bool((table == table[:1]).all()))
        waves.append(np.concatenate([table[:1, None]] * 2, -1))
    first, second = move(value, lambda index: index[..., :half]), move(value, lambda index: index[..., half:])
    turned = rotary.side_by_side([arithmetic.times(reader.out, second, np.asarray(-1.0)), first], -1)  # type: ignore[list-item]
    found = rotary.added(rotary.scaled(value, waves[0]), rotary.scaled(turned, waves[1]))
    if not side_by_side:
        return found
    return rotary.moved(found, lambda index: index.swapaxes(1, 2).reshape(len(index), index.shape[2], -1))


def _prelu(reader: Reader, node: Node) -> Tracked:
    value, slope = reader.value(node), there(reader.given(node, 1))
    need(slope.ndim <= len(value.shape))
    if (slope == slope.reshape(-1)[0]).all():
        slope = slope.reshape(-1)[:1]
    need(slope.size == 1 or slope.shape[-len(value.shape) + 1 :] == (value.shape[1], *[1] * (len(value.shape) - 2)))
    text = "prelu" if slope.size == 1 else "prelu channels"
    return layers.layer(reader.out, value, text, value.shape[1:], slope=slope.reshape(-1 if "channels" in text else ()))


_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has the gates that lampc wants in order: input, forget, cell, output; reset, update, new."""


_ACTIVATIONS: Mapping[str, Callable[[int], list[list[str]]]] = {
    "LSTM": lambda count: [[], ["sigmoid", "tanh", "tanh"] * count],
    "GRU": lambda count: [[], ["sigmoid", "tanh"] * count],
    "RNN": lambda count: [[], ["tanh"] * count, ["relu"] * count],
}
"""Those that lampc's recurrences have."""


def _recurrent(reader: Reader, node: Node) -> Tracked:
    """Places, directions, samples and features, of a layer of one kind; its weights are gate by gate."""
    import numpy as np

    kind, order, w, r = node.op, _GATES[node.op], there(reader.given(node, 1)), there(reader.given(node, 2))
    value, bias, lengths = reader.value(node), reader.given(node, 3), reader.given(node, 4)
    states = [reader.given(node, number) for number in range(5, 8)]
    activation = [word.decode().lower() for word in node["activations"] or []]
    need(not any(state is not None and state.any() for state in states))
    need(lengths is None or (lengths == value.shape[0]).all())
    need(not node["clip"] and not node["layout"] and not node["input_forget"])
    need(kind != "GRU" or node["linear_before_reset"])
    node.ignore("activation_alpha", "activation_beta")  # of activations that are refused
    direction = {b"forward": "forward", b"reverse": "backward", b"bidirectional": "both"}[node["direction"]]
    need(activation in _ACTIVATIONS[kind](2 if direction == "both" else 1))
    hidden = int(r.shape[-1])
    need(node["hidden_size"] in (None, hidden))
    suffixes = {"forward": ("",), "backward": ("_reverse",), "both": ("", "_reverse")}[direction]
    weights = {}
    for place, name in enumerate(suffixes):
        parts = {"weight_ih": w[place], "weight_hh": r[place]}
        if bias is not None:
            parts |= dict(zip(("bias_ih", "bias_hh"), bias[place].reshape(2, -1), strict=True))
        for label, array in parts.items():
            gates = array.reshape(len(order), hidden, *array.shape[1:])[list(order)]
            weights[f"{label}_l0{name}"] = gates.reshape(array.shape).copy()
    samples_first = move(value, lambda index: np.swapaxes(index, 0, 1))
    states_of = layers.recurrence(reader.out, samples_first, kind.lower(), hidden, weights, 1, direction,
                                  activation[0] if activation and kind == "RNN" else "tanh")  # fmt: skip
    if len(node.outputs) > 1 and node.outputs[1]:
        reader.values[node.outputs[1]] = layers.last_states(states_of, hidden, 1, len(suffixes), direction == "backward")

    def by_places(index: NDArray[Any]) -> NDArray[Any]:
        return index.reshape(*index.shape[:2], len(suffixes), hidden).transpose(1, 2, 0, 3)

    return move(states_of, by_places)


LAYERS: Mapping[str, Callable[[Reader, Node], Tracked]] = {
    **WINDOWS, **RESIZES,
    "Gemm": _gemm, "BatchNormalization": _batchnorm, "LayerNormalization": _norm, "RMSNormalization": _norm,
    "InstanceNormalization": _instancenorm, "GroupNormalization": _groupnorm, "Gather": _gather, "Attention": _attention,
    "RotaryEmbedding": _rotary,
    "PRelu": _prelu, "LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent,
}  # fmt: skip
"""Nodes that are layers."""
