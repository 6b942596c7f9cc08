"""A training that was stopped anywhere ends as if it had not been: bit for bit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.diagnostics import LampError
from lampc.runs import checkpoint, directory, train
from lampc.runs.stop import Stop, Stopped
from lampc.runtime.model import Model
from lampc.runtime.steps import Position

SOURCES = {
    "disc": "linear 2->9 xavier; tanh; dropout 0.2; linear 1; sigmoid\ndata disc train=330 test=40 validation=30\nloss mse\n"
    "optimizer sgd lr=0.1 momentum=0.9\nschedule cosine warmup=1\ntrain epochs=5 batch=32 shuffle seed=7",
    "adam": "linear 2->9 xavier; relu; linear 1; sigmoid\ndata disc train=50 test=9 validation=20\n"
    "loss bce\noptimizer adam lr=0.02 clip=1\ntrain epochs=4 batch=3 shuffle accumulate=2",
    "batchnorm": "input 2; linear 6; batchnorm; relu; dropout 0.1; linear 1\ndata disc train=100 test=20 validation=20\n"
    "loss mse\noptimizer adamw lr=0.01\ntrain epochs=3 batch=8 shuffle seed=3",
}


def training(source: str, folder: Path, backend: str, stop: Stop, go_on: bool) -> Model:
    """One process's part of a training."""
    program = lampc.compile.text(source, folder=folder.parent, **{"train.backend": backend})
    model = program.model()
    if go_on:
        kept = train.reopened(directory.take(folder / "1"), program, stop)
    else:
        held = directory.create(folder.parent, folder.name)
        kept = train.begin(program, model, held, "a.lamp", [], [], 1, stop)
    try:
        history = train.train_one(kept, model, go_on=go_on)
        train.close(kept, [history], 0.0)
    finally:
        kept.directory.close()
    return model


def ending(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], list[dict[str, Any]], dict[str, Any]]:
    """All that a run came to, but for the seconds."""
    lines = [json.loads(line) for line in (folder / "1" / "metrics.jsonl").read_text().splitlines()]
    last, best = (checkpoint.read(folder / "1" / name) for name in (directory.LAST, directory.BEST))
    progress = {name: value for name, value in last.about["progress"].items() if name != "seconds"}
    about = {"progress": progress, "random": last.about["random"], "best": best.about["best"], "b": last.about["best"]}
    return dict(last.tensors), dict(best.tensors), [{**line, "seconds": 0} for line in lines], about


@pytest.fixture
def small_spells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training looks up after every minibatch or two."""
    monkeypatch.setattr("lampc.runtime.train._SPELL", 1e-9)


def stops_after(times: int) -> Callable[[Stop], None]:
    """Ask to stop at the so manyth break."""
    breaks = iter(range(times))

    def count(stop: Stop) -> None:
        if next(breaks, None) is None:
            stop.signal = 15

    return count


@pytest.mark.usefixtures("small_spells")
@pytest.mark.parametrize(
    ("name", "backend"), [("disc", "native"), ("disc", "torch"), ("adam", "native"), ("adam", "torch"), ("batchnorm", "torch")]
)
def test_twenty_stops_change_no_bit(name: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training(SOURCES[name], tmp_path / "whole", backend, Stop(), False)
    wanted = ending(tmp_path / "whole")
    drawn = random.Random(5)
    between, places = train.Keep.between, set()

    for trial in range(20):
        folder, go_on = tmp_path / f"stopped{trial}", False
        for _ in range(50):
            stop, ask = Stop(), stops_after(drawn.randrange(1, 25))

            def looking(self: Any, where: Position, *rest: Any, ask: Any = ask, stop: Stop = stop) -> None:
                ask(stop)
                places.add((where.epoch, where.done))
                between(self, where, *rest)

            monkeypatch.setattr(train.Keep, "between", looking)
            try:
                training(SOURCES[name], folder, backend, stop, go_on)
                break
            except Stopped:
                go_on = True
        found = ending(folder)
        for mine, theirs in zip(found[:2], wanted[:2], strict=True):
            assert mine.keys() == theirs.keys()
            assert all(torch.equal(mine[label], theirs[label]) for label in theirs)
        assert found[2:] == wanted[2:]
    assert sum(done > 0 for _, done in places) >= 10  # in the midst of an epoch


@pytest.mark.usefixtures("small_spells")
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_samples_keep_their_weights(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a split, a shuffle and a stop in the midst of an epoch; the sums of weights that an epoch has come to go on."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "w.npz", x=rng.normal(size=(80, 3)), y=rng.integers(0, 3, 80), w=rng.exponential(size=80))
    source = (
        'linear 3->5 xavier; tanh; linear 3\ndata npz "w.npz" validation=0.2\nloss crossentropy weights=balanced\n'
        "train epochs=3 batch=7 shuffle"
    )
    training(source, tmp_path / "whole", backend, Stop(), False)
    between, stops = train.Keep.between, 0
    while stops < 30:
        stop, ask = Stop(), stops_after(3)
        monkeypatch.setattr(train.Keep, "between", lambda *given, ask=ask, stop=stop: (ask(stop), between(*given)))
        try:
            training(source, tmp_path / "stopped", backend, stop, stops > 0)
            break
        except Stopped:
            stops += 1
    assert stops > 5
    found, wanted = ending(tmp_path / "stopped"), ending(tmp_path / "whole")
    assert all(torch.equal(found[0][label], wanted[0][label]) for label in wanted[0])
    assert found[2:] == wanted[2:]


@pytest.mark.parametrize(
    ("trained", "resumed", "difference", "places"),
    [
        ("linear 1;", "linear 4; tanh; linear 1;",
         "here is `linear2` with linear2.weight 4x9, linear2.bias 4, there `linear2` with linear2.weight 1x9, linear2.bias 1",
         ["<text>:1:27", "last.safetensors:a.lamp:1:27"]),
        ("linear 1;", "linear 1; linear 1;", "here is `linear3` with linear3.weight 1x1, linear3.bias 1, there no such layer",
         ["<text>:1:37"]),
        ("linear 1; linear 1;", "linear 1;", "here is no `linear3`, there `linear3` with linear3.weight 1x1, linear3.bias 1",
         ["last.safetensors:a.lamp:1:37"]),
    ],
    ids=["another", "one more", "one less"],
)  # fmt: skip
def test_a_checkpoint_of_another_network_is_refused_with_both_places(
    trained: str, resumed: str, difference: str, places: list[str], tmp_path: Path
) -> None:
    training(SOURCES["adam"].replace("linear 1;", trained), tmp_path / "a", "native", Stop(), False)
    with pytest.raises(LampError) as caught:
        training(SOURCES["adam"].replace("linear 1;", resumed), tmp_path / "a", "native", Stop(), True)
    (found,) = caught.value.diagnostics
    assert found.code == "E612"
    assert found.message.rpartition("/")[2] == f"last.safetensors is of another network: {difference}"
    assert [str(label.span).rpartition("/")[2] for label in found.labels] == places


def test_other_settings_are_another_program(tmp_path: Path) -> None:
    training(SOURCES["adam"], tmp_path / "a", "native", Stop(), False)
    with pytest.raises(LampError, match="not what the run was trained with"):
        training(SOURCES["adam"].replace("clip=1", "clip=2 amsgrad"), tmp_path / "a", "native", Stop(), True)
    with pytest.raises(LampError, match="the data is not what"):
        training(SOURCES["disc"].replace("train=330", "train=331"), tmp_path / "a", "native", Stop(), True)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_what_goes_on_with_another_rate_or_for_longer_trains_so(backend: str, tmp_path: Path) -> None:
    """A rate of nothing changes nothing; a schedule that had come to its end goes on as one of so many epochs."""

    def moved(after: str) -> float:
        before = training(SOURCES["disc"], tmp_path / after / "a", backend, Stop(), False).parameters
        asked = SOURCES["disc"].replace("epochs=5", "epochs=7").replace("lr=0.1", after)
        found = training(asked, tmp_path / after / "a", backend, Stop(), True).parameters
        return max(float((found[name] - tensor).abs().max()) for name, tensor in before.items())

    assert moved("lr=1e-30") < 1e-6 < 1e-2 < moved("lr=0.1")


def test_two_processes_never_share_a_directory(tmp_path: Path) -> None:
    held = directory.create(tmp_path, "a")
    with pytest.raises(LampError, match=r"is in use by process \d+"):
        directory.take(held.path)
    assert directory.create(tmp_path, "a").path.name == "2"
    held.close()
    directory.take(held.path).close()


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_patience_ends_early_and_keeps_the_best(backend: str, tmp_path: Path) -> None:
    source = SOURCES["disc"].replace("epochs=5", "epochs=400 patience=3 best=loss").replace("lr=0.1", "lr=0.9")
    model = training(source, tmp_path / "a", backend, Stop(), False)
    _, best, lines, about = ending(tmp_path / "a")
    losses = [line["validation"]["loss"] for line in lines]
    number, value = about["best"]["epoch"], about["best"]["value"]
    assert len(lines) < 400
    assert value == min(losses) == losses[number - 1]
    assert len(lines) - number == 3
    assert any(not torch.equal(best[name], tensor) for name, tensor in model.parameters.items())
