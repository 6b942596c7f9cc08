"""Every operation keeps its contract: types, values, gradient, buffers. A new op needs samples, and a judge here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import BATCH, JUDGES, close, evaluate, execute
from operands import operands_of, type_of
from torch import Tensor

import lampc.ops  # noqa: F401 (registers every op)
from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import Input
from lampc.ir.op import REGISTRY, Op, Sample, ShapeError
from lampc.ir.types import B, Type
from lampc.ops.channels import BatchNorm, BatchNormGrad, GroupNorm, GroupNormGrad
from lampc.ops.normalise import RmsNorm, RmsNormGrad
from lampc.ops.random import Noise
from lampc.ops.term import Build, TermNode

LEAVES = {"input", "parameter", "parameters", "state", "setting", "constant"}

# Judged in tests of their own: they have several results, or draw random numbers.
APART = {
    "layernorm_grad",
    "rmsnorm_grad",
    "batchnorm_grad",
    "groupnorm_grad",
    "dropout",
    "amax_grad",
    "attention_grad",
    "rnn_grad",
    "lstm_grad",
    "gru_grad",
    "noise",
    "with_gradient",
    "vjp",
}

# Made after differentiation, or with a gradient that is not their slope: `guard`.
NO_GRADIENT = {name for name, op in REGISTRY.items() if op.gradient is Op.gradient} | {
    "class_weight",
    "with_gradient",
    "guard",
}

CASES = [
    pytest.param(sample, id=f"{name}{i}")
    for name, op in REGISTRY.items()
    if name not in LEAVES
    for i, sample in enumerate(op.samples)
]
JUDGED = [case for case in CASES if case.values[0].op.name not in APART]  # type: ignore[attr-defined]


def test_every_op_has_samples_and_a_judge() -> None:
    for name, op in REGISTRY.items():
        if name not in LEAVES:
            assert op.samples, f"{name} has no samples"
            assert name in JUDGES or name in APART, f"{name} has no judge"


@pytest.mark.parametrize("sample", CASES)
def test_results_have_the_inferred_types_and_are_fully_written(sample: Sample) -> None:
    operands = operands_of(sample)
    for result, type in zip(execute(sample.op, operands), sample.op.infer(*map(type_of, operands)), strict=True):
        assert tuple(result.shape) == type.shape
        assert torch.isfinite(result).all()


@pytest.mark.parametrize("sample", JUDGED)
def test_values_are_torchs(sample: Sample) -> None:
    operands = operands_of(sample)
    close(execute(sample.op, operands)[0], JUDGES[sample.op.name](sample.op, *operands), 1e-12)


@pytest.mark.parametrize("sample", JUDGED)
def test_float32_is_within_three_times_torchs_own_error(sample: Sample) -> None:
    operands = operands_of(sample, torch.float32)
    exact = JUDGES[sample.op.name](sample.op, *(o.double() if o.is_floating_point() else o for o in operands))
    theirs = JUDGES[sample.op.name](sample.op, *operands)
    ours = execute(sample.op, operands)[0]
    ulp = torch.finfo(torch.float32).eps * exact.abs().max()
    assert (ours - exact).abs().max() <= 3 * (theirs - exact).abs().max() + ulp


@pytest.mark.parametrize(
    "sample",
    [case for case in JUDGED if case.values[0].op.name not in NO_GRADIENT and case.values[0].operands],  # type: ignore[attr-defined]
)
def test_gradient_is_autograds_and_that_of_finite_differences(sample: Sample) -> None:
    operands = operands_of(sample)
    graph = Graph()
    build = Build(graph)
    terms = tuple(build(Input(type_of(o), str(i))) for i, o in enumerate(operands))
    results = build.results(sample.op, *terms)
    dy = build(Input(results[0].type, "dy"))
    with build.at(stage=Stage.BACKWARD):
        node = TermNode(build, results[0].node, terms, results)
        gradients = sample.op.gradient(node, dy, *(None for _ in results[1:]))
    cotangent = torch.randn(results[0].type.dims(BATCH), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    given = {term.value.node: o for term, o in zip(terms, operands, strict=True)} | {dy.value.node: cotangent}
    found = evaluate(graph, given)

    inputs = [o.clone().requires_grad_() if o.is_floating_point() else o for o in operands]
    out = JUDGES[sample.op.name](sample.op, *inputs)
    wanted = torch.autograd.grad(out, [i for i in inputs if i.requires_grad], cotangent, materialize_grads=True)
    judged = iter(wanted)
    for position, (operand, gradient) in enumerate(zip(operands, gradients, strict=True)):
        if not operand.is_floating_point():
            assert gradient is None
            continue
        expected = next(judged)
        if gradient is None:
            assert not expected.any(), f"operand {position} has a gradient"
            continue
        close(found[gradient.value], expected, 1e-10)
        _differences(sample.op, operands, position, cotangent, found[gradient.value])


def _differences(op: Op, operands: list[Tensor], position: int, cotangent: Tensor, gradient: Tensor) -> None:
    """Central differences of the kernel itself, in one random direction."""
    direction = torch.randn(operands[position].shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved = [o + sign * step * direction if i == position else o for i, o in enumerate(operands)]
        ends.append((execute(op, moved)[0] * cotangent).sum())
    close((ends[0] - ends[1]) / (2 * step), (gradient * direction).sum(), 1e-6)


def test_gradients_of_normalisation() -> None:
    """Several results each, against autograd."""
    generator = torch.Generator().manual_seed(2)
    x, dy = (torch.randn(3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    w, b = (torch.randn(4, generator=generator, dtype=torch.float64) for _ in range(2))
    row = torch.randn(5, generator=generator, dtype=torch.float64)
    running = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    cases: list[tuple[Op, Op, list[Tensor], list[Tensor], Callable[..., Tensor]]] = [
        (BatchNorm(), BatchNormGrad(), [x, w, b], list(running),
         lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        (GroupNorm(2), GroupNormGrad(2), [x, w, b], [], lambda x, w, b: F.group_norm(x, 2, w, b)),
        (RmsNorm(), RmsNormGrad(), [x, row], [], lambda x, w: F.rms_norm(x, (5,), w, 1e-6)),
    ]  # fmt: skip
    for forward, backward, operands, rest, judge in cases:
        leaves = [operand.clone().requires_grad_() for operand in operands]
        wanted = torch.autograd.grad(judge(*leaves), leaves, dy)
        _, *saved = execute(forward, [*operands, *rest])
        found = execute(backward, [dy, x, *(saved[:2]), operands[1]] if len(saved) > 1 else [dy, x, saved[0], row])
        for ours, theirs in zip(found, wanted, strict=True):
            close(ours, theirs, 1e-10)


def test_batchnorm_moves_its_running_statistics() -> None:
    x = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    mean, variance = torch.full((4,), 0.5, dtype=torch.float64), torch.full((4,), 2.0, dtype=torch.float64)
    _, _, _, next_mean, next_variance = execute(BatchNorm(momentum=0.3, affine=False), [x, mean, variance])
    F.batch_norm(x, mean, variance, training=True, momentum=0.3)  # in place
    close(next_mean, mean, 1e-12)
    close(next_variance, variance, 1e-12)


@pytest.mark.parametrize("sample", CASES)
def test_a_result_may_be_written_over_an_operand_where_the_op_says_so(sample: Sample) -> None:
    if sample.op.name in ("dropout", "noise"):
        return
    operands = operands_of(sample)
    apart = execute(sample.op, operands)
    for position in sample.op.takes_over:
        if position < len(operands) and operands[position].shape == apart[0].shape:
            copies = [operand.clone() for operand in operands]
            execute(sample.op, copies, [copies[position], *(torch.empty_like(result) for result in apart[1:])])
            assert torch.equal(copies[position], apart[0]), f"over operand {position}"


@pytest.mark.parametrize("sample", CASES)
def test_cost_is_a_number_of_operations(sample: Sample) -> None:
    operands = operands_of(sample)
    results = sample.op.infer(*map(type_of, operands))
    flops = sample.op.flops([tuple(o.shape) for o in operands], [type.dims(BATCH) for type in results])
    assert isinstance(flops, int)
    assert flops >= 0


def test_cost_of_a_matrix_product_is_two_a_multiplication() -> None:
    op = REGISTRY["matmul"].samples[0].op
    assert op.flops([(50, 25), (25, 4)], [(50, 4)]) == 2 * 50 * 25 * 4


@pytest.mark.parametrize("sample", CASES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_wrong_operands_are_a_shape_error_and_nothing_else(sample: Sample, data: st.DataObject) -> None:
    dims = st.one_of(st.integers(1, 4), st.just(B))
    kinds = st.builds(Type, st.sampled_from(["f32", "f64", "i64"]), st.lists(dims, max_size=3).map(tuple))
    types = [data.draw(kinds) for _ in sample.operands]
    try:
        results = sample.op.infer(*types)
    except ShapeError:
        pass
    else:
        assert all(isinstance(result, Type) for result in results)


def test_layernorms_gradient() -> None:
    (sample,) = REGISTRY["layernorm_grad"].samples
    generator = torch.Generator().manual_seed(2)
    a, dy = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    weight, bias = (torch.randn(4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    x = a.clone().requires_grad_()
    wanted = torch.autograd.grad(F.layer_norm(x, (4,), weight, bias), [x, weight, bias], dy)
    _, mean, rstd = execute(REGISTRY["layernorm"].samples[0].op, [a, weight.detach(), bias.detach()])
    found = execute(sample.op, [dy, a, mean, rstd, weight.detach(), bias.detach()])
    for ours, theirs in zip(found, wanted, strict=True):
        close(ours, theirs, 1e-10)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    a = torch.ones(200, 200, dtype=torch.float64)
    out, mask = execute(REGISTRY["dropout"].samples[0].op, [a, torch.tensor(0.3, dtype=torch.float64)])
    assert torch.equal(out, mask)
    assert (out == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(out.unique(), torch.tensor([0.0, 1 / 0.7], dtype=torch.float64))


def test_noise_is_normal() -> None:
    (found,) = execute(Noise(3), [torch.zeros(300, 300, dtype=torch.float64)])
    assert found.mean().item() == pytest.approx(0.0, abs=0.01)
    assert found.std().item() == pytest.approx(1.0, abs=0.01)
    assert (found.abs() < 1).double().mean().item() == pytest.approx(0.6827, abs=0.005)
    (other,) = execute(Noise(4), [torch.zeros(300, 300, dtype=torch.float64)])
    assert abs((found * other).mean().item()) < 0.01
