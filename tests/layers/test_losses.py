"""Losses: torch's as judge in float64; sums of several over named values; what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import lampc.compile
from lampc.compile import Program

LABELS = "labels"
CASES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor], str]] = {
    "nll": ("logsoftmax", lambda p, y: F.nll_loss(p.log_softmax(-1), y), LABELS),
    "hinge": ("pass", lambda p, y: torch.relu(1 - (2 * y - 1) * p).mean(), "bits"),
    "hinge margin=0.3": ("pass", lambda p, y: torch.relu(0.3 - (2 * y - 1) * p).mean(), "bits"),
    "kl": ("logsoftmax", lambda p, y: F.kl_div(p.log_softmax(-1), y, reduction="batchmean"), "distribution"),
}


def target(kind: str, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    if kind == LABELS:
        return torch.randint(0, like.shape[-1], like.shape[:-1], generator=generator)
    if kind == "bits":
        return torch.randint(0, 2, like.shape, generator=generator).to(like)
    found = torch.rand(like.shape, generator=generator, dtype=like.dtype)
    found[0, 0] = 0.0
    return found / found.sum(-1, keepdim=True)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_torchs(name: str) -> None:
    end, judge, kind = CASES[name]
    program = lampc.compile.text(f"linear 4->3 xavier; {end}; loss {name}; train precision=f64")
    model = program.model(seed=1)
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight, bias = (p.clone().requires_grad_() for p in model.parameters.values())
    logits = F.linear(x, weight, bias)
    y = target(kind, logits.detach())
    wanted = judge(logits, y)
    wanted.backward()
    loss, gradients = model.gradients(x, y)
    torch.testing.assert_close(loss, wanted.detach(), rtol=1e-12, atol=1e-12)
    for found, leaf in zip(gradients.values(), (weight, bias), strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_a_sum_of_losses_over_named_values() -> None:
    source = """
    linear 4->6 xavier as code; tanh; linear 4 xavier as image; from code; linear 2 xavier
    loss total = mse(image, x) + 0.1 * kl(code) + 0.5 * mae(p, y)
    train precision=f64
    """
    model = lampc.compile.text(source).model(seed=1)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(5, n, generator=generator, dtype=torch.float64) for n in (4, 2))
    leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    code = F.linear(x, *leaves[:2])
    image, p = F.linear(code.tanh(), *leaves[2:4]), F.linear(code, *leaves[4:])
    mean, log_variance = code.chunk(2, 1)
    divergence = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1).mean()
    wanted = F.mse_loss(image, x) + 0.1 * divergence + 0.5 * F.l1_loss(p, y)
    wanted.backward()
    loss, gradients = model.gradients(x, y)
    torch.testing.assert_close(loss, wanted.detach(), rtol=1e-12, atol=1e-12)
    for found, leaf in zip(gradients.values(), leaves, strict=True):
        torch.testing.assert_close(found, leaf.grad, rtol=1e-10, atol=1e-12)


def test_named_values_can_be_had() -> None:
    model = lampc.compile.text("linear 4->6 xavier as code; tanh as bent; dropout 0.5; linear 2 xavier; loss mse").model(seed=1)
    x = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    code = F.linear(x, *list(model.parameters.values())[:2])
    torch.testing.assert_close(model.value("code", x), code, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(model.value("bent", x), code.tanh(), rtol=1e-5, atol=1e-6)
    assert model.value("code", x[:0]).shape == (0, 6)
    with pytest.raises(lampc.LampError, match="E203"):
        model.value("image", x)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("mse(h, x)", "E503"), ("mse(p)", "E301"), ("foo(p, x)", "E206"), ("p + x", "E505"), ("kl(p)", "E405"),
        ("1 + 1", "E505"), ("mse(q, x)", "E206"),
    ],
)  # fmt: skip
def test_what_makes_no_loss_is_refused(formula: str, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(f"input 3; linear 4 as h; linear 3; loss total = {formula}")
    assert [d.code for d in caught.value.diagnostics] == [code]


def program(**settings: object) -> Program:
    return lampc.compile.text("linear 4->6 xavier; draw; linear 1; loss mse", **settings)


def test_a_draw_is_the_mean_in_use_and_has_torchs_gradient() -> None:
    model = program(precision="f64").model(seed=1)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    first, second = list(model.parameters.values())[:2], list(model.parameters.values())[2:]
    mean = F.linear(x, *first)[:, :3]
    torch.testing.assert_close(model(x), F.linear(mean, *second))
    before = model.forward(x)
    assert not torch.equal(before, model.forward(x))


def test_native_code_draws_the_same() -> None:
    x, y = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(20, 1)
    ends = []
    for backend in ("torch", "native"):
        model = program().model(seed=1, backend=backend)
        model.train([(x, y)] * 5, epochs=2)
        ends.append(torch.cat([p.flatten() for p in model.parameters.values()]))
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("end", "loss"), [("pass", "nll"), ("softmax", "nll"), ("softmax", "kl"), ("tanh", "kl")])
def test_what_takes_logarithms_warns_of_other_outputs(end: str, loss: str) -> None:
    program = lampc.compile.text(f"linear 4->3 xavier; {end}; loss {loss}")
    assert [w.code for w in program.warnings] == ["W403"]
    assert lampc.compile.text(f"linear 4->3 xavier; logsoftmax; loss {loss}").warnings == ()
