"""What a model is at a moment, as tensors and numbers; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lampc.data.unit import Unit
from lampc.diagnostics import LampError, Problems, failure
from lampc.elaborate.weights import STATE
from lampc.layers.schedules import CLOCK
from lampc.runs.directory import damaged
from lampc.runtime.history import Epoch, History
from lampc.runtime.steps import Position
from lampc.runtime.weights import layer_states
from lampc.schema import Unfit
from lampc.source import Source, Span

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runs.checkpoint import Checkpoint
    from lampc.runtime.loader import DataLoader
    from lampc.runtime.model import Model


def everything(model: Model) -> dict[str, Tensor]:
    """The parameters and all states, the optimiser's too."""
    return {**model.parameters, **{f"{STATE}{name}": tensor for name, tensor in model.storage.states.items()}}


def network(program: Program) -> list[dict[str, Any]]:
    """The layers with their parameters' shapes, and where the source has them."""
    return [
        {
            "name": layer.name,
            "text": layer.text,
            "parameters": {name: list(type.dims(1)) for name, type in layer.parameters},
            "start": layer.span.start,
            "end": layer.span.end,
            "own": layer.span.source is program.source,
        }
        for layer in program.layers
        if layer.parameters
    ]


def restore(model: Model, checkpoint: Checkpoint, name: str) -> None:
    """Put a checkpoint's tensors in a model's place.

    Raises:
        LampError: if it is of another network, with both places that differ.
    """
    if "seed" not in checkpoint.about and checkpoint.about.get("ended"):
        raise failure("E701", f"{name} holds no weights: every seed has diverged", "make `lr` smaller, and train again")
    for field in ("seed", "normal", "file", "source", "network"):
        if field not in checkpoint.about:
            raise failure("E611", f"{name} is damaged: there is no `{field}`", "take an earlier run, or train again")
    check_network(model.program, checkpoint.about, name)
    unit = unit_of(model.program, checkpoint.about, name)
    with torch.no_grad():
        for label, tensor in {**model.parameters, **{f"{STATE}{k}": v for k, v in model.storage.states.items()}}.items():
            found = checkpoint.tensors.get(label)
            if found is None:
                if label in model.parameters or label.removeprefix(STATE) in layer_states(model.program):
                    raise failure("E612", f"{name} has no `{label}`")
                continue
            if found.shape != tensor.shape:
                raise failure("E612", f"{name} has `{label}` {list(found.shape)}, and the program {list(tensor.shape)}")
            tensor.copy_(found)
    if "settings" in checkpoint.about:
        clock = {label: value for label, value in checkpoint.about["settings"].items() if label in CLOCK}
        model.storage.set(clock)  # numbers such as `lr` are as they are asked for now
    if "random" in checkpoint.about:
        model.random.number = checkpoint.about["random"]
    model.unit = unit


def unit_of(program: Program, about: Mapping[str, Any], name: str) -> Unit | None:
    """The targets' own unit, where the network was trained on standardised ones.

    Raises:
        LampError: if it is not of the network's targets.
    """
    kept, target = about.get("unit"), program.elaborated.target_type
    unit = None if kept is None or target is None else Unit.of(kept, target.sample)
    if kept is not None and unit is None:
        raise damaged(Path(name), "`unit` is not of the network's targets")
    return unit


def check_network(program: Program, about: Mapping[str, Any], name: str) -> None:
    """Refuse a checkpoint of another network.

    Raises:
        LampError: with the first layer that differs, there and here.
    """
    saved = about["network"]
    before = Source(f"{name}:{about['file']}", about["source"])
    mine = network(program)
    for index in range(max(len(saved), len(mine))):
        old = saved[index] if index < len(saved) else None
        new = mine[index] if index < len(mine) else None
        if old is not None and new is not None and (old["name"], old["parameters"]) == (new["name"], new["parameters"]):
            continue
        layer = next((layer for layer in program.layers if new is not None and layer.name == new["name"]), None)
        there = Span(before, old["start"], old["end"]) if old is not None and old["own"] else None
        problems = Problems()
        what = f"`{new['name']}` with {_shapes(new)}" if new is not None else f"no `{old['name'] if old else ''}`"
        kept = f"`{old['name']}` with {_shapes(old)}" if old is not None else "no such layer"
        problems.report("E612", f"{name} is of another network: here is {what}, there {kept}",
                        layer.span if layer is not None else None, also=[(there, "was trained")] if there else [],
                        fixes=["resume with the program that the run keeps, or begin a new run"])  # fmt: skip
        raise LampError(problems.errors)


def _shapes(layer: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in layer["parameters"].items())


_EPOCHS = 1_000_000
"""Epochs that a training may have had, however few are asked for now."""


def progress(where: Position, history: History) -> dict[str, Any]:
    """Where training is, as JSON."""
    return {
        "epoch": where.epoch,
        "done": where.done,
        "sums": list(where.sums),
        "steps": history.steps,
        "seconds": history.seconds,
    }


def position(checkpoint: Checkpoint, program: Program, loader: DataLoader) -> Position:
    """Where training was; the loader goes on from there.

    Raises:
        Unfit: if no training of this program can have been there.
    """
    kept, running, following = checkpoint.about["progress"], *map(checkpoint.tensors.get, ("loader.running", "loader.next"))
    if kept["epoch"] > max(program.experiment.train.epochs, _EPOCHS):
        raise Unfit(f"`progress.epoch` is {kept['epoch']:,}")
    if kept["done"] and kept["done"] >= loader.samples:
        raise Unfit(f"`progress.done` is {kept['done']:,}, and an epoch has {loader.samples:,} samples")
    if len(kept["sums"]) not in (0, len(program.totals.parts)):
        raise Unfit(f"`progress.sums` has {len(kept['sums'])} numbers")
    try:
        if running is not None:
            torch.Generator().set_state(running)
        loader.generator.set_state(following)  # type: ignore[arg-type]
    except (RuntimeError, TypeError):
        raise Unfit("it does not say in which order the samples come") from None
    return Position(kept["epoch"], kept["done"], tuple(kept["sums"]), running)


def history(about: Mapping[str, Any], epochs: Sequence[Epoch], seed: int) -> History:
    """What had been measured."""
    kept = about["progress"]
    found = History(seed, list(epochs))
    found.steps, found.seconds = kept["steps"], kept["seconds"]
    return found
