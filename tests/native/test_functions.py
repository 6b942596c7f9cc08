"""The functions that native code calls, against arithmetic of more digits: errors in units in the last place."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Callable
from itertools import product

import mpmath
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lampc.native.emit import Functions, Lane, Writer
from lampc.native.engine import Code, compile_text, host
from lampc.native.functions import FUNCTIONS, OF_TWO, write

Array = NDArray[np.float64]
ULPS = 4 if host().target.fma else 5
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
    "sin": torch.sin,
    "cos": torch.cos,
}
RANGES = {"exp": (-87.0, 88.0), "expm1": (-30.0, 88.0), "log": (1e-37, 1e38), "log1p": (-0.999, 1e4),
          "tanh": (-12.0, 12.0), "sigmoid": (-85.0, 85.0), "sin": (-1e5, 1e5), "cos": (-1e5, 1e5),
          "softplus": (-85.0, 85.0), "erf": (-6.0, 6.0)}  # fmt: skip
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 2.5, -2.5, 1e30, -1e30]


def compiled(name: str, double: bool, width: int) -> Callable[..., Array]:
    """A function over arrays, one for each argument, ``width`` numbers at a time."""
    functions = Functions(write, host().target.fma)
    w = Writer(functions)
    lane = Lane(double, width)
    sources = ["%x"] if name in FUNCTIONS else ["%x", "%y"]

    def body(index: str, _: list[str]) -> list[str]:
        numbers = [w.load(lane, w.at(source, index, lane.scalar)) for source in sources]
        w.store(lane, w.call(name, lane, *numbers), w.at("%out", index, lane.scalar))
        return []

    w.loop("0", "%n", width, [], body)
    lines = "\n".join(w.lines)
    text = f"{functions}\ndefine void @f(ptr %x, ptr %y, ptr %out, i64 %n) {{\nentry:\n{lines}\n  ret void\n}}"
    code = Code(compile_text(text))
    call = code.function("f", None, *[ctypes.c_void_p] * 3, ctypes.c_int64)

    def apply(*arguments: Array) -> Array:
        dtype, count = np.float64 if double else np.float32, len(arguments[0])
        rows = np.zeros((3, -(-count // width) * width + width), dtype=dtype)
        rows[: len(arguments), :count] = arguments
        assert code
        call(rows[0].ctypes.data, rows[1].ctypes.data, rows[2].ctypes.data, -(-count // width) * width)
        return rows[2, :count]

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


def held(found: Array, wanted: Array, double: bool) -> Array:
    """How far off each number is, as a share of what is allowed."""
    off = np.abs(found.astype(np.float64) - wanted)
    if double:
        return off / np.maximum(np.abs(wanted), 1e-300) / RELATIVE
    return off / np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64) / ULPS


def shortened(x: Array, double: bool) -> Array:
    return x if double else x.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_bounded(name: str, double: bool) -> None:
    x = shortened(numbers(name, double), double)
    found = compiled(name, double, host().target.width(double))(x)
    assert held(found, JUDGES[name](torch.from_numpy(x)).numpy(), double).max() <= 1


def hard_angles(double: bool) -> Array:
    """Numbers of every size; those nearest to multiples of π/2, where nearly all digits cancel; the nearest of all."""
    rng = np.random.default_rng(1)
    sizes = np.ldexp(rng.uniform(1, 2, 1500), rng.integers(-40, 1024 if double else 128, 1500))
    with mpmath.workprec(1400):
        turns = [mpmath.mpf(int(2 ** rng.uniform(0, 900 if double else 100))) for _ in range(1500)]
        near = np.array([float(n * mpmath.pi / 2) for n in turns])
    known = [6381956970095103 * 2.0**797, 16367173 * 2.0**72, math.pi, math.pi / 2, 1e22, 710.0]  # Muller 1997; Kahan
    found = shortened(np.concatenate([sizes, near, known if double else known[1:]]), double)
    return np.concatenate([found, -found])


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_angles_of_any_size(name: str, double: bool) -> None:
    x = hard_angles(double)
    with mpmath.workprec(1400):
        wanted = np.array([float(getattr(mpmath, name)(mpmath.mpf(value))) for value in x.tolist()])
    for width in (1, host().target.width(double)):
        assert held(compiled(name, double, width)(x), wanted, double).max() <= 1


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
def test_powers(double: bool) -> None:
    """Bases of every size, exponents that make results of every size, and bases near 1."""
    rng = np.random.default_rng(2)
    most = 1000 if double else 120
    base = np.ldexp(rng.uniform(1, 2, 6000), rng.integers(-most, most, 6000))
    base[:2000] = 1 + rng.normal(0, 1e-2, 2000)
    base[2000:3000] = rng.uniform(0.1, 10, 1000)
    base = shortened(base, double)
    exponent = shortened(rng.uniform(-0.69, 0.69, 6000) * most / np.log(base), double)
    exponent[3000:4000] = rng.integers(-1, 2, 1000) * 0.5
    with mpmath.workprec(200):
        pairs = zip(base.tolist(), exponent.tolist(), strict=True)
        wanted = np.array([float(mpmath.power(mpmath.mpf(x), mpmath.mpf(y))) for x, y in pairs])
    assert held(compiled("pow", double, host().target.width(double))(base, exponent), wanted, double).max() <= 1


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name: str, double: bool) -> None:
    x = np.array([*SPECIAL[:7], 200.0 if not double else 2000.0])
    found = compiled(name, double, 1)(x).astype(np.float64)
    wanted = JUDGES[name](torch.from_numpy(x).to(torch.float64 if double else torch.float32)).double().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-40)


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
def test_special_powers(double: bool) -> None:
    """As torch's of two tensors, signs of zeros included; what is too large or too small too."""
    pairs = np.array([*product(SPECIAL, SPECIAL), (1e300, 2.0), (1e-300, 2.0), (-1e30, 3.0), (5e-324, 0.5), (2.0, -1074.0)])
    dtype = torch.float64 if double else torch.float32
    x, y = (torch.from_numpy(column.copy()).to(dtype) for column in pairs.T)
    found = torch.from_numpy(compiled("pow", double, 1)(x.numpy(), y.numpy()).copy())
    torch.testing.assert_close(found, torch.pow(x, y), equal_nan=True)
    assert torch.equal(found.signbit() & ~found.isnan(), torch.pow(x, y).signbit() & ~found.isnan())


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
def test_the_sine_of_a_zero_keeps_its_sign(double: bool) -> None:
    found = compiled("sin", double, 1)(np.array([0.0, -0.0]))
    assert np.signbit(found).tolist() == [False, True]


@pytest.mark.parametrize("double", [False, True], ids=["f32", "f64"])
@pytest.mark.parametrize("name", [*FUNCTIONS, *OF_TWO])
def test_a_vector_is_its_numbers(name: str, double: bool) -> None:
    """The same bits whatever the width: what is left over of a row is no different."""
    x = np.concatenate([np.linspace(0.1, 5, 64), np.array(SPECIAL), np.ldexp(1.1, np.arange(0, 120))])
    arguments = [x] if name in FUNCTIONS else [x, np.roll(x, 7)]
    one, many = (compiled(name, double, width)(*arguments) for width in (1, host().target.width(double)))
    assert one.tobytes() == many.tobytes(), [
        (a, struct.pack("<d", a).hex(), struct.pack("<d", b).hex()) for a, b in zip(one, many, strict=True) if a != b
    ]
