"""Layers that other graphs write as several: silu as a product with a sigmoid, rmsnorm as all that it works out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

from lampc.importing.text import Statement, Writer

Rule = Callable[[Writer, Statement], Statement | None]


def tidy(out: Writer) -> None:
    """Write layers for what is one; what went before stays, for others may need it, and goes if none does."""
    for number, statement in enumerate(out.statements):
        for rule in (_silu, _gelu, _normalised, _weighted):
            found = rule(out, statement)
            if found is not None:
                out.statements[number] = found
                break


def _silu(out: Writer, statement: Statement) -> Statement | None:
    """x·sigmoid x."""
    for x, gate in _factors(statement):
        if out.statements[gate].text == "sigmoid" and out.statements[gate].inputs == (x,):
            return Statement("silu", (x,), statement.shape)
    return None


def _gelu(out: Writer, statement: Statement) -> Statement | None:
    """x·(1 + erf(x/√2))/2, the half wherever it stands."""
    half, product = 1.0, statement
    if len(statement.inputs) == 1 and (times := _number(out, statement, r"x \* (\S+)")) is not None:
        half, product = times, out.statements[statement.inputs[0]]
    for factor, gate in _factors(product):
        (x, first), (inner, second) = _unscaled(out, factor), _unscaled(out, gate)
        added = _formula(out, inner, r"x \+ 1\.0")
        curve = None if added is None else _formula(out, added[0], r"erf\(x\)")
        if curve is not None:
            source, root = _unscaled(out, curve[0])
            if source == x and math.isclose(root, math.sqrt(0.5), rel_tol=1e-6) and math.isclose(half * first * second, 0.5):
                return Statement("gelu", (x,), statement.shape)
    return None


def _unscaled(out: Writer, number: int) -> tuple[int, float]:
    """What a value is a multiple of, and how many times it."""
    times = _number(out, out.statements[number], r"x \* (\S+)")
    return (number, 1.0) if times is None else (out.statements[number].inputs[0], times)


def _number(out: Writer, statement: Statement, pattern: str) -> float | None:
    """The number in a formula of a shape."""
    named = {name: formula for formula, name in out.functions.items()}
    found = re.fullmatch(pattern, named.get(statement.text, ""))
    try:
        return None if found is None else float(found[1])
    except ValueError:  # x * x
        return None


def _normalised(out: Writer, statement: Statement) -> Statement | None:
    """x/√(mean x² + eps)."""
    for x, divisor in _factors(statement):
        spread = out.statements[divisor]
        if not spread.text.startswith("upsample"):
            continue
        found = _formula(out, spread.inputs[0], r"1 / sqrt\(x\)|x \^ -0\.5")
        if found is None:
            root = _formula(out, spread.inputs[0], r"1 / x")
            found = None if root is None else _formula(out, root[0], r"sqrt\(x\)")
        added = None if found is None else _formula(out, found[0], r"x \+ (\S+)")
        if added is None:
            continue
        mean = out.statements[added[0]]
        square = out.statements[mean.inputs[0]] if mean.inputs else mean
        is_square = square.inputs == (x, x) or _formula(out, mean.inputs[0], r"x \* x|x \^ 2\.0") == (x, "")
        if mean.text == ("globalpool to=1" if len(statement.shape) == 2 else "mean 1") and is_square:
            return Statement(f"rmsnorm eps={added[1]} affine=off", (x,), statement.shape)
    return None


def _weighted(out: Writer, statement: Statement) -> Statement | None:
    """An rmsnorm and its weight."""
    below = out.statements[statement.inputs[0]] if statement.inputs else statement
    if statement.text != "scale" or not re.fullmatch(r"rmsnorm eps=\S+ affine=off", below.text):
        return None
    return replace(statement, text=below.text.removesuffix(" affine=off"), inputs=below.inputs)


def _factors(statement: Statement) -> list[tuple[int, int]]:
    """The two inputs of a product, either first."""
    if not statement.join or statement.text != "product" or len(statement.inputs) != 2:
        return []
    a, b = statement.inputs
    return [(a, b), (b, a)]


def _formula(out: Writer, number: int, pattern: str) -> tuple[int, str] | None:
    """What a formula of a shape is of, and the number in it."""
    statement = out.statements[number]
    named = {name: formula for formula, name in out.functions.items()}
    found = re.fullmatch(pattern, named.get(statement.text, ""))
    return None if found is None else (statement.inputs[0], found[1] if found.re.groups and found[1] else "")
