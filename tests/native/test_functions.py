"""The functions written as polynomials, against float64 of higher precision: errors in units in the last place."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lampc.native.emit import Functions, Lane, Writer
from lampc.native.engine import Code, compile_text, host
from lampc.native.functions import FUNCTIONS, write

Array = NDArray[np.float64]
ULPS = 4
RELATIVE = 1e-14

JUDGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    "erf": torch.erf,
}
RANGES = {"exp": (-87.0, 88.0), "expm1": (-30.0, 88.0), "log": (1e-37, 1e38), "log1p": (-0.999, 1e4),
          "tanh": (-12.0, 12.0), "sigmoid": (-85.0, 85.0),
          "softplus": (-85.0, 85.0), "erf": (-6.0, 6.0)}  # fmt: skip


def compiled(name: str, double: bool, width: int) -> Callable[[Array], Array]:
    """A function over arrays, ``width`` numbers at a time."""
    functions = Functions(write)
    w = Writer(functions)
    lane = Lane(double, width)

    def body(index: str, _: list[str]) -> list[str]:
        w.store(lane, w.call(name, lane, w.load(lane, w.at("%x", index, lane.scalar))), w.at("%out", index, lane.scalar))
        return []

    w.loop("0", "%n", width, [], body)
    lines = "\n".join(w.lines)
    text = f"{functions}\ndefine void @f(ptr %x, ptr %out, i64 %n) {{\nentry:\n{lines}\n  ret void\n}}"
    code = Code(compile_text(text))
    call = code.function("f", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

    def apply(x: Array) -> Array:
        dtype = np.float64 if double else np.float32
        padded = np.zeros(-(-len(x) // width) * width + width, dtype=dtype)
        padded[: len(x)] = x
        out = np.empty_like(padded)
        assert code
        call(padded.ctypes.data, out.ctypes.data, -(-len(x) // width) * width)
        return out[: len(x)]

    return apply


def numbers(name: str, double: bool) -> Array:
    """Numbers all over the range, near 0, and of every size."""
    rng = np.random.default_rng(0)
    low, high = RANGES[name]
    if name == "log":
        spread = np.exp(rng.uniform(math.log(low), math.log(high), 200_000))
        return np.concatenate([spread, rng.uniform(0.5, 2, 100_000), 1 + rng.normal(0, 1e-4, 50_000)])
    small = np.exp(rng.uniform(math.log(1e-30), 0, 50_000)) * rng.choice([-1, 1], 50_000)
    return np.concatenate([rng.uniform(low, high, 200_000), rng.uniform(max(low, -3), 3, 100_000), small])


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_bounded(name: str, double: bool) -> None:
    x = numbers(name, double)
    if not double:
        x = x.astype(np.float32).astype(np.float64)
    found = compiled(name, double, host().target.width(double))(x).astype(np.float64)
    wanted = JUDGES[name](torch.from_numpy(x)).numpy()
    if double:
        assert np.max(np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-300)) <= RELATIVE
    else:
        unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
        assert np.max(np.abs(found - wanted) / unit) <= ULPS


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name: str, double: bool) -> None:
    x = np.array([0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 200.0 if not double else 2000.0])
    found = compiled(name, double, 1)(x).astype(np.float64)
    wanted = JUDGES[name](torch.from_numpy(x).to(torch.float64 if double else torch.float32)).double().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-40)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_vector_is_its_numbers(name: str) -> None:
    """The same bits whatever the width: what is left over of a row is no different."""
    x = np.linspace(0.1, 5, 64)
    one, many = compiled(name, False, 1)(x), compiled(name, False, host().target.width(False))(x)
    assert np.array_equal(one, many)
