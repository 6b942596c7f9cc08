"""What is said in nests, in whole programs: native code beside torch, and beside itself on other numbers of threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.native.engine import Code, compile_text, host
from lampc.native.module import build
from lampc.native.session import Session
from lampc.ops.philox import key_of
from lampc.runtime.backend import leaves
from lampc.runtime.model import Model
from lampc.runtime.totals import loss_of

PROGRAMS = {
    "batchnorm": "input 9; linear 17 xavier; batchnorm; relu; linear 5 lecun; batchnorm affine=off; linear 2; loss mse",
    "images": "input 3x4x5; batchnorm momentum=0.3; relu; transpose; batchnorm; mean [2, 3]; linear 2; loss mse",
    "groups": "input 6x4x3; groupnorm 2; tanh; groupnorm 6 affine=off; instancenorm; mean 3; max 2; linear 2; loss mse",
    "groups of vectors": "input 12; linear 24 xavier; groupnorm 4; silu; linear 1; loss mse; optimizer adam",
    "other axes": "input 4x6; concat axis=1 { pass | tanh }; transpose; slice 1 5 axis=1; max 1; linear 3; loss mse",
    "reshapes": "input 6x10; linear 8; reshape 4x4x3; tanh; reshape 3x16; sum 1; reshape 8x2; softmax; flatten; loss mse",
    "long rows": "linear 2->2100; layernorm; rmsnorm; softmax; scale; logsoftmax; linear 1; loss mse; optimizer sgd lr=1e-3",
    "waves": "input 5x4; position sinusoidal; linear 3 lecun; layernorm; flatten; linear 1; loss mse",
    "strided": "input 3x5x7; conv 17 3x2 stride=2x3 padding=1x0 dilation=1x2 bias=off; batchnorm; relu; maxpool 2 ceil; "
    "flatten; linear 1; loss mse; optimizer adam",
    "one place": "input 1x1x1; conv 1 1; relu; flatten; linear 1; loss mse",
    "grouped": "input 6x9; conv1d 12 3 groups=3 padding=same; groupnorm 4; gelu; avgpool 3 stride=2 padding=1; flatten; "
    "linear 1; loss mse",
    "depthwise": "input 4x8x8; conv 4 3 groups=4; relu; conv 1 1; flatten; softmax; linear 1; loss mse",
    "volumes": "input 2x4x4x3; conv3d 5 2; instancenorm; tanh; flatten; linear 1; loss mse",
    "transposed": "input 3x8x8; convtranspose 4 3 stride=2 padding=1; relu; flatten; linear 1; loss mse",
    "channels from places": "input 20x8; transpose; conv1d 3 1; upsample 2; flatten; linear 1; loss mse",
    "overlapping windows": "input 5x9x7; tanh; maxpool 3 stride=2 padding=1 ceil; flatten; linear 2; loss mse",
    "means": "input 3x6; linear 12; avgpool 3 stride=2 padding=1 padded=off; flatten; linear 1; loss mse",
    "adaptive": "input 3x7x9; linear 10; globalpool max to=3x4; upsample 2 linear; globalpool to=3x2; flatten; linear 2; "
    "loss mse",
    "grown": "input 3x4x4; linear 5 xavier; upsample 2; pad 1 edges=reflect; pad 2 edges=replicate; pad [1, 0, 2, 2]; "
    "flatten; linear 2 xavier; loss mse; optimizer sgd lr=1e-3",
    "one channel": "input 1x8x8; linear 8; maxpool 2; avgpool 2; flatten; linear 2; loss mse",
    "both ways": "input 7x5; lstm 3 layers=2 both; flatten; linear 1; loss mse",
    "one step": "input 1x5; gru 3 last; linear 1; loss mse",
    "gates": "input 6x4; gru 19 backward; rnn 5; lstm 3 last; linear 1; loss mse",
    "shared keys": "input 9x16; attention 4 kv_heads=2 rope causal; layernorm; flatten; linear 1; loss mse",
    "a long look back": "input 40x6; attention 2 causal; mean 1; linear 1; loss mse",
}  # fmt: skip


def samples(program: Program, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    dtype = torch.float64 if program.elaborated.dtype == "f64" else torch.float32
    target = program.elaborated.target_type
    assert target is not None
    shapes = program.elaborated.input_type.sample, target.sample
    x, y = (torch.randn((count, *shape), generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
    return x, y


def steps(program: Program, x: torch.Tensor, y: torch.Tensor, batch: int, fused: bool = True, threads: tuple[int, ...] = (1,)
          ) -> Iterator[tuple[float, Model]]:  # fmt: skip
    """The loss and the model after an epoch, for several numbers of threads, on memory that holds NaN wherever nothing is."""
    module = build(program.whole, ("loss",), host().target, x.dtype == torch.float64, batch, fused, poison=True,
                   totals=program.totals)  # fmt: skip
    code = Code(compile_text(module.text))
    for number in threads:
        session = Session(module, code, batch, poison=True)
        model = program.model(seed=1, backend="torch")
        session.bind(leaves(program, model.storage))
        session.put()
        session.seed(key_of(1), 0)
        totals, failed = session.run(x.numpy(), y.numpy(), np.arange(len(x))[None], batch, threads=number)
        assert failed == -1
        session.take()
        yield loss_of(program.totals, totals[0].tolist(), len(x)), model


def close(found: Model, wanted: Model, tolerance: float) -> None:
    """Parameters and states."""
    pairs = [(p, wanted.parameters[name]) for name, p in found.parameters.items()]
    pairs += [(state, wanted.storage.states[name]) for name, state in found.storage.states.items()]
    for ours, theirs in pairs:
        scale = float(theirs.abs().max()) + 1e-3
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_steps_in_float64(name: str, fused: bool) -> None:
    """A whole minibatch, and a smaller one."""
    program = lampc.compile.text(PROGRAMS[name], precision="f64")
    x, y = samples(program, 20)
    ((loss, model),) = steps(program, x, y, 13, fused)
    other = program.model(seed=1, backend="torch")
    history = other.train(lampc.DataLoader((x, y), batch=13), epochs=1)
    assert loss == pytest.approx(history[0].loss, rel=1e-12)
    close(model, other, 1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_threads_change_no_bit(name: str) -> None:
    program = lampc.compile.text(PROGRAMS[name])
    x, y = samples(program, 37)
    (first, one), (second, two) = steps(program, x, y, 10, threads=(1, 2))
    assert first == second
    for ours, theirs in ((one.parameters, two.parameters), (one.storage.states, two.storage.states)):
        assert all(torch.equal(tensor, theirs[label]) for label, tensor in ours.items())


@pytest.mark.parametrize("name", ["batchnorm", "images", "groups"])
def test_predictions_after_training(name: str) -> None:
    """Batchnorm predicts with the running statistics that training left."""
    program = lampc.compile.text(PROGRAMS[name], precision="f64")
    x, y = samples(program, 40)
    found = [program.model(seed=3, backend=backend) for backend in ("native", "torch")]
    for model in found:
        model.train(lampc.DataLoader((x, y), batch=16, shuffle=True), epochs=3)
    torch.testing.assert_close(found[0](x), found[1](x), rtol=1e-10, atol=1e-11)
    assert found[0].evaluate(x, y)["loss"] == pytest.approx(found[1].evaluate(x, y)["loss"], rel=1e-10)


@pytest.mark.parametrize("width", [1024, 1025, 5000])
@pytest.mark.parametrize("layer", ["softmax", "logsoftmax", "layernorm", "rmsnorm", "mean 1", "max 1", "sum 1", "linear 1"])
def test_rows_of_any_length(layer: str, width: int) -> None:
    """Below and above what registers hold, where rows begin to be loops."""
    program = lampc.compile.text(f"input {width}; scale; {layer}")
    x = torch.randn(5, width, generator=torch.Generator().manual_seed(0))
    native, other = (program.model(seed=0, backend=backend)(x) for backend in ("native", "torch"))
    torch.testing.assert_close(native, other, rtol=2e-5, atol=2e-6)
