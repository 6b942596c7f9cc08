"""Gradient accumulation, mixed precision, recomputation: each beside the plain training."""

from __future__ import annotations

import pytest
import torch

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.ir.graph import Stage
from lampc.passes.plan_memory import plan_memory

CNN = """
input 1x8x8
conv 8 3 padding=1; relu; conv 8 3; groupnorm 4; gelu; maxpool 2; flatten; dropout 0.2; linear 16 kaiming; tanh; linear 3 xavier
loss crossentropy
"""
GPT = """
input 8 int<11>
embedding 16 normal(0.5)
repeat 3 { residual { layernorm; attention 4 causal }; residual { layernorm; linear 64 xavier; gelu; linear 16 xavier } }
linear 11 xavier
loss crossentropy
"""


def compiled(source: str, optimizer: str = "sgd lr=0.1", **settings: object) -> Program:
    return lampc.compile.text(f"{source}\noptimizer {optimizer}\n", **settings)


def data(program: Program, samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (samples, *program.elaborated.input_type.sample)
    below = program.elaborated.input_below
    x = torch.randint(0, below, shape, generator=generator) if below else torch.randn(shape, generator=generator)
    target = program.elaborated.target_type
    assert target is not None
    return x, torch.randint(0, 3, (samples, *target.sample), generator=generator)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("optimizer", ["sgd lr=0.1 momentum=0.9", "adam lr=0.01", "adamw lr=0.01 clip=0.1"])
def test_accumulated_minibatches_make_the_step_of_a_large_one(optimizer: str, backend: str) -> None:
    source = "linear 4->8 xavier; tanh; linear 3 xavier; loss crossentropy"
    ends = []
    for accumulate, batch in ((1, 12), (3, 4)):
        program = compiled(source, optimizer, accumulate=accumulate, batch=batch, precision="f64")
        model = program.model(seed=0, backend=backend)
        loader = lampc.DataLoader(data(program, 36), batch=batch)
        model.train(loader, epochs=5)
        ends.append(torch.cat([p.flatten() for p in model.parameters.values()]))
    torch.testing.assert_close(*ends, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("source", "share"), [(CNN, 0.98), (GPT, 0.85)], ids=["cnn", "gpt"])
def test_recomputation_changes_no_bit_and_needs_less_memory(source: str, share: float) -> None:
    found = []
    for recompute in (False, True):
        program = compiled(source, recompute=recompute, batch=8)
        model = program.model(seed=0)
        model.train(lampc.DataLoader(data(program, 32), batch=8), epochs=3)
        found.append((torch.cat([p.flatten() for p in model.parameters.values()]), plan_memory(program.training, 64).size))
    assert torch.equal(found[0][0], found[1][0])
    assert found[1][1] < share * found[0][1]
    notes = {i.op.name: i.stage for i in program.training.instructions if i.note == "computed again"}
    assert set(notes.values()) == {Stage.BACKWARD}
    assert {"gelu", "layernorm", "groupnorm"} & set(notes)
    assert not {"matmul", "affine", "conv", "attention"} & set(notes)


@pytest.mark.parametrize("source", [CNN, GPT], ids=["cnn", "gpt"])
def test_mixed_precision_is_near_and_keeps_parameters_in_float32(source: str) -> None:
    plain, mixed = compiled(source), compiled(source, precision="bf16")
    one, other = plain.model(seed=0), mixed.model(seed=0)
    assert all(p.dtype == torch.float32 for p in other.parameters.values())
    x, y = data(plain, 16)
    wanted, gradients = one.gradients(x, y)
    found, narrow = other.gradients(x, y)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)
    whole = torch.cat([g.flatten() for g in gradients.values()])
    difference = torch.cat([g.flatten() for g in narrow.values()]) - whole
    assert difference.norm() < 0.1 * whole.norm()
    narrowed = [i for i in mixed.training.instructions if any(mixed.training.slots[s].type.dtype == "bf16" for s in i.outputs)]
    assert {i.op.name for i in narrowed} - {"cast", "reshape"} <= {
        "matmul", "outer", "conv", "conv_weight_grad", "conv_input_grad", "attention", "attention_grad", "sum"}  # fmt: skip
    assert any(i.stage is Stage.BACKWARD for i in narrowed)


def test_mixed_precision_learns() -> None:
    program = lampc.compile.text("linear 2->25 xavier; tanh; linear 25->1 xavier; sigmoid; data disc train=500 test=500; "
                                 "loss bce; optimizer adam lr=0.02; train epochs=60 precision=bf16 shuffle")  # fmt: skip
    assert program.model(seed=0).train().test["accuracy"] > 0.87
