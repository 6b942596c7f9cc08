"""What ONNX's resizing becomes: numbers taken several times, or along each axis a product with what interpolation weighs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lampc.importing import layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.onnx_node import Node
from lampc.importing.text import need
from lampc.importing.values import Value, move, size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lampc.importing.onnx_graph import Reader

    Array = NDArray[Any]

LARGEST = 4096
"""Places of an axis that is resized by a product."""


def _resize(reader: Reader, node: Node) -> Tracked:
    value, after = reader.value(node), (reader.out.samples, *reader.sample(node))
    rank, before = len(value.shape), value.shape
    need(len(after) == rank and after[0] == before[0])
    scales = _scales(reader, node, before, after)
    mode = node["mode"]
    if node.op == "Upsample":
        how, rounding, flags = b"asymmetric", b"floor", (-0.75, 0)
    elif "coordinate_transformation_mode" in node.schema.attributes:
        how, rounding = node["coordinate_transformation_mode"], node["nearest_mode"]
        flags = (node["cubic_coeff_a"], node["exclude_outside"])
    else:  # the first version of it
        how, rounding, flags = b"asymmetric", b"floor", (-0.75, 0)
    need(how in _COORDINATES and mode in (b"nearest", b"linear", b"cubic"))
    need(not node["antialias"] or all(scale >= 1.0 for scale in scales))
    if how != b"tf_crop_and_resize":
        node.ignore(1, "extrapolation_value")
    if mode == b"cubic":
        need(rank == 4)
    if how == b"align_corners":  # whether a part of a place counts as one, the standard and its implementations say otherwise
        need(all(abs(scale * old - new) < 1e-3 for old, new, scale in zip(before, after, scales, strict=True)))
    places = [_COORDINATES[how](old, new, scale) for old, new, scale in zip(before, after, scales, strict=True)]
    if mode == b"nearest":
        node.ignore("cubic_coeff_a")
        need(not flags[1])  # of one place there is no share to leave out
        return _taken(value, [_rounded(at, rounding, old) for at, old in zip(places, before, strict=True)])
    node.ignore("nearest_mode")
    return _interpolated(reader, value, after, places, mode == b"cubic", flags)


def _scales(reader: Reader, node: Node, before: tuple[int, ...], after: tuple[int, ...]) -> list[float]:
    """Of each axis: as it is given, or as the sizes say."""
    place = 1 if node.op == "Upsample" or len(node.inputs) == 2 else 2
    given = node["scales"] if "scales" in node else reader.given(node, place)
    sizes = reader.given(node, 3)
    node.ignore("keep_aspect_ratio_policy")  # the sizes that it leads to are known
    scales = [new / old for old, new in zip(before, after, strict=True)]
    axes = list(node["axes"] or range(len(before)))
    if given is not None and len(given) and sizes is None:
        need(len(given) == len(axes))
        for axis, scale in zip(axes, given, strict=True):
            scales[axis] = float(scale)
    elif node["keep_aspect_ratio_policy"] not in (None, b"stretch"):
        ratios = [float(wanted) / before[axis] for axis, wanted in zip(axes, sizes if sizes is not None else (), strict=True)]
        one = min(ratios) if node["keep_aspect_ratio_policy"] == b"not_larger" else max(ratios)
        for axis in axes:
            scales[axis] = one
    return scales


def _count(new: int) -> Array:
    """New places, in the precision that implementations reckon in: it says on which side of a bound a place falls."""
    import numpy as np

    found: Array = np.arange(new, dtype=np.float32)
    return found


def _half_pixel(old: int, new: int, scale: float) -> Array:
    import numpy as np

    return (_count(new) + np.float32(0.5)) / np.float32(scale) - np.float32(0.5)


def _corners(old: int, new: int, scale: float) -> Array:
    import numpy as np

    return _count(new) * np.float32(old - 1) / np.float32(max(1, new - 1))


def _symmetric(old: int, new: int, scale: float) -> Array:
    return _half_pixel(old, new, scale) + old / 2 * (1 - new / (scale * old))


def _from_zero(old: int, new: int, scale: float) -> Array:
    import numpy as np

    return _count(new) / np.float32(scale)


_COORDINATES: Mapping[bytes, Callable[[int, int, float], Array]] = {
    b"half_pixel": _half_pixel,
    b"pytorch_half_pixel": lambda old, new, scale: _half_pixel(old, new, scale) * (new > 1),
    b"align_corners": _corners,
    b"half_pixel_symmetric": _symmetric,
    b"asymmetric": _from_zero,
}  # fmt: skip
"""Where each new place is among the old ones."""


def _rounded(at: Array, mode: bytes, old: int) -> Array:
    import numpy as np

    near = {
        b"round_prefer_floor": lambda: np.ceil(at - 0.5),
        b"round_prefer_ceil": lambda: np.floor(at + 0.5),
        b"floor": lambda: np.floor(at),
        b"ceil": lambda: np.ceil(at),
    }
    need(mode in near)
    return near[mode]().clip(0, old - 1).astype(np.int64)


def _taken(value: Value, places: list[Array]) -> Value:
    def how(index: Array) -> Array:
        for axis, chosen in enumerate(places):
            index = index.take(chosen, axis)
        return index

    return move(value, how)


def _interpolated(reader: Reader, value: Value, after: tuple[int, ...], places: list[Array], cubic: bool,
                  flags: tuple[float, int]) -> Value:  # fmt: skip
    import numpy as np

    pairs = list(zip(value.shape, after, strict=True))
    weights = [_weights(at, old, cubic, flags) for at, old in zip(places, value.shape, strict=True)]
    factors = [new // old for old, new in pairs[2:]]
    exact = pairs[1][0] == pairs[1][1] and all(old * f == new for (old, new), f in zip(pairs[2:], factors, strict=True))
    if exact and not cubic and all(
        np.allclose(weight, _weights(_half_pixel(old, new, new / old), old, False, flags))
        for weight, (old, new) in zip(weights[2:], pairs[2:], strict=True)
    ):  # fmt: skip
        return layers.layer(reader.out, value, f"upsample {size(factors)} linear", after[1:])
    need(np.array_equal(weights[0], np.eye(len(weights[0]))))
    for axis, weight in enumerate(weights):
        if weight.shape[0] != weight.shape[1] or not np.array_equal(weight, np.eye(len(weight))):
            value = layers.along(reader.out, value, axis, weight.astype(np.float32))
    return value


def _weights(at: Array, old: int, cubic: bool, flags: tuple[float, int]) -> Array:
    """How much each old place, a column, counts in each new one, a row."""
    import numpy as np

    need(max(len(at), old) <= LARGEST)
    first = np.floor(at)
    rest = at - first
    a, exclude = flags
    taps = {0: 1 - rest, 1: rest}
    if cubic:
        taps = {
            -1: ((a * (rest + 1) - 5 * a) * (rest + 1) + 8 * a) * (rest + 1) - 4 * a,
            0: ((a + 2) * rest - (a + 3)) * rest * rest + 1,
            1: ((a + 2) * (1 - rest) - (a + 3)) * (1 - rest) * (1 - rest) + 1,
            2: ((a * (2 - rest) - 5 * a) * (2 - rest) + 8 * a) * (2 - rest) - 4 * a,
        }
    found = np.zeros((len(at), old))
    for step, share in taps.items():
        place = first + step
        counts = share * ((place >= 0) & (place < old)) if exclude and cubic else share
        np.add.at(found, (np.arange(len(at)), place.clip(0, old - 1).astype(np.int64)), counts)
    return found / found.sum(1, keepdims=True) if exclude and cubic else found


RESIZES: Mapping[str, Callable[[Reader, Node], Tracked]] = {"Resize": _resize, "Upsample": _resize}
"""Nodes that make images larger or smaller."""
