"""Many threads compile, call one model, and train beside one another: all get what a single thread gets, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import lampc
import lampc.compile
from lampc.diagnostics import Problems
from lampc.elaborate.given import Given
from lampc.layers.custom import OWN
from lampc.layers.layer import Construct
from lampc.ops.term import Term
from lampc.source import Source

NETWORK = "linear 2->16 xavier; tanh; linear 16 xavier; tanh; linear 1; sigmoid\ndata disc train=60 test=20\nloss bce"


def four(work: Callable[[int], bool]) -> list[bool]:
    """What four threads that begin together say."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, range(4)))


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_threads_share_a_model(backend: str) -> None:
    model = lampc.compile.text(NETWORK).model(seed=0, backend=backend)
    generator = torch.Generator().manual_seed(0)
    samples = [torch.rand(50, 2, generator=generator) for _ in range(4)]
    targets = [torch.randint(0, 2, (50, 1), generator=generator).float() for _ in range(4)]
    wanted = [model(x) for x in samples]
    measured = [model.evaluate(x, y) for x, y in zip(samples, targets, strict=True)]
    slopes = [model.gradients(x, y)[1]["linear1.weight"] for x, y in zip(samples, targets, strict=True)]

    def right(index: int) -> bool:
        x, y = samples[index], targets[index]
        return all(
            torch.equal(model(x), wanted[index])
            and model.evaluate(x, y) == measured[index]
            and torch.equal(model.gradients(x, y)[1]["linear1.weight"], slopes[index])
            for _ in range(60)
        )

    assert four(right) == [True] * 4


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_model_answers_while_it_is_trained_and_learns_the_same(backend: str) -> None:
    program = lampc.compile.text(f"{NETWORK}\ntrain epochs=30 batch=10 shuffle backend={backend}")
    alone, watched = program.model(seed=0), program.model(seed=0)
    alone.train()
    x = torch.rand(50, 2)

    def work(index: int) -> bool:
        if not index:
            watched.train()
            return True
        return all(bool(torch.isfinite(watched(x)).all()) for _ in range(40))

    assert four(work) == [True] * 4
    for name, parameter in alone.parameters.items():
        assert torch.equal(parameter, watched.parameters[name]), name


def test_a_backward_belongs_to_the_thread_of_its_loss() -> None:
    model = lampc.compile.text(NETWORK).model(seed=0)
    x, y = torch.rand(5, 2), torch.ones(5, 1)
    model.loss(x, y)
    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match=r"call model\.loss"):
        pool.submit(model.backward).result()


def test_threads_compile_side_by_side() -> None:
    lines = "linear 2->4\n" + "tanh\n" * 40

    def right(index: int) -> bool:
        for _ in range(12):
            problems = Problems()
            text = lines + ("linear 1e999" if index % 2 else f"linear {index + 3}")
            elaborated = lampc.compile.examine(Source(f"{index}.lamp", text), Given(), problems)
            codes = [(found.code, str(found.labels[0].span)) for found in problems.errors]
            if index % 2:
                if codes != [("E104", f"{index}.lamp:42:8")]:
                    return False
            elif codes or elaborated is None or elaborated.layers[-1].output_type.sample != (index + 3,):
                return False
        return True

    assert four(right) == [True] * 4


@pytest.mark.long
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_ten_thousand_calls_beside_a_thousand_compilations(backend: str) -> None:
    model = lampc.compile.text(NETWORK).model(seed=0, backend=backend)
    samples = [torch.rand(50 + index, 2, generator=torch.Generator().manual_seed(index)) for index in range(4)]
    wanted = [model(x) for x in samples]
    lists = [str(lampc.compile.text(f"{NETWORK}\ntrain batch={index + 5}").training) for index in range(4)]

    def right(index: int) -> bool:
        for turn in range(250):
            if str(lampc.compile.text(f"{NETWORK}\ntrain batch={index + 5}").training) != lists[index]:
                return False
            if not all(torch.equal(model(samples[(index + turn) % 4]), wanted[(index + turn) % 4]) for _ in range(10)):
                return False
        return True

    assert four(right) == [True] * 4


def test_a_cell_that_defines_a_layer_may_run_twice() -> None:
    def twice(make: Construct, x: Term) -> Term:
        """Two of it."""
        return x * 2.0

    first = twice
    try:
        lampc.layer(first)
        before = lampc.compile.text("input 3; twice").model()(torch.ones(1, 3))

        def changed(make: Construct, x: Term) -> Term:
            """Three of it."""
            return x * 3.0

        changed.__name__ = "twice"
        lampc.layer(changed)
        after = lampc.compile.text("input 3; twice").model()(torch.ones(1, 3))
    finally:
        OWN.pop("twice", None)
    assert before.tolist() == [[2.0] * 3]
    assert after.tolist() == [[3.0] * 3]
