"""What of a model prediction needs, as tensors by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lampc.elaborate.weights import STATE
from lampc.ir.leaves import State

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


def weights(model: Model) -> dict[str, Tensor]:
    """The parameters, and what the layers keep beside them, such as running means."""
    kept = {f"{STATE}{name}": tensor for name, tensor in model.storage.states.items() if name in layer_states(model.program)}
    return {**model.parameters, **kept}


def plain_weights(model: Model) -> dict[str, Tensor]:
    """The same, where what layers keep has no mark before its name: as files for others have it."""
    return {name.removeprefix(STATE): tensor for name, tensor in weights(model).items()}


def layer_states(program: Program) -> set[str]:
    """The states that prediction reads."""
    return {slot.leaf.label for slot in program.predicting.leaves() if isinstance(slot.leaf, State)}


def copied(model: Model) -> dict[str, Tensor]:
    """The weights as they are now, whatever becomes of the model."""
    return {name: tensor.detach().clone() for name, tensor in weights(model).items()}


@torch.no_grad()
def put(model: Model, given: Mapping[str, Tensor]) -> None:
    """Give a model weights that were copied."""
    for name, tensor in weights(model).items():
        tensor.copy_(given[name])


@contextmanager
def with_weights(model: Model, given: Mapping[str, Tensor] | None) -> Iterator[None]:
    """Have a model hold other weights for a while; its own where None."""
    if given is None:
        yield
        return
    own = copied(model)
    put(model, given)
    try:
        yield
    finally:
        put(model, own)
