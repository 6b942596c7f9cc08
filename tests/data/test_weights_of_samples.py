"""Weights of samples come with the data, go with their rows, and are refused where they are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import lampc
import lampc.compile
from lampc.data import DataError, Dataset
from lampc.data.split import Cut, make
from lampc.runtime.train import load_data

RNG = np.random.default_rng(0)
X, Y, W = RNG.normal(size=(60, 3)), RNG.normal(size=(60, 1)), RNG.exponential(size=60)
SOURCE = "linear 3->4 xavier; tanh; linear 1\nloss mse\ntrain epochs=3 batch=7 shuffle"


def pairs(data: Dataset) -> set[tuple[float, float]]:
    return {(float(y[0]), w) for part in data.parts().values() for y, w in zip(part.y, np.asarray(part.weight), strict=True)}


def test_weights_go_with_their_rows() -> None:
    data = make(X, Y, None, Cut(0.7, 0.2, seed=3, normalize=True), W)
    assert list(data.parts()) == ["train", "validation", "test"]
    assert data.description.weighted
    assert pairs(data) == set(zip(Y[:, 0].tolist(), W.tolist(), strict=True))
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-12)  # all count alike there
    assert not make(X, Y, None, Cut()).description.weighted


def test_an_archive_has_weights_of_its_parts(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, w_train=W, x_test=X[:9], y_test=Y[:9])
    program = lampc.compile.text(f'{SOURCE}\ndata npz "a.npz" validation=0.2', folder=tmp_path)
    data = program.data()
    assert data.validation is not None
    assert [len(part) for part in (data.train, data.validation)] == [48, 12]
    assert data.test.weight is None  # all alike
    measured = program.model().train().test["loss"]
    assert measured > 0


@pytest.mark.parametrize("more", ["", " validation=0.25", " stream"])
@pytest.mark.parametrize("named", ["x y w", "x_train y_train w_train"])
def test_weights_go_with_their_rows_into_folds(named: str, more: str, tmp_path: Path) -> None:
    arrays: dict[str, Any] = dict(zip(named.split(), (X, Y, W), strict=True))
    apart = {} if "x" in arrays else {"x_test": X[:9] + 100, "y_test": Y[:9] + 100}
    np.savez(tmp_path / "a.npz", **arrays, **apart)
    program = lampc.compile.text(f'{SOURCE} folds=3\ndata npz "a.npz"{more}', folder=tmp_path)
    for fold in range(3):
        data = load_data(program, 0, (fold, 3))
        assert list(data.parts()) == (["train", "validation", "test"] if "validation" in more else ["train", "test"])
        assert pairs(data) == set(zip(Y[:, 0].tolist(), W.tolist(), strict=True))


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_samples_on_the_disk_are_weighed_too(backend: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y, w=W)
    models = []
    for stream in ("off", "on"):
        program = lampc.compile.text(f'{SOURCE}\ndata npz "a.npz" validation=0.2 stream={stream}', folder=tmp_path)
        models.append(program.model(seed=1, backend=backend))
    first, second = (model.train() for model in models)
    assert first.train["loss"] == pytest.approx(second.train["loss"], rel=1e-6)
    for one, other in zip(*(model.parameters.values() for model in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "code", "said"),
    [
        (W[:5], "E605", "has shape (5,), and a weight for each sample is (60,)"),
        (W[:, None], "E605", "has shape (60, 1)"),
        (np.where(np.arange(60) == 7, -0.5, W), "E602", "has -0.5 in row 7"),
        (np.where(np.arange(60) == 9, np.nan, W), "E602", "has nan in row 9"),
        (np.where(np.arange(60) == 4, np.inf, W), "E602", "has inf in row 4"),
        (np.zeros(60), "E603", "no sample counts"),
        (W.astype(str), "E602", "not weights"),
        (W + 0j, "E602", "not weights"),
    ],
)
def test_what_is_no_weight(weight: NDArray[Any], code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        make(X, Y, None, Cut(), weight)
    assert caught.value.code == code
    assert said in str(caught.value)
    with pytest.raises(lampc.LampError, match=code):
        lampc.DataLoader((X, Y, weight))
    np.savez(tmp_path / "a.npz", x=X, y=Y, w=weight)
    with pytest.raises(lampc.LampError, match=code) as placed:
        lampc.compile.text(f'{SOURCE}\ndata npz "a.npz"', folder=tmp_path)
    assert str(placed.value.diagnostics[0].labels[0].span).endswith(":4:1")


def test_weights_of_the_test_part_alone_are_refused(tmp_path: Path) -> None:
    for name in ("w", "w_test"):
        np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, y_test=Y, **{name: W})  # type: ignore[arg-type]
        with pytest.raises(lampc.LampError, match=f"E601.*there is `{name}`, and no array `w_train`"):
            lampc.compile.text(f'{SOURCE}\ndata npz "a.npz"', folder=tmp_path)


def test_python_gives_weights_in_every_way() -> None:
    """A dataset, a split, arrays, a loader of one's own: all train alike, by machine code too, and metrics count all alike."""
    program = lampc.compile.text(SOURCE, batch=20, shuffle="off", precision="f64")
    data = make(X, Y, None, Cut(), W)
    x, y, w = data.train.x, data.train.y, np.asarray(data.train.weight)
    own = [(x[start : start + 20], y[start : start + 20], w[start : start + 20]) for start in (0, 20, 40)]
    ways: list[dict[str, Any]] = [
        {"data": data}, {"loader": lampc.DataLoader(data.train, 20)}, {"loader": lampc.DataLoader((x, y, w), 20)},
        {"loader": own},
    ]  # fmt: skip
    found = []
    for backend in ("native", "torch"):
        for way in ways:
            model = program.model(seed=1, backend=backend)
            history = model.train(**way)
            found.append([*(epoch.loss for epoch in history), model.evaluate(x, y, w)["loss"]])
    np.testing.assert_allclose(found, [found[0]] * len(found), rtol=1e-12)
    plain = program.model(seed=1).train(lampc.DataLoader((x, y), 20))
    assert abs(plain[0].loss - found[0][0]) > 1e-3


def test_metrics_count_samples_alike() -> None:
    program = lampc.compile.text("linear 3->2 xavier; loss crossentropy; metrics accuracy confusion")
    model, labels = program.model(), (Y[:, 0] > 0).astype(int)
    weighed, plain = model.evaluate(X, labels, W), model.evaluate(X, labels)
    assert weighed["accuracy"] == plain["accuracy"]
    assert weighed["loss"] != plain["loss"]


def test_a_loader_gives_triples_and_a_model_that_was_trained_on_them_is_saved(tmp_path: Path) -> None:
    program = lampc.compile.text(SOURCE)
    loader = lampc.DataLoader((X, Y, W), 25)
    assert [tuple(part.shape for part in batch) for batch in loader][-1] == ((10, 3), (10, 1), (10,))
    model = program.model(seed=1)
    model.train(loader)
    model.save(tmp_path / "a.safetensors")
    again = lampc.load(tmp_path / "a.safetensors")
    one, other = model.train(loader), again.train(loader)
    assert [epoch.loss for epoch in one] == [epoch.loss for epoch in other]


def test_a_loader_does_not_change_its_mind() -> None:
    model = lampc.compile.text(SOURCE).model()
    with pytest.raises(lampc.LampError, match="throughout"):
        model.train([(X, Y), (X, Y, W)])
