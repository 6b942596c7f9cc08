"""The shipped experiments: each compiles without a warning, and learns what its file says it does."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

import lampc.compile
from lampc.runtime.runs import train_runs

MODELS = Path(__file__).parents[1] / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.lamp"))


def expected(name: str) -> float:
    """The accuracy that a file's first line promises."""
    first = (MODELS / f"{name}.lamp").read_text(encoding="utf-8").splitlines()[0]
    found = re.search(r"Expected: (?:(\d+) %|all)", first)
    assert found, first
    return float(found[1] or 100) / 100


@pytest.mark.parametrize("name", NAMES)
def test_compiles_without_a_warning(name: str) -> None:
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    assert program.warnings == ()
    assert len(program.update) > 0


@pytest.mark.parametrize("name", NAMES)
def test_learns_what_it_promises(name: str) -> None:
    """The mean of three seeds, within the sampling error of a thousand or fewer held-out points."""
    if name == "digits":
        pytest.importorskip("sklearn")
    program = lampc.compile.file(MODELS / f"{name}.lamp")
    found = statistics.fmean(history.test["accuracy"] for history in train_runs(program, [0, 1, 2]))
    assert found >= expected(name) - 0.015


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
