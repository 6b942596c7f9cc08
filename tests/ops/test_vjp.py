"""The formulas that large kernels say for their gradients: what the kernels compute, and differentiable again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from judges import BATCH, close, evaluate, execute
from operands import operands_of, type_of
from torch import Tensor

from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import Input
from lampc.ir.op import REGISTRY, Normal, Sample, ShapeError
from lampc.ir.types import Type
from lampc.ops.attend import Attend
from lampc.ops.attention import Attention, AttentionGrad
from lampc.ops.channels import BatchNorm, GroupNormGrad
from lampc.ops.term import Build, TermNode
from lampc.ops.vjp import Differentiable, Vjp


@dataclass(frozen=True)
class Case:
    """An op on operands, which gradients go to the first ``active`` of."""

    op: Differentiable
    operands: tuple[Tensor, ...]
    active: int

    def run(self, operands: Sequence[Tensor]) -> list[Tensor]:
        """The kernel's results that may have cotangents."""
        given = len(self.op.formula(torch, *self.operands))
        return execute(self.op, _consistent(self.op, operands))[:given]

    def vjp(self) -> Case:
        """The op's vector-Jacobian product, of cotangents for all results."""
        generator = torch.Generator().manual_seed(9)
        made = self.run(self.operands)
        cotangents = tuple(torch.randn(result.shape, generator=generator, dtype=torch.float64) for result in made)
        op = Vjp(self.op, tuple(range(len(made))), tuple(range(self.active)))
        return Case(op, (*self.operands, *cotangents), self.active)


def _consistent(op: object, operands: Sequence[Tensor]) -> list[Tensor]:
    """What attention made of qkv goes along with qkv."""
    if not isinstance(op, AttentionGrad):
        return list(operands)
    dy, qkv, *_ = operands
    return [dy, qkv, *execute(Attention(op.heads, op.kv_heads, op.causal), [qkv])]


def case(sample: Sample, dtype: torch.dtype = torch.float64) -> Case:
    op = sample.op
    assert isinstance(op, Differentiable)
    operands = tuple(_consistent(op, operands_of(sample, dtype)))
    settings = {BatchNorm: 2, AttentionGrad: 2, Attend: max(0, len(operands) - 3)}.get(type(op), 0)
    return Case(op, operands, len(operands) - settings)


SAMPLES = [
    pytest.param(sample, id=f"{name}{i}")
    for name, op in REGISTRY.items()
    if issubclass(op, Differentiable)
    for i, sample in enumerate(op.samples)
]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-11), (torch.float32, 1e-4)], ids=["f64", "f32"])
def test_the_formula_is_what_the_kernel_computes(sample: Sample, dtype: torch.dtype, tolerance: float) -> None:
    made = case(sample, dtype)
    for formula, kernel in zip(made.op.formula(torch, *made.operands), made.run(made.operands), strict=True):
        assert formula.dtype == kernel.dtype
        close(formula, kernel, tolerance)


@pytest.mark.parametrize("sample", SAMPLES)
def test_its_gradient_is_that_of_finite_differences_of_the_kernel(sample: Sample) -> None:
    differences(case(sample))


@pytest.mark.parametrize("sample", SAMPLES)
def test_and_so_is_its_gradients_gradient(sample: Sample) -> None:
    differences(case(sample).vjp())


@pytest.mark.parametrize("sample", [REGISTRY[name].samples[0] for name in ("attention", "lstm_grad", "groupnorm_grad")])
def test_and_so_on(sample: Sample) -> None:
    differences(case(sample).vjp().vjp())


def differences(made: Case) -> None:
    """The gradients that the op builds, against central differences of its kernel, each operand in a random direction."""
    graph = Graph()
    build = Build(graph)
    generator = torch.Generator().manual_seed(3)
    terms = tuple(build(Input(type_of(operand), str(i))) for i, operand in enumerate(made.operands))
    results = build.results(made.op, *terms)
    numbers = [torch.randn(result.shape, generator=generator, dtype=torch.float64) for result in made.run(made.operands)]
    cotangents = [build(Input(type_of(number), f"d{i}")) for i, number in enumerate(numbers)]
    with build.at(stage=Stage.BACKWARD):
        node = TermNode(build, results[0].node, terms, results)
        gradients = made.op.gradient(node, *cotangents, *(None for _ in results[len(cotangents) :]))
    given = zip((*terms, *cotangents), (*made.operands, *numbers), strict=True)
    found = evaluate(graph, {term.value.node: number for term, number in given}, BATCH)
    for position, gradient in enumerate(gradients):
        if gradient is None:
            continue
        direction, step = torch.randn(made.operands[position].shape, generator=generator, dtype=torch.float64), 1e-5
        ends = []
        for sign in (1, -1):
            moved = [o + sign * step * direction if i == position else o for i, o in enumerate(made.operands)]
            pairs = zip(made.run(moved), numbers, strict=True)
            ends.append(sum((end * number).sum() for end, number in pairs))
        close((ends[0] - ends[1]) / (2 * step), (found[gradient.value] * direction).sum(), 2e-6)
    wanted: Sequence[int] = range(made.active)
    if isinstance(made.op, Vjp):
        wanted = [*made.op.wanted, *range(len(made.operands) - len(made.op.given), len(made.operands))]
    assert [index for index, gradient in enumerate(gradients) if gradient is not None] == [*wanted]


def test_a_place_that_sees_nothing_has_no_slope() -> None:
    """All its keys are hidden, and the softmax of nothing is 0/0."""
    made = case(Sample(Attend(2, 2), (Normal((2, 3, 8)), Normal((2, 5, 8)), Normal((2, 5, 8)), Normal((2, 5)))))
    *others, _ = made.operands
    made = Case(made.op, (*others, torch.zeros(2, 5, dtype=torch.float64)), 3)
    for again in (made, made.vjp(), made.vjp().vjp()):
        for result in again.run(again.operands):
            close(result, torch.zeros_like(result), 0)


def test_a_cotangent_of_another_shape_is_refused() -> None:
    x = Type("f64", (3, 4, 5))
    row, wrong = x.of((3, 2)), x.of((3, 1))
    with pytest.raises(ShapeError, match=r"no cotangent of f64\[3, 4, 5\]"):
        Vjp(GroupNormGrad(2), (0,), (0, 1)).infer(x, x, row, row, wrong)
