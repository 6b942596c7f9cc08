"""lampc's estimators on tables as people have them: frames, gaps, sparse matrices, weights, labels; and as files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from lampc.diagnostics import LampError
from lampc.sklearn import LampClassifier, LampRegressor, table

pandas = pytest.importorskip("pandas")
QUICK: dict[str, Any] = {"network": "linear 8 xavier; tanh", "backend": "torch"}
"""A network that is there at once."""


def people(count: int = 120, seed: int = 0) -> tuple[Any, np.ndarray[Any, Any]]:
    """A frame with gaps, categories, dates and truth values, under labels that do not count; and what follows from it."""
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age": np.where(rng.random(count) < 0.1, np.nan, rng.normal(40, 10, count)),
            "town": rng.choice(["Bonn", "Köln", "Ulm", None], count),
            "when": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(rng.integers(0, 900, count), unit="D"),
            "smokes": rng.random(count) < 0.5,
        },
        index=rng.permutation(count),
    )
    return frame, np.where((frame["town"] == "Bonn").to_numpy() ^ frame["smokes"].to_numpy(), "yes", "no")


def test_a_frame_is_encoded_as_by_a_column_transformer() -> None:
    frame, y = people()
    frame = frame[["age", "town"]]
    found = LampClassifier(**QUICK, epochs=1).fit(frame, y)
    numbers = make_pipeline(StandardScaler(), SimpleImputer(strategy="constant", fill_value=0, add_indicator=True))
    words = OneHotEncoder(sparse_output=False)
    expected = make_column_transformer((numbers, ["age"]), (words, ["town"])).fit_transform(frame)
    assert found.schema_.slots == ("age", "age missing", "town=Bonn", "town=Köln", "town=Ulm", "town missing")
    np.testing.assert_allclose(table.encoded(found.schema_, frame, list(frame)), expected)


def test_frames_with_categories_gaps_and_dates_are_learnt() -> None:
    frame, y = people(300)
    later, answers = people(200, seed=1)
    found = LampClassifier("linear 16 xavier; tanh", backend="torch", epochs=60).fit(frame, y)
    assert found.score(later, answers) > 0.9
    assert found.feature_names_in_.tolist() == ["age", "town", "when", "smokes"]
    assert found.n_features_in_ == 4
    np.testing.assert_array_equal(found.predict(later.reset_index(drop=True)), found.predict(later))
    assert found.predict(later.assign(town="never seen")).shape == (200,)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_polars_and_plain_arrays_are_the_same_rows() -> None:
    polars = pytest.importorskip("polars")
    frame, y = people()
    found = LampClassifier(**QUICK, epochs=2).fit(frame, y)
    expected = found.predict_proba(frame)
    np.testing.assert_array_equal(found.predict_proba(polars.from_pandas(frame)), expected)
    np.testing.assert_array_equal(found.predict_proba(frame.to_numpy()), expected)


def test_columns_are_held_to_those_of_the_training() -> None:
    frame, y = people()
    found = LampClassifier(**QUICK, epochs=1).fit(frame, y)
    with pytest.raises(ValueError, match="feature names"):
        found.predict(frame.drop(columns="town"))
    with pytest.raises(LampError, match="age"):
        found.predict(frame.assign(age="old"))
    with pytest.raises(ValueError, match=r"'age' 2 times|one name"):
        found.fit(pandas.concat([frame, frame], axis=1), y)


def test_what_columns_are_can_be_said() -> None:
    frame, y = people()
    frame["note"] = ["not so good" if word == "no" else "very good" for word in y]
    said = "column age missing=median\ncolumn town category embed=2; column note out"
    found = LampClassifier(**QUICK, epochs=2, columns=said).fit(frame, y)
    assert found.schema_.columns[0].fill == (frame["age"].median(),)
    assert "note" not in {column.name for column in found.schema_.taken}
    assert found.model_.parameters["embed_town.weight"].shape == (2, 4)
    texts = LampClassifier("embedding 4; mean 1", backend="torch", epochs=60, columns="column note text length=3")
    assert texts.fit(frame[["note"]], y).score(frame[["note"]], y) == 1.0
    coded = np.array([[1.0], [2.0], [1.0], [3.0]])
    assert LampRegressor(**QUICK, epochs=1, columns="column x0 category").fit(coded, [1, 2, 1, 3]).schema_.slots == (
        "x0=1", "x0=2", "x0=3")  # fmt: skip
    with pytest.raises(LampError, match=r"no column `agee`(.|\n)*`age`"):
        LampClassifier(columns="column agee number").fit(frame, y)
    with pytest.raises(LampError, match="said by `column`"):
        LampClassifier(columns="linear 5").fit(frame, y)
    with pytest.raises(TypeError, match="no text of `column` statements"):
        LampClassifier(columns=["age"]).fit(frame, y)


def test_gaps_in_plain_arrays_have_slots() -> None:
    x, y = load_iris(return_X_y=True)
    x[::7, 2] = np.nan
    found = LampClassifier(**QUICK, epochs=40).fit(x, y)
    assert found.schema_.slots == ("x0", "x1", "x2", "x2 missing", "x3")
    assert found.score(x, y) > 0.9
    x[0] = np.nan
    assert np.isfinite(found.predict_proba(x)).all()


def test_sparse_samples_are_their_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 9)) * (rng.random((60, 9)) < 0.2)
    y = x[:, 0] - x[:, 3]
    found = LampRegressor(**QUICK, epochs=3).fit(scipy.sparse.csr_array(x), y)
    monkeypatch.setattr(table, "CHUNK", 90)
    dense = LampRegressor(**QUICK, epochs=3).fit(x, y).predict(x)
    np.testing.assert_allclose(found.predict(scipy.sparse.coo_array(x)), dense)
    monkeypatch.setattr(table, "MOST", 500)
    with pytest.raises(LampError, match=r"sparse, and written out it has 540 numbers(.|\n)*TruncatedSVD"):
        found.fit(scipy.sparse.csr_array(x), y)


def test_class_weights_are_sample_weights() -> None:
    x, y = load_iris(return_X_y=True)
    x, y = x[:120], y[:120]
    for weight in ("balanced", {0: 1.0, 1: 5.0, 2: 0.5}):
        by_class = LampClassifier(**QUICK, epochs=5, class_weight=weight).fit(x, y)
        by_sample = LampClassifier(**QUICK, epochs=5).fit(x, y, sample_weight=compute_sample_weight(weight, y))
        np.testing.assert_array_equal(by_class.predict_proba(x), by_sample.predict_proba(x))
    assert not np.array_equal(by_class.predict_proba(x), LampClassifier(**QUICK, epochs=5).fit(x, y).predict_proba(x))


def test_a_weight_is_as_many_samples_in_frames_too() -> None:
    frame, y = people(20)
    frame, y = frame.reset_index(drop=True), y == "yes"
    weight = np.arange(20) % 3
    often = np.repeat(np.arange(20), weight)
    settings: dict[str, Any] = {"epochs": 30, "batch": 100}
    for estimator in (LampClassifier(**QUICK, **settings), LampRegressor(**QUICK, **settings)):
        weighed = clone(estimator).fit(frame, y * 1, sample_weight=weight)
        repeated = clone(estimator).fit(frame.iloc[often], y[often] * 1)
        np.testing.assert_allclose(weighed.predict(frame), repeated.predict(frame), rtol=1e-6)


def test_several_labels_at_once() -> None:
    x, y = make_multilabel_classification(300, n_classes=3, random_state=0)
    found = LampClassifier("linear 32 xavier; tanh", backend="torch", epochs=60).fit(x, y)
    assert found.predict(x).shape == found.predict_proba(x).shape == (300, 3)
    np.testing.assert_array_equal(found.predict(x), found.predict_proba(x) > 0.5)
    assert found.score(x, y) > 0.8  # all three right
    assert [target.kind for target in found.schema_.targets] == ["yesno"] * 3


def test_early_stopping_holds_samples_out() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(80, 5)), rng.integers(0, 2, 80)
    found = LampClassifier(**QUICK, epochs=300, early_stopping=True, n_iter_no_change=5, validation_fraction=0.2).fit(x, noise)
    assert found.n_iter_ < 100
    as_before = LampClassifier(**QUICK, epochs=300, validation=0.2, patience=5).fit(x, noise)
    np.testing.assert_array_equal(found.predict_proba(x), as_before.predict_proba(x))
    with pytest.raises(LampError, match="`validation_fraction`"):
        LampClassifier(early_stopping=True, validation_fraction=2).fit(x, noise)


def test_an_epoch_of_fit_is_a_call_of_partial_fit() -> None:
    x, y = load_iris(return_X_y=True)
    plain: dict[str, Any] = {"schedule": "", "batch": 1000, "random_state": 1}
    whole = LampClassifier(**QUICK, epochs=5, **plain).fit(x, y)
    parts = LampClassifier(**QUICK, **plain)
    for _ in range(5):
        parts.partial_fit(x, y, classes=[0, 1, 2])
    np.testing.assert_allclose(parts.predict_proba(x), whole.predict_proba(x), rtol=1e-9)
    np.testing.assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-9)


def test_partial_fit_knows_its_classes() -> None:
    x, y = load_iris(return_X_y=True)
    found = LampClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be passed"):
        found.partial_fit(x, y)
    found.partial_fit(x[:60], y[:60], classes=[0, 1, 2])
    assert found.predict_proba(x).shape == (150, 3)
    with pytest.raises(ValueError, match="not been learnt: \\[7\\]"):
        found.partial_fit(x, y + 5 * (y == 2))
    with pytest.raises(ValueError, match="not those of the first call"):
        found.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="balanced"):
        LampClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1, 2])


def test_a_warm_start_goes_on() -> None:
    x, y = load_iris(return_X_y=True)
    found = LampClassifier(**QUICK, epochs=20, warm_start=True).fit(x, y)
    begun, schema = found.loss_curve_, found.schema_
    found.fit(x[:120], y[:120])
    assert found.loss_curve_[0] < begun[0] / 3
    assert found.schema_ == schema


TARGETS = {
    "words": lambda y: y,
    "truths": lambda y: y == "yes",
    "numbers": lambda y: np.where(y == "yes", 7, -3),
    "labels": lambda y: np.stack([y == "yes", y == "no"], 1).astype(int),
}


@pytest.mark.parametrize("targets", TARGETS)
def test_a_saved_classifier_predicts_and_goes_on(targets: str, tmp_path: Path) -> None:
    frame, words = people()
    y = TARGETS[targets](words)
    found = LampClassifier(**QUICK, epochs=3, random_state=3, class_weight={0: 1.0, 1: 2.0} if targets == "truths" else None)
    found.fit(frame, y).save(tmp_path / "people.lampc")
    again = LampClassifier.load(tmp_path / "people.lampc")
    assert again.get_params() == found.get_params()
    assert (again.classes_ == found.classes_).all()
    assert again.classes_.dtype == found.classes_.dtype
    np.testing.assert_array_equal(again.predict(frame), found.predict(frame))
    np.testing.assert_array_equal(again.predict_proba(frame), found.predict_proba(frame))
    for estimator in (again, found):
        estimator.partial_fit(frame, y)
    np.testing.assert_array_equal(again.predict_proba(frame), found.predict_proba(frame))


def test_a_saved_regressor_and_a_pickle_predict_in_the_same_unit(tmp_path: Path) -> None:
    frame, _ = people()
    y = np.stack([1e8 + frame["age"].fillna(0), frame["smokes"]], 1)
    found = LampRegressor(**QUICK, epochs=3).fit(frame, y)
    found.save(tmp_path / "ages.lampc")
    for again in (LampRegressor.load(tmp_path / "ages.lampc"), pickle.loads(pickle.dumps(found))):
        np.testing.assert_array_equal(again.predict(frame), found.predict(frame))


def test_an_exported_estimator_takes_raw_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame, y = people()
    price = frame["smokes"] * 1e8 + frame["age"].fillna(0)
    classifier, regressor = LampClassifier(**QUICK, epochs=3).fit(frame, y), LampRegressor(**QUICK, epochs=3).fit(frame, price)
    spaces: list[dict[str, Any]] = [{}, {}]
    for estimator, space in zip((classifier, regressor), spaces, strict=True):
        assert [path.name for path in estimator.export("network.py")] == ["network.safetensors", "network.py"]
        exec(Path("network.py").read_text(encoding="utf-8"), space)
        np.testing.assert_array_equal(space["COLUMNS"], frame.columns)
        if estimator is classifier:
            assert space["predict"](frame) == classifier.predict(frame).tolist()
            np.testing.assert_allclose(space["probabilities"](frame), classifier.predict_proba(frame))
        else:
            np.testing.assert_allclose(space["predict"](frame), regressor.predict(frame))
    assert classifier.export(tmp_path / "network.c")[0].read_text(encoding="utf-8").startswith("/*")
    with pytest.raises(LampError, match=r"how to write `.pt` is not known"):
        classifier.export("network.pt")


def test_an_exported_estimator_in_onnx(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    x, y = load_iris(return_X_y=True)
    x[::5, 1] = np.nan
    found = LampClassifier(**QUICK, epochs=5).fit(x, y)
    (path,) = found.export(tmp_path / "iris.onnx")
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    label, shares = session.run(None, {f"x{place}": x[:, [place]] for place in range(4)})
    assert label.tolist() == found.predict(x).astype(str).tolist()
    np.testing.assert_allclose(shares, found.predict_proba(x), rtol=1e-6)


def test_what_is_no_estimators_file_is_said(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    found = LampClassifier(**QUICK, epochs=1).fit(x, y)
    found.save(tmp_path / "iris")
    found.model_.save(tmp_path / "model")
    with pytest.raises(LampError, match=r"holds a LampClassifier(.|\n)*LampClassifier.load"):
        LampRegressor.load(tmp_path / "iris")
    with pytest.raises(LampError, match=r"no file that `save` of an estimator has written(.|\n)*lampc.load"):
        LampClassifier.load(tmp_path / "model")
    raw = (tmp_path / "iris").read_bytes()
    (tmp_path / "iris").write_bytes(raw[:-1])
    with pytest.raises(LampError, match="damaged"):
        LampClassifier.load(tmp_path / "iris")
