"""lampc's estimators among scikit-learn's."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from lampc.diagnostics import LampError
from lampc.sklearn import LampClassifier, LampRegressor


def checks() -> Any:
    for estimator in (LampClassifier(epochs=60), LampRegressor(epochs=60)):
        for made, check in estimator_checks_generator(estimator):
            yield pytest.param(made, check, id=f"{type(made).__name__}-{getattr(check, 'func', check).__name__}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_iris_and_wine_are_told_apart() -> None:
    for load in (load_iris, load_wine):
        x, y = load(return_X_y=True)
        scores = cross_val_score(LampClassifier("linear 16 xavier; tanh", epochs=60), x, y, cv=5)
        assert scores.mean() > 0.93


def test_diabetes_is_explained_in_part() -> None:
    x, y = load_diabetes(return_X_y=True)
    scores = cross_val_score(LampRegressor("linear 16 xavier; tanh; dropout 0.2", epochs=30), x, y, cv=3)
    assert scores.mean() > 0.35


def test_names_of_classes_are_kept() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    found = LampClassifier(epochs=40).fit(x, names)
    assert found.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(found.predict(x)) <= set(names)
    np.testing.assert_allclose(found.predict_proba(x).sum(axis=1), 1.0)


def test_several_targets() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.stack([x[:, 0] * 2, x[:, 1] + x[:, 2]], 1)
    found = LampRegressor("linear 32 xavier; tanh", epochs=80).fit(x, y)
    assert found.predict(x).shape == (200, 2)
    assert found.score(x, y) > 0.97


def test_settings_are_searched_in_a_pipeline() -> None:
    x, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LampClassifier(epochs=20))
    grid = {"lampclassifier__optimizer": ["adam lr=0.01", "adam lr=1e-6"]}
    found = GridSearchCV(pipeline, grid, cv=3).fit(x, y)
    assert found.best_params_ == {"lampclassifier__optimizer": "adam lr=0.01"}


def test_equal_seeds_are_equal_and_pickles_predict_the_same() -> None:
    x, y = load_iris(return_X_y=True)
    first = LampClassifier(epochs=10, random_state=3).fit(x, y)
    second = clone(first).fit(x, y)
    third = clone(first).set_params(random_state=4).fit(x, y)
    np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))
    assert not np.array_equal(first.predict_proba(x), third.predict_proba(x))
    np.testing.assert_array_equal(first.predict_proba(x), pickle.loads(pickle.dumps(first)).predict_proba(x))


def test_a_wrong_network_is_lampcs_error() -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(LampError, match="tahn"):
        LampClassifier("linear 8; tahn").fit(x, y)


@pytest.mark.parametrize("share", [1.0, -0.1, 5, float("nan"), 10**400, None, "0.2", True])
def test_a_share_that_is_none_is_lampcs_error(share: Any) -> None:
    x, y = load_iris(return_X_y=True)
    with pytest.raises(LampError, match="`validation`"):
        LampClassifier("linear 8; tanh", epochs=1, validation=share).fit(x, y)


def test_without_scikit_learn_the_extra_is_named() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import lampc.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "lampc[sklearn]"' in done.stderr
