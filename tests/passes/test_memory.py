"""Buffers: what is needed at one time never overlaps, and reusing memory never changes a bit."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from networks import case

import lampc.compile
from lampc.ir.program import Routine
from lampc.passes.plan_memory import ALIGNMENT, plan_memory
from lampc.runtime.executor import Executor, run
from lampc.runtime.random import Random
from lampc.runtime.storage import Storage

DEEP = """
linear 6->12 xavier; tanh; dropout 0.3
repeat 3 { residual { layernorm; linear 12->24 xavier; gelu; dropout 0.2; linear 12 xavier } }
sum { linear 12->12 xavier | linear 12->4 xavier; relu; linear 12 xavier | pass }
linear 5 xavier; softmax
loss crossentropy smoothing=0.1
optimizer adamw lr=0.01 clip=1
"""


def lifetimes(routine: Routine) -> dict[int, tuple[int, int]]:
    """When each root buffer is first and last touched, worked out here anew; outputs live to the end."""
    spans: dict[int, tuple[int, int]] = {}
    for index, instruction in enumerate(routine.instructions):
        for slot in (*instruction.outputs, *instruction.inputs):
            root = slot
            while (base := routine.slots[root].base) is not None:
                root = base
            start, _ = spans.get(root, (index, index))
            spans[root] = (start, index)
    for slot in routine.outputs.values():
        root = slot
        while (base := routine.slots[root].base) is not None:
            root = base
        spans[root] = (spans.get(root, (0, 0))[0], len(routine.instructions))
    return spans


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_buffers_needed_at_one_time_do_not_overlap(batch: int) -> None:
    for program in [lampc.compile.text(DEEP), *(case(seed).program for seed in range(40))]:
        for routine in (program.training, program.evaluation, program.predicting):
            plan = plan_memory(routine, batch)
            spans = lifetimes(routine)
            placed = sorted((offset, offset + routine.slots[s].type.nbytes(batch), s) for s, offset in plan.offsets.items())
            assert all(start % ALIGNMENT == 0 and end <= plan.size for start, end, _ in placed)
            for start, end, a in placed:
                for other_start, other_end, b in placed:
                    if a < b and start < other_end and other_start < end:
                        first, second = sorted((spans[a], spans[b]))
                        # One may end in the instruction in which the other begins: it has taken the buffer over.
                        assert first[1] <= second[0], (routine.slots[a], routine.slots[b])


def test_reuse_saves_memory_and_none_is_shared_without_it() -> None:
    routine = lampc.compile.text(DEEP).training
    shared, apart = plan_memory(routine, 32), plan_memory(routine, 32, reuse=False)
    assert shared.size < 0.8 * apart.size
    ends = sorted((o, o + routine.slots[s].type.nbytes(32)) for s, o in apart.offsets.items())
    assert all(end <= start for (_, end), (start, _) in pairwise(ends))


@pytest.mark.parametrize("source", [DEEP, *range(40)], ids=str)
def test_reuse_changes_no_bit_of_the_result(source: str | int) -> None:
    if isinstance(source, str):
        program = lampc.compile.text(source)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(9, 6, generator=generator)
        y = torch.randint(0, 5, (9,), generator=generator)
    else:
        this = case(source, "f32")
        program, x, y = this.program, this.x, this.y
    results = []
    for reuse in (True, False):
        storage = Storage(program.parameters, program.training, "f32", torch.device("cpu"))
        storage.initialise(program.parameters, seed=1)
        executor = Executor(program.training, len(x), storage, Random(5, torch.device("cpu")), reuse)
        for _ in range(5):
            executor.inputs["x"].copy_(x)
            executor.inputs["y"].copy_(y)
            run(executor.step)
        kept = [*executor.outputs.values(), *storage.by_name.values(), *storage.states.values()]
        results.append([tensor.clone() for tensor in kept])
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours.nan_to_num(7.0), theirs.nan_to_num(7.0))
