"""A training step allocates nothing: every buffer is planned, every kernel writes where it is told.

Torch itself makes exceptions, which are listed here: numbers that it converts, and kernels without a true ``out=``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import lampc.compile
from lampc.ir.leaves import Constant, Leaf
from lampc.ir.op import REGISTRY, Bits, Fixed, Kernel, Labels, Normal, Run, Sample, Uniform
from lampc.ir.types import Type
from lampc.runtime.executor import Executor
from lampc.runtime.model import Model
from lampc.runtime.random import Random

ROOT = Path(__file__).parent.parent.parent

SCALAR = 8
"""Bytes of a number that torch converts to another element type, or makes of a Python one."""

ALLOCATES = {
    "layernorm", "layernorm_grad", "batchnorm", "batchnorm_grad", "batchnorm_inference", "groupnorm", "groupnorm_grad",
    "conv", "conv_input_grad", "conv_weight_grad", "attention", "attention_grad", "attend", "attend_grad",
    "adaptive_avgpool_grad", "upsample", "vjp",
}  # fmt: skip
"""Torch computes these, or some, into tensors of its own and copies: `native_layer_norm.out` is no more than that."""

PROGRAMS = {
    "disc": "linear 2->25 xavier; tanh; repeat 2 { linear 25->25 xavier; tanh }; linear 25->1 xavier; sigmoid; loss mse",
    "bce": "linear 2->8; relu; dropout 0.3; residual { linear 8->8; gelu }; linear 1; sigmoid; loss bce; optimizer adam",
    "formulas": "fn swish(x, b=1.7) = x * sigmoid(b * x); linear 2->8; swish; concat { pass | linear 3; silu }; linear 1;"
    "loss fn(p, y) = mean(where(p > y, (p - y)^2, abs(p - y))); optimizer adamw clip=1",
    "huber": "linear 2->8; prelu; softsign; linear 8->8; mish; elu; linear 1; loss huber; "
    "optimizer sgd momentum=0.9 nesterov weight_decay=0.1 clip=1",
    "classes": "linear 2->8; leakyrelu; linear 5; softmax; loss crossentropy smoothing=0.1; optimizer sgd momentum=0.9",
}  # fmt: skip


def allocations(call: Kernel) -> list[int]:
    """The bytes of each allocation that a call makes, once it has run before."""
    call()
    call()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call()
    # Not `seen.events()`: there, what one torch function both takes and gives back comes to nothing.
    events = seen.profiler.kineto_results.events()  # type: ignore[union-attr]
    return [event.nbytes() for event in events if event.name() == "[memory]" and event.nbytes() > 0]


def test_allocations_are_seen() -> None:
    x = torch.ones(100)
    assert allocations(lambda: x + x) == [400]


def step_of(model: Model, batch: int) -> Executor:
    executor = model.executor(model.program.training, batch)
    executor.inputs["x"].normal_(generator=torch.Generator().manual_seed(0))
    return executor


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_ten_steps_allocate_no_buffer(name: str, precision: str) -> None:
    model = lampc.compile.text(PROGRAMS[name], precision=precision).model(seed=0)
    executor = step_of(model, 50)

    def steps() -> None:
        for _ in range(10):
            for kernel in executor.step:
                kernel()

    assert max(allocations(steps), default=0) <= SCALAR


def test_the_seed_experiments_kernels_allocate_nothing_but_numbers() -> None:
    model = lampc.compile.text(PROGRAMS["disc"]).model(seed=0)
    executor = step_of(model, 50)
    made = {
        instruction.op.name: max(allocations(kernel), default=0)
        for instruction, kernel in executor._kernels
        if not instruction.free
    }
    assert {name for name, size in made.items() if size} <= {"mean", "scale", "sub_scaled", "add_scaled", "mul"}
    assert all(size <= SCALAR for size in made.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", [name for name, op in REGISTRY.items() if not issubclass(op, Leaf | Constant)])
def test_a_kernel_allocates_nothing_but_numbers(name: str, dtype: torch.dtype) -> None:
    for sample in REGISTRY[name].samples:
        kernel = bound(sample, dtype)
        found = allocations(kernel)
        if name in ALLOCATES:
            assert found, f"{name} allocates nothing now: take it off the list"
        else:
            assert max(found, default=0) <= SCALAR


def bound(sample: Sample, dtype: torch.dtype) -> Kernel:
    generator = torch.Generator().manual_seed(7)
    operands = [operand(wanted, generator, dtype) for wanted in sample.operands]
    names = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64"}
    types = sample.op.infer(*(Type(names[o.dtype], tuple(o.shape)) for o in operands))  # type: ignore[arg-type]
    results = [torch.empty(type.dims(3), dtype=torch.int64 if type.dtype == "i64" else dtype) for type in types]
    return sample.op.bind(torch, results, operands, Run(3, Random(0, torch.device("cpu"))))


def operand(wanted: Normal, generator: torch.Generator, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(wanted, Labels):
        return torch.randint(0, wanted.classes, wanted.shape, generator=generator)
    if isinstance(wanted, Fixed):
        return torch.full(wanted.shape, wanted.value, dtype=dtype)
    if isinstance(wanted, Bits):
        return torch.randint(0, 2, wanted.shape, generator=generator).to(dtype)
    values = torch.empty(wanted.shape, dtype=dtype)
    if isinstance(wanted, Uniform):
        return values.uniform_(wanted.low, wanted.high, generator=generator)
    return values.normal_(generator=generator)


def test_buffers_stay_where_they_are() -> None:
    """Over a training run: parameters, states, arena, inputs and outputs."""
    program = lampc.compile.text(PROGRAMS["bce"])
    model = program.model(seed=0)
    executor = model.executor(program.training, 50)

    def places() -> list[int]:
        tensors = [*model.parameters.values(), *executor.inputs.values(), *executor.outputs.values(), executor._arena]
        return [tensor.data_ptr() for tensor in tensors]

    before = places()
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    model.train([(part, (part.sum(1, keepdim=True) > 1).float()) for part in x.split(50)], epochs=3)
    assert places() == before
    assert model.executor(program.training, 50) is executor


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the process's memory as Linux tells it")
def test_memory_does_not_grow_with_the_steps() -> None:
    script = """
import torch, lampc.compile
torch.set_num_threads(1)
model = lampc.compile.text("linear 20->200 xavier; tanh; dropout 0.1; linear 200->1; loss mse; optimizer adam").model()
x, y = torch.rand(500, 20), torch.rand(500, 1)
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
pairs = list(zip(x.split(50), y.split(50)))
model.train(pairs, epochs=20)
before = resident()
model.train(pairs, epochs=200)
print(resident() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) < 2000  # KiB, over 2000 steps
