"""Many runs at once: each the same, bit by bit, as the run alone."""

from __future__ import annotations

import time

import lampc.compile
from lampc.runtime.history import Epoch
from lampc.runtime.runs import train_runs

SOURCE = "linear 2->9 xavier; tanh; dropout 0.1; linear 1; sigmoid\ndata disc train=130 test=50\nloss mse\n" + (
    "optimizer sgd lr=0.3 momentum=0.9\ntrain epochs=6 batch=50 shuffle"
)


def test_runs_equal_themselves_alone() -> None:
    program = lampc.compile.text(SOURCE)
    seeds = [5, 6, 7, 5]
    for jobs in (1, 2, 3):
        histories = train_runs(program, seeds, jobs=jobs)
        for seed, history in zip(seeds, histories, strict=True):
            alone = program.model(seed=seed).train()
            assert history.seed == seed
            assert [epoch.loss for epoch in history] == [epoch.loss for epoch in alone]
            assert history.test == alone.test


def test_breaks_change_nothing() -> None:
    program = lampc.compile.text(SOURCE)
    each, few = program.model(seed=1), program.model(seed=1)
    first, second = each.train(), few.train(every=1e9)
    assert [epoch.loss for epoch in first] == [epoch.loss for epoch in second]
    assert first.test == second.test
    assert [bool(epoch.test) for epoch in second] == [True, False, False, False, False, True]


def test_settings_and_seeds() -> None:
    program = lampc.compile.text(SOURCE)
    found = program.train_many([1, 2], [{"lr": 0.3}, {"lr": 0.01}])
    assert [[history.seed for history in row] for row in found] == [[1, 2], [1, 2]]
    assert found[0][0][-1].loss < found[1][0][-1].loss
    model = program.model(seed=2)
    model.set(lr=0.01)
    assert found[1][1].test == model.train().test


def test_an_interruption_keeps_the_runs_that_have_ended() -> None:
    program = lampc.compile.text(SOURCE)
    finished: list[object] = []

    def interrupt(run: int, seed: int, epoch: Epoch) -> None:
        if run == 3:
            raise KeyboardInterrupt
        time.sleep(0.001)

    try:
        train_runs(program, list(range(8)), on_epoch=interrupt, finished=finished, jobs=2)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("not interrupted")
    assert 1 <= len(finished) < 8
