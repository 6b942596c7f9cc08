"""Every line of the table of stable forms, value and gradient, against mpmath, by both ways of running a graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lampc.compile import WHOLE, run_passes
from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.keys import Grad
from lampc.ir.leaves import Input
from lampc.ir.op import Run
from lampc.ir.types import B, DType, Type
from lampc.native.engine import Code, compile_text, host
from lampc.native.module import build as native_build
from lampc.native.session import Session
from lampc.ops.reduction import Sum
from lampc.ops.term import Build
from lampc.passes.differentiate import differentiate
from lampc.passes.formula import evaluate, read
from lampc.passes.stabilise import stabilise
from lampc.passes.stable_forms import FORMS, Form

Array = NDArray[np.float64]
DIGITS = 400
SIZES = [1e-30, 1e-20, 1e-9, 1e-5, 1e-3, 0.09, 0.2, 0.9, 1.5, 4.0, 9.0, 18.0, 40.0, 85.0, 300.0, 800.0, 1e4]
NUMBERS = {"c": 1.0, "d": 2.0}
# Softmax goes over a row, and bce wants a share: `test_stabilise.py` has them.
PLACE_BY_PLACE = [form for form in FORMS if "softmax" not in form.written and "bce" not in form.written]
JUDGES: dict[str, Callable[..., Any]] = {
    "log": mpmath.log, "exp": mpmath.exp, "sqrt": mpmath.sqrt, "cos": mpmath.cos, "tanh": mpmath.tanh,
    "log1p": lambda x: mpmath.log(1 + x), "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
}  # fmt: skip


def names_of(form: Form) -> list[str]:
    """The values' names in the order of the inputs."""
    return [name for name in ("z", "x", "y") if name in "".join(c if c.isalpha() else " " for c in form.written).split()]


@cache
def points(form: Form) -> Array:
    """Numbers of every size, a row for each point; those of float32, so that every element type has the same."""
    signed = [sign * size for size in SIZES for sign in (1, -1)]
    some = [*signed[1::7], *signed[::6], 0.5, 800.0, -800.0]
    rows = [[x] for x in signed] if len(names_of(form)) == 1 else list(map(list, itertools.product(some, some)))
    return np.asarray(rows, dtype=np.float32).astype(np.float64)


@cache
def judged(form: Form) -> list[tuple[Any, list[Any], list[Any]] | None]:
    """At each point the value, its slopes, and for each of these how far a change of the operands' last digit moves it."""
    names = names_of(form)
    code = compile(form.written.replace("·", "*").replace("²", "**2"), "form", "eval")

    def value(*x: Any) -> Any:
        return eval(code, {**JUDGES, **NUMBERS, **dict(zip(names, x, strict=True))})

    found: list[tuple[Any, list[Any], list[Any]] | None] = []
    with mpmath.workdps(DIGITS):
        for row in points(form):
            x = [mpmath.mpf(float(number)) for number in row]
            try:
                found.append(_with_slopes(value, x))
            except (ValueError, ZeroDivisionError):
                found.append(None)  # the formula has no value there
    return found


def _with_slopes(value: Callable[..., Any], x: list[Any]) -> tuple[Any, list[Any], list[Any]] | None:
    """By differences of numbers with hundreds of digits."""
    steps = [abs(number) * mpmath.mpf(10) ** -60 for number in x]

    def moved(*by: int) -> Any:
        return value(*(number + count * step for number, count, step in zip(x, by, steps, strict=True)))

    middle = moved(*(0 for _ in x))
    units = [tuple(int(i == j) for j in range(len(x))) for i in range(len(x))]
    minus = [tuple(-one for one in unit) for unit in units]
    slopes = [(moved(*up) - moved(*down)) / (2 * step) for up, down, step in zip(units, minus, steps, strict=True)]
    spread = [sum(abs(slope * number) for slope, number in zip(slopes, x, strict=True))]
    for i in range(len(x)):  # the slopes' own slopes
        total = mpmath.mpf(0)
        for j in range(len(x)):
            corners = [(a, b, moved(*(a * u + b * v for u, v in zip(units[i], units[j], strict=True))))
                       for a in (1, -1) for b in (1, -1)]  # fmt: skip
            second = sum(a * b * corner for a, b, corner in corners) / (4 * steps[i] * steps[j])
            total += abs(second * x[j])
        spread.append(total)
    whole = [middle, *slopes, *spread]
    known = all(isinstance(number, mpmath.mpf) and mpmath.isfinite(number) for number in whole)
    return (middle, slopes, spread) if known else None  # 1 - tanh² has no digit left far out, however many there are


def graph_of(forms: Sequence[Form], dtype: DType, stable: bool) -> Graph:
    """Values ``v0``, ``v1``, … and slopes ``v0:0``, … of formulas of two inputs."""
    whole = Graph()
    build = Build(whole)
    inputs = [build(Input(Type(dtype, (B, 1)), label)) for label in ("x", "y")]
    for index, form in enumerate(forms):
        made = evaluate(read(form.written), build, {**NUMBERS, **dict(zip(names_of(form), inputs, strict=False))}, lambda t: t)
        assert not isinstance(made, float)
        whole.outputs[f"v{index}"] = made.value
    if stable:
        whole = stabilise(whole)
    values = dict(whole.outputs)
    for index, form in enumerate(forms):
        build = Build(whole)
        value = build.term(values[f"v{index}"])
        one = whole.with_outputs({**whole.outputs, "loss": build(Sum((0, 1)), value).value})
        kept = {name: v for name, v in whole.outputs.items() if name != "loss"}
        whole = differentiate(one, inputs=True)
        slopes = {f"v{index}:{i}": whole.outputs[Grad("xy"[i])] for i in range(len(names_of(form)))}
        whole.outputs = {**kept, **slopes}
    return run_passes(whole, WHOLE)


def by_torch(graph: Graph, x: Array, dtype: DType) -> dict[str, Array]:
    kind = torch.float32 if dtype == "f32" else torch.float64
    found: dict[Value, torch.Tensor] = {}
    for node in graph:
        if isinstance(node.op, Input):
            results = [torch.from_numpy(x[:, ["x", "y"].index(node.op.label)][:, None]).to(kind)]
        elif node.op.name == "constant":
            results = [torch.full(node.types[0].dims(len(x)), node.op.value.at(len(x)), dtype=kind)]  # type: ignore[attr-defined]
        else:
            results = [torch.full(type.dims(len(x)), torch.nan, dtype=kind) for type in node.types]
            node.op.bind(torch, results, [found[operand] for operand in node.operands], Run(len(x)))()
        found.update({Value(node.id, i): result for i, result in enumerate(results)})
    return {name: found[value].double().numpy()[:, 0] for name, value in graph.outputs.items()}


def natively(graph: Graph, x: Array, dtype: DType) -> dict[str, Array]:
    module = native_build(graph, tuple(graph.outputs), host().target, dtype == "f64", len(x))
    session = Session(module, Code(compile_text(module.text)), len(x), poison=True)
    kind = np.float32 if dtype == "f32" else np.float64
    columns = [np.ascontiguousarray(x[:, i : i + 1], dtype=kind) for i in range(2)]
    session.run(columns[0], columns[1], np.arange(len(x), dtype=np.int64)[None], len(x))
    return {name: session.read(name).astype(np.float64)[:, 0] for name in graph.outputs}


WAYS: Mapping[str, Callable[[Graph, Array, DType], dict[str, Array]]] = {"torch": by_torch, "native": natively}


def wrong(form: Form, index: int, found: Mapping[str, Array], dtype: DType) -> list[str]:
    """Where values or slopes are off by more than operands changed in their last digits would be."""
    kind = np.finfo(np.float32 if dtype == "f32" else np.float64)
    unit, least, greatest = float(kind.eps), float(kind.tiny), float(kind.max)
    bad = []
    for place, (row, judge) in enumerate(zip(points(form), judged(form), strict=True)):
        if judge is None:
            continue
        value, slopes, spread = judge
        for what, wanted, moves in zip(["", *(f":{i}" for i in range(len(slopes)))], [value, *slopes], spread, strict=True):
            got = found[f"v{index}{what}"][place]
            if abs(wanted) > greatest / 4:
                continue
            allowed = 16 * unit * (abs(wanted) + moves) + 4 * least
            if what and ("sigmoid" in form.stable or "tanh" in form.stable):
                allowed += 4 * unit * max(1, abs(row[-1]))  # y·(1 - y) is as good as the last digit of 1, as torch's is
            if not abs(mpmath.mpf(float(got)) - wanted) <= allowed:
                bad.append(f"{form.written}{what} at {row}: {got:.9g}, not {mpmath.nstr(wanted, 9)}")
    return bad


@cache
def results(way: str, dtype: DType, stable: bool) -> dict[tuple[Form, str], Array]:
    """Of all lines at once: one graph for those of one value, one for those of two."""
    found: dict[tuple[Form, str], Array] = {}
    for count in (1, 2):
        forms = [form for form in PLACE_BY_PLACE if len(names_of(form)) == count]
        x = points(forms[0])
        made = WAYS[way](graph_of(forms, dtype, stable), np.concatenate([x, x], 1) if count == 1 else x, dtype)
        for name, array in made.items():
            index, _, slope = name[1:].partition(":")
            found[forms[int(index)], f":{slope}" if slope else ""] = array
    return found


def of(form: Form, way: str, dtype: DType, stable: bool = True) -> dict[str, Array]:
    return {f"v0{what}": array for (key, what), array in results(way, dtype, stable).items() if key == form}


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", PLACE_BY_PLACE, ids=lambda form: form.written)
def test_value_and_gradient(form: Form, way: str, dtype: DType) -> None:
    assert wrong(form, 0, of(form, way, dtype), dtype) == []


@pytest.mark.parametrize("form", [form for form in PLACE_BY_PLACE if "xlog" not in form.stable], ids=lambda form: form.written)
def test_each_line_is_needed(form: Form) -> None:
    """As it is written the formula fails somewhere."""
    assert wrong(form, 0, of(form, "torch", "f32", stable=False), "f32")


def test_the_listing_says_so() -> None:
    for form in PLACE_BY_PLACE:
        if form.stable in ("x", "z", "c·z"):
            continue  # no line is left to say it
        notes = {node.note for node in graph_of([form], "f32", True) if node.stage is Stage.FORWARD}
        assert form.note in notes
