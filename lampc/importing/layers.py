"""Layers as they are written: of what a node says, whatever graph it is in. Weights are numpy arrays in torch's layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc.importing.text import Statement, Writer, refused
from lampc.importing.values import Value, by_rows, layer_of, made, move, rows, samples_axis, shortest, size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def layer(out: Writer, value: Value, text: str, shape: Sequence[int], **weights: Any) -> Value:
    """A layer on samples that stand first; ``shape`` is of what it makes, without them."""
    return made(out, out.add([layer_of(out, value)], text, shape, weights))


def with_bias(text: str, **weights: Array | None) -> tuple[str, dict[str, Any]]:
    """A layer's text and weights, where there may be no bias."""
    return text + (" bias=off" if weights["bias"] is None else ""), {k: w for k, w in weights.items() if w is not None}


def linear(out: Writer, value: Value, weight: Array, bias: Array | None) -> Value:
    """x·Wᵀ + b over the last axis; the weight is [out, in].

    Raises:
        LampError: if the values have not as many features as the weight takes.
    """
    import numpy as np

    from lampc.importing.attention import projected

    if value.shape[-1:] != weight.shape[1:]:
        raise refused(f"a product of values {list(value.shape)} with a matrix for {weight.shape[1]} features cannot be")
    if out.statements[value.layer].pending is not None:
        return projected(out, value, weight, bias)
    text, weights = with_bias(f"linear {weight.shape[0]}", weight=weight, bias=bias)
    for number, statement in enumerate(out.statements):  # the names that go in are often those that come out
        if statement.text.startswith("embedding ") and np.array_equal(statement.weights["weight"], weight):
            del weights["weight"]
            return by_rows(out, value, text, weight.shape[0], weights, (("tie", number),))
    return by_rows(out, value, text, weight.shape[0], weights)


def along(out: Writer, value: Value, axis: int, weight: Array) -> Value:
    """The product with a matrix along any axis; the weight is [out, in]."""
    import numpy as np

    turned = move(value, lambda index: np.moveaxis(index, axis, -1))
    return move(linear(out, turned, weight, None), lambda index: np.moveaxis(index, -1, axis))


def biased(out: Writer, value: Value, bias: Array) -> Value:
    """A number added for each feature, to a linear layer that has none yet, or as a layer of its own."""
    statement = out.statements[value.layer]
    if value.factor == 1.0 and rows(out, value) is not None:  # the features are still the last axis
        if lacks_bias(statement, "linear"):
            return filled(out, value, {"bias": bias})
        if statement.text.startswith("attention ") and not statement.weights.get("out_proj.bias", bias * 0).any():
            total = sum(weight.shape[0] for name, weight in statement.weights.items() if name.endswith("proj_weight"))
            inner = statement.weights.get("in_proj_bias", bias[:1].repeat(total) * 0)
            return filled(out, value, {"in_proj_bias": inner, "out_proj.bias": bias})
    return by_rows(out, value, "bias", None, {"bias": bias})


def lacks_bias(statement: Statement, kind: str) -> bool:
    """Whether it is a layer of a kind that has no bias."""
    return statement.text.startswith(kind) and statement.text.endswith(" bias=off")


def filled(out: Writer, value: Value, biases: Mapping[str, Array]) -> Value:
    """A layer once more, with biases that came after it; its value may have been moved since."""
    statement = out.statements[value.layer]
    weights = {**statement.weights, **biases}
    again = out.add(statement.inputs, statement.text.removesuffix(" bias=off"), statement.shape, weights, named=statement.named)
    return Value(again, value.shape, value.index)


def conv(out: Writer, value: Value, shape: Sequence[int], weight: Array, bias: Array | None, stride: Any, padding: Any,
         dilation: Any, groups: int, transposed: bool = False, output_padding: Any = 0) -> Value:  # fmt: skip
    """A convolution, or its reverse; the options are numbers, or one for each axis."""
    axes = weight.ndim - 2
    count = weight.shape[1] * groups if transposed else weight.shape[0]
    text = f"{'convtranspose' if transposed else 'conv'}{'' if axes == 2 else f'{axes}d'} {count} {size(weight.shape[2:])}"
    given = {"stride": (stride, 1), "dilation": (dilation, 1), "output_padding": (output_padding, 0), "padding": (padding, 0),
             "groups": (groups, 1)}  # fmt: skip
    text, weights = with_bias(text + _options(given, axes), weight=weight, bias=bias)
    return layer(out, value, text, shape, **weights)


def pool(out: Writer, value: Value, shape: Sequence[int], kind: str, kernel: Any, stride: Any, padding: Any = 0,
         ceil: bool = False, dilation: Any = 1, padded: bool = True) -> Value:  # fmt: skip
    """``maxpool`` or ``avgpool``; ``padded``: whether padding counts in a mean."""
    axes = len(shape) - 1
    text = f"{kind} {size(each(kernel, axes))}"
    if list(each(stride, axes)) != list(each(kernel, axes)):
        text += f" stride={size(each(stride, axes))}"
    text += _options({"padding": (padding, 0), "dilation": (dilation, 1)}, axes) + (" ceil" if ceil else "")
    if kind == "avgpool" and any(each(padding, axes)) and not padded:
        text += " padded=off"
    return layer(out, value, text, shape)


def _options(given: Mapping[str, tuple[Any, int]], axes: int) -> str:
    """Those that are not as they would be anyway."""
    return "".join(f" {name}={size(each(values, axes))}" for name, (values, plain) in given.items()
                   if any(option != plain for option in each(values, axes)))  # fmt: skip


def each(values: Any, axes: int) -> Sequence[int]:
    """A number for each axis."""
    numbers: list[int] = list(values) if isinstance(values, list | tuple) else [values]
    return numbers * axes if len(numbers) == 1 else numbers


def padded(out: Writer, value: Value, amounts: Sequence[tuple[int, int]], edges: str = "constant", fill: float = 0.0) -> Value:
    """More places before and after those of each axis, the samples' first.

    Raises:
        LampError: if samples or channels are among them, or the edges are none that lampc knows.
    """
    kinds = {"constant": "", "reflect": " edges=reflect", "replicate": " edges=replicate", "edge": " edges=replicate"}
    if any(any(pair) for pair in amounts[:2]) or edges not in kinds or any(number < 0 for pair in amounts for number in pair):
        raise refused(f"adding {list(amounts)} places to values of {list(value.shape)} has no layer")
    if not any(any(pair) for pair in amounts):
        return value
    listed = ", ".join(f"{before}, {after}" for before, after in amounts[2:])
    text = f"pad [{listed}]{kinds[edges]}" + (f" value={shortest(fill)}" if fill else "")
    shape = (value.shape[1], *(count + sum(pair) for count, pair in zip(value.shape[2:], amounts[2:], strict=True)))
    return layer(out, value, text, shape)


def embedding(out: Writer, value: Value, table: Array) -> Value:
    """A row for each whole number."""
    return made(out, out.add([layer_of(out, value)], f"embedding {table.shape[1]}",
                             (*value.shape[1:], table.shape[1]), {"weight": table}))  # fmt: skip


def batchnorm(out: Writer, value: Value, shape: Sequence[int], eps: float, mean: Array, variance: Array, weight: Array | None,
              bias: Array | None) -> Value:  # fmt: skip
    """By running statistics."""
    text = f"batchnorm eps={shortest(eps)}" + (" affine=off" if weight is None else "")
    weights = {} if weight is None else {"weight": weight, "bias": bias}
    return layer(out, value, text, shape, **weights, running_mean=mean, running_var=variance)


def norm(out: Writer, value: Value, kind: str, eps: float, weight: Array | None, bias: Array | None) -> Value:
    """``layernorm`` or ``rmsnorm`` over the last axis."""
    text = f"{kind} eps={shortest(eps)}" + (" affine=off" if weight is None else "")
    if kind == "layernorm" and weight is not None and bias is None:
        text += " bias=off"
    return by_rows(out, value, text, None, {k: w for k, w in (("weight", weight), ("bias", bias)) if w is not None})


def channelnorm(out: Writer, value: Value, text: str, eps: float, weight: Array | None, bias: Array | None) -> Value:
    """``groupnorm`` or ``instancenorm``: each sample's channels."""
    text += f" affine={'off' if weight is None else 'on'} eps={shortest(eps)}"
    return layer(out, value, text, value.shape[1:], **({} if weight is None else {"weight": weight, "bias": bias}))


def reduced(out: Writer, value: Value, kind: str, axes: Sequence[int], keep: bool) -> Value:
    """``mean``, ``sum`` or ``max`` over axes.

    Raises:
        LampError: if samples are among them.
    """
    import numpy as np

    shape, rank = value.shape, len(value.shape)
    axes = sorted(axis % rank for axis in axes)
    samples = samples_axis(out, value)
    if samples in axes:
        raise refused(f"a {kind} over the samples has no layer")
    if samples == 0:
        return _reduced(out, value, kind, axes, keep)
    if samples is None:
        found = _reduced(out, move(value, lambda index: index[None]), kind, [axis + 1 for axis in axes], True)
        found = move(found, lambda index: index[0])
    else:
        first = move(value, lambda index: np.moveaxis(index, samples, 0))
        found = _reduced(out, first, kind, [axis + (axis < samples) for axis in axes], True)
        found = move(found, lambda index: np.moveaxis(index, 0, samples))
    rest = [count for axis, count in enumerate(shape) if axis not in axes]
    return found if keep else move(found, lambda index: index.reshape(rest))


def _reduced(out: Writer, value: Value, kind: str, axes: Sequence[int], keep: bool) -> Value:
    """Over axes of samples that stand first."""
    rank, sample = len(value.shape), value.shape[1:]
    if kind != "sum" and rank > 2 and list(axes) == list(range(2, rank)) and not (kind == "max" and rank == 3):
        text = f"globalpool{'' if kind == 'mean' else ' max'}" + (f" to={'x'.join(['1'] * (rank - 2))}" if keep else "")
        return layer(out, value, text, (sample[0], *([1] * (rank - 2) if keep else [])))
    rest = [count for axis, count in enumerate(sample, 1) if axis not in axes]
    found = layer(out, value, f"{kind} {'x'.join(map(str, axes))}", rest)
    whole = tuple(1 if axis in axes else count for axis, count in enumerate(value.shape))
    return move(found, lambda index: index.reshape(whole)) if keep else found


def softmax(out: Writer, value: Value, axis: int, log: bool = False) -> Value:
    """Over an axis.

    Raises:
        LampError: if it is the samples'.
    """
    import numpy as np

    if axis % len(value.shape) == samples_axis(out, value):
        raise refused("a softmax over the samples has no layer")
    last = move(value, lambda index: np.moveaxis(index, axis, -1)) if axis % len(value.shape) < len(value.shape) - 1 else value
    found = by_rows(out, last, "logsoftmax" if log else "softmax")
    return found if last is value else move(found, lambda index: np.moveaxis(index, -1, axis))


def recurrence(out: Writer, value: Value, kind: str, hidden: int, weights: Mapping[str, Any], layers: int = 1,
               direction: str = "forward", activation: str = "tanh") -> Value:  # fmt: skip
    """States for each place, of samples of length x features; the weights as PyTorch calls them."""
    text = f"{kind} {hidden}" + (f" layers={layers}" if layers > 1 else "")
    text += f" direction={direction}" if direction != "forward" else ""
    text += f" activation={activation}" if activation != "tanh" else ""
    text += "" if any(name.startswith("bias") for name in weights) else " bias=off"
    return layer(out, value, text, (value.shape[1], hidden * (2 if direction == "both" else 1)), **weights)


def last_states(states: Value, hidden: int, layers: int, directions: int, backward: bool = False) -> Value:
    """What a recurrence ended with, [layers·directions, samples, hidden]; only the top layer's are known."""
    import numpy as np

    def ends(index: Array) -> Array:
        top = [index[:, 0 if backward else -1, :hidden], *([index[:, 0, hidden:]] if directions == 2 else [])]
        return np.stack([np.full_like(top[0], -1)] * ((layers - 1) * directions) + top)

    return move(states, ends)
