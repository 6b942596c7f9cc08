"""What of a model prediction needs, as tensors by name; and into another model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from lampc.diagnostics import failure
from lampc.elaborate.weights import STATE
from lampc.ir.leaves import State
from lampc.runtime.loader import tensor as as_tensor

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


class Loaded(NamedTuple):
    """What did not meet when a state was loaded: PyTorch's names for it."""

    missing_keys: list[str]
    """The model's, which the state has not: they stay as they were."""
    unexpected_keys: list[str]
    """The state's, which the model has not: they do not count."""


@torch.no_grad()
def load_state(model: Model, given: Any, strict: bool) -> Loaded:
    """Give a model weights by their plain names, or by a checkpoint's; all of them, or, where one does not fit, none.

    Raises:
        LampError: if one has another shape or holds no real numbers, or, if ``strict``, where names differ.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise failure("E802", f"a state is tensors by name, not a {type(given).__name__}",
                      "`model.state_dict()` gives one; `lampc.load(path)` reads what `model.save(path)` wrote")  # fmt: skip
    own = plain_weights(model)
    named = {name if name in own else name.removeprefix(STATE): value for name, value in given.items()}
    found = Loaded([name for name in own if name not in named], [name for name in named if name not in own])
    if strict and (found.missing_keys or found.unexpected_keys):
        lacks = f"lacks {_few(found.missing_keys)}" if found.missing_keys else ""
        more = f"has {_few(found.unexpected_keys)}, which the network has not" if found.unexpected_keys else ""
        raise failure("E612", f"the state {' and '.join(filter(None, (lacks, more)))}",
                      "`strict=False` takes what has the same name, and leaves the rest as it is")  # fmt: skip
    fitting = {name: _fitting(name, value, own[name]) for name, value in named.items() if name in own}
    for name, values in fitting.items():
        own[name].copy_(values)
    return found


def _fitting(name: str, value: Any, own: Tensor) -> Tensor:
    try:
        values = as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise failure("E612", f"`{name}` is no tensor: {error}") from None
    if values.shape != own.shape:
        raise failure("E612", f"`{name}` is {list(own.shape)}, and in the state {list(values.shape)}",
                      "nothing is broadcast: build the program with the sizes that the state was trained with")  # fmt: skip
    if values.is_complex() or values.layout != torch.strided or values.is_meta:
        what = "complex" if values.is_complex() else "without numbers" if values.is_meta else "sparse"
        raise failure("E612", f"`{name}` is {what}, and plain numbers are wanted")
    return values


def _few(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:4])
    return f"{shown} and {len(names) - 4:,} more" if len(names) > 4 else shown


@torch.no_grad()
def duplicate(model: Model, other: Model) -> None:
    """Make another model of the same program what this one is: weights, gradients, the optimiser, settings, random numbers, the
    targets' unit.
    """
    for kind in ("by_name", "states", "settings"):
        mine, others = getattr(model.storage, kind), getattr(other.storage, kind)
        for name, values in mine.items():
            others[name].copy_(values)
    for name, parameter in model.parameters.items():
        other.parameters[name].grad = None if parameter.grad is None else parameter.grad.to(other.device, copy=True)
    other.random.number = model.random.number
    other.unit = model.unit


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
