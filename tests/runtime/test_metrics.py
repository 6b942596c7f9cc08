"""Metrics, against scikit-learn and numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
from lampc.runtime.chunks import CHUNK
from lampc.runtime.measure import measure
from lampc.runtime.model import Model

SAMPLES = [1, 2, 50, CHUNK, 2 * CHUNK + 13]


def make(source: str, precision: str = "f64") -> Model:
    return lampc.compile.text(source, precision=precision).model(seed=2)


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("samples", SAMPLES)
def test_accuracy_of_classes(samples: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("linear 3->4 xavier; softmax; loss crossentropy; metrics accuracy")
    x, y = randn(samples, 3), torch.randint(0, 4, (samples,), generator=torch.Generator().manual_seed(1))
    found = model.evaluate(x, y)
    p = model(x)
    assert found["accuracy"] == metrics.accuracy_score(y, p.argmax(-1))
    if samples > 1:
        assert found["loss"] == pytest.approx(metrics.log_loss(y, p, labels=range(4)), rel=1e-12)


@pytest.mark.parametrize("samples", SAMPLES)
def test_accuracy_of_one_output(samples: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("linear 3->1 xavier; sigmoid; loss bce; metrics accuracy")
    x = randn(samples, 3)
    y = (randn(samples, 1, seed=1) > 0).double()
    assert model.evaluate(x, y)["accuracy"] == metrics.accuracy_score(y[:, 0], model(x)[:, 0] > 0.5)


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("samples", SAMPLES[1:])
@pytest.mark.parametrize("outputs", [1, 3])
def test_mae_and_r2(outputs: int, samples: int, precision: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    model = make(f"linear 3->{outputs} xavier; loss mse; metrics mae rmse r2", precision)
    x = randn(samples, 3)
    y = x @ randn(3, outputs, seed=5) + randn(samples, outputs, seed=6)
    found = model.evaluate(x, y)
    p, y = model(x).double().numpy(), y.to(model(x).dtype).double().numpy()
    tolerance = 1e-10 if precision == "f64" else 1e-5
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, p), rel=tolerance)
    assert found["loss"] == pytest.approx(metrics.mean_squared_error(y, p), rel=tolerance)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, p), rel=tolerance)
    assert found["r2"] == pytest.approx(metrics.r2_score(y, p), rel=tolerance, abs=tolerance)


def test_r2_of_targets_far_from_zero() -> None:
    model = make("linear 1->1 ones bias=zeros; loss mse; metrics r2")
    x = 1e5 + randn(500, 1)
    y = x + 0.1 * randn(500, 1, seed=1)
    wanted = 1 - float((x - y).square().sum() / (y - y.mean()).square().sum())
    assert model.evaluate(x, y)["r2"] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e8])
def test_r2_of_targets_that_do_not_vary(value: float) -> None:
    """0, or 1 where they are met, as scikit-learn has it."""
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("input 1; pass; loss mse; metrics r2")
    y = torch.full((50, 1), value)
    assert model.evaluate(randn(50, 1), y)["r2"] == metrics.r2_score(y, randn(50, 1)) == 0.0
    assert model.evaluate(y, y)["r2"] == metrics.r2_score(y, y) == 1.0


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_r2_is_of_each_output(backend: str) -> None:
    """Outputs of unlike means explain nothing of one another; a sequence's places are outputs, too."""
    metrics = pytest.importorskip("sklearn.metrics")
    model = lampc.compile.text("input 2; scale; loss mse; metrics r2", precision="f64").model(backend=backend)
    y = torch.cat([randn(3000, 1), 1000 + randn(3000, 1, seed=1)], 1)
    p = torch.tensor([[0.0, 1000.0]], dtype=torch.float64).repeat(3000, 1)
    assert model.evaluate(p, y)["r2"] == pytest.approx(metrics.r2_score(y, p), rel=1e-9)
    rows = lampc.compile.text("input 5x2; scale; loss mse; metrics r2 rmse", precision="f64").model(backend=backend)
    p, y = randn(60, 5, 2), randn(60, 5, 2, seed=1)
    found = rows.evaluate(p, y)
    assert found["r2"] == pytest.approx(metrics.r2_score(y.flatten(1), p.flatten(1)), rel=1e-9)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(y.flatten(1), p.flatten(1)), rel=1e-9)


@pytest.mark.parametrize("mean", [1e3, 9e5, 1.1e6, 1e7])
def test_r2_far_from_zero(mean: float) -> None:
    """Two passes in a part, and parts are merged by their means: no square of a great mean is taken."""
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("input 1; scale; loss mse; metrics r2")
    y = mean + randn(2500, 1)
    p = y + 0.5 * randn(2500, 1, seed=1)
    assert model.evaluate(p, y)["r2"] == pytest.approx(metrics.r2_score(y, p), rel=1e-6)


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize(("end", "loss"), [("sigmoid", "bce"), ("softmax", "crossentropy"), ("logsoftmax", "nll")])
def test_auc_is_of_scores(end: str, loss: str, backend: str) -> None:
    """Probabilities are flat where the network is sure: in float32 nearly all of these are 1 or 0."""
    metrics = pytest.importorskip("sklearn.metrics")
    classes = 1 if end == "sigmoid" else 3
    program = lampc.compile.text(f"input {classes}; scale; {end}; loss {loss}; metrics auc")
    scores = 200 + 150 * randn(500, classes)
    y = torch.randint(0, max(2, classes), (500,), generator=torch.Generator().manual_seed(3))
    found = program.model(backend=backend).evaluate(scores, y if classes > 1 else y.reshape(-1, 1))["auc"]
    if classes == 1:
        wanted = metrics.roc_auc_score(y, scores[:, 0])
    else:
        rest = [scores[:, [o for o in range(3) if o != c]].logsumexp(-1) for c in range(3)]
        wanted = np.mean([metrics.roc_auc_score(y == c, scores[:, c] - rest[c]) for c in range(3)])
    assert found == pytest.approx(wanted, rel=1e-6)


def test_the_loss_of_unequal_parts_is_the_mean_over_samples() -> None:
    model = make("linear 1->1 zeros; loss mse")
    y = torch.arange(CHUNK + 1.0, dtype=torch.float64).reshape(-1, 1)
    assert model.evaluate(torch.zeros_like(y), y)["loss"] == pytest.approx(float(np.square(y.numpy()).mean()), rel=1e-12)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("linear 3->4; loss crossentropy", {"accuracy"}),
        ("linear 3->1; sigmoid; loss bce", {"accuracy"}),
        ("linear 3->2; loss mse", {"mae", "r2"}),
        ("linear 3->2; loss mse; metrics r2", {"r2"}),
    ],
)
def test_what_is_measured_unless_said(source: str, names: set[str]) -> None:
    assert {metric.name for metric in lampc.compile.text(source).metrics} == names


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_nothing_to_measure(backend: str) -> None:
    """No sample, or none that counts: an error with a code, not a number."""
    model = lampc.compile.text("linear 3->2; loss mse").model(backend=backend)
    with pytest.raises(lampc.LampError, match=r"E510.*there are no samples"):
        model.evaluate(torch.empty(0, 3), torch.empty(0, 2))
    model = lampc.compile.text("linear 4->3; loss crossentropy ignore=-1; metrics f1 auc").model(backend=backend)
    with pytest.raises(lampc.LampError, match=r"E510.*no sample has another label than -1"):
        model.evaluate(torch.randn(3, 4), torch.full((3,), -1))


@pytest.mark.parametrize("part", ["train", "test"])
def test_nothing_to_measure_is_found_before_training(part: str, tmp_path: Path) -> None:
    labels = {"train": [0, 1, 1, 0], "test": [1, 0, 1, 2]} | {part: [2, 2, 2, 2]}
    x = np.ones((4, 2), np.float32)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.array(labels["train"]), x_test=x, y_test=np.array(labels["test"]))
    program = lampc.compile.text('data npz "a.npz"; linear 3; loss crossentropy ignore=2', folder=tmp_path)
    model = program.model()
    before = [p.clone() for p in model.parameters.values()]
    with pytest.raises(lampc.LampError, match="E510"):
        model.train()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters.values(), before, strict=True))


def test_nothing_to_choose_by_is_found_before_training(tmp_path: Path) -> None:
    """A validation part of which no sample counts."""
    source = 'data npz "a.npz" validation=0.5; linear 3; loss crossentropy ignore=2'
    arrays = {"x_train": np.arange(4.0)[:, None], "y_train": np.array([0, 1, 2, 0]), "x_test": np.ones((1, 1)), "y_test": [1]}
    np.savez(tmp_path / "a.npz", **arrays)
    validation = lampc.compile.text(source, folder=tmp_path).data().validation
    assert validation is not None
    drawn = np.asarray(validation.x, dtype=int)[:, 0]
    arrays["y_train"] = np.array([2 if index in drawn else index % 2 for index in range(4)])
    np.savez(tmp_path / "a.npz", **arrays)
    model = lampc.compile.text(source, folder=tmp_path).model()
    before = [p.clone() for p in model.parameters.values()]
    with pytest.raises(lampc.LampError, match="E510"):
        model.train()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters.values(), before, strict=True))


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize("end", ["pass", "softmax", "logsoftmax"])
@pytest.mark.parametrize(("samples", "classes"), [(60, 4), (2 * CHUNK + 13, 3), (80, 2)])
def test_f1_auc_and_perplexity_of_classes(samples: int, classes: int, end: str, backend: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    source = f"linear 3->{classes} xavier; {end}; loss crossentropy; metrics f1 auc perplexity accuracy"
    model = lampc.compile.text(source, precision="f64").model(seed=2, backend=backend)
    x, y = randn(samples, 3), torch.randint(0, classes, (samples,), generator=torch.Generator().manual_seed(1))
    found = model.evaluate(x, y)
    p = {"pass": torch.softmax(model(x), -1), "softmax": model(x), "logsoftmax": model(x).exp()}[end]
    assert found["f1"] == pytest.approx(metrics.f1_score(y, p.argmax(-1), average="macro", labels=range(classes)), rel=1e-12)
    scores = p[:, 1] if classes == 2 else p / p.sum(-1, keepdim=True)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, scores, multi_class="ovr"), rel=1e-9)
    assert np.log(found["perplexity"]) == pytest.approx(metrics.log_loss(y, p, labels=range(classes)), rel=1e-9)


def test_f1_and_auc_of_one_output() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("linear 3->1 xavier; sigmoid; loss bce; metrics f1 auc")
    x, y = randn(70, 3), (randn(70, 1, seed=1) > 0.4).double()
    found = model.evaluate(x, y)
    p = model(x)
    assert found["f1"] == pytest.approx(metrics.f1_score(y, p > 0.5), rel=1e-12)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p), rel=1e-12)


def test_a_class_that_never_occurs_does_not_end_the_run() -> None:
    model = make("linear 3->3 xavier; loss crossentropy; metrics f1 auc")
    found = model.evaluate(randn(10, 3), torch.zeros(10, dtype=torch.int64))
    assert found["auc"] == 0.5
    assert 0 <= found["f1"] <= 1


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_confusion_is_a_table_at_the_end(backend: str) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    source = "data wine normalize; linear 3 xavier; loss crossentropy; metrics confusion accuracy; train epochs=2"
    model = lampc.compile.text(source).model(seed=2, backend=backend)
    history = model.train()
    test = model.program.data(2).test
    wanted = metrics.confusion_matrix(test.y, model(test.x).argmax(-1), labels=range(3))
    assert history.tables == {"confusion": wanted.tolist()}
    assert set(history.test) == {"loss", "accuracy"}


@pytest.mark.parametrize(("data", "passes"), [("data wine normalize", 3), ("data wine normalize split=1", 1)])
def test_each_part_is_measured_once_with_its_table(data: str, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs, each measured on the test part if there is one, and the training part at the end."""
    measured: list[int] = []

    def counted(model: Any, x: Any, y: Any, known: bool, weight: Any) -> Any:
        assert known == (passes == 3 and len(measured) == 1), "the test part is looked at once"
        measured.append(len(x))
        return measure(model, x, y, known, weight)

    monkeypatch.setattr("lampc.runtime.model.measure", counted)
    text = f"linear 13->3 xavier; {data}; loss crossentropy; metrics confusion accuracy; train epochs=2"
    history = lampc.compile.text(text).model(seed=0).train()
    assert len(measured) == passes
    assert sum(map(sum, history.tables["confusion"])) == (178 if passes == 1 else 36)


def test_confusion_of_one_output() -> None:
    model = make("linear 2->1; sigmoid; loss bce; metrics confusion")
    x = torch.tensor([[0.0, 0.0]] * 4)
    model.parameters["linear1.bias"].fill_(1.0)
    assert model.tables(x, torch.tensor([[1.0], [0.0], [0.0], [1.0]])) == {"confusion": [[0.0, 2.0], [0.0, 2.0]]}


def test_logits_that_look_like_probabilities_are_logits() -> None:
    model = make("input 2; pass; loss crossentropy; metrics perplexity")
    found = model.evaluate(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert found["perplexity"] == pytest.approx(np.exp(found["loss"]))


def test_a_hinge_says_yes_above_zero() -> None:
    model = make("input 1; pass; loss hinge")
    found = model.evaluate(torch.tensor([[0.2], [-0.2], [0.9]]), torch.tensor([[1.0], [0.0], [0.0]]))
    assert found["accuracy"] == pytest.approx(2 / 3)


def test_f1_is_of_the_classes_that_occur() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    model = make("input 4; pass; loss crossentropy; metrics f1")
    x, y = randn(9, 4), torch.tensor([0, 1, 0, 1, 0, 1, 0, 1, 0])
    x[:, 3] = -9.0
    assert model.evaluate(x, y)["f1"] == pytest.approx(metrics.f1_score(y, x.argmax(-1), average="macro"))


@pytest.mark.parametrize(("score", "loss"), [(705.0, 705.0), (5000.0, 5000.0)])
def test_perplexity_has_no_end_but_that_of_numbers(score: float, loss: float) -> None:
    model = make("input 2; pass; loss crossentropy; metrics perplexity")
    found = model.evaluate(torch.tensor([[score, 0.0]], dtype=torch.float64), torch.tensor([1]))
    assert found["loss"] == pytest.approx(loss)
    assert found["perplexity"] == pytest.approx(float(np.exp(np.float64(min(loss, 709.0)))) if loss < 709 else np.inf)
