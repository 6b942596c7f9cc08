"""What data let one foresee is warned of, what is ordinary is not; and what is the same throughout is never divided by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import lampc.compile

DRAW = np.random.default_rng(1)
X, LABELS = DRAW.normal(size=(300, 4)), DRAW.integers(0, 3, 300)


def of_arrays(folder: Path, x: NDArray[np.float64], y: NDArray[np.int64] = LABELS, network: str = "linear 3 xavier",
              options: str = "", rest: str = "") -> list[str]:  # fmt: skip
    """The codes of what is warned of, of classes in arrays."""
    np.savez(folder / "a.npz", x=x, y=y)
    program = lampc.compile.text(f'data npz "a.npz" {options}\n{network}\nloss crossentropy\n{rest}', folder=folder)
    return [each.code for each in program.warnings if each.code.startswith("W42")]


def of_table(folder: Path, columns: dict[str, NDArray[np.float64]], options: str = "") -> list[str]:
    """The same of a table of numbers, whose last column is the target."""
    rows = zip(*columns.values(), strict=True)
    (folder / "a.csv").write_text("\n".join([",".join(columns), *(",".join(map(repr, map(float, row))) for row in rows)]))
    program = lampc.compile.text(f'data csv "a.csv" {options}\nlinear 1 xavier\nloss mse', folder=folder)
    return [f"{each.code} {each.message}" for each in program.warnings]


SCALES = np.array([1.0, 1.0, 1.0, 1000.0])


@pytest.mark.parametrize(
    ("x", "network", "options", "wanted"),
    [
        (X, "linear 3 xavier", "", []),
        (X * 30, "linear 3 xavier", "", []),
        (X * SCALES, "linear 3 xavier", "", ["W421"]),
        (X / SCALES**2 * 10, "linear 3 xavier", "", ["W421"]),
        (X * SCALES, "linear 3 xavier", "normalize", []),
        (X * SCALES, "batchnorm; linear 3 xavier", "", []),
        (X * SCALES, "layernorm; linear 3 xavier", "", []),
        (X * SCALES, "slice 0 3; linear 3 xavier", "", []),  # the large one is left out
        (X * SCALES, "fn small(x) = x / 1000\nsmall; linear 3 xavier", "", []),
        (DRAW.integers(0, 256, (300, 1, 8, 8)).astype(float), "flatten; linear 3 xavier", "", ["W421"]),
        (DRAW.integers(0, 256, (300, 1, 8, 8)).astype(float), "conv 2 3; flatten; relu; linear 3 xavier", "", ["W421"]),
        (DRAW.integers(0, 2, (300, 1, 8, 8)).astype(float), "conv 2 3; flatten; relu; linear 3 xavier", "", []),
    ],
)  # fmt: skip
def test_features_that_are_not_scaled(x: NDArray[np.float64], network: str, options: str, wanted: list[str],
                                      tmp_path: Path) -> None:  # fmt: skip
    assert of_arrays(tmp_path, x, network=network, options=options) == wanted


@pytest.mark.parametrize("normalize", ["normalize", "normalize=off"])
def test_columns_that_are_the_same_throughout(normalize: str, tmp_path: Path) -> None:
    a, y, when = X[:, 0], X[:, 1], np.arange(300.0)
    tenth = np.full(300, 0.1)
    later = np.where(when < 240, 0.1, a)  # the same where it is trained on
    rounded = tenth + DRAW.integers(0, 3, 300) * 1.4e-17
    stamps = 1.7e9 + np.arange(300.0) / 10  # differ by little, and by more than rounding
    (found,) = of_table(tmp_path, {"a": a, "later": later, "when": when, "y": y}, f"time=when {normalize}")
    assert found.startswith("W422 column `later` is the same in all 240")
    (found,) = of_table(tmp_path, {"a": a, "rounded": rounded, "y": y}, normalize)
    assert found.startswith("W422 column `rounded`")
    found_of_stamps = of_table(tmp_path, {"a": a, "stamps": stamps, "y": y}, normalize)
    assert [found.split()[0] for found in found_of_stamps] == ["W421"] * (normalize == "normalize=off")
    assert of_table(tmp_path, {"a": a, "tenth": tenth, "y": y}, normalize) == []  # it is left out, and the schema says why


def test_a_column_that_is_the_same_in_the_whole_table_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,tenth,y\n" + "".join(f"{i % 7},0.1,{i % 5}\n" for i in range(40)))
    data = lampc.compile.text('data csv "a.csv"\nlinear 1 xavier\nloss mse', folder=tmp_path).data()
    assert data.schema is not None
    assert {column.name: (column.kind, column.note) for column in data.schema.columns} == {
        "a": ("number", ""), "tenth": ("out", "0.1 everywhere")
    }  # fmt: skip


def test_columns_are_named_by_what_leaves_them_out(tmp_path: Path) -> None:
    """A category whose slots are all the same is one column; of one that varies no slot is spoken of."""
    rows = "".join(f"{i},{'u' if i < 32 else 'v'},{'pq'[i % 2]},{i % 7 * 0.3},{i % 5}\n" for i in range(40))
    (tmp_path / "a.csv").write_text("when,the kind,letter,a,y\n" + rows)
    program = lampc.compile.text('data csv "a.csv" time=when\nlinear 1 xavier\nloss mse', folder=tmp_path)
    (found,) = program.warnings
    assert found.message == "column `the kind` is the same in all 32 training samples: nothing can be learnt from that"
    assert found.fixes == ('leave it out: `drop=["the kind"]`',)
    assert of_arrays(tmp_path, np.pad(X, ((0, 0), (0, 2)))) == []  # an image's margin


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_what_differs_by_rounding_alone_is_not_divided_by(backend: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=300)
    rounded = 0.1 + draw.integers(0, 2, 300) * 1.4e-17
    rows = "".join(f"{tenth!r},{value:.4f},{2 * value + 1:.4f}\n" for tenth, value in zip(rounded.tolist(), x, strict=True))
    (tmp_path / "a.csv").write_text("c,x,y\n" + rows)
    source = 'data csv "a.csv" scale=off\nlinear 1 xavier\nloss mse\noptimizer sgd lr=0.1\ntrain epochs=40 batch=30'
    model = lampc.compile.text(source, folder=tmp_path, backend=backend).model()
    data = model.program.data()
    model.train(data=data)
    assert data.schema is not None
    mean, deviation = (np.array([getattr(column, of)[0] for column in data.schema.taken]) for of in ("mean", "deviation"))
    new = (np.array([[0.1001, 1.0]]) - mean) / deviation
    assert float(model(new)[0, 0]) == pytest.approx(3.0, abs=0.05)  # was 1.3e13


def test_columns_that_say_what_the_target_is(tmp_path: Path) -> None:
    a, y = X[:, 0], X[:, 1]
    assert of_table(tmp_path, {"a": a, "b": 3 * y - 7, "y": y})[0].startswith("W423 column `b` alone says what `y` is")
    assert of_table(tmp_path, {"a": a, "y": y, "z": y}, "normalize")[0].startswith("W423 column `y`")
    assert of_table(tmp_path, {"a": a, "b": y + 1e-3 * X[:, 2], "y": y}) == []
    assert of_table(tmp_path, {"a": a, "y": 2 * a + 1}) == []  # what is to be learnt: there is nothing else
    assert of_table(tmp_path, {"a": a, "b": y**3, "y": y}) == []


def test_samples_that_stand_in_two_parts(tmp_path: Path) -> None:
    twice, labels = np.tile(X, (2, 1)), np.tile(LABELS, 2)
    assert of_arrays(tmp_path, twice, labels) == ["W424"]
    assert of_arrays(tmp_path, twice, np.concatenate([LABELS, (LABELS + 1) % 3])) == []  # other targets: measured twice
    few = DRAW.integers(0, 3, (300, 4)).astype(float)  # 81 kinds of samples
    assert of_arrays(tmp_path, few, few[:, 0].astype(int)) == []
    assert of_arrays(tmp_path, X, options="split=1") == []


@pytest.mark.parametrize(
    ("share", "rest", "loss", "wanted"),
    [
        (0.05, "", "crossentropy", ["W425"]),
        (0.05, "", "crossentropy weights=[1, 19]", []),
        (0.05, "metrics f1", "crossentropy", []),
        (0.05, "metrics accuracy", "crossentropy", ["W425"]),
        (0.05, "", "total = 2 * crossentropy(p, y)", ["W425"]),
        (0.05, "", "total = crossentropy(p, y, weights=[1, 19])", []),
        (0.05, "metrics h.f1", "total = crossentropy(h, y)", []),
        (0.2, "", "crossentropy", []),
        (0.0, "", "crossentropy", []),
    ],
)
def test_nearly_all_samples_of_one_class(share: float, rest: str, loss: str, wanted: list[str], tmp_path: Path) -> None:
    labels = (np.arange(300) % 100 < 100 * share).astype(int)
    np.savez(tmp_path / "a.npz", x=X, y=labels)
    source = f'data npz "a.npz"\nlinear 2 xavier as h\nloss {loss}\n{rest}'
    found = [each.code for each in lampc.compile.text(source, folder=tmp_path).warnings]
    assert [code for code in found if code != "W501"] == wanted


@pytest.mark.parametrize(
    ("labels", "train", "wanted"),
    [
        (np.sort(LABELS), "train batch=30", ["W426"]),
        (np.sort(LABELS)[::-1], "", ["W426"]),
        (np.sort(LABELS), "train shuffle", []),
        (np.sort(LABELS), "train batch=300", []),
        (LABELS, "", []),
        (np.zeros(300, int), "", []),
    ],
)
def test_samples_in_the_order_of_their_classes(labels: NDArray[np.int64], train: str, wanted: list[str],
                                               tmp_path: Path) -> None:  # fmt: skip
    np.savez(tmp_path / "a.npz", x_train=X, y_train=labels, x_test=X[:10], y_test=LABELS[:10])
    found = lampc.compile.text(f'data npz "a.npz"\nlinear 3 xavier\nloss crossentropy\n{train}', folder=tmp_path).warnings
    assert [each.code for each in found if each.code != "W425"] == wanted


def test_a_run_that_is_kept_says_nothing_of_data_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    from lampc.cli import run

    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=X * SCALES, y=LABELS)
    Path("a.lamp").write_text(
        'data npz "a.npz"\nlinear 3 xavier\nloss crossentropy\noptimizer sgd lr=1e-6\ntrain epochs=1', encoding="utf-8"
    )
    assert run(["train", "a.lamp", "--run-dir", "runs"]) == 0
    assert "W421" in capsys.readouterr().err
    assert run(["eval", "runs/a/1"]) == 0
    assert "W421" not in capsys.readouterr().err


@pytest.mark.parametrize(("order", "wanted"), [(np.sort, ["W426"]), (np.array, [])])
def test_yes_and_no_in_order(order: Callable[[NDArray[np.float64]], NDArray[np.float64]], wanted: list[str],
                             tmp_path: Path) -> None:  # fmt: skip
    y = order((LABELS > 0).astype(float))[:, None]
    np.savez(tmp_path / "a.npz", x_train=X, y_train=y, x_test=X[:10] + 1, y_test=y[:10])
    found = lampc.compile.text('data npz "a.npz"\nlinear 1 xavier; sigmoid\nloss bce', folder=tmp_path).warnings
    assert [each.code for each in found] == wanted
