"""Whole random networks: lampc's gradients against torch.autograd's, on a reference written apart from the compiler."""

from __future__ import annotations

import math

import pytest
import torch
from networks import case

from lampc.compile import FORWARD, WHOLE
from lampc.ir.keys import Grad
from lampc.ir.verify import verify, verify_routine
from lampc.passes.differentiate import differentiate
from lampc.passes.inference import for_inference
from lampc.passes.optimise import optimise
from lampc.runtime.executor import Executor, run


@pytest.mark.parametrize("block", range(10))
def test_loss_and_gradients_are_autograds(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        this = case(seed)
        model = this.program.model(seed=seed)
        loss, gradients = model.gradients(this.x, this.y)
        wanted, judged = this.judge(list(model.parameters.values()), torch.float64)
        torch.testing.assert_close(loss, wanted.detach(), rtol=1e-10, atol=1e-12)
        scale = max([float(g.abs().max()) for g in judged if g.numel()], default=1.0)
        for (name, found), expected in zip(gradients.items(), judged, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10 * max(scale, 1e-6),
                                       msg=lambda m, name=name, seed=seed: f"seed {seed}, {name}: {m}")  # fmt: skip


def test_float32_errs_no_more_than_three_times_torch() -> None:
    ours, theirs = [], []
    for seed in range(150):
        this = case(seed, "f32")
        model = this.program.model(seed=seed)
        _, found = model.gradients(this.x, this.y)
        parameters = list(model.parameters.values())
        this.x = this.x.float().double()
        exact = this.judge(parameters, torch.float64)[1]
        single = this.judge(parameters, torch.float32)[1]
        norm = math.sqrt(sum(float(g.square().sum()) for g in exact)) or 1.0
        if not math.isfinite(norm):
            continue
        ours.append(
            math.sqrt(sum(float((a.double() - b).square().sum()) for a, b in zip(found.values(), exact, strict=True))) / norm
        )
        theirs.append(math.sqrt(sum(float((a.double() - b).square().sum()) for a, b in zip(single, exact, strict=True))) / norm)
    assert len(ours) > 100
    assert sum(ours) <= 3 * sum(theirs)
    assert sorted(ours)[len(ours) // 2] <= 3 * sorted(theirs)[len(theirs) // 2] + 1e-8


def test_graphs_and_op_lists_are_valid_after_every_pass() -> None:
    for seed in range(60):
        program = case(seed).program
        graph = program.elaborated.graph
        verify(graph)
        for step in FORWARD:
            graph = step(graph)
            verify(graph)
        verify(for_inference(graph))
        graph = differentiate(graph)
        verify(graph)
        graph = optimise(graph, program.experiment.optimizer, program.experiment.schedule)
        verify(graph)
        for step in WHOLE:
            graph = step(graph)
            verify(graph)
        for routine in (program.training, program.evaluation, program.predicting):
            verify_routine(routine)


def test_passes_leave_their_input_alone() -> None:
    program = case(3).program
    graph = program.elaborated.graph
    before = [graph[i] for i in range(len(graph))], dict(graph.outputs)
    for step in (*FORWARD, *WHOLE, differentiate, for_inference):
        step(graph)
    assert ([graph[i] for i in range(len(graph))], dict(graph.outputs)) == before


@pytest.mark.parametrize("seed", range(40))
def test_optimisation_changes_results_by_rounding_alone(seed: int) -> None:
    this = case(seed)
    model = this.program.model(seed=seed)
    loss, gradients = model.gradients(this.x, this.y)

    from lampc.passes.dce import remove_dead
    from lampc.passes.gains import find_gains
    from lampc.passes.lower import lower

    plain = remove_dead(differentiate(find_gains(this.program.elaborated.graph)))
    routine = lower(plain)
    executor = Executor(routine, len(this.x), model.storage)
    executor.inputs["x"].copy_(this.x)
    executor.inputs["y"].copy_(this.y)
    run(executor.step)
    torch.testing.assert_close(executor.outputs["loss"], loss, rtol=1e-11, atol=1e-12)
    scale = max([float(g.abs().max()) for g in gradients.values()], default=1.0)
    for name, gradient in gradients.items():
        found = executor.outputs.get(Grad(name), torch.zeros_like(gradient))
        torch.testing.assert_close(found, gradient, rtol=1e-10, atol=1e-11 * max(1.0, scale))
