"""The memory that a training takes at its most, by what takes it: worked out from the program, before anything is allocated."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from lampc.ir.leaves import Constant, Input, State
from lampc.ir.program import Routine
from lampc.ir.types import BYTES, B, DType, Type
from lampc.native.spaces import NoNativeForm
from lampc.passes.plan_memory import plan_memory
from lampc.runtime.chunks import CHUNK, STORED, WATCHED

if TYPE_CHECKING:
    from lampc.compile import Program


@dataclass(frozen=True)
class Footprint:
    """Bytes, by what takes them. Not counted: Python, torch and the compiler, which are there before."""

    parameters: int = 0
    optimizer: int = 0
    """What the optimiser and layers keep from step to step."""
    arena: int = 0
    """What minibatches are computed in, gradients among it, for training and for evaluation; each thread's own room too."""
    data: int = 0
    """The samples as they are loaded, and as the network takes them."""
    copies: int = 0
    """Of the parameters: of the best epoch, of how they began, of a file that they begin with."""
    passing: int = 0
    """What is needed for a moment: to draw the first weights, to save, to measure."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.parts.values())

    @property
    def parts(self) -> dict[str, int]:
        """Bytes by name, in the order in which they are told."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def times(self, count: int) -> Footprint:
        """Of so many trainings side by side."""
        return Footprint(**{name: count * size for name, size in self.parts.items()})

    def __str__(self) -> str:
        """``1.2 MB: parameters 5.6 kB, arena 1.1 MB, data 40 kB``."""
        told = {"optimizer": "optimiser", "passing": "for a moment"}
        shown = [f"{told.get(name, name)} {amount(size)}" for name, size in self.parts.items() if size]
        return f"{amount(self.total)}: {', '.join(shown)}"


@dataclass(frozen=True)
class Samples:
    """How many there are of each part of the data, and whether they stay on the disk."""

    train: int
    validation: int = 0
    test: int = 0
    stored: bool = False

    @classmethod
    def of(cls, program: Program) -> Samples | None:
        """As the program's data is described; None where it names none."""
        data = program.experiment.data
        if data is None or data.description is None:
            return None
        known = data.description
        return cls(known.train, known.validation, known.test, known.stored)

    @property
    def parts(self) -> list[int]:
        """The sizes of those parts that there are."""
        return [size for size in (self.train, self.validation, self.test) if size]


@dataclass(frozen=True)
class Manner:
    """How a training goes, as far as memory is concerned."""

    backend: str
    """``native`` or ``torch``."""
    batch: int
    """Samples of a minibatch: no more than there are."""
    threads: int = 1
    """That share a step of native code."""
    side_by_side: int = 1
    """Trainings that go on at once on this machine, each with a memory of its own: seeds, or processes."""
    runs: int = 1
    """Seeds in all."""
    workers: int = 1
    """Processes that share each minibatch."""
    kept: bool = True
    """Whether it is saved."""


def training(program: Program, samples: Samples, manner: Manner) -> Footprint:
    """The memory of a training at its most. Before: the program has a loss. Nothing is allocated and no torch imported."""
    parameters = sum(parameter.type.nbytes(1) for parameter in program.parameters.values())
    state = _states(program)
    data, passing = _data(program, samples, manner)
    arena = _arena(program, samples, manner)
    best = parameters if samples.validation else 0
    watched = parameters if program.experiment.train.epochs >= WATCHED and manner.workers == 1 else 0
    copies = best + watched + (parameters if program.elaborated.weights is not None else 0)
    saving = 3 * (parameters + state) if manner.kept else 0  # a copy, its bytes, and those with their digest
    later = arena + data + copies + max(saving, passing + best)
    peak = max(later, _drawn(program), 2 * loaded(program, samples))
    one = Footprint(parameters, state, arena, data, copies, peak - arena - data - copies)
    more = one.times(manner.side_by_side)
    waiting = max(0, manner.runs - manner.side_by_side) * best  # each seed's best weights, until all have ended
    return Footprint(**{**more.parts, "copies": more.copies + waiting})


def beginning(program: Program) -> Footprint:
    """The memory that a model takes before it has done anything."""
    parameters = sum(parameter.type.nbytes(1) for parameter in program.parameters.values())
    copies = parameters if program.elaborated.weights is not None else 0
    return Footprint(parameters, _states(program), copies=copies, passing=_drawn(program))


def buffers(routine: Routine, batch: int) -> int:
    """The bytes of an executor: its arena, and what its inputs and constants lie in."""
    beside = sum(slot.type.nbytes(batch) for slot in routine.slots if isinstance(slot.leaf, Input | Constant))
    return plan_memory(routine, batch).size + beside


def _drawn(program: Program) -> int:
    """Bytes of the largest parameter as it is drawn, in float64."""
    return 8 * max((parameter.type.elements(1) for parameter in program.parameters.values()), default=0)


def _states(program: Program) -> int:
    return sum(slot.type.nbytes(1) for slot in program.training.leaves() if isinstance(slot.leaf, State))


def _arena(program: Program, samples: Samples, manner: Manner) -> int:
    if manner.backend == "native":
        try:
            return _native(program, samples, manner)
        except NoNativeForm:  # torch will go on
            pass
    batch = -(-manner.batch // manner.workers)
    trained = {batch, samples.train % batch} - {0}
    chunk = CHUNK if program.totals.apart else program.experiment.train.batch
    measured = {size for part in samples.parts for size in _sizes(part, chunk, samples.stored)}
    return sum(buffers(program.training, size) for size in trained) + sum(
        buffers(program.evaluation, size) for size in measured
    )


def _sizes(part: int, chunk: int, stored: bool) -> set[int]:
    """Of the pieces in which a part is measured."""
    pieces = {min(part, STORED), part % STORED} if stored else {part}
    return {size for piece in pieces for size in (min(piece, chunk), piece % chunk) if size}


def _native(program: Program, samples: Samples, manner: Manner) -> int:
    from lampc.native.session import memory

    chunk = CHUNK if program.totals.apart else program.experiment.train.batch
    measured = min(chunk, max(samples.parts), STORED if samples.stored else chunk)
    return memory(program.native.module("loss"), manner.batch, manner.threads) + memory(
        program.native.module(*program.measured), measured, 1
    )


def loaded(program: Program, samples: Samples) -> int:
    """Bytes of the data as they are loaded: 8 a number."""
    x, y, *weights = _row_types(program)
    kept = 8 * math.prod(y.sample) + 8 * len(weights)
    return sum(samples.parts) * (kept if samples.stored else kept + 8 * math.prod(x.sample))


def _data(program: Program, samples: Samples, manner: Manner) -> tuple[int, int]:
    """Bytes of the data as long as training lasts, and what it takes beside that to measure a part."""
    types = _row_types(program)
    x = types[0]
    whole = loaded(program, samples)
    converted = sum(type.nbytes(1) for type in types if not _as_loaded(type.dtype))
    results = 0
    if manner.backend == "native":
        made = [program.evaluated.type(program.evaluated.outputs[name]) for name in program.measured]
        results = sum(type.nbytes(1) for type in made if type.batched) + 8  # and the order
        if program.metrics:  # which go over all predictions at once, in float64
            results += 6 * 8 * math.prod(program.evaluated_type.sample)
    if samples.stored:
        pieces = min(max(samples.parts), STORED)
        return whole, pieces * (8 * math.prod(x.sample) + converted + results)
    held_out = samples.validation or samples.test
    taken = samples.train * converted + held_out * converted
    if manner.backend == "native":
        taken += 8 * samples.train  # the order
    elif program.experiment.train.shuffle:
        taken += samples.train * (sum(type.nbytes(1) for type in types) + 8)
    return whole + taken, max(samples.parts) * (converted + results)


def _row_types(program: Program) -> list[Type]:
    """Of a sample and its target, and of its weight if it has one."""
    target = program.elaborated.target_type
    assert target is not None
    weights = [Type(program.elaborated.dtype, (B,))] * program.elaborated.weighted
    return [program.elaborated.input_type, target, *weights]


def _as_loaded(dtype: DType) -> bool:
    """Whether loaded samples are taken as they are."""
    return BYTES[dtype] == 8


def amount(size: int) -> str:
    """``1.2 MB``: bytes for people, in powers of 1000."""
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"
