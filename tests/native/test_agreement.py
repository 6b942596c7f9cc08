"""Native code against the op list: a step, a hundred steps, fused or not, whatever freed memory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import case

import lampc
import lampc.compile
from lampc.compile import Program
from lampc.ir.keys import gradients
from lampc.native.engine import Code, compile_text, host
from lampc.native.module import build
from lampc.native.place import place
from lampc.native.session import Session
from lampc.ops.philox import key_of
from lampc.runtime.backend import leaves
from lampc.runtime.model import Model
from lampc.runtime.totals import loss_of

MODELS = Path(__file__).parents[2] / "models"
NAMES = ("disc", "xor", "iris", "digits", "residual", "swish")

SHAPES = {
    "one number": "linear 1->1; loss huber",
    "one column between": "linear 3->1; tanh; linear 1->4; softplus; gelu; silu; loss mae; optimizer adamw clip=0.5",
    "one vector and one": "linear 17->17; relu; linear 17->1; sigmoid; loss bce; optimizer adam",
    "no multiple of a vector": "linear 5->70; hardtanh; softmax; linear 70->3; loss mse; optimizer sgd momentum=0.5 nesterov",
    "wide": "linear 4->200 lecun; elu; selu; mish; softsign; linear 200->17 lecun; logsoftmax; loss fn(p, y) = mean(p * y)",
    "three axes": "input 3x5; linear 4; relu; layernorm; flatten; linear 2; loss mse",
    "joined": "linear 5->17 lecun; concat { tanh | linear 3 | pass }; linear 1; sigmoid; loss bce",
    "skips": "linear 1->3 as h; linear 1; sum { pass | linear 1 }; linear 3; product { from h | sigmoid }; loss mse",
    "labels": "linear 6->12 xavier; tanh; dropout 0.3; linear 5 xavier; softmax; loss crossentropy smoothing=0.1",
    "formulas": "fn f(x, a=0.5) = where(x > a, max(x, 0), min(a*x, sin(x)^3))\nlinear 3->8; f; prelu; leakyrelu\n"
    "linear 2; loss fn(p, y) = mean(abs(p - y)^1.5) + 0.01 * sum(cos(p) * exp(-p^2) + erf(p))",
    "deep": "linear 4->6 xavier; repeat 50 { linear 6 xavier; tanh }; linear 1; loss mse",
}  # fmt: skip


def samples(program: Program, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    dtype = torch.float64 if program.elaborated.input_type.dtype == "f64" else torch.float32
    x = torch.randn((count, *program.elaborated.input_type.sample), generator=generator, dtype=torch.float64).to(dtype)
    target = program.elaborated.target_type
    assert target is not None
    if target.dtype == "i64":
        classes = program.layers[-1].output_type.sample[-1]
        return x, torch.randint(0, classes, (count, *target.sample), generator=generator)
    return x, torch.rand((count, *target.sample), generator=generator, dtype=torch.float64).to(dtype)


def program_of(name: str, **settings: Any) -> Program:
    if name in SHAPES:
        return lampc.compile.text(SHAPES[name], **settings)
    return lampc.compile.file(MODELS / f"{name}.lamp", **settings)


def steps(program: Program, x: torch.Tensor, y: torch.Tensor, batch: int, epochs: int, fused: bool = True) -> tuple[Any, Model]:
    """Train by the module itself, on memory that holds NaN before anything is written, and again after its last use."""
    module = build(program.whole, ("loss",), host().target, x.dtype == torch.float64, batch, fused, poison=True,
                   totals=program.totals)  # fmt: skip
    session = Session(module, Code(compile_text(module.text)), batch, poison=True)
    model = program.model(seed=1, backend="torch")
    session.bind(leaves(program, model.storage))
    session.put()
    session.seed(key_of(1), 0)
    losses = []
    for _ in range(epochs):
        totals, failed = session.run(x.numpy(), y.numpy(), np.arange(len(x))[None], batch)
        assert failed == -1
        losses.append(loss_of(program.totals, totals[0].tolist(), len(x)))
    session.take()
    return losses, model


def close(found: Model, wanted: Model, tolerance: float) -> None:
    scale = max(float(p.abs().max()) for p in wanted.parameters.values())
    for name, p in found.parameters.items():
        torch.testing.assert_close(p, wanted.parameters[name], rtol=tolerance, atol=tolerance * scale)
    for name, state in found.storage.states.items():
        other = wanted.storage.states[name]
        torch.testing.assert_close(state, other, rtol=10 * tolerance, atol=10 * tolerance * float(other.abs().max() + 1e-30))


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("name", [*NAMES, *SHAPES])
def test_a_step_in_float64(name: str, fused: bool) -> None:
    program = program_of(name, precision="f64")
    x, y = samples(program, 23)
    losses, model = steps(program, x, y, 23, 1, fused)
    other = program.model(seed=1, backend="torch")
    history = other.train(lampc.DataLoader((x, y), batch=23), epochs=1)
    assert losses[0] == pytest.approx(history[0].loss, rel=1e-12)
    close(model, other, 1e-12)


@pytest.mark.parametrize("name", [*NAMES, *SHAPES])
def test_a_hundred_steps_in_float64_with_a_partial_batch(name: str) -> None:
    program = program_of(name, precision="f64", lr=0.01)
    x, y = samples(program, 37)
    losses, _ = steps(program, x, y, 10, 25)
    history = program.model(seed=1, backend="torch").train(lampc.DataLoader((x, y), batch=10), epochs=25)
    assert losses == pytest.approx([epoch.loss for epoch in history], rel=1e-9)


@pytest.mark.parametrize("name", [*NAMES, *SHAPES])
def test_float32_errs_no_more_than_three_times_torch(name: str) -> None:
    """A step's loss and new parameters, against float64; as fifty layers make anything of a rounding, of most samples there."""
    found = [errors_of_a_step(name, seed) for seed in range(9 if name == "deep" else 1)]
    held = [[our <= 3 * their + unit for our, their, unit in zip(*errors, strict=True)] for errors in found]
    assert all(sum(each) > len(found) / 2 for each in zip(*held, strict=True))


def errors_of_a_step(name: str, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Of the loss and of each parameter: native code's error, torch's, and what rounding a few times may make."""
    exact, program = program_of(name, precision="f64"), program_of(name)
    x, y = samples(program, 23, seed)
    truth = exact.model(seed=1, backend="torch")
    single = program.model(seed=1, backend="torch")
    wide = y if y.dtype == torch.int64 else y.double()
    for p, q in zip(truth.parameters.values(), single.parameters.values(), strict=True):
        p.copy_(q.double())  # the same start, rounded
    loss = truth.train(lampc.DataLoader((x.double(), wide), batch=23), epochs=1)[0].loss
    torch_loss = single.train(lampc.DataLoader((x, y), batch=23), epochs=1)[0].loss
    losses, model = steps(program, x, y, 23, 1)
    floor = 4 * 2.0**-24
    ours, theirs, units = [abs(losses[0] - loss)], [abs(torch_loss - loss)], [floor * abs(loss)]
    for label, p in truth.parameters.items():
        ours.append(float((model.parameters[label].double() - p).abs().max()))
        theirs.append(float((single.parameters[label].double() - p).abs().max()))
        units.append(floor * float(p.abs().max()))
    return ours, theirs, units


@pytest.mark.parametrize("seed", range(30))
def test_generated_programs(seed: int) -> None:
    """Odd ones unfused."""
    agree(seed, fused=seed % 2 == 0)


@pytest.mark.long
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_more_generated_programs(seed: int, fused: bool) -> None:
    agree(seed, fused)


def agree(seed: int, fused: bool) -> None:
    this = case(seed)
    program = this.program
    if not gradients(program.whole.outputs):
        return
    losses, model = steps(program, this.x, this.y, len(this.x), 1, fused)
    other = program.model(seed=1, backend="torch")
    history = other.train(lampc.DataLoader((this.x, this.y), batch=len(this.x)), epochs=1)
    assert losses[0] == pytest.approx(history[0].loss, rel=1e-11)
    close(model, other, 1e-11)


@pytest.mark.parametrize("batch", [1, 2, 7, 50, 64, 129])
def test_one_code_for_every_batch_size(batch: int) -> None:
    program = program_of("disc", precision="f64")
    native, other = program.model(seed=0, backend="native"), program.model(seed=0, backend="torch")
    x, y = samples(program, 130)
    for model in (native, other):
        model.train(lampc.DataLoader((x, y), batch=batch, shuffle=True), epochs=2)
    close(native, other, 1e-12)


@pytest.mark.parametrize("name", ["disc", "digits", "wide", "no multiple of a vector", "large"])
def test_threads_change_no_bit(name: str) -> None:
    """Also where there are too few tiles to share, and where the last is a partial one."""
    large = "linear 70->300 xavier; relu; linear 300->200 xavier; tanh; linear 200->5; loss mse; optimizer adam"
    program = lampc.compile.text(large) if name == "large" else program_of(name)
    x, y = samples(program, 130)
    module = build(program.whole, ("loss",), host().target, False, 50)
    code = Code(compile_text(module.text))
    found = []
    for threads in (1, 2, 3):
        session = Session(module, code, 50, poison=True)
        model = program.model(seed=1, backend="torch")
        session.bind(leaves(program, model.storage))
        session.put()
        totals, _ = session.run(x.numpy(), y.numpy(), np.stack([np.arange(130)] * 2), 50, threads=threads)
        session.take()
        found.append([torch.from_numpy(totals), *model.parameters.values(), *model.storage.states.values()])
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("name", [*NAMES, *SHAPES])
def test_sharing_places_changes_no_bit(name: str) -> None:
    program = program_of(name)
    x, y = samples(program, 37)
    module = build(program.whole, ("loss",), host().target, False, 10)
    code = Code(compile_text(module.text))
    found = []
    for reuse in (True, False):
        session = Session(module, code, 10, poison=True, reuse=reuse)
        model = program.model(seed=1, backend="torch")
        session.bind(leaves(program, model.storage))
        session.put()
        totals, _ = session.run(x.numpy(), y.numpy(), np.arange(37)[None], 10)
        session.take()
        found.append([torch.from_numpy(totals), *model.parameters.values(), *model.storage.states.values()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_deep_network_takes_no_more_memory_than_it_needs_at_once() -> None:
    """Activations live until the backward pass has met them; gradients do not pile up."""
    program = lampc.compile.text("repeat 40 { linear 32->32 xavier; tanh }; loss mse; optimizer sgd")
    module = build(program.whole, ("loss",), host().target, False, 64)
    shared, apart = (place(module.kernels, module.buffers, module.keep, 640, 16, reuse)[1] for reuse in (True, False))
    assert shared < 0.6 * apart


class TestModels:
    """The same through `model.train`, `evaluate` and calls."""

    @pytest.mark.parametrize("name", ["disc", "iris", "digits"])
    def test_a_run_is_the_same_on_both(self, name: str) -> None:
        if name == "digits":
            pytest.importorskip("sklearn")
        program = program_of(name, precision="f64", epochs=2)
        found = [program.model(seed=3, backend=backend) for backend in ("native", "torch")]
        assert [model.backend.name for model in found] == ["native", "torch"]
        histories = [model.train() for model in found]
        for ours, theirs in zip(*histories, strict=True):
            assert ours.loss == pytest.approx(theirs.loss, rel=1e-9)
            assert ours.test == pytest.approx(theirs.test, rel=1e-9)
        data = program.data(3).test
        torch.testing.assert_close(found[0](data.x), found[1](data.x), rtol=1e-9, atol=1e-11)

    def test_runs_repeat_bit_by_bit(self) -> None:
        program = program_of("disc", epochs=3)
        first, second = (program.model(seed=3) for _ in range(2))
        first.train()
        second.train()
        assert all(torch.equal(p, second.parameters[name]) for name, p in first.parameters.items())

    def test_parameters_may_be_written_between_epochs(self) -> None:
        program = program_of("disc", precision="f64")
        x, y = samples(program, 40)
        found = []
        for backend in ("native", "torch"):
            model = program.model(seed=3, backend=backend)

            def halve(_: object, model: Model = model) -> None:
                model.parameters["linear2.weight"].mul_(0.5)

            model.train([(x, y)], epochs=3, on_epoch=halve)
            found.append(model)
        close(found[0], found[1], 1e-12)

    def test_settings_change_without_compiling(self) -> None:
        program = program_of("disc", precision="f64")
        x, y = samples(program, 40)
        found = []
        for backend in ("native", "torch"):
            model = program.model(seed=3, backend=backend)
            model.train([(x, y)], epochs=1)
            model.set(lr=0.01)
            model.train([(x, y)], epochs=1)
            found.append(model)
        close(found[0], found[1], 1e-12)

    def test_what_has_no_native_form_runs_from_torch_and_says_why(self) -> None:
        program = lampc.compile.text("linear 2->3; tanh; linear 1; loss mse; train precision=bf16")
        model = program.model()
        assert model.backend.name == "torch"
        assert "bf16" in model.backend.reason

    def test_a_failed_compilation_warns_and_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: object) -> None:
            raise RuntimeError("no code for this machine")

        monkeypatch.setattr("lampc.native.program.object_code", fails)
        model = lampc.compile.text("linear 2->1; loss mse").model()
        with pytest.warns(RuntimeWarning, match="no code for this machine"):
            model.train([(torch.ones(3, 2), torch.ones(3, 1))], epochs=1)
        assert model.backend.name == "torch"

    def test_the_loss_that_is_no_number_is_found_at_its_step(self) -> None:
        source = "linear 2->8 xavier; relu; linear 1 xavier; loss mse; optimizer sgd lr=1e4"
        messages = []
        for backend in ("native", "torch"):
            program = lampc.compile.text(source)
            x, y = samples(program, 60)
            with pytest.raises(lampc.LampError) as caught:
                program.model(seed=0, backend=backend).train(lampc.DataLoader((x, y), batch=4), epochs=9)
            messages.append(caught.value.diagnostics[0].message.split(":")[0])
        assert messages[0] == messages[1]
        assert "step" in messages[0]
