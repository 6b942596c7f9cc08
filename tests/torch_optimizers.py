"""Optimisers that torch.optim has not, written out: the judges of ours."""

from __future__ import annotations

import torch


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                c = group["beta1"] * m + (1 - group["beta1"]) * p.grad
                p.copy_(p - group["lr"] * (torch.sign(c) + group["weight_decay"] * p))
                m.copy_(group["beta2"] * m + (1 - group["beta2"]) * p.grad)


class Muon(torch.optim.Optimizer):
    """Jordan et al. 2024, for matrices."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                x = p.grad.lerp(m, group["momentum"]) if group["nesterov"] else m
                x = x / x.norm().clamp(min=1e-7)
                x = x.t() if p.shape[0] > p.shape[1] else x
                for _ in range(5):
                    gram = x @ x.t()
                    x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
                x = x.t() if p.shape[0] > p.shape[1] else x
                scale = max(1.0, p.shape[0] / p.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * scale * x)
