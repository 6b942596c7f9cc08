"""A training that will come to nothing says so early, the same on every path and backend; an ordinary one says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import lampc.compile
from lampc.cli import run
from lampc.runtime.history import History
from lampc.runtime.watch import guess

DATA = "data disc train=200 test=0"
DEAD = f"linear 2->8 xavier bias=constant(-9); relu; linear 1 xavier; {DATA}; loss mse; train epochs=10"
GUESSING = f"linear 2->1 constant(9); sigmoid; {DATA}; loss bce; optimizer sgd lr=1e-4; train epochs=10"


def seen(history: History) -> list[str]:
    """What was warned of, with the epoch after which it was."""
    return [f"{epoch.epoch} {each.code}" for epoch in history for each in epoch.warnings]


def trained(source: str, **settings: object) -> History:
    return lampc.compile.text(source, **settings).model().train()  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (DEAD, ["5 W431"]),
        (DEAD.replace("epochs=10", "epochs=40"), ["8 W431"]),
        (DEAD.replace("epochs=10", "epochs=4"), []),
        (DEAD.replace("-9", "0"), []),
        (
            DEAD.replace("relu; linear 1 xavier", "relu; linear 8 xavier bias=constant(-9); tanh; linear 1"),
            ["5 W431", "5 W432"],
        ),
        (DEAD.replace("-9", "9").replace("relu", "sigmoid"), ["5 W432"]),
        (DEAD.replace("relu", "leakyrelu"), []),
        ("input 1x4x4 as i; conv 4 3 bias=constant(-99); relu; flatten; linear 10 xavier; loss mse", None),
        (GUESSING, ["5 W433"]),
        (GUESSING.replace("loss bce", "loss total = bce(p, y)"), ["5 W433"]),
        (GUESSING.replace("constant(9)", "xavier").replace("1e-4", "1"), []),
        (f"linear 2->1 xavier; {DATA}; loss mse; optimizer sgd lr=1e-9; train epochs=5", ["5 W435"]),
        (f"linear 2->1 xavier; {DATA}; loss mse; optimizer sgd lr=0; train epochs=5", []),  # W416 has said it
        (f"linear 2->1 xavier; {DATA}; loss mse; optimizer sgd lr=0.1; train epochs=5", []),
        (f"linear 2->8 xavier; leakyrelu; linear 1 xavier; {DATA}; loss mse; optimizer adam lr=30; train epochs=5", ["5 W434"]),
    ],
)
def test_what_shows_after_a_fifth_of_the_epochs(source: str, wanted: list[str] | None, backend: str) -> None:
    if wanted is None:  # channels of images, whose samples are given
        model = lampc.compile.text(source, backend=backend if backend == "torch" else "auto").model()
        history = model.train(lampc.DataLoader((torch.rand(20, 1, 4, 4), torch.rand(20, 10)), 10), epochs=5)
        assert seen(history) == ["5 W431"]
    else:
        assert seen(trained(source, backend=backend)) == wanted


def test_looking_changes_no_bit() -> None:
    program = lampc.compile.text(f"linear 2->8 xavier; relu; dropout 0.1; linear 1; {DATA}; loss mse; train epochs=9 shuffle")
    for backend in ("torch", "native"):
        found = []
        for watch in (False, True):
            model = program.model(backend=backend)
            history = model.train(watch=watch)
            found.append((model.parameters["linear1.weight"].clone(), [epoch.loss for epoch in history]))
        assert torch.equal(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]


@pytest.mark.parametrize("options", [(), ("--no-save",), ("--runs", "3"), ("--no-save", "--runs", "3"), ("--json",)])
def test_every_path_says_it_once(options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.lamp").write_text(DEAD.replace("; ", "\n"))
    assert run(["train", str(tmp_path / "a.lamp"), *options]) == 0
    said = capsys.readouterr().err
    assert said.count("W431") == 1
    assert "a.lamp:2:1: warning[W431]: after 5 of 10 epochs 8 of the 8 units of relu1 are 0" in said


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("linear 2->10; loss crossentropy", "ln 10"),
        ("linear 2->10; logsoftmax; loss nll", "ln 10"),
        ("linear 2->3; sigmoid; loss bce", "ln 2"),
        ("linear 2->10; loss crossentropy smoothing=0.1", None),
        ("linear 2->2; loss crossentropy weights=[1, 5]", None),
        ("linear 2->10; loss crossentropy ignore=0", None),
        ("linear 2->10; loss crossentropy soft", None),
        ("linear 2->10; loss mse", None),
        ("linear 2->10; loss total = crossentropy(p, y)", "ln 10"),
        ("linear 2->7 as h; tanh; linear 3; loss total = nll(h, y)", "ln 7"),
        ("linear 2->10; loss total = 2 * crossentropy(p, y)", None),
        ("linear 2->10; loss total = crossentropy(p, y, smoothing=0.1)", None),
        ("linear 2->10; loss total = crossentropy(p, y) + mean(p^2)", None),
        ("linear 2->3; sigmoid; loss total = bce(p, part(y, 0, 3))", None),
    ],
)
def test_what_guessing_comes_to(source: str, wanted: str | None) -> None:
    known = guess(lampc.compile.text(source))
    assert (None if known is None else known[0]) == wanted
