"""What each op makes of its operands' types, and what it refuses: its shape rule as a listing.

Of each op's first sample one operand at a time is altered; the rule says what it makes of that, or whom it blames and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from golden_files import Golden

import lampc.ops  # noqa: F401 (registers every other)
from lampc.ir.leaves import Constant, Leaf
from lampc.ir.op import REGISTRY, Labels, Op, Sample, ShapeError
from lampc.ir.types import DType, Type
from lampc.ops.guard import Guard

OPS = {name: op for name, op in REGISTRY.items() if not issubclass(op, Leaf | Constant) and op.samples}


def altered(type: Type) -> Iterator[Type]:
    """Of another element type, without axes, with one more in front or behind, one place more along each."""
    yield replace(type, dtype="f64" if type.dtype == "f32" else "f32")
    yield from (other for other in (type.of(()), type.of((2, *type.shape)), type.of((*type.shape, 2))) if other != type)
    for axis, dim in enumerate(type.shape):
        yield type.of((*type.shape[:axis], dim + 1, *type.shape[axis + 1 :]))  # type: ignore[operator]


def said(op: Op, types: list[Type]) -> str:
    try:
        return "→ " + ", ".join(map(str, op.infer(*types)))
    except ShapeError as error:
        return f"! {error.operand}: {error}"


def rules(sample: Sample) -> Iterator[str]:
    types = [Type("i64" if isinstance(o, Labels) else "f32", o.shape) for o in sample.operands]
    yield f"{sample.op} of {', '.join(map(str, types))}  {said(sample.op, types)}"
    for i, type in enumerate(types):
        for other in altered(type):
            yield f"  {i}: {other!s:16} {said(sample.op, [*types[:i], other, *types[i + 1 :]])}"


@pytest.mark.parametrize("name", OPS)
def test_rules(name: str, golden: Golden) -> None:
    golden(f"rules/{name}.txt", "".join(f"{line}\n" for line in rules(OPS[name].samples[0])))


@pytest.mark.parametrize("condition", ["f32", "f64", "i64"])
def test_a_guarded_number_stays_of_its_type(condition: DType) -> None:
    assert Guard().infer(Type(condition, ()), Type("f32", ())) == (Type("f32", ()),)
