"""What each of ATen's functions becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked, shifted
from lampc.importing.aten import Arguments, arrayed
from lampc.importing.aten_layers import LAYERS
from lampc.importing.attention import Scores, masked
from lampc.importing.rotary import Mixed
from lampc.importing.text import NoLayer, Writer, need, there
from lampc.importing.values import Value, by_elements, joined, move, shortest


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
        "square": "x * x", "log1p": "log(1 + x)", "rsqrt": "1 / sqrt(x)", "hardswish": "x * min(6, max(0, x + 3)) / 6",
        "hardsigmoid": "min(6, max(0, x + 3)) / 6", "log_sigmoid": "-softplus(-x)"}.items()},
    "cat": _concat, "stack": _stack, "matmul": _product("other"), "bmm": _product("mat2"), "mm": _product("mat2"),
    "baddbmm": _baddbmm, "_softmax": _weighed, "_log_softmax": _logsoftmax, "glu": _glu, "gelu": _gelu, "elu": _elu,
    "leaky_relu": _leaky, "softplus": _softplus, "hardtanh": _hardtanh, "clamp": _held, "dropout": _dropout,
    "amax": _reduce("max"), "neg": _negative,
}  # fmt: skip

CALLS: Mapping[str, Callable[[Writer, Any], Any]] = {
    **LAYERS,
    **{f"aten.{name}.default": say for name, say in _ALIKE.items()},
    **{f"aten.{name}": say for name, say in {
        "add.Tensor": _plus, "add.Scalar": _plus, "sub.Tensor": _minus, "sub.Scalar": _minus, "rsub.Scalar": _rsub,
        "mul.Tensor": _times, "mul.Scalar": _times, "div.Tensor": _divided, "div.Scalar": _divided,
        "pow.Tensor_Scalar": _power, "softmax.int": _weighed, "log_softmax.int": _logsoftmax, "mean.dim": _reduce("mean"),
        "sum.dim_IntList": _reduce("sum"), "max.dim": _max, "masked_fill.Scalar": _masked, "where.self": _where,
        "to.dtype": _same, "to.device": _same, "to.dtype_layout": _same, "_to_copy.default": _same,
        "feature_dropout.default": _dropout,
    }.items()},
}  # fmt: skip
"""Functions that compute."""
