"""The shipped experiments: each compiles without a warning, and learns what its file says it does."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import numpy as np
import pytest

import lampc.compile
from lampc.runtime.runs import train_runs

MODELS = Path(__file__).parents[1] / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.lamp"))


SLOW = {"gpt", "lstm"}
"""Models that take half a minute; they are trained by the long tests."""


def expected(name: str) -> tuple[str, float]:
    """The metric that a file's first line promises, and how much of it."""
    first = (MODELS / f"{name}.lamp").read_text(encoding="utf-8").splitlines()[0]
    found = re.search(r"Expected: (?:(\d+) %|all|(\w+) ([\d.]+))", first)
    assert found, first
    return (found[2], float(found[3])) if found[2] else ("accuracy", float(found[1] or 100) / 100)


@pytest.mark.parametrize("name", NAMES)
def test_compiles_without_a_warning(name: str) -> None:
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    assert program.warnings == ()
    assert len(program.update) > 0


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in SLOW else n for n in NAMES])
def test_learns_what_it_promises(name: str) -> None:
    """The mean of three seeds, within the sampling error of a thousand or fewer held-out points; one seed through torch."""
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    data = program.experiment.data
    if data is not None and data.source.name in ("digits", "wine", "breastcancer", "diabetes"):
        pytest.importorskip("sklearn")
    seeds = [0, 1, 2] if program.native.check() is None else [0]
    metric, wanted = expected(name)
    found = statistics.fmean(history.test[metric] for history in train_runs(program, seeds))
    if metric == "loss":
        assert found <= wanted
    else:
        assert found >= wanted - (0.015 if metric == "accuracy" else 0.03)


@pytest.mark.parametrize("name", sorted(SLOW))
def test_a_bigram_model_is_worse_than_what_is_promised(name: str) -> None:
    """Counts of pairs with one added to each, the cross-entropy of the text held out."""
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    data = program.data()
    size = len(data.description.vocabulary or ())
    counts = np.ones((size, size))
    np.add.at(counts, (data.train.x.ravel(), data.train.y.ravel()), 1)
    logs = np.log(counts / counts.sum(1, keepdims=True))
    bigram = -logs[data.test.x, data.test.y].mean()
    assert expected(name)[1] < 0.5 * bigram


@pytest.mark.long
@pytest.mark.parametrize("shuffle", [True, False])
def test_fifty_runs_of_the_seed_experiment(shuffle: bool) -> None:
    program = lampc.compile.file(MODELS / "disc.lamp", shuffle=shuffle)
    found = [history.test["accuracy"] for history in train_runs(program, list(range(50)))]
    assert statistics.fmean(found) >= 0.955


@pytest.mark.long
@pytest.mark.parametrize(("name", "accuracy"), [("digits", 0.97), ("iris", 0.95)])
def test_tables_over_twenty_runs(name: str, accuracy: float) -> None:
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    assert statistics.fmean(history.test["accuracy"] for history in train_runs(program, list(range(20)))) >= accuracy
