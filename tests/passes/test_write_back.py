"""What a step replaces: every state ends as the graph says, from the values that all of them had before it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lampc.ir.graph import Graph, Stage
from lampc.ir.leaves import Input, State
from lampc.ir.types import B, Type
from lampc.native.engine import Code, compile_text, host
from lampc.native.module import build as build_module
from lampc.native.session import Session
from lampc.ops.arithmetic import Add, Mul
from lampc.ops.reduction import Mean
from lampc.ops.shape import Reshape
from lampc.ops.term import Build, Term
from lampc.passes.lower import lower
from lampc.runtime.executor import Executor, run
from lampc.runtime.storage import Storage

Step = Callable[[Build, Term, Term], tuple[Term, Term]]
"""Of two states, their next values."""

STEPS: dict[str, tuple[Step, Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]]] = {
    "each by itself": (lambda b, p, q: (b(Add(), p, p), b(Mul(), q, q)), lambda p, q: (p + p, q * q)),
    "both by one value": (lambda b, p, q: (s := b(Add(), p, q), s), lambda p, q: (p + q, p + q)),
    "one by the other": (lambda b, p, q: (q, b(Add(), p, q)), lambda p, q: (q, p + q)),
    "the other by the one": (lambda b, p, q: (b(Add(), p, q), p), lambda p, q: (p + q, p)),
    "exchanged": (lambda b, p, q: (q, p), lambda p, q: (q, p)),
    "one stays": (lambda b, p, q: (p, b(Add(), p, q)), lambda p, q: (p, p + q)),
    "the new one of the new one": (lambda b, p, q: (s := b(Add(), p, q), b(Mul(), s, p)), lambda p, q: (p + q, (p + q) * p)),
    "the new one of both old ones": (lambda b, p, q: (b(Mul(), p, q), b(Add(), q, p)), lambda p, q: (p * q, q + p)),
    "read by a view afterwards": (
        lambda b, p, q: ((v := b(Reshape(p.type.shape), p)) and b(Add(), p, p), b(Mul(), v, q)), lambda p, q: (p + p, p * q)
    ),
    "of its own view": (
        lambda b, p, q: (b(Add(), b(Reshape(p.type.shape), p), q), b(Mul(), p, q)), lambda p, q: (p + q, p * q)
    ),
    "by a view": (lambda b, p, q: (b(Reshape(p.type.shape), q), b(Add(), p, q)), lambda p, q: (q, p + q)),
}  # fmt: skip


def leaves(*shape: int) -> tuple[State, State]:
    return State(Type("f32", shape), "p", 2.0), State(Type("f32", shape), "q", 5.0)


def made(step: Step, stage: Stage, states: tuple[State, State]) -> Graph:
    """A graph whose loss is the mean of x, and what it replaces."""
    graph = Graph()
    build = Build(graph)
    x = build(Input(Type("f32", (B, 3))))
    graph.outputs |= {"prediction": x.value, "loss": build(Mean((0, 1)), x).value}
    with build.at(stage=stage):
        p, q = (build(leaf) for leaf in states)
        for old, new in zip((p, q), step(build, p, q), strict=True):
            build.replace(old, new)
    return graph


@pytest.mark.parametrize("stage", [Stage.FORWARD, Stage.UPDATE])
@pytest.mark.parametrize("name", STEPS)
def test_every_state_is_replaced_by_the_op_list(name: str, stage: Stage) -> None:
    step, meant = STEPS[name]
    states = leaves(3)
    routine = lower(made(step, stage, states))
    storage = Storage({}, routine, "f32", torch.device("cpu"))
    storage.initialise({}, 0)
    executor = Executor(routine, 2, storage)
    expected = torch.full((3,), 2.0), torch.full((3,), 5.0)
    for _ in range(2):
        run(executor.step)
        expected = meant(*expected)
        for leaf, value in zip(states, expected, strict=True):
            torch.testing.assert_close(storage.tensor(leaf), value, rtol=0, atol=0)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", STEPS)
def test_every_state_is_replaced_by_native_code(name: str, fused: bool) -> None:
    step, meant = STEPS[name]
    module = build_module(made(step, Stage.UPDATE, leaves()), ("loss",), host().target, False, 2, fused)
    session = Session(module, Code(compile_text(module.text)), 2, poison=True)
    states = {"p": np.full((), 2, np.float32), "q": np.full((), 5, np.float32)}
    session.bind(states)
    session.put()
    expected = torch.tensor(2.0), torch.tensor(5.0)
    for _ in range(2):
        session.run(np.ones((2, 3), np.float32), None, np.arange(2)[None], 2)
        session.take()
        expected = meant(*expected)
        assert [states["p"].item(), states["q"].item()] == [value.tolist() for value in expected]
