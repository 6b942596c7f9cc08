"""Where the loss compares named values with the targets, predictions and exports say of which value they are."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lampc
from lampc.cli import run as command
from lampc.export.files import write
from lampc.runs.load import Run, load
from lampc.runs.predict import predict
from lampc.runs.report import report
from lampc.runtime.train import load_data

X = np.random.default_rng(0).random((60, 4))
Y = (X.sum(1) > 2).astype("i8") + (X.sum(1) > 2.4)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that scores three classes by `kind`, and whose last value is `size`, which is only to be small."""
    folder = tmp_path_factory.mktemp("two")
    np.savez(folder / "c.npz", x=X, y=Y)
    (folder / "two.lamp").write_text(
        "input 4\nlinear 8 kaiming; batchnorm; relu as h\nlinear 3 xavier as kind\nfrom h; linear 1 xavier as size\n"
        'data npz "c.npz" normalize\nloss total = crossentropy(kind, y) + 0.001 * mean(size^2)\n'
        "metrics kind.accuracy\noptimizer adam lr=0.02\ntrain epochs=20 batch=20"
    )
    assert command(["train", str(folder / "two.lamp"), "--run-dir", str(folder / "runs")]) == 0
    return load(folder / "runs" / "two" / "1")


def test_predictions_are_of_every_head_by_its_name(two: Run) -> None:
    model = two.model()
    found = predict(two, model, X)
    assert found.names == ("kind", "kind.p_0", "kind.p_1", "kind.p_2", "size")
    columns = dict(zip(found.names, found.columns, strict=True))
    scores = model.value("kind", two.normalised(X))
    assert list(map(int, columns["kind"])) == scores.argmax(1).tolist()
    np.testing.assert_allclose(columns["kind.p_1"], scores.double().softmax(1)[:, 1], rtol=1e-6)
    np.testing.assert_allclose(columns["size"], model(two.normalised(X)).flatten(), rtol=1e-6, atol=1e-7)


def test_the_report_shows_the_mistakes_of_each_value_that_is_compared(two: Run) -> None:
    page = report(two)
    assert re.findall(r'figure id="((?:confusion|residuals|boundary)[^"]*)"', page) == ["confusion-kind"]
    made = two.model().value("kind", load_data(two.program, two.seed).test.x).argmax(1).numpy()
    y = load_data(two.program, two.seed).test.y
    shown = [int(n) for n in re.findall(r'font-size="10" fill="#\w+">(\d+)</text>', page.split("confusion-kind")[1])][:9]
    assert shown == [int(((y == true) & (made == guess)).sum()) for true in range(3) for guess in range(3)]


@pytest.mark.parametrize(
    ("network", "arrays", "shown"),
    [
        ("linear 2 as a; tanh as b; loss total = mse(a, part(y, 0, 2)) + mse(b, part(y, 2, 4))", {"y": X},
         ["residuals-a", "residuals"]),
        ("linear 1 as yes; loss total = hinge(yes, y)", {"y": (X[:, :1] > 0.5).astype(float)}, ["confusion"]),
        ("linear 1; loss hinge", {"y": (X[:, :1] > 0.5).astype(float)}, ["confusion"]),
        ("linear 3 as a; loss total = mse(sigmoid(a), part(y, 0, 3))", {"y": X}, []),
    ],
)  # fmt: skip
def test_every_kind_of_head_has_a_report(network: str, arrays: dict[str, np.ndarray], shown: list[str],
                                         tmp_path: Path) -> None:  # fmt: skip
    np.savez(tmp_path / "a.npz", x=X, **arrays)
    (tmp_path / "n.lamp").write_text(f'input 4; {network}; data npz "a.npz"; train epochs=1'.replace("; ", "\n"))
    assert command(["train", str(tmp_path / "n.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    page = (tmp_path / "runs" / "n" / "1" / "report.html").read_text()
    assert re.findall(r'figure id="((?:confusion|residuals|boundary)[^"]*)"', page) == shown


@pytest.mark.parametrize("form", ["torch", "onnx", "c"])
def test_an_export_says_of_which_value_it_is(two: Run, form: str, tmp_path: Path) -> None:
    with pytest.raises(lampc.LampError, match="`--value kind`"):
        write(two, form, tmp_path / "two.out")
    with pytest.raises(lampc.LampError, match="no value `kinds`"):
        write(two, form, tmp_path / "two.out", "kinds")
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_a_value_makes_it(two: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = two.model().value("kind", two.normalised(X)).numpy()
    monkeypatch.syspath_prepend(tmp_path)
    write(two, "torch", tmp_path / "headed.py", "kind")
    made = sys.modules.get("headed") or __import__("headed")
    np.testing.assert_allclose(
        made.load(tmp_path / "headed.safetensors")(torch.from_numpy(X).float()).detach(), wanted, rtol=1e-4, atol=1e-5
    )
    write(two, "onnx", tmp_path / "headed.onnx", "kind")
    session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "headed.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_what_no_loss_takes_for_scores_is_no_class(tmp_path: Path) -> None:
    """An autoencoder of labelled data: its outputs are as many as the classes, and are numbers."""
    np.savez(tmp_path / "c.npz", x=X[:, :3], y=Y)
    (tmp_path / "auto.lamp").write_text(
        'input 3; linear 2 xavier as code; linear 3 xavier as image; data npz "c.npz"\n'
        "loss total = mse(image, x); train epochs=1"
    )
    assert command(["train", str(tmp_path / "auto.lamp"), "--run-dir", str(tmp_path / "runs")]) == 0
    run = load(tmp_path / "runs" / "auto" / "1")
    model = run.model()
    found = predict(run, model, X[:, :3])
    np.testing.assert_allclose(np.transpose(found.columns), model(X[:, :3]).double(), rtol=1e-6)
