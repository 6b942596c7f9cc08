"""What was written plainly is computed safely, far out too, and the listing says so."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc.compile

FAR = torch.tensor([[-1000.0], [-50.0], [0.0], [50.0], [1000.0]])


def identity(source: str, size: int) -> lampc.compile.Program:
    return lampc.compile.text(f"linear {size}->{size} constant(0)\n{source}")


def test_sigmoid_and_bce() -> None:
    program = identity("sigmoid; loss bce", 1)
    assert any("softplus" in i.note for i in program.forward)
    model = program.model()
    model.parameters["linear1.weight"].fill_(1.0)
    for y in (torch.zeros(5, 1), torch.ones(5, 1)):
        loss, gradients = model.gradients(FAR, y)
        z = FAR.clone().requires_grad_()
        wanted = F.binary_cross_entropy_with_logits(z, y)
        torch.testing.assert_close(loss, wanted.detach())
        torch.testing.assert_close(gradients["linear1.bias"], torch.autograd.grad(wanted, z)[0].sum(0))


@pytest.mark.parametrize("output", ["", "softmax;", "logsoftmax;"])
def test_softmax_and_crossentropy(output: str) -> None:
    program = identity(f"{output} loss crossentropy", 3)
    if output == "softmax;":
        assert any("log_softmax" in i.note for i in program.forward)
    model = program.model()
    model.parameters["linear1.weight"].copy_(torch.eye(3))
    x = torch.tensor([[1000.0, -1000.0, 0.0], [0.0, 0.0, 500.0]])
    y = torch.tensor([1, 0])
    loss, gradients = model.gradients(x, y)
    z = x.clone().requires_grad_()
    wanted = F.cross_entropy(z, y)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradients["linear1.bias"], torch.autograd.grad(wanted, z)[0].sum(0))


def test_logarithms_in_a_formula() -> None:
    source = "sigmoid; loss fn(p, y) = -mean(y * log(p) + (1 - y) * log(1 - p))"
    program = identity(source, 1)
    assert sum("stable" in i.note for i in program.forward) >= 2
    model = program.model()
    model.parameters["linear1.weight"].fill_(1.0)
    y = torch.full((5, 1), 0.25)
    torch.testing.assert_close(model.loss(FAR, y), F.binary_cross_entropy_with_logits(FAR, y))


def test_without_the_pattern_nothing_is_noted() -> None:
    assert not any(i.note for i in identity("tanh; loss mse", 2).forward)
