"""What a loss compares: a loss in a formula is checked as it is alone, and metrics are of the values that are meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.compile import Program

BACKENDS = ("torch", "native")
X = np.random.default_rng(0).random((60, 4))
DATA = {
    "labels": (X * 3).astype("i8")[:, 0],
    "bits": (X[:, :1] > 0.5) * 1.0,
    "sides": (X[:, :1] > 0.5) * 2.0 - 1.0,
    "numbers": X[:, :1] * 5 - 1,
    "below": -X[:, :3],
    "three": X[:, :3],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    for name, y in DATA.items():
        np.savez(path / f"{name}.npz", x=X, y=y)
    return path


def codes(source: str, folder: Path) -> list[str]:
    """What is wrong with a program, or what it is warned of."""
    try:
        return [found.code for found in lampc.compile.text(source, folder=folder).warnings]
    except lampc.LampError as error:
        return [found.code for found in error.diagnostics]


@pytest.mark.parametrize(
    ("network", "loss", "data", "code"),
    [
        ("linear 2 xavier", "crossentropy", "labels", "E503"),  # a third class has no score
        ("linear 5 xavier", "crossentropy", "labels", "W501"),
        ("linear 3 xavier; sigmoid", "crossentropy", "labels", "W402"),
        ("linear 3 xavier; softmax; reshape 3x1; flatten", "crossentropy", "labels", "W402"),  # no longer seen as probabilities
        ("linear 3 xavier", "mse", "labels", "E503"),
        ("linear 3 xavier", "nll", "labels", "W403"),
        ("linear 3 xavier; softmax", "nll", "labels", "W403"),
        ("linear 1 xavier", "crossentropy", "bits", "E503"),
        ("linear 1 xavier; tanh", "bce", "bits", "W403"),
        ("linear 1 xavier; relu", "bce", "bits", "W403"),
        ("linear 1 xavier; softplus", "bce", "bits", "W403"),
        ("linear 1 xavier", "bce", "bits", "W403"),
        ("linear 1 xavier; sigmoid", "bce", "sides", "E503"),
        ("linear 1 xavier", "hinge", "sides", "E503"),
        ("linear 1 xavier", "hinge", "numbers", "E503"),
        ("linear 1 xavier; relu", "hinge", "bits", "W402"),
        ("linear 3 xavier", "hinge", "labels", "E503"),
        ("linear 3 xavier; logsoftmax", "kl", "below", "E503"),
        ("linear 3 xavier", "kl", "three", "W403"),
        ("linear 1 xavier; sigmoid", "mse", "numbers", "W402"),
        ("linear 1 xavier; tanh", "mae", "numbers", "W402"),
        ("linear 1 xavier; relu; reshape 1", "huber", "numbers", "W402"),
    ],
)
@pytest.mark.parametrize("total", [False, True], ids=["alone", "in a formula"])
def test_a_loss_is_checked_alone_and_in_a_formula(
    network: str, loss: str, data: str, code: str, total: bool, folder: Path
) -> None:
    said = f"loss total = 0.5 * {loss}(h, y) + 0.1 * mean(h^2)" if total else f"loss {loss}"
    assert codes(f'input 4; {network} as h; data npz "{data}.npz"; {said}', folder) == [code]


@pytest.mark.parametrize(
    ("network", "loss", "data"),
    [
        ("linear 3 xavier", "crossentropy", "labels"),
        ("linear 3 xavier; softmax", "crossentropy", "labels"),
        ("linear 3 xavier; logsoftmax", "nll", "labels"),
        ("linear 1 xavier; sigmoid", "bce", "bits"),
        ("linear 1 xavier", "hinge", "bits"),
        ("linear 3 xavier; logsoftmax", "kl", "three"),
        ("linear 1 xavier", "mse", "numbers"),
    ],
)
@pytest.mark.parametrize("total", [False, True], ids=["alone", "in a formula"])
def test_what_fits_is_silent(network: str, loss: str, data: str, total: bool, folder: Path) -> None:
    said = f"loss total = {loss}(h, y)" if total else f"loss {loss}"
    assert codes(f'input 4; {network} as h; data npz "{data}.npz"; {said}', folder) == []


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        ("fn(p, y) = mean((p - y)^2)", ["W402"]),
        ("total = mean((p - y)^2)", ["W402"]),
        ("total = mean(abs(y - tanh(h)))", ["W402"]),
        ("total = mean((3 * p - y)^2)", []),
        ("total = mean(exp(p) - y * p)", []),
    ],
)
def test_a_formula_cannot_reach_the_targets(loss: str, found: list[str], folder: Path) -> None:
    assert codes(f'input 4; linear 1 xavier as h; sigmoid; data npz "numbers.npz"; loss {loss}', folder) == found


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["loss crossentropy", "loss total = crossentropy(h, y)"])
def test_labels_out_of_range_are_refused_before_the_run(loss: str, backend: str) -> None:
    model = lampc.compile.text(f"input 4; linear 3 xavier as h; {loss}").model(backend=backend)
    y = torch.arange(60) % 3
    y[7] = 3
    for call in (model.evaluate, model.loss, lambda x, y: model.train([(x, y)], epochs=1)):
        with pytest.raises(lampc.LampError, match="label 3 in row 7 is not one of 0 to 2"):
            call(torch.from_numpy(X).float(), y)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("loss", "y", "why"),
    [
        ("bce(h, part(y, 1, 2))", [0.0, 2.0], "y holds 2 in row 0, and loss `bce` takes targets from 0 to 1"),
        ("hinge(h, part(y, 0, 1))", [0.5, 9.0], "y holds 0.5 in row 0, and loss `hinge` takes targets 0 and 1"),
        ("kl(h, part(y, 0, 1))", [-0.5, 9.0], "y holds -0.5 in row 0"),
    ],
)
def test_targets_that_a_loss_does_not_take_are_refused_before_the_run(
    loss: str, y: list[float], why: str, backend: str
) -> None:
    model = lampc.compile.text(f"input 4; linear 1 xavier; sigmoid as h; loss total = {loss} + mse(h, part(y, 1, 2))")
    with pytest.raises(lampc.LampError, match=why):
        model.model(backend=backend).evaluate(torch.zeros(1, 4), torch.tensor([y]))


def test_what_is_refused_before_the_run_has_a_place() -> None:
    loss = "bce(h, part(y, 0, 1)) + mse(h, part(y, 1, 2))"
    model = lampc.compile.text(f"input 4; linear 1 xavier; sigmoid as h; loss total = {loss}").model()
    with pytest.raises(lampc.LampError) as caught:
        model.evaluate(torch.zeros(1, 4), torch.tensor([[2.0, 0.0]]))
    assert caught.value.diagnostics[0].labels[0].span.text == "bce(h, part(y, 0, 1))"


@pytest.mark.parametrize(
    ("end", "loss", "metrics", "wanted"),
    [
        ("linear 3", "crossentropy soft", "", []),  # scores beside shares
        ("linear 3; softmax", "crossentropy soft", "mae", ["mae"]),
        ("linear 3; logsoftmax", "kl", "", []),
        ("linear 3; logsoftmax", "kl", "r2", ["r2"]),  # who asks gets it
        ("linear 1", "hinge", "accuracy", ["accuracy"]),
        ("linear 1", "fn(p, y) = mean(softplus(p) - y * p)", "", []),
        ("linear 1", "fn(p, y) = mean(softplus(p) - y * p)", "accuracy", ["E506"]),  # a yes is above 0 there, not above 0.5
        ("linear 1", "total = mean(softplus(p) - y * p)", "f1", ["E506"]),
        ("linear 1", "fn(p, y) = mean(softplus(p) - y * p)", "auc mae", ["auc", "mae"]),
        ("linear 1; sigmoid", "fn(p, y) = -mean(y * log(p))", "accuracy", ["accuracy"]),
        ("linear 1", "fn(p, y) = mean((y - p)^2)", "accuracy", ["accuracy"]),
        ("linear 1", "fn(p, y) = mean(abs(p - y))", "", ["mae", "r2"]),
        ("linear 1", "fn(p, y) = mean(exp(p) - y * p)", "", []),  # the logarithms of what is counted
    ],
)
def test_scores_are_not_taken_for_what_they_are_not(end: str, loss: str, metrics: str, wanted: list[str]) -> None:
    source = f"input 4; {end}; loss {loss}" + f"; metrics {metrics}" * bool(metrics)
    try:
        found = [metric.name for metric in lampc.compile.text(source).metrics]
    except lampc.LampError as error:
        found = [each.code for each in error.diagnostics if each.code.startswith("E")]
    assert found == wanted


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("end", ["tanh", "relu", "softplus", "pass"])
@pytest.mark.parametrize("loss", ["loss bce", "loss total = bce(p, y)"])
def test_bce_of_what_is_no_probability_diverges_and_is_no_fault(end: str, loss: str, backend: str) -> None:
    model = lampc.compile.text(f"linear 2->1 normal; {end}; {loss}").model(backend=backend)
    model.parameters["linear1.bias"].fill_(3.0 if end != "tanh" else -3.0)
    x, y = torch.zeros(8, 2), torch.ones(8, 1)
    with pytest.raises(lampc.LampError, match="end the network in `sigmoid`"):
        model.train([(x, y)], epochs=1)


TWO = "input 4; linear 8 kaiming; relu as h; linear 3 xavier as kind; from h; linear 1 xavier as size\n"


def test_a_metric_that_does_not_fit_the_last_value_may_fit_another() -> None:
    loss = "loss total = bce(sure, part(y, 0, 1)) + mse(p, part(y, 1, 3))"
    with pytest.raises(lampc.LampError, match=r"say of which value: `metrics sure\.f1`"):
        lampc.compile.text(f"linear 4->8 xavier; tanh as h; linear 1; sigmoid as sure; from h; linear 2; {loss}; metrics f1")


def test_a_metric_without_a_name_is_of_the_last_value_or_refused(folder: Path) -> None:
    source = TWO + 'data npz "labels.npz"; loss total = crossentropy(kind, y) + 0.001 * mean(size^2)\n'
    with pytest.raises(lampc.LampError, match=r"say of which value: `metrics kind\.accuracy`"):
        lampc.compile.text(source + "metrics accuracy", folder=folder)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_metric_is_measured_of_the_value_that_it_names(folder: Path, backend: str) -> None:
    source = TWO + (
        'data npz "labels.npz" validation=0.2; loss total = crossentropy(kind, y) + 0.001 * mean(size^2)\n'
        "metrics kind.accuracy kind.confusion; optimizer adam lr=0.02; train epochs=5 batch=20 best=kind.accuracy"
    )
    model = lampc.compile.text(source, folder=folder).model(backend=backend)
    history = model.train()
    x, y = torch.from_numpy(X).float(), torch.from_numpy(DATA["labels"])
    right = float((model.value("kind", x).argmax(1) == y).double().mean())
    assert model.evaluate(x, y)["kind.accuracy"] == pytest.approx(right)
    assert history.best is not None
    assert history.best.metric == "kind.accuracy"
    assert sum(map(sum, model.tables(x, y)["kind.confusion"])) == len(x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_metric_of_a_part_of_the_targets(backend: str) -> None:
    source = ("input 4; linear 2 xavier as place; from x_; linear 1 xavier; sigmoid as chance\n"
              "loss total = mse(place, part(y, 0, 2)) + bce(chance, part(y, 2, 3))\n"
              "metrics place.mae chance.accuracy").replace("input 4", "input 4 as x_")  # fmt: skip
    model = lampc.compile.text(source).model(backend=backend)
    x = torch.from_numpy(X).float()
    y = torch.cat([x[:, :2], (x[:, 2:3] > 0.5).float()], 1)
    found = model.evaluate(x, y)
    assert found["place.mae"] == pytest.approx(float((model.value("place", x) - y[:, :2]).abs().mean()))
    assert found["chance.accuracy"] == pytest.approx(float(((model(x) > 0.5) == (y[:, 2:] > 0.5)).double().mean()))


@pytest.mark.parametrize(
    ("loss", "metrics", "code"),
    [
        ("mse(size, part(y, 0, 1))", "mae", ""),  # the last value, which is compared
        ("mean((p - part(y, 0, 1))^2)", "mae", ""),
        ("mean((log(size) - log(part(y, 0, 1)))^2)", "mae", ""),
        ("mse(kind, y)", "mae", "E506"),
        ("mean((kind - y)^2)", "mae", "E506"),
        ("mean((kind - y)^2)", "kind.mae", ""),
        ("mean((kind * twin - y)^2)", "mae", "E506"),  # neither is meant
        ("mse(other, x)", "mae", "E506"),  # the targets are not looked at
        ("mse(kind, y) + mse(size, part(y, 0, 1)) + mse(size, part(y, 1, 2))", "size.mae", "E506"),
        ("bce(sigmoid(size), part(y, 0, 1))", "accuracy", "E506"),  # of scores, 0.5 says nothing
        ("mse(kind, y)", "kinds.mae", "E203"),
        ("mse(kind, y)", "kind.mea", "E201"),
    ],
)
def test_which_metrics_are_refused(loss: str, metrics: str, code: str, folder: Path) -> None:
    values = (
        "linear 4 xavier as other; tanh; linear 3 xavier as twin; tanh; linear 3 xavier as kind; tanh; linear 1 xavier as size"
    )
    source = f'input 4; {values}; data npz "three.npz"; '
    assert codes(f"{source}loss total = {loss}; metrics {metrics}", folder) == ([code] if code else [])


def measured(source: str, folder: Path) -> list[str]:
    return [metric.name for metric in lampc.compile.text(source, folder=folder).metrics]


def test_accuracy_is_of_targets_that_are_0_or_1(folder: Path) -> None:
    source = "input 4; linear 1 xavier; sigmoid; "
    assert measured(source + 'data npz "bits.npz"; loss mse', folder) == ["accuracy"]
    assert measured(source + 'data npz "numbers.npz"; loss mse', folder) == ["mae", "r2"]
    assert measured(source + "loss bce", folder) == ["accuracy"]
    assert measured(source + "loss mse", folder) == ["mae", "r2"]  # nobody knows the targets
    for metric in ("accuracy", "f1", "auc", "confusion"):
        assert "E506" in codes(source + f'data npz "numbers.npz"; loss mse; metrics {metric}', folder)


@pytest.mark.parametrize("backend", BACKENDS)
def test_accuracy_of_other_targets_is_refused_where_they_come_late(backend: str) -> None:
    program: Program = lampc.compile.text("linear 2->1 xavier; sigmoid; loss bce")
    with pytest.raises(lampc.LampError, match=r"y holds 0\.25"):
        program.model(backend=backend).evaluate(torch.zeros(2, 2), torch.tensor([[1.0], [0.25]]))
