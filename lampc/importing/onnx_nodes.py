"""What each kind of ONNX node becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.attention import Scores, masked
from lampc.importing.onnx_layers import LAYERS
from lampc.importing.onnx_node import FLOATS, Node
from lampc.importing.onnx_reductions import REDUCTIONS
from lampc.importing.text import NoLayer, Writer, need, there
from lampc.importing.values import Value, by_elements, move, shortest

if TYPE_CHECKING:
    from lampc.importing.onnx_graph import Reader


def _concat(reader: Reader, node: Node) -> Tracked:
    parts = [reader.either(node, number) for number in range(len(node.inputs))]
    axis = 1 if node["axis"] is None else int(node["axis"])  # as its first version has it
    return arithmetic.concatenated(reader.out, parts, axis)


def _softmax(reader: Reader, node: Node) -> Tracked:
    """Up to opset 12 all axes from one on are put together."""
    value, axis = reader.either(node, 0), int(node["axis"])
    if node.schema.since_version >= 13 or axis % len(value.shape) == len(value.shape) - 1 or not isinstance(value, Value):
        return _along(reader, node, value, axis)
    whole, axis = value.shape, axis % len(value.shape)
    flat = _along(reader, node, move(value, lambda index: index.reshape(*whole[:axis], -1)), -1)
    need(isinstance(flat, Value))
    return move(flat, lambda index: index.reshape(whole))  # type: ignore[arg-type]


def _along(reader: Reader, node: Node, value: Any, axis: int) -> Tracked:
    if node.op == "Softmax":
        return arithmetic.weighed(reader.out, value, axis)
    need(isinstance(value, Value))
    return layers.softmax(reader.out, value, axis, log=True)


def _clip(reader: Reader, node: Node) -> Tracked:
    value = reader.value(node)
    low, high = (_end(reader, node, number, name) for number, name in ((1, "min"), (2, "max")))
    if low is not None and high is not None and low <= high:
        return by_elements(reader.out, value, f"hardtanh low={shortest(low)} high={shortest(high)}")
    if low is not None and high is None:
        return arithmetic.bounded(reader.out, value, "max", low)
    found = value if low is None else arithmetic.bounded(reader.out, value, "max", low)
    return found if high is None else arithmetic.bounded(reader.out, found, "min", high)


def _end(reader: Reader, node: Node, number: int, name: str) -> float | None:
    """Where numbers are held: an input, or up to opset 6 an option; None for infinity."""
    end = reader.given(node, number)
    found = float(end.reshape(-1)[0]) if end is not None else node[name]
    return None if found is None or abs(found) >= _GREATEST else float(found)


_GREATEST = 3.4028234e38
"""What no float32 is beyond."""


def _where(reader: Reader, node: Node) -> Tracked:
    """Scores where a mask lets them be; or a softplus, which for great numbers is the number."""
    import numpy as np

    if node.input(0) in reader.above:
        (great, bound), x, curve = reader.above[node.input(0)], reader.value(node, 1), reader.value(node, 2)
        statement = reader.out.statements[curve.layer]
        need(bound >= 20.0 and great.layer == x.layer and statement.text == "softplus" and statement.inputs == (x.layer,))
        need(great.index is x.index is curve.index and great.factor == x.factor == curve.factor == 1.0)
        return curve
    seen, first, second = there(reader.given(node, 0)), reader.either(node, 1), reader.either(node, 2)
    if not isinstance(first, Scores):
        seen, first, second = ~seen, second, first
    if not isinstance(first, Scores) or isinstance(second, Tracked) or (second > -1e4).any():
        raise NoLayer
    return masked(first, np.broadcast_to(seen, first.shape))


def _bounded(kind: str) -> Callable[[Reader, Node], Tracked]:
    def say(reader: Reader, node: Node) -> Tracked:
        parts = [reader.either(node, number) for number in range(len(node.inputs))]
        values = [part for part in parts if isinstance(part, Tracked)]
        ends = [part for part in parts if not isinstance(part, Tracked)]
        if len(parts) == 1:
            return values[0]
        need(len(values) == 1 and all(end.size == 1 for end in ends) and isinstance(values[0], Value))
        end = (max if kind == "max" else min)(float(end.reshape(-1)[0]) for end in ends)
        return arithmetic.bounded(reader.out, values[0], kind, end)  # type: ignore[arg-type]

    return say


def _gelu(reader: Reader, node: Node) -> Tracked:
    kind = node["approximate"].decode()
    return by_elements(reader.out, reader.value(node), "gelu" if kind == "none" else f"gelu {kind}")


def _power(reader: Reader, node: Node) -> Tracked:
    if isinstance(reader.either(node, 0), Value):
        power = there(reader.given(node, 1))
        need(power.size == 1)
        return arithmetic.formula(reader.out, reader.value(node), f"x ^ {shortest(power.reshape(-1)[0])}")
    base = there(reader.given(node, 0))
    need(base.size == 1 and float(base.reshape(-1)[0]) > 0)
    return arithmetic.formula(reader.out, reader.value(node, 1), f"exp(x * {shortest(math.log(base.reshape(-1)[0]))})")


def _negative(reader: Reader, node: Node) -> Tracked:
    import numpy as np

    return arithmetic.times(reader.out, reader.either(node, 0), np.asarray(-1.0))


def _many(how: Callable[[Writer, Any, Any], Tracked], mean: bool = False) -> Callable[[Reader, Node], Tracked]:
    """Any number of inputs, two and two."""

    def say(reader: Reader, node: Node) -> Tracked:
        import numpy as np

        first, *rest = [reader.either(node, number) for number in range(len(node.inputs))]
        for part in rest:
            if not isinstance(first, Tracked) and not isinstance(part, Tracked):
                first = first + part
            else:
                first = how(reader.out, first, part)
        return arithmetic.times(reader.out, first, np.asarray(1.0 / len(node.inputs))) if mean else first

    return say


def _same(reader: Reader, node: Node) -> Tracked:
    found: Tracked = reader.either(node, 0)
    whole = node.input(0) in reader.whole
    need(node.op != "Cast" or whole or node["to"] in FLOATS)
    node.ignore("saturate", "round_mode")  # of other element types
    if whole:
        reader.whole.add(node.outputs[0])
    return found


def _dropout(reader: Reader, node: Node) -> Tracked:
    """Nothing, as it predicts."""
    training = reader.given(node, 2)
    need(training is None or not training.any())
    node.ignore("seed", "ratio", 1)
    found: Tracked = reader.either(node, 0)
    return found


def _two(how: Callable[[Writer, Any, Any], Tracked]) -> Callable[[Reader, Node], Tracked]:
    return lambda reader, node: how(reader.out, reader.either(node, 0), reader.either(node, 1))


def _plain(text: str) -> Callable[[Reader, Node], Tracked]:
    return lambda reader, node: by_elements(reader.out, reader.value(node), text)


def _sloped(text: str, name: str) -> Callable[[Reader, Node], Tracked]:
    return lambda reader, node: by_elements(reader.out, reader.value(node), f"{text} {shortest(node[name])}")


def _formula(text: str, *names: str) -> Callable[[Reader, Node], Tracked]:
    """A formula of x; the node's own numbers in braces."""
    return lambda reader, node: arithmetic.formula(
        reader.out, reader.value(node), text.format(**{name: f"({shortest(node[name])})" for name in names})
    )


def _selu(reader: Reader, node: Node) -> Tracked:
    alpha, gamma = float(node["alpha"]), float(node["gamma"])
    if math.isclose(alpha, 1.6732632, rel_tol=1e-4) and math.isclose(gamma, 1.0507010, rel_tol=1e-4):
        return by_elements(reader.out, reader.value(node), "selu")
    return arithmetic.formula(reader.out, by_elements(reader.out, reader.value(node), f"elu {shortest(alpha)}"),
                              f"x * ({shortest(gamma)})")  # fmt: skip


NODES: Mapping[str, Callable[[Reader, Node], Tracked]] = {
    **LAYERS, **REDUCTIONS,
    "MatMul": _two(arithmetic.product), "Add": _two(arithmetic.plus), "Mul": _two(arithmetic.times),
    "Sub": _two(arithmetic.minus), "Div": _two(arithmetic.divided), "Pow": _power, "Concat": _concat,
    "Sum": _many(arithmetic.plus), "Mean": _many(arithmetic.plus, mean=True), "Softmax": _softmax, "LogSoftmax": _softmax,
    "Clip": _clip, "Gelu": _gelu, "Where": _where, "Max": _bounded("max"), "Min": _bounded("min"),
    "LeakyRelu": _sloped("leakyrelu", "alpha"), "Elu": _sloped("elu", "alpha"), "Dropout": _dropout, "Cast": _same,
    "Neg": _negative, "Selu": _selu,
    **{name: _plain(text) for name, text in {
        "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign",
        "Mish": "mish"}.items()},
    **{name: _formula(text) for name, text in {
        "Exp": "exp(x)", "Erf": "erf(x)", "Log": "log(x)", "Sqrt": "sqrt(x)", "Abs": "abs(x)", "Reciprocal": "1 / x",
        "HardSwish": "x * min(6, max(0, x + 3)) / 6", "Sin": "sin(x)", "Cos": "cos(x)", "Tan": "sin(x) / cos(x)",
        "Sign": "(x > 0) - (x < 0)"}.items()},
    "HardSigmoid": _formula("max(0, min(1, {alpha} * x + {beta}))", "alpha", "beta"),
    "ThresholdedRelu": _formula("where(x > {alpha}, x, 0)", "alpha"),
    "Celu": _formula("where(x > 0, x, {alpha} * (exp(x / {alpha}) - 1))", "alpha"),
    "Swish": _formula("x * sigmoid({alpha} * x)", "alpha"),
    "Shrink": _formula("where(x < -{lambd}, x + {bias}, where(x > {lambd}, x - {bias}, 0))", "lambd", "bias"),
}  # fmt: skip
"""Nodes that compute. Whatever of a node's options has no counterpart is refused."""
