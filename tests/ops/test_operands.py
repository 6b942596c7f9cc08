"""Shape rules and kernels agree: what an op's rule refuses is a `ShapeError`, and what it lets pass its kernel can run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lampc.ops  # noqa: F401 (registers every op)
from lampc.ir.graph import Graph
from lampc.ir.leaves import Constant, Input, Leaf
from lampc.ir.op import REGISTRY, Bits, Fixed, Labels, NoGradient, Normal, Op, Run, Sample, ShapeError
from lampc.ir.types import B, Type
from lampc.ops.term import Build, TermNode
from lampc.runtime.random import Random

BATCH = 3
DTYPES = {"f32": torch.float32, "f64": torch.float64, "i64": torch.int64}

WITHOUT_GRADIENT = {
    # made for devices and by fusion, after differentiation
    "add_scaled", "affine", "all_reduce", "pack", "pow", "wait",
}  # fmt: skip

SAMPLES = [
    pytest.param(sample, id=f"{name}{i}")
    for name, op in REGISTRY.items()
    if not issubclass(op, Leaf | Constant)
    for i, sample in enumerate(op.samples)
]


def types_of(sample: Sample, dtype: str = "f32") -> list[Type]:
    return [Type("i64" if isinstance(o, Labels) else dtype, o.shape) for o in sample.operands]  # type: ignore[arg-type]


def tensor(type: Type) -> torch.Tensor:
    """Numbers that every op can take: between 0 and 1, labels all 0."""
    if type.dtype == "i64":
        return torch.zeros(type.dims(BATCH), dtype=torch.int64)
    return torch.rand(type.dims(BATCH), generator=torch.Generator().manual_seed(1), dtype=DTYPES[type.dtype])


def check(op: Op, types: list[Type]) -> None:
    """The operands are refused, or the kernel makes of them what the rule says."""
    try:
        inferred = op.infer(*types)
    except ShapeError as error:
        assert str(error)
        assert 0 <= error.operand < len(types)
        return
    shown = f"{op} of {', '.join(map(str, types))}"
    results = [torch.full(type.dims(BATCH), 7, dtype=DTYPES[type.dtype]) for type in inferred]
    try:
        op.bind(torch, results, [tensor(type) for type in types], Run(BATCH, Random(1, torch.device("cpu"))))()
    except (RuntimeError, TypeError, IndexError, UserWarning) as error:
        pytest.fail(f"{shown} is let pass, but its kernel fails: {error}")
    for result, type in zip(results, inferred, strict=True):
        assert tuple(result.shape) == type.dims(BATCH), shown


def altered(sample: Sample) -> Iterator[list[Type]]:
    """The sample's operands with one thing about one of them wrong."""
    types = types_of(sample)
    for i, type in enumerate(types):
        variants = [replace(type, dtype=dtype) for dtype in ("f32", "f64") if dtype != type.dtype]
        variants += [type.of((2, *type.shape)), type.of((*type.shape, 1)), type.of((*type.shape, 2)), type.of(())]
        variants += [type.of(type.shape[1:]), type.of(type.shape[:-1]), type.of(type.shape[::-1])]
        for axis, dim in enumerate(type.shape):
            for other in (1, dim + 1):
                variants.append(type.of((*type.shape[:axis], other, *type.shape[axis + 1 :])))
        for variant in variants:
            yield [*types[:i], variant, *types[i + 1 :]]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_samples_are_let_pass(sample: Sample, dtype: str) -> None:
    types = types_of(sample, dtype)
    for result in sample.op.infer(*types):
        assert result.dtype in (dtype, "i64") or not types or sample.op.name in ("cast", "class_weight")
    check(sample.op, types)


@pytest.mark.parametrize("sample", SAMPLES)
def test_one_wrong_operand_is_refused_or_runs(sample: Sample) -> None:
    for types in altered(sample):
        check(sample.op, types)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if len(s.values[0].operands) > 1])  # type: ignore[attr-defined]
def test_element_types_do_not_mix(sample: Sample) -> None:
    """Only a number without axes, such as a learning rate, and a mask may have another element type."""
    for i, wanted in enumerate(sample.operands):
        mask = isinstance(wanted, Bits) and sample.op.name == "attend"
        if isinstance(wanted, Labels) or not wanted.shape or mask:
            continue
        types = types_of(sample)
        types[i] = replace(types[i], dtype="f64")
        if sum(bool(type.shape) and type.dtype != "i64" for type in types) > 1:
            with pytest.raises(ShapeError):
                sample.op.infer(*types)


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_operands_are_refused_or_run(sample: Sample, data: st.DataObject) -> None:
    dims = st.one_of(st.integers(1, 4), st.just(B))
    shapes = st.lists(dims, max_size=3).filter(lambda shape: B not in shape[1:]).map(tuple)
    floats = st.builds(Type, st.sampled_from(["f32", "f64"]), shapes)
    labels = st.builds(Type, st.sampled_from(["i64", "f32"]), shapes)
    check(sample.op, [data.draw(labels if isinstance(o, Labels) else floats) for o in sample.operands])


def test_nothing_is_broadcast_but_numbers_and_biases() -> None:
    add = REGISTRY["add"]()
    f32 = Type("f32", (B, 4))
    assert add.infer(f32, f32.of(())) == add.infer(f32, f32.of((4,))) == add.infer(f32, f32) == (f32,)
    for other in ((B,), (B, 1), (1, 4), (1,), (3,), (B, 3), (4, 4), (1, B, 4)):
        with pytest.raises(ShapeError):
            add.infer(f32, f32.of(other))


@pytest.mark.parametrize("sample", SAMPLES)
def test_who_has_no_gradient_says_so(sample: Sample) -> None:
    build = Build(Graph())
    terms = tuple(build(Input(type, str(i))) for i, type in enumerate(types_of(sample, "f64")))
    results = build.results(sample.op, *terms)
    dy = build(Input(results[0].type, "dy"))
    node = TermNode(build, results[0].node, terms, results)
    cotangents = [dy, *(None for _ in results[1:])]
    if sample.op.name in WITHOUT_GRADIENT:
        with pytest.raises(NoGradient):
            sample.op.gradient(node, *cotangents)
    else:
        gradients = sample.op.gradient(node, *cotangents)
        assert len(gradients) == len(terms)
        for gradient, term, wanted in zip(gradients, terms, sample.operands, strict=True):
            assert gradient is None or gradient.type == term.type
            assert gradient is None or not isinstance(wanted, Labels | Bits | Fixed)


def test_samples_are_of_every_kind_of_operand() -> None:
    """Operands without axes, vectors, matrices, and more axes, somewhere among the samples of elementwise ops."""
    ranks = {len(o.shape) for s in SAMPLES for o in s.values[0].operands if isinstance(o, Normal)}  # type: ignore[attr-defined]
    assert ranks >= {0, 1, 2, 3}
