"""Precision, recall, balanced accuracy and log loss, and all metrics of several labels at once, against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.runtime.chunks import CHUNK


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("samples", [7, 80, 2 * CHUNK + 13])
def test_precision_recall_and_log_loss_of_classes(samples: int, backend: str) -> None:
    """The loss weighs classes, and the log loss does not; class 4 is true of no sample, and class 0 hardly ever found."""
    metrics = pytest.importorskip("sklearn.metrics")
    source = (
        "linear 3->5 xavier; loss crossentropy weights=[1, 2, 3, 4, 5]; metrics precision recall balanced_accuracy logloss f1"
    )
    model = lampc.compile.text(source, precision="f64").model(seed=2, backend=backend)
    model.parameters["linear1.bias"][0] -= 2.0
    x, y = randn(samples, 3), torch.randint(0, 4, (samples,), generator=torch.Generator().manual_seed(1))
    found = model.evaluate(x, y)
    p = torch.softmax(model(x), -1)
    guess = p.argmax(-1)
    for name in ("precision", "recall", "f1"):
        wanted = getattr(metrics, f"{name}_score")(y, guess, average="macro", zero_division=0)
        assert found[name] == pytest.approx(wanted, rel=1e-12), name
    with pytest.warns(UserWarning, match="classes not in y_true"):
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, guess), rel=1e-12)
    assert found["logloss"] == pytest.approx(metrics.log_loss(y, p, labels=range(5)), rel=1e-9)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("bias", [0.0, -20.0, 20.0])
def test_precision_recall_and_log_loss_of_one_output(bias: float, backend: str) -> None:
    """Where nothing is found, or all is, scikit-learn's shares of nothing are 0."""
    metrics = pytest.importorskip("sklearn.metrics")
    source = "linear 3->1 xavier; sigmoid; loss bce; metrics precision recall balanced_accuracy logloss"
    model = lampc.compile.text(source, precision="f64").model(seed=2, backend=backend)
    model.parameters["linear1.bias"].fill_(bias)
    x, y = randn(CHUNK + 70, 3), (randn(CHUNK + 70, 1, seed=1) > 0.4).double()
    found = model.evaluate(x, y)
    p = model(x)
    assert found["precision"] == pytest.approx(metrics.precision_score(y, p > 0.5, zero_division=0), rel=1e-12)
    assert found["recall"] == pytest.approx(metrics.recall_score(y, p > 0.5, zero_division=0), rel=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p > 0.5), rel=1e-12)
    assert found["logloss"] == pytest.approx(metrics.log_loss(y, p), rel=1e-6 if bias else 1e-9)


@pytest.mark.parametrize(("score", "wanted"), [(200.0, 200.0), (-200.0, 0.0), (0.5, np.log1p(np.exp(0.5)))])
def test_log_loss_of_what_is_wrong_and_sure(score: float, wanted: float) -> None:
    """From the score: a probability that is 1 in float32 says nothing any more."""
    model = lampc.compile.text("input 1; scale; sigmoid; loss bce; metrics logloss").model()
    found = model.evaluate(torch.tensor([[score]]), torch.tensor([[0.0]]))
    assert found["logloss"] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("loss", ["bce", "hinge"])
@pytest.mark.parametrize("samples", [5, CHUNK + 70])
def test_several_labels_at_once(samples: int, loss: str, backend: str) -> None:
    """Each output is a question of its own; of the last label nothing is true, and nothing is taken for it."""
    metrics = pytest.importorskip("sklearn.metrics")
    names = "accuracy precision recall f1 auc" + " logloss" * (loss == "bce")
    source = f"linear 3->4 xavier; {'sigmoid; ' * (loss == 'bce')}loss {loss}; metrics {names}"
    model = lampc.compile.text(source, precision="f64").model(seed=2, backend=backend)
    model.parameters["linear1.bias"][3] = -50.0
    x, y = randn(samples, 3), (randn(samples, 4, seed=1) > 0.4).double()
    y[:, 3] = 0.0
    found = model.evaluate(x, y)
    p = model(x)
    guess = (p > (0.5 if loss == "bce" else 0.0)).int()
    assert found["accuracy"] == pytest.approx(1 - metrics.hamming_loss(y, guess), rel=1e-12)
    for name in ("precision", "recall", "f1"):
        wanted = getattr(metrics, f"{name}_score")(y, guess, average="macro", zero_division=0)
        assert found[name] == pytest.approx(wanted, rel=1e-12), name
    if samples > 5:
        assert found["auc"] == pytest.approx(metrics.roc_auc_score(y[:, :3], p[:, :3], average="macro"), rel=1e-12)
        if loss == "bce":
            each = [metrics.log_loss(y[:, c], p[:, c], labels=[0, 1]) for c in range(4)]
            assert found["logloss"] == pytest.approx(np.mean(each), rel=1e-9)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("linear 3->2; loss mse; metrics precision", "several outputs are labels, each 0 or 1, only for the losses"),
        ("linear 3->2; loss crossentropy soft; metrics f1", "several outputs are labels, each 0 or 1, only for the losses"),
        ("linear 3->2; sigmoid; loss bce; metrics balanced_accuracy", "it takes class labels, or one output"),
        ("linear 3->2; sigmoid; loss bce; metrics confusion", "it takes class labels, or one output"),
        ("input 4x3; linear 3->2; sigmoid; loss bce; metrics recall", "it takes class labels, or one output"),
        ("linear 3->1; loss hinge; metrics logloss", "it takes probabilities: end the network in `sigmoid`"),
    ],
)
def test_metrics_of_answers_that_there_are_not(source: str, why: str) -> None:
    with pytest.raises(lampc.LampError, match=f"E506.*{why}"):
        lampc.compile.text(source)


def test_several_labels_are_measured_as_such_where_they_are_known(tmp_path: Path) -> None:
    """Targets between 0 and 1 are compared as numbers; of those that nobody knows yet, only what is asked for is measured."""
    x = np.ones((6, 2))
    for name, y in (("bits", np.tile([[0.0, 1.0]], (6, 1))), ("shares", np.full((6, 2), 0.5))):
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
    network = "linear 2->2 xavier; sigmoid; loss bce"
    assert [m.name for m in lampc.compile.text(f'{network}; data npz "bits.npz"', folder=tmp_path).metrics] == ["accuracy"]
    assert [m.name for m in lampc.compile.text(f'{network}; data npz "shares.npz"', folder=tmp_path).metrics] == ["mae", "r2"]
    assert [m.name for m in lampc.compile.text(network).metrics] == ["mae", "r2"]
    with pytest.raises(lampc.LampError, match="it takes targets of 0 and 1"):
        lampc.compile.text(f'{network}; data npz "shares.npz"; metrics recall', folder=tmp_path)
    with pytest.raises(lampc.LampError, match=r"y holds 0\.5"):
        lampc.compile.text(f"{network}; metrics recall").model().evaluate(x, np.full((6, 2), 0.5))
