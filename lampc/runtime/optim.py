"""Optimisers for loops written by hand. A new one is a class with an ``update``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from lampc.diagnostics import failure
from lampc.runtime.asked import real


class Optimizer:
    """Takes steps along the gradients that ``model.backward()`` has added to the ``grad`` of each of some ``parameters``.

    These are tensors of any shapes, [out, in] or other, or such by name: ``model.parameters``.
    """

    def __init__(self, parameters: Mapping[str, Tensor] | Iterable[Tensor]) -> None:
        values = parameters.values() if isinstance(parameters, Mapping) else parameters
        if not isinstance(values, Iterable):
            raise failure("E802", f"parameters are wanted, not a {type(values).__name__}", "`SGD(model.parameters, lr=0.01)`")
        self.parameters = list(values)
        if wrong := next((p for p in self.parameters if not isinstance(p, Tensor)), None):
            raise failure("E802", f"parameters are tensors, not a {type(wrong).__name__}", "`SGD(model.parameters, lr=0.01)`")
        self.state: list[dict[str, Tensor]] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Set every gradient to 0, before the next ``backward()`` adds to it."""
        for p in self.parameters:
            if p.grad is not None:
                p.grad.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient.

        Raises:
            TypeError: if ``update`` returns something.
        """
        for p, state in zip(self.parameters, self.state, strict=True):
            if p.grad is not None:
                returned: object = self.update(p, p.grad, state)  # type: ignore[func-returns-value]
                if returned is not None:
                    raise TypeError(f"{type(self).__name__}.update changes `p` in place, and returns nothing")

    def update(self, p: Tensor, g: Tensor, state: dict[str, Tensor]) -> None:
        """Change ``p`` in place by its gradient ``g``, of the same shape; ``state``, empty at first, is kept between steps."""
        raise NotImplementedError


class SGD(Optimizer):
    """``p ← p - lr·v``, ``v ← momentum·v + g``, for each of the ``parameters``, of whatever shape."""

    def __init__(self, parameters: Mapping[str, Tensor] | Iterable[Tensor], lr: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__(parameters)
        self.lr = real("lr", lr)
        self.momentum = real("momentum", momentum)

    def update(self, p: Tensor, g: Tensor, state: dict[str, Tensor]) -> None:
        if self.momentum:
            velocity = state.setdefault("velocity", torch.zeros_like(p))
            g = velocity.mul_(self.momentum).add_(g)
        p.sub_(g, alpha=self.lr)
