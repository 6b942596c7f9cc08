"""The ways by which a program is trained, and what a training was, to hold one to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lampc.compile
from lampc.cli import run
from lampc.runs.keep import Keep
from lampc.runs.load import load
from lampc.runtime.history import History
from lampc.runtime.runs import train_runs


@dataclass
class Course:
    """What a training was, but for the seconds."""

    epochs: list[tuple[float, dict[str, float]]]
    best: tuple[int, str, float, float] | None
    measured: tuple[dict[str, float], dict[str, float], dict[str, float]]
    chosen: dict[str, list[float]]
    """The weights that are used."""

    @classmethod
    def of(cls, history: History, weights: Any = None) -> Course:
        """What a history tells; ``weights``: those of the end."""
        best = history.best
        used = weights if best is None else best.weights
        return cls([(epoch.loss, epoch.validation) for epoch in history],
                   None if best is None else (best.epoch, best.metric, best.value, best.loss),
                   (history.train, history.validation, history.test),
                   {name: t.tolist() for name, t in used.items()})  # fmt: skip


def python(program: lampc.compile.Program, _: str) -> Course:
    model = program.model()
    return Course.of(model.train(), model.parameters)


def many(seeds: int, **how: Any) -> Callable[[lampc.compile.Program, str], Course]:
    """The first of some seeds."""

    def course(program: lampc.compile.Program, _: str) -> Course:
        first, ends = program.experiment.train.seed, {}
        histories = train_runs(program, range(first, first + seeds), on_end=lambda _, model, history: ends.setdefault(
            history.seed, {name: t.clone() for name, t in model.parameters.items()}), **how)  # fmt: skip
        return Course.of(histories[0], ends[first])

    return course


def saved(_: lampc.compile.Program, text: str) -> Course:
    Path("a.lamp").write_text(text, encoding="utf-8")
    assert run(["train", "a.lamp"]) == 0
    return kept()


def resumed(_: lampc.compile.Program, text: str) -> Course:
    """Stopped after each break in turn, and gone on with."""
    Path("a.lamp").write_text(text, encoding="utf-8")
    between, asked = Keep.between, 0

    def stopped(self: Keep, where: Any, *rest: Any) -> None:
        nonlocal asked
        asked += 1
        self.stop.signal = 15 if where.epoch and asked % 9 == 0 else 0
        between(self, where, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keep, "between", stopped)
        patch.setattr("lampc.runtime.train._SPELL", 1e-9)
        status = run(["train", "a.lamp"])
        while status == 143:
            status = run(["train", "--resume", "a"])
    assert status == 0
    return kept()


def kept() -> Course:
    """What a run's files tell."""
    found = load("a")
    lines = [json.loads(line) for line in (found.path / "metrics.jsonl").read_text().splitlines()]
    summary = json.loads((found.path / "summary.json").read_text())
    about = found.kept.about["best"]
    parts = [{name: value["mean"] for name, value in summary[part].items()} for part in ("train", "validation", "test")]
    return Course([(line["loss"], line.get("validation", {})) for line in lines],
                  about and tuple(about[name] for name in ("epoch", "metric", "value", "loss")), tuple(parts),
                  {name: t.tolist() for name, t in found.model().parameters.items()})  # fmt: skip


PATHS = {
    "saved": saved, "resumed": resumed, "one seed": many(1), "not saved": many(1, every=0.2),
    "a sweep's row": many(1, every=9e9), "several seeds": many(2), "several at once": many(3, every=9e9, jobs=3),
    "several seeds, saved": many(2, measure=4),
}  # fmt: skip
