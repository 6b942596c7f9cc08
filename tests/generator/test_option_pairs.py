"""Options of a training in all pairs: each backend and each way of training comes to what a loop by hand comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from courses import Course, python, resumed, saved

import lampc.compile
from generator import experiment
from generator.judge import quick_code
from generator.options import AXES, BATCH, EPOCHS, ROWS, fits, program, source, table
from generator.pairs import Row, all_pairs, pairs_of
from generator.reference import Loop, Reference
from generator.together import trained
from lampc.cli import run
from lampc.compile import Program
from lampc.runs import several
from lampc.runtime.loader import tensor

NEAR = {"f64": 1e-9, "f32": 2e-4, "bf16": 0.03}
"""How near losses come to those in float64."""
NUMBERS = [pytest.param(number, id="-".join(v for v in row.values() if v not in ("no", "0", "1", "one", "none")))
           for number, row in enumerate(ROWS)]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    Path("samples.csv").write_text(table(), encoding="utf-8")
    with quick_code():
        yield


def compiled(row: Row, number: int, **settings: Any) -> Program:
    return lampc.compile.text(source(row, number), **{f"train.{name}": value for name, value in settings.items()})


def native(row: Row) -> bool:
    """Whether it has native code."""
    return row["precision"] != "bf16" and row["optimizer"] != "muon"


def by_hand(row: Row, seed: int) -> list[tuple[float, dict[str, float]]]:
    """The loss of each epoch and what the validation part says, by a loop in PyTorch."""
    reference, written = Reference(program(row, seed)), compiled(row, seed, backend="torch")
    data = written.data(seed)
    assert data.validation is not None
    (x, y), (seen, known) = ((tensor(part.x).double(), tensor(part.y)) for part in (data.train, data.validation))
    begin = {name: p.double().clone() for name, p in written.model().parameters.items()}
    loop = Loop(reference, begin, -(-len(x) // BATCH), EPOCHS)
    orders = torch.Generator().manual_seed(seed)
    found: list[tuple[float, dict[str, float]]] = []
    ranks: list[tuple[float, float]] = []
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=orders) if row["shuffle"] == "yes" else torch.arange(len(x))
        mean = loop.epoch([(x[some], y[some]) for some in order.split(BATCH)])
        with torch.no_grad():
            loss, p = reference.loss(reference.network(loop.values, False), seen, known)
        accuracy = experiment.metric("accuracy", p, known, reference.program, reference.output)
        found.append((mean, {"loss": float(loss), "accuracy": accuracy}))
        ranks.append((accuracy if row["best"] == "accuracy" else 0.0, -float(loss)))
        if row["patience"] != "0" and len(ranks) - 1 - ranks.index(max(ranks)) >= int(row["patience"]):
            break
    return found


def near(found: Course, wanted: list[tuple[float, dict[str, float]]], precision: str) -> None:
    """Hold epochs to others; in less than float64 an accuracy, and with it the end, may be another."""
    if precision == "f64":
        assert len(found.epochs) == len(wanted)
    for (loss, measured), (right, measures) in zip(found.epochs, wanted, strict=False):
        assert loss == pytest.approx(right, rel=NEAR[precision])
        assert measured["loss"] == pytest.approx(measures["loss"], rel=NEAR[precision])
        if precision == "f64":
            assert measured["accuracy"] == measures["accuracy"]


@cache
def alone(number: int, backend: str, later: int = 0) -> Course:
    """How a row's program trains in Python, from its seed or a later one."""
    return python(compiled(ROWS[number], number, backend=backend, runs=1, seed=number + later), "")


@pytest.mark.parametrize("number", NUMBERS)
def test_backends_and_a_loop_by_hand_come_to_the_same(number: int) -> None:
    row = ROWS[number]
    if row["dropout"] == "0":
        near(alone(number, "torch"), by_hand(row, number), row["precision"])
    if native(row):
        near(alone(number, "native"), alone(number, "torch").epochs, row["precision"])


def seeds_of_a_run(text: str, monkeypatch: pytest.MonkeyPatch, stops: bool) -> dict[int, list[tuple[float, dict[str, float]]]]:
    """The epochs of each seed of a run that is kept, and stopped after its first seed."""
    Path("a.lamp").write_text(text, encoding="utf-8")
    ended = several._Book.ended

    def once(book: Any, *rest: Any) -> None:
        ended(book, *rest)
        if stops:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(several._Book, "ended", once)
        assert run(["train", "a.lamp"]) == (130 if stops else 0)
    if stops:
        assert run(["train", "--resume", "a"]) == 0
    lines = [json.loads(line) for line in Path("runs/a/1/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {seed: [(line["loss"], line["validation"]) for line in lines if line["seed"] == seed]
            for seed in sorted({line["seed"] for line in lines})}  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_a_run_that_is_kept_takes_the_same_course(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ROWS[number]
    backend = row["backend"] if native(row) else "torch"
    text, first = source({**row, "backend": backend}, number), alone(number, backend)
    if row["runs"] == "1":
        assert (resumed if row["resume"] == "yes" else saved)(compiled(row, number), text) == first
    else:
        found = seeds_of_a_run(text, monkeypatch, row["resume"] == "yes")
        assert found == {number: first.epochs, number + 1: alone(number, backend, 1).epochs}


def test_two_processes_take_the_same_course(tmp_path: Path) -> None:
    numbers = [number for number, row in enumerate(ROWS) if row["workers"] == "2"]
    for number in numbers:
        Path(f"{number}.lamp").write_text(source(ROWS[number], number), encoding="utf-8")
    found = trained(tmp_path)
    assert found.keys() == {str(number) for number in numbers}
    for number in numbers:
        together, epochs = found[str(number)], alone(number, "torch").epochs
        if ROWS[number]["dropout"] == "0":
            near(together, epochs, ROWS[number]["precision"])
        else:  # each process drops out numbers of its own
            assert together.epochs[0][0] == pytest.approx(epochs[0][0], rel=0.3)


def test_all_pairs_stand_in_some_row() -> None:
    assert all_pairs(AXES, fits) <= {pair for row in ROWS for pair in pairs_of(row)}
    assert all(fits(row) for row in ROWS)
    assert len(ROWS) < 50


def test_patience_ends_some_of_them() -> None:
    lengths = {len(alone(number, "torch").epochs) for number, row in enumerate(ROWS) if row["patience"] == "2"}
    assert min(lengths) < EPOCHS == max(lengths)
