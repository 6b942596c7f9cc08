"""Number targets of a table are standardised where loss and network take any numbers, or where the statement says so."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lampc
from lampc.compile import Program
from lampc.data.source import Split
from lampc.data.split import Cut, finish
from lampc.diagnostics import LampError

Y = [120.0, -30.0, 45.5, 310.0, 88.0, 61.0, 17.0, 240.0, 5.0, 150.0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, targets in {"t": Y, "bits": [0, 1] * 5, "classes": ["a", "b"] * 5}.items():
        rows = [f"{row},{row * row},{target}" for row, target in enumerate(targets)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    return tmp_path


def program(folder: Path, network: str, loss: str = "mse", data: str = '"t.csv"') -> Program:
    return lampc.compile.text(f"data csv {data}; {network}; loss {loss}", folder=folder)


def scaled(program: Program) -> bool:
    """Whether the targets that a program is trained on are standardised."""
    data = program.data()
    found = bool(np.abs(data.train.y).max() < 5)
    assert (data.unit is not None) == found
    return found


@pytest.mark.parametrize(
    ("network", "loss"),
    [
        ("linear 1", "mse"),
        ("linear 4; tanh; linear 1 bias=off", "mae"),
        ("linear 3; leakyrelu; linear 1; leakyrelu", "huber"),
        ("linear 1; bias; scale", "huber delta=2"),
        ("linear 4; relu; linear 1; dropout 0.1", "mse"),
        ("linear 2 as h; bilinear 1 with=h", "mse"),
        ("linear 1; repeat 8 { residual { linear 1; relu } }", "mse"),
    ],
)
def test_where_weights_say_how_large_predictions_are(network: str, loss: str, folder: Path) -> None:
    assert scaled(program(folder, network, loss))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("network", "loss"),
    [
        ("linear 1; sigmoid", "mse"),
        ("linear 1; relu", "mae"),
        ("linear 1; softplus", "mse"),
        ("fn g(x) = 400 * sigmoid(x); linear 1; g", "mse"),
        ("fn g(x) = exp(x); linear 1; g", "mse"),
        ("fn g(x) = x * x; linear 1; g", "mse"),
        ("linear 1; gelu", "huber"),
        ("linear 1", "fn(p, y) = mean((p - y)^2)"),
        ("linear 1 as h", "total = mse(h, y)"),
    ],
)
def test_what_is_meant_as_it_is_written_sees_targets_as_they_are(network: str, loss: str, folder: Path) -> None:
    assert not scaled(program(folder, network, loss))


def test_the_statement_insists(folder: Path) -> None:
    assert not scaled(program(folder, "linear 1", data='"t.csv" scale=off'))
    for on in ("scale", "scale=on"):
        assert scaled(program(folder, "linear 1", "fn(p, y) = mean((p - y)^4)", f'"t.csv" {on}'))
    found = program(folder, "linear 1; tanh", data='"t.csv" scale')
    assert scaled(found)
    assert any("makes only -1 to 1, but targets reach from -1.68" in warning.message for warning in found.warnings)


@pytest.mark.parametrize(("table", "loss", "why"), [("bits", "mse", "yes or no"), ("classes", "crossentropy", "classes")])
def test_answers_of_yes_and_no_are_left_alone(table: str, loss: str, why: str, folder: Path) -> None:
    assert program(folder, "linear 2" if table == "classes" else "linear 1", loss, f'"{table}.csv"').data().unit is None
    with pytest.raises(LampError, match=f"the targets cannot be standardised: they are {why}") as refused:
        program(folder, "linear 2" if table == "classes" else "linear 1", loss, f'"{table}.csv" scale')
    assert refused.value.diagnostics[0].code == "E305"


def test_the_loss_is_told_of_what_it_sees(folder: Path) -> None:
    """Targets that a loss does not take are refused as it would get them."""
    with pytest.raises(LampError, match="takes targets from 0 to 1, and the data's reach from -1"):
        program(folder, "linear 1; sigmoid", "bce", '"t.csv" scale')
    description = program(folder, "linear 1").experiment.data.description  # type: ignore[union-attr]
    data = program(folder, "linear 1").data()
    every = np.concatenate([data.train.y, data.test.y])
    assert description is not None
    assert description.target_range == data.description.target_range == (every.min(), every.max())


@pytest.mark.parametrize("size", [1.0, 1e8, 1e25, 1e-25, 1e140, 1e-140])
def test_targets_of_any_size_become_the_same_numbers(size: float) -> None:
    y = (np.array(Y) * size).reshape(-1, 1)
    part, none = Split(np.zeros((10, 1)), y), Split(np.zeros((0, 1)), y[:0])
    data = finish(part, none, none, None, Cut(scale=True))
    wanted = (np.array(Y) - np.mean(Y)) / np.std(Y)
    np.testing.assert_allclose(data.train.y[:, 0], wanted, rtol=1e-14, atol=1e-15)
    assert data.unit is not None
    np.testing.assert_allclose(data.unit.own(data.train.y), y, rtol=1e-14, atol=1e-14 * size)


@pytest.mark.parametrize("y", [[0.1] * 10, [1e8] * 10, [-7.0] * 10])
def test_targets_that_differ_by_rounding_alone_have_the_deviation_1(y: list[float]) -> None:
    part, none = Split(np.zeros((10, 1)), np.array(y).reshape(-1, 1)), Split(np.zeros((0, 1)), np.zeros((0, 1)))
    data = finish(part, none, none, None, Cut(scale=True))
    assert data.unit is not None
    assert data.unit.deviation.tolist() == [1.0]
    np.testing.assert_allclose(data.train.y, 0, atol=1e-7)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_targets_whose_squares_are_no_numbers_stay_as_they_are(size: float, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{row},{y * size!r}\n" for row, y in enumerate(Y)))
    assert program(tmp_path, "linear 1").data().unit is None
    with pytest.raises(LampError, match="the squares of their deviations are no numbers"):
        program(tmp_path, "linear 1", data='"t.csv" scale')


def test_each_target_has_its_own_mean_and_deviation() -> None:
    y = np.stack([np.array(Y), 1e6 + 3 * np.array(Y)], 1)
    data = finish(Split(np.zeros((8, 1)), y[:8]), Split(np.zeros((0, 1)), y[:0]), Split(np.zeros((2, 1)), y[8:]), None,
                  Cut(scale=True))  # fmt: skip
    np.testing.assert_allclose(data.train.y.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(data.train.y.std(axis=0), 1, rtol=1e-9)
    np.testing.assert_allclose(data.test.y[:, 0], data.test.y[:, 1], atol=1e-9)  # by the training part's numbers
    assert data.unit is not None
    assert data.unit.factor is None
    assert math.isclose(data.unit.of_part((0, 1)).factor or 0, np.std(Y[:8]))


def test_a_run_of_before_is_read_as_it_was_trained(folder: Path) -> None:
    """Its description does not say what standardised targets would be: they were not."""
    now = program(folder, "linear 1")
    data = now.experiment.data
    assert data is not None
    assert data.description is not None
    old = replace(data.description, scaled_range=None)
    then = lampc.compile.from_text(now.source.text, "old.lamp", replace(now.elaborated.given, described=old))
    assert not scaled(then)
