"""A lampc network inside PyTorch programs."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from random_networks import network
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import lampc.compile
import lampc.nn
from lampc.diagnostics import LampError

F64 = "\ntrain precision=f64"
DISC = "linear 2->9 xavier; tanh; linear 1 xavier; sigmoid\nloss mse\noptimizer adam lr=0.02" + F64


def points(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return x, (((x - 0.5) ** 2).sum(1, keepdim=True) > 1 / (2 * torch.pi)).double()


def test_a_plain_loop_trains_it_as_lampc_does() -> None:
    module = lampc.nn.Lamp(DISC, seed=1)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    x, y = points(200)
    pairs = [(x[i : i + 50], y[i : i + 50]) for i in range(0, 200, 50)]
    for _ in range(20):
        for inputs, targets in pairs:
            optimizer.zero_grad()
            nn.functional.mse_loss(module(inputs), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    model = lampc.compile.text(DISC).model(seed=1)
    model.train(pairs, epochs=20)
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(tensor, model.parameters[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "text",
    [
        "input 3; linear 4; tanh; linear 2; softmax",
        "input 2x5x5; conv 3 3; relu; batchnorm; maxpool 2; flatten; linear 2",
        "input 4x3; lstm 3; attention 1 causal; layernorm; mean 1",
        "input 4; linear 4 as h; gelu; bilinear 2 with=h",
    ],
)
def test_gradients_are_those_of_finite_differences(text: str) -> None:
    module = lampc.nn.Lamp(text + F64)
    shape = module.program.elaborated.input_type.sample
    x = torch.rand(3, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    for training in (True, False):
        module.train(training)
        names = [name for name, _ in module.named_parameters()]

        assert torch.autograd.gradcheck(module, (x,))
        out = module(x)
        dy = torch.rand_like(out)
        found = torch.autograd.grad(out, list(module.parameters()), dy)
        for name, gradient in zip(names, found, strict=True):
            parameter = module.get_parameter(name)
            place = tuple(size // 2 for size in parameter.shape)
            ends = []
            for step in (1e-6, -2e-6):
                with torch.no_grad():
                    parameter[place] += step
                ends.append(float((module(x) * dy).sum().detach()))
            with torch.no_grad():
                parameter[place] += 1e-6
            assert float(gradient[place]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_are_torchs(seed: int) -> None:
    made = network(seed)
    module = lampc.nn.Lamp(made.source)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, *made.input, generator=generator, dtype=torch.float64).requires_grad_()
    y = torch.randn(3, *made.output, generator=generator, dtype=torch.float64)
    leaves = [p.detach().clone().requires_grad_() for p in module.parameters()]
    wanted = torch.autograd.grad((made.apply(x, iter(leaves)) * y).sum(), [x, *leaves], allow_unused=True)
    found = torch.autograd.grad((module(x) * y).sum(), [x, *module.parameters()], allow_unused=True)
    for mine, theirs in zip(found, wanted, strict=True):
        zero = torch.zeros(())
        torch.testing.assert_close(
            mine if mine is not None else zero, theirs if theirs is not None else zero, rtol=1e-8, atol=1e-8
        )


def test_as_a_part_of_a_larger_module() -> None:
    whole = nn.Sequential(nn.Linear(3, 2), lampc.nn.Lamp("linear 2->4; tanh"), nn.Linear(4, 1))
    out = whole(torch.rand(5, 3))
    out.sum().backward()
    assert all(parameter.grad is not None for parameter in whole.parameters())
    assert list(whole.state_dict()) == ["0.weight", "0.bias", "1.linear1.weight", "1.linear1.bias", "2.weight", "2.bias"]


def test_several_forwards_before_their_backwards() -> None:
    module = lampc.nn.Lamp("linear 2->3; dropout 0.5; tanh" + F64)
    xs = [torch.rand(4, 2, dtype=torch.float64) for _ in range(3)]
    outs = [module(x) for x in xs]
    together = torch.autograd.grad(sum(out.square().sum() for out in outs), list(module.parameters()))
    assert len(module._idle[True, 4, 1]) == 3
    again = [module.eval()(x) for x in xs]
    for out, x in zip(again, xs, strict=True):
        torch.testing.assert_close(out, torch.tanh(nn.functional.linear(x, *module.parameters())))
    assert all(torch.isfinite(gradient).all() for gradient in together)


def test_a_backward_is_taken_again_and_a_changed_parameter_is_refused() -> None:
    module = lampc.nn.Lamp("input 3; linear 4; dropout 0.5; batchnorm; tanh")
    out = module(torch.rand(8, 3)).square().sum()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    first = torch.autograd.grad(out, list(module.parameters()), retain_graph=True)
    module(torch.rand(8, 3)).square().sum().backward()
    after = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    second = torch.autograd.grad(out, list(module.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(tensor, after[name]) for name, tensor in module.state_dict().items())
    assert not torch.equal(before["batchnorm1.running_mean"], after["batchnorm1.running_mean"])
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(out, list(module.parameters()))
    out = module(torch.rand(4, 3)).sum()
    with torch.no_grad():
        next(module.parameters()).add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_training_and_use_differ_in_dropout_and_running_means() -> None:
    module = lampc.nn.Lamp("input 3; batchnorm; dropout 0.5")
    x = torch.rand(50, 3)
    before = module.state_dict()["batchnorm1.running_mean"].clone()
    assert int((module(x) == 0).sum()) > 30
    assert not torch.equal(module.state_dict()["batchnorm1.running_mean"], before)
    used = module.eval()(x)
    assert torch.equal(used, module(x))
    with torch.no_grad():
        assert not module(x).requires_grad


def test_copies_pickles_and_loaded_states() -> None:
    module = lampc.nn.Lamp("input 3; linear 4; batchnorm; tanh")
    module(torch.rand(8, 3))
    x = torch.rand(5, 3)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        torch.testing.assert_close(other.eval()(x), module.eval()(x))
        other.get_parameter("linear1.weight").data.add_(1.0)
        assert not torch.equal(other(x), module(x))
    fresh = lampc.nn.Lamp("input 3; linear 4; batchnorm; tanh", seed=9)
    fresh.load_state_dict(module.state_dict())
    torch.testing.assert_close(fresh.eval()(x), module(x))
    fresh.load_state_dict(module.state_dict(), assign=True)
    torch.testing.assert_close(fresh.eval()(x), module(x))


def test_what_does_not_fit_is_refused() -> None:
    module = lampc.nn.Lamp("linear 2->3")
    with pytest.raises(ValueError, match="x has shape"):
        module(torch.rand(4, 3))
    with pytest.raises(ValueError, match="precision="):
        module(torch.rand(4, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="compiled for"):
        module.double()(torch.rand(4, 2, dtype=torch.float64))
    with pytest.raises(LampError, match="of its own"):
        lampc.nn.Lamp("linear 2->3 as train")
    with pytest.raises(LampError):
        lampc.nn.Lamp("linear 2->3; tahn")


def test_from_a_file_with_settings(tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text("let width = 3\nlinear 2->width")
    assert lampc.nn.Lamp(file=tmp_path / "a.lamp", width=7)(torch.rand(4, 2)).shape == (4, 7)


@pytest.mark.filterwarnings("ignore")
def test_inside_lightning(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Disc(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.network = lampc.nn.Lamp("linear 2->25 xavier; tanh; linear 25 xavier; tanh; linear 1 xavier; sigmoid")

        def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
            return nn.functional.mse_loss(self.network(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    lightning.seed_everything(0, verbose=False)
    x, y = (part.float() for part in points(1000))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=50, shuffle=True)
    module = Disc()
    trainer = lightning.Trainer(accelerator="cpu", devices=1, max_epochs=60, logger=False, enable_checkpointing=False,
                                enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path)  # fmt: skip
    trainer.fit(module, loader)
    module.eval()
    assert float(((module.network(x) > 0.5) == (y > 0.5)).float().mean()) > 0.95


@pytest.mark.parametrize(
    "network",
    [
        "input 2; linear 8; tanh; linear 3; softplus",
        "input 2x6; conv1d 4 3; batchnorm; tanh; maxpool 2; flatten; linear 3",
        "input 4x6; attention heads=2 causal; flatten; linear 3",
        "input 4x6; residual { layernorm; attention heads=2 }; lstm 3 both; slice 0; linear 3",
        "input 3x4x4; conv 4 3x3; groupnorm 2; silu; flatten; linear 3 freeze",
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_a_gradient_penalty_has_the_gradients_that_pytorch_finds(network: str, training: bool) -> None:
    module = lampc.nn.Lamp(network + F64, seed=1)
    plain = module.program.to_torch(module._model).double()
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    shape = module.program.elaborated.input_type.dims(5)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def penalty(of: nn.Module) -> list[torch.Tensor]:
        of.train(training)
        inputs = x.clone().requires_grad_()
        with sdpa_kernel(SDPBackend.MATH):  # torch's other attentions have no second derivative
            out = of(inputs)
        (slope,) = torch.autograd.grad(out.square().sum(), inputs, create_graph=True)
        loss = (slope.flatten(1).norm(dim=1) - 1).square().mean() + out.sum()
        leaves = [inputs, *(parameter for name, parameter in of.named_parameters() if name in trained)]
        return list(torch.autograd.grad(loss, leaves, materialize_grads=True))

    for ours, theirs in zip(penalty(module), penalty(plain), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_a_differential_equation_may_have_third_derivatives() -> None:
    module = lampc.nn.Lamp("input 1; linear 16 xavier; tanh; linear 16 xavier; tanh; linear 1" + F64, seed=1)
    plain = module.program.to_torch(module._model).double()
    t = torch.linspace(-1, 1, 7, dtype=torch.float64).unsqueeze(1)
    found = []
    for of in (module, plain):
        inputs = t.clone().requires_grad_()
        value = of(inputs)
        for _ in range(3):
            (value,) = torch.autograd.grad(value.sum(), inputs, create_graph=True)
        found.append([value, *torch.autograd.grad(value.square().sum(), list(of.parameters()), materialize_grads=True)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_the_second_derivative_drops_what_the_forward_dropped() -> None:
    """Where a unit was dropped, neither a slope nor its slope is left."""
    module = lampc.nn.Lamp("input 40; dropout 0.5; tanh" + F64)
    x = torch.rand(3, 40, dtype=torch.float64).requires_grad_()
    out = module(x)
    module(x)  # draws others
    (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    torch.testing.assert_close(slope, torch.where(out != 0, 2 * (1 - out**2), 0))
    torch.testing.assert_close(bend, torch.where(out != 0, -8 * out * (1 - out**2), 0))
