"""Whether a training fits into the memory that there is: told beforehand, and refused with the sum where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lampc.diagnostics import LampError, Problems
from lampc.runtime.footprint import Footprint, Manner, Samples, amount, beginning, training
from lampc.runtime.launch import here
from lampc.runtime.memory import available

if TYPE_CHECKING:
    import torch

    from lampc.compile import Program

SMALL = 64_000_000
"""Bytes that are asked for without looking whether they are there."""


def free(device: torch.device | None = None) -> int | None:
    """The bytes that there are for a model on a device; None where that is not known."""
    if device is None or device.type != "cuda":
        return available()
    import torch

    return int(torch.cuda.mem_get_info(device)[0])


def footprint(program: Program, samples: Samples, manner: Manner) -> Footprint:
    """The memory of a training; worked out once."""
    key = (samples, manner)
    if key not in program.footprints:
        program.footprints[key] = training(program, samples, manner)
    found: Footprint = program.footprints[key]
    return found


def fitting(program: Program, samples: Samples, manner: Manner, device: torch.device, there: int = 0) -> Footprint:
    """The memory of a training, which fits. ``there``: bytes of it that have been taken already.

    Raises:
        LampError: if it does not, with the sum, at what takes the most.
    """
    found = footprint(program, samples, manner)
    room = _room(found.total, there, device)
    if room is None:
        return found
    problems = Problems()
    said = f"training takes {found}; {amount(room)} are to be had"
    train, data = program.experiment.train, program.experiment.data
    batch = _smaller(program, samples, manner, room)
    if batch:
        fixes = [f"a smaller batch: `batch={batch}` fits, and with `accumulate={-(-manner.batch // batch)}` it makes as large "
                 "an update"]  # fmt: skip
        fixes += [] if train.recompute else ["`train recompute` keeps less for the gradient"]
        place = train.where("batch") or (data.span if data is not None else None)
        problems.report("E706", said, place, f"{manner.batch:,} samples at once", fixes=fixes)
    elif data is not None and found.data >= max(found.parameters + found.optimizer + found.copies, found.arena):
        stream = "stream" in data.source.signature.names and not samples.stored
        fixes = ["fewer samples", *(["`stream` leaves them on the disk"] if stream else [])]
        problems.report("E706", said, data.span, f"{sum(samples.parts):,} samples", fixes=fixes)
    else:
        _at_largest(program, said, problems)
    raise LampError(problems.errors)


def fitting_model(program: Program, device: torch.device) -> None:
    """See that a model's parameters fit.

    Raises:
        LampError: if they do not.
    """
    found = beginning(program)
    room = _room(found.total, 0, device)
    if room is not None:
        problems = Problems()
        _at_largest(program, f"the network takes {found}; {amount(room)} are to be had", problems)
        raise LampError(problems.errors)


def fitting_minibatch(size: int, batch: int, device: torch.device | None = None) -> None:
    """See that what a minibatch is computed in fits.

    Raises:
        LampError: if it does not.
    """
    room = _room(size, 0, device)
    if room is not None:
        problems = Problems()
        what = f"{batch:,} samples at once take {amount(size)}" if batch > 1 else f"one sample takes {amount(size)}"
        problems.report("E706", f"{what}; {amount(room)} are to be had", None, fixes=["fewer samples at once"])
        raise LampError(problems.errors)


def planned(program: Program, device: torch.device, seeds: int = 1, jobs: int = 1,
            kept: bool = False) -> tuple[Footprint, Manner] | None:  # fmt: skip
    """How a program's own training goes, once a seed, and the memory that it takes: no more side by side than fit.

    None where that is not known: without a loss, or data.

    Raises:
        LampError: if not even one fits.
    """
    from lampc.runtime.backend import choose, cores

    samples = Samples.of(program)
    if samples is None or "loss" not in program.whole.outputs:
        return None
    train = program.experiment.train
    backend = choose(program, device, train.backend).name
    jobs = jobs if backend == "native" else here() if train.workers > 1 else 1
    manner = Manner(backend, program.batch, cores() if jobs == 1 else 1, jobs, seeds, train.workers, kept)
    room = free(device)
    while room is not None and manner.side_by_side > 1 and train.workers == 1:
        if footprint(program, samples, manner).total <= room:
            break
        manner = replace(manner, side_by_side=manner.side_by_side - 1)
    return fitting(program, samples, manner, device), manner


def _room(size: int, there: int, device: torch.device | None) -> int | None:
    """The bytes that there are, if they are fewer than are wanted."""
    if size - there < SMALL:
        return None
    room = free(device)
    return room + there if room is not None and size - there > room else None


def _smaller(program: Program, samples: Samples, manner: Manner, room: int) -> int:
    """A smaller batch that fits; 0 where there is none."""
    batch = manner.batch // 2
    while batch >= program.least_batch:
        if training(program, samples, replace(manner, batch=batch)).total <= room:
            return batch
        batch //= 2
    return 0


def _at_largest(program: Program, said: str, problems: Problems) -> None:
    """At the layer that has the most parameters."""
    layer = max(program.layers, key=lambda layer: layer.parameter_count)
    optimizer = program.experiment.optimizer
    lean = optimizer.span is not None and optimizer.type.name != "sgd"
    fixes = ["a smaller layer", *(["`optimizer sgd` keeps nothing beside the parameters"] if lean else [])]
    problems.report("E706", said, layer.span, f"{layer.parameter_count:,} parameters", fixes=fixes)
