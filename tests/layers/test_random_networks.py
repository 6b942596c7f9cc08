"""Random networks of images and of sequences over the whole layer set, beside the same in torch: values and gradients."""

from __future__ import annotations

import pytest
import torch
from random_networks import network
from torch import Tensor

import lampc.compile


def check(seed: int) -> None:
    made = network(seed)
    source, shape = made.source, made.input
    model = lampc.compile.text(source).model(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    y = torch.randn(3, *made.output, generator=generator, dtype=torch.float64)
    for parameter in model.parameters.values():
        parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    leaves = [p.clone().requires_grad_() for p in model.parameters.values()]
    wanted = (made.apply(x, iter(leaves)) * y).sum()
    gradients = torch.autograd.grad(wanted, leaves, allow_unused=True) if leaves else ()
    loss, found = model.gradients(x, y)
    close(loss, wanted.detach(), source)
    for name, gradient in zip(found, gradients, strict=True):
        close(found[name], torch.zeros_like(found[name]) if gradient is None else gradient, f"{name}\n{source}")


def close(found: Tensor, wanted: Tensor, what: str) -> None:
    scale = max(1.0, float(wanted.abs().max()))
    torch.testing.assert_close(found / scale, wanted / scale, rtol=0, atol=1e-9, msg=lambda text: f"{text}\n{what}")


@pytest.mark.parametrize("block", range(12))
def test_values_and_gradients_are_torchs(block: int) -> None:
    for seed in range(50 * block, 50 * block + 50):
        check(seed)
