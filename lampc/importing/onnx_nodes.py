"""What each kind of ONNX node becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.attention import Scores, masked
from lampc.importing.onnx_layers import LAYERS, attributes
from lampc.importing.text import NoLayer, Writer, need, there
from lampc.importing.values import Value, by_elements, shortest

if TYPE_CHECKING:
    from lampc.importing.onnx_graph import Reader


def _concat(reader: Reader, node: Any) -> Tracked:
    return arithmetic.concatenated(
        reader.out, [reader.either(node, i) for i in range(len(node.input))], attributes(node)["axis"]
    )


def _reduce(kind: str) -> Callable[[Reader, Any], Tracked]:
    def say(reader: Reader, node: Any) -> Tracked:
        options = attributes(node)
        named = reader.given(node, 1)
        axes: list[int] = there(options.get("axes") if named is None else named.tolist())
        return layers.reduced(reader.out, reader.value(node), kind, axes, bool(options.get("keepdims", 1)))

    return say


def _softmax(reader: Reader, node: Any) -> Tracked:
    axis = attributes(node).get("axis", -1)
    if node.op_type == "Softmax":
        return arithmetic.weighed(reader.out, reader.values[node.input[0]], axis)
    return layers.softmax(reader.out, reader.value(node), axis, log=True)


def _clip(reader: Reader, node: Any) -> Tracked:
    low, high = reader.given(node, 1), reader.given(node, 2)
    if low is not None and high is None and float(low.reshape(-1)[0]) == 0.0:
        return by_elements(reader.out, reader.value(node), "relu")
    if (low is None) != (high is None):
        kind, end = ("max", low) if high is None else ("min", high)
        return arithmetic.formula(reader.out, reader.value(node), f"{kind}({shortest(there(end).reshape(-1)[0])}, x)")
    ends = [shortest(there(end).reshape(-1)[0]) for end in (low, high)]
    return by_elements(reader.out, reader.value(node), f"hardtanh low={ends[0]} high={ends[1]}")


def _where(reader: Reader, node: Any) -> Tracked:
    """Scores where a mask lets them be; or a softplus, which for great numbers is the number."""
    import numpy as np

    if node.input[0] in reader.above:
        (great, bound), x, curve = reader.above[node.input[0]], reader.value(node, 1), reader.value(node, 2)
        statement = reader.out.statements[curve.layer]
        need(bound >= 20.0 and great.layer == x.layer and statement.text == "softplus" and statement.inputs == (x.layer,))
        return curve
    seen, first, second = there(reader.given(node, 0)), reader.either(node, 1), reader.either(node, 2)
    if not isinstance(first, Scores):
        seen, first, second = ~seen, second, first
    if not isinstance(first, Scores) or isinstance(second, Tracked) or (second > -1e4).any():
        raise NoLayer
    return masked(first, np.broadcast_to(seen, first.shape))


def _bounded(kind: str) -> Callable[[Reader, Any], Tracked]:
    def say(reader: Reader, node: Any) -> Tracked:
        need(len(node.input) == 2)
        values = [name for name in node.input if name in reader.values]
        ends = [reader.known[name] for name in node.input if name in reader.known]
        need(len(values) == len(ends) == 1 and ends[0].size == 1)
        end = float(ends[0].reshape(-1)[0])
        value = reader.values[values[0]]
        need(isinstance(value, Value))
        if kind == "max" and end == 0.0:
            return by_elements(reader.out, value, "relu")  # type: ignore[arg-type]
        return arithmetic.formula(reader.out, value, f"{kind}({shortest(end)}, x)")  # type: ignore[arg-type]

    return say


def _gelu(reader: Reader, node: Any) -> Tracked:
    kind = attributes(node).get("approximate", b"none").decode()
    return by_elements(reader.out, reader.value(node), "gelu" if kind == "none" else f"gelu {kind}")


def _power(reader: Reader, node: Any) -> Tracked:
    power = there(reader.given(node, 1))
    need(power.size == 1)
    return arithmetic.formula(reader.out, reader.value(node), f"x ^ {shortest(power.reshape(-1)[0])}")


def _negative(reader: Reader, node: Any) -> Tracked:
    import numpy as np

    return arithmetic.times(reader.out, reader.values[node.input[0]], np.asarray(-1.0))


_FLOATS = (1, 10, 11, 16)
"""ONNX's numbers of the element types that keep a value what it is: 32, 16, 64 bits, and bfloat16."""


def _same(reader: Reader, node: Any) -> Tracked:
    whole = node.input[0] in reader.whole
    need(node.op_type != "Cast" or whole or attributes(node)["to"] in _FLOATS)
    if whole:
        reader.whole.add(node.output[0])
    found: Tracked = reader.either(node, 0)
    return found


def _two(how: Callable[[Writer, Any, Any], Tracked]) -> Callable[[Reader, Any], Tracked]:
    return lambda reader, node: how(reader.out, reader.either(node, 0), reader.either(node, 1))


def _plain(text: str) -> Callable[[Reader, Any], Tracked]:
    return lambda reader, node: by_elements(reader.out, reader.value(node), text)


def _sloped(text: str, name: str, plain: float) -> Callable[[Reader, Any], Tracked]:
    return lambda reader, node: by_elements(
        reader.out, reader.value(node), f"{text} {shortest(attributes(node).get(name, plain))}"
    )


def _formula(text: str, **plain: float) -> Callable[[Reader, Any], Tracked]:
    """A formula of x; the node's own numbers in braces."""
    return lambda reader, node: arithmetic.formula(
        reader.out,
        reader.value(node),
        text.format(**{name: shortest(attributes(node).get(name, value)) for name, value in plain.items()}),
    )


NODES: Mapping[str, Callable[[Reader, Any], Tracked]] = {
    **LAYERS,
    "MatMul": _two(arithmetic.product), "Add": _two(arithmetic.plus), "Mul": _two(arithmetic.times),
    "Sub": _two(arithmetic.minus), "Div": _two(arithmetic.divided), "Pow": _power, "Concat": _concat,
    "ReduceMean": _reduce("mean"), "ReduceSum": _reduce("sum"), "ReduceMax": _reduce("max"), "Softmax": _softmax,
    "LogSoftmax": _softmax, "Clip": _clip, "Gelu": _gelu, "Where": _where, "Max": _bounded("max"), "Min": _bounded("min"),
    "LeakyRelu": _sloped("leakyrelu", "alpha", 0.01), "Elu": _sloped("elu", "alpha", 1.0), "Dropout": _same, "Cast": _same,
    "Neg": _negative,
    **{name: _plain(text) for name, text in {
        "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign",
        "Mish": "mish", "Selu": "selu"}.items()},
    **{name: _formula(text) for name, text in {
        "Exp": "exp(x)", "Erf": "erf(x)", "Log": "log(x)", "Sqrt": "sqrt(x)", "Abs": "abs(x)", "Reciprocal": "1 / x",
        "HardSwish": "x * min(6, max(0, x + 3)) / 6"}.items()},
    "HardSigmoid": _formula("max(0, min(1, {alpha} * x + {beta}))", alpha=0.2, beta=0.5),
}  # fmt: skip
"""Nodes that compute. Whatever of a node's options has no counterpart is refused."""
