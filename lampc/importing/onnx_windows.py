"""What ONNX nodes become that go over images window by window."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.onnx_node import Node
from lampc.importing.text import need, there
from lampc.importing.values import Value, joined, layer_of, made, move, shortest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lampc.importing.onnx_graph import Reader

Ends = Sequence[tuple[int, int]]
"""Places added before and after those of each axis."""


def ends(node: Node, counts: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Ends:
    """What is added to axes of so many places, as it is given or worked out."""
    axes, mode = len(kernel), node["auto_pad"]
    pads = list(node["pads"] or [0] * 2 * axes)
    need(len(pads) == 2 * axes and all(0 <= pad < 2**31 for pad in pads) and mode in _AUTO)
    if mode == b"NOTSET":
        return list(zip(pads[:axes], pads[axes:], strict=True))
    need(not any(pads))
    found = []
    for count, width, stride, dilation in zip(counts, kernel, strides, dilations, strict=True):
        wanted = (-(-count // stride) - 1) * stride + (width - 1) * dilation + 1 - count
        found.append(_halves(max(wanted, 0) if mode != b"VALID" else 0, mode == b"SAME_LOWER"))
    return found


_AUTO = (b"NOTSET", b"VALID", b"SAME_UPPER", b"SAME_LOWER")


def _halves(total: int, first: bool) -> tuple[int, int]:
    """Two halves, the one more at the beginning or the end."""
    small, large = total // 2, total - total // 2
    return (large, small) if first else (small, large)


def _numbers(node: Node, name: str, axes: int) -> list[int]:
    """Strides or dilations: one for each axis, and none of them less than 1."""
    found = list(node[name] or [1] * axes)
    need(len(found) == axes and all(0 < number < 2**31 for number in found))
    return found


def _conv(reader: Reader, node: Node) -> Tracked:
    value, weight = reader.value(node), there(reader.given(node, 1))
    axes = weight.ndim - 2
    kernel, strides, dilations = list(weight.shape[2:]), _numbers(node, "strides", axes), _numbers(node, "dilations", axes)
    need(axes and len(value.shape) == axes + 2 and node["kernel_shape"] in (None, kernel) and node["group"] > 0)
    added = ends(node, value.shape[2:], kernel, strides, dilations)
    if any(before != after for before, after in added):
        value, added = layers.padded(reader.out, value, [(0, 0)] * 2 + list(added)), [(0, 0)] * axes
    return layers.conv(reader.out, value, reader.sample(node), weight, reader.given(node, 2), strides,
                       [before for before, _ in added], dilations, int(node["group"]))  # fmt: skip


def _convtranspose(reader: Reader, node: Node) -> Tracked:
    """Its ends are cut off; where they differ the whole is made, and then a part of it is taken."""
    value, weight = reader.value(node), there(reader.given(node, 1))
    axes = weight.ndim - 2
    kernel, strides, dilations = list(weight.shape[2:]), _numbers(node, "strides", axes), _numbers(node, "dilations", axes)
    need(axes and len(value.shape) == axes + 2 and node["kernel_shape"] in (None, kernel) and node["group"] > 0)
    more = list(node["output_padding"] or [0] * axes)
    need(len(more) == axes and all(0 <= number < 2**31 for number in more))
    whole = [(count - 1) * stride + (width - 1) * dilation + 1 + extra for count, width, stride, dilation, extra
             in zip(value.shape[2:], kernel, strides, dilations, more, strict=True)]  # fmt: skip
    cut: Ends
    if node["output_shape"] or node["auto_pad"] in (b"SAME_UPPER", b"SAME_LOWER"):
        need(not any(node["pads"] or []))
        wanted = list(node["output_shape"] or [n * stride for n, stride in zip(value.shape[2:], strides, strict=True)])[-axes:]
        need(len(wanted) == axes and all(size <= full for size, full in zip(wanted, whole, strict=True)))
        cut = [_halves(full - size, node["auto_pad"] != b"SAME_UPPER") for size, full in zip(wanted, whole, strict=True)]
    else:
        cut = ends(node, value.shape[2:], kernel, strides, dilations)
    even = all(before == after for before, after in cut)
    sizes = [full - before - after for full, (before, after) in zip(whole, cut, strict=True)]
    need(all(size > 0 for size in sizes))
    channels = weight.shape[1] * int(node["group"])
    found = layers.conv(reader.out, value, [channels, *(sizes if even else whole)], weight, reader.given(node, 2), strides,
                        [before if even else 0 for before, _ in cut], dilations, int(node["group"]), True, more)  # fmt: skip
    return found if even else _part(found, cut)


def _part(value: Value, cut: Ends) -> Value:
    """Less what is cut off at the ends of the axes after the channels."""
    parts = tuple(slice(before, count - after) for (before, after), count in zip(cut, value.shape[2:], strict=True))
    return move(value, lambda index: index[(slice(None), slice(None), *parts)])


def _maxpool(reader: Reader, node: Node) -> Tracked:
    value, kernel, strides, dilations, added, after = _windows(reader, node)
    node.ignore("storage_order")  # of the places, which are not carried
    ceil = bool(node["ceil_mode"])
    if _plain(value, kernel, strides, dilations, added, ceil) == list(after[1:]):
        padding = [before for before, _ in added]
        return layers.pool(reader.out, value, after, "maxpool", kernel, strides, padding, ceil, dilations)
    added = _reached(value, kernel, strides, dilations, added, after)
    value = layers.padded(reader.out, value, [(0, 0)] * 2 + list(added), fill=-math.inf)
    return layers.pool(reader.out, value, after, "maxpool", kernel, strides, 0, False, dilations)


def _avgpool(reader: Reader, node: Node) -> Tracked:
    value, kernel, strides, dilations, added, after = _windows(reader, node)
    ceil, counted = bool(node["ceil_mode"]), bool(node["count_include_pad"])
    plain = _plain(value, kernel, strides, dilations, added, ceil) == list(after[1:])
    if plain and (set(dilations) == {1} or math.prod(kernel) == 1):
        padding = [before for before, _ in added]
        return layers.pool(reader.out, value, after, "avgpool", kernel, strides, padding, ceil, 1, counted)
    reached = _reached(value, kernel, strides, dilations, added, after)
    found = _sums(reader, value, reached, kernel, strides, dilations, after)
    whole = all(beyond <= given for (_, beyond), (_, given) in zip(reached, added, strict=True))
    if (counted and whole) or not any(any(pair) for pair in reached):
        return arithmetic.times(reader.out, found, _array(1 / math.prod(kernel)))
    there_are = arithmetic.formula(reader.out, value, "where(x > 0, 1, 1)")
    if counted:
        inside = [(before, min(given, beyond)) for (before, given), (_, beyond) in zip(added, reached, strict=True)]
        there_are = layers.padded(reader.out, there_are, [(0, 0)] * 2 + inside, fill=1.0)
        reached = [(0, beyond - given) for (_, beyond), (_, given) in zip(reached, inside, strict=True)]
    count = _sums(reader, there_are, reached, kernel, strides, dilations, after)
    return joined(reader.out, "product", (found, arithmetic.formula(reader.out, count, "1 / x")))


def _lppool(reader: Reader, node: Node) -> Tracked:
    """The root of the sum of powers."""
    value, kernel, strides, dilations, added, after = _windows(reader, node)
    power = float(node["p"])
    need(power > 0 and node["ceil_mode"] in (None, 0, 1))
    reached = _reached(value, kernel, strides, dilations, added, after)
    powers = arithmetic.formula(reader.out, value, f"abs(x) ^ {shortest(power)}")
    found = _sums(reader, powers, reached, kernel, strides, dilations, after)
    return arithmetic.formula(reader.out, found, f"x ^ {shortest(1 / power)}")


def _windows(reader: Reader, node: Node) -> tuple[Value, list[int], list[int], list[int], Ends, tuple[int, ...]]:
    """A pool's value, windows, strides, dilations, what is added at the ends, and the shape of what it makes."""
    value, kernel = reader.value(node), list(there(node["kernel_shape"]))
    need(len(value.shape) == len(kernel) + 2 and all(0 < width < 2**31 for width in kernel))
    strides, dilations = _numbers(node, "strides", len(kernel)), _numbers(node, "dilations", len(kernel))
    if node["auto_pad"] in (b"SAME_UPPER", b"SAME_LOWER"):  # of such windows the standard and its implementations say otherwise
        need(set(dilations) == {1} and all(step <= width for step, width in zip(strides, kernel, strict=True)))
    added = ends(node, value.shape[2:], kernel, strides, dilations)
    after, counts = reader.sample(node), value.shape[2:]
    need(len(after) == len(value.shape) - 1)
    need(all((width - 1) * dilation < sum(pair) + count
             for width, dilation, pair, count in zip(kernel, dilations, added, counts, strict=True)))  # fmt: skip
    if node["ceil_mode"]:  # no window begins beyond the last place, as implementations have it
        after = (after[0], *(min(windows, -(-(count + before) // stride)) for windows, count, stride, (before, _)
                             in zip(after[1:], counts, strides, added, strict=True)))  # fmt: skip
    return value, kernel, strides, dilations, added, after


def _plain(value: Value, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], added: Ends,
           ceil: bool) -> list[int] | None:  # fmt: skip
    """How many windows a pool of lampc's has along each axis; None where it does not take such ends."""
    if any(before != after or 2 * before > width for (before, after), width in zip(added, kernel, strict=True)):
        return None
    found = []
    for count, width, stride, dilation, (pad, _) in zip(value.shape[2:], kernel, strides, dilations, added, strict=True):
        rest = count + 2 * pad - dilation * (width - 1) - 1
        windows = (-(-rest // stride) if ceil else rest // stride) + 1
        found.append(windows - (ceil and (windows - 1) * stride >= count + pad))
    return found


def _reached(value: Value, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], added: Ends,
             after: Sequence[int]) -> Ends:  # fmt: skip
    """What has to be added so that every window is whole."""
    return [
        (before, max(0, (windows - 1) * stride + (width - 1) * dilation + 1 - count - before))
        for count, width, stride, dilation, (before, _), windows
        in zip(value.shape[2:], kernel, strides, dilations, added, after[1:], strict=True)
    ]  # fmt: skip


def _sums(reader: Reader, value: Tracked, added: Ends, kernel: Sequence[int], strides: Sequence[int],
          dilations: Sequence[int], after: Sequence[int]) -> Value:  # fmt: skip
    """Sums over windows of a value to which zeros are added: a convolution of each channel with ones."""
    import numpy as np

    need(isinstance(value, Value))
    padded = layers.padded(reader.out, value, [(0, 0)] * 2 + list(added))  # type: ignore[arg-type]
    channels = padded.shape[1]
    ones = np.ones((channels, 1, *kernel), np.float32)
    return layers.conv(reader.out, padded, after, ones, None, strides, 0, dilations, channels)


def _array(number: float) -> NDArray[Any]:
    import numpy as np

    return np.asarray(number)


def _pad(reader: Reader, node: Node) -> Tracked:
    value = reader.value(node)
    listed = node["pads"] if "pads" in node else there(reader.given(node, 1)).tolist()
    fill, axes, rank = reader.given(node, 2), reader.given(node, 3), len(value.shape)
    named = list(range(rank)) if axes is None else [int(axis) for axis in axes.reshape(-1)]
    need(len(listed) == 2 * len(named) and all(-rank <= axis < rank for axis in named))
    amounts = [(0, 0)] * rank
    for place, axis in enumerate(named):
        amounts[axis % rank] = (listed[place], listed[place + len(named)])
    number = node["value"] if fill is None else fill.reshape(-1)[0]
    return layers.padded(reader.out, value, amounts, node["mode"].decode(), float(number or 0.0))


def _globalpool(reader: Reader, node: Node) -> Tracked:
    value = reader.value(node)
    kind = "max" if node.op == "GlobalMaxPool" else "mean"
    need(len(value.shape) > 2)
    return layers.reduced(reader.out, value, kind, range(2, len(value.shape)), keep=True)


def _lrn(reader: Reader, node: Node) -> Tracked:
    """Each number by a power of the squares of the channels about it: their sum is a convolution of one place."""
    import numpy as np

    value, count, scale = reader.value(node), int(node["size"]), float(node["alpha"])
    need(len(value.shape) in (3, 4, 5) and 0 < count < 2**31)
    channels = np.arange(value.shape[1])
    apart = channels[None, :] - channels[:, None]  # of the channel that is summed, from the one that is made
    near = (apart >= -((count - 1) // 2)) & (apart <= count // 2)
    weight = (near * (scale / count)).astype(np.float32).reshape(*near.shape, *[1] * (len(value.shape) - 2))
    bias = np.full(value.shape[1], node["bias"], np.float32)
    source = made(reader.out, layer_of(reader.out, value))
    sums = layers.conv(reader.out, arithmetic.formula(reader.out, source, "x * x"), source.shape[1:], weight, bias, 1, 0, 1, 1)
    return joined(reader.out, "product", (source, arithmetic.formula(reader.out, sums, f"x ^ {shortest(-node['beta'])}")))


WINDOWS: Mapping[str, Callable[[Reader, Node], Tracked]] = {
    "Conv": _conv, "ConvTranspose": _convtranspose, "MaxPool": _maxpool, "AveragePool": _avgpool, "LpPool": _lppool,
    "GlobalAveragePool": _globalpool, "GlobalMaxPool": _globalpool, "Pad": _pad, "LRN": _lrn,
}  # fmt: skip
"""Nodes that go over images."""
