"""What a network is worth, function by function: against scikit-learn, or by trying all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lampc.runs.assessment.assess import worst_rows
from lampc.runs.assessment.by_class import by_class, measures
from lampc.runs.assessment.calibration import calibration
from lampc.runs.assessment.importance import importances
from lampc.runs.assessment.ranking import roc
from lampc.runs.assessment.residuals import QUANTILES, residuals
from lampc.runs.assessment.threshold import CRITERIA, best_threshold

metrics = pytest.importorskip("sklearn.metrics")
RANDOM = np.random.default_rng(3)


def test_each_class_against_the_rest() -> None:
    """The last class is never true, and the one before never found."""
    true, found = RANDOM.integers(0, 4, 90), RANDOM.choice([0, 1, 2, 4], 90)
    rows = by_class(found, true, "abcde")
    wanted = metrics.precision_recall_fscore_support(true, found, labels=range(5), zero_division=0)
    assert [row.name for row in rows] == [*"abcde"]
    for index, name in enumerate(("precision", "recall", "f1", "samples")):
        assert [getattr(row, name) for row in rows] == pytest.approx(wanted[index].tolist(), rel=1e-14), name


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("taken", [0.0, 0.5, 1.0])
def test_answers_of_yes_and_no(taken: float, share: float) -> None:
    true, found = RANDOM.random(80) < share, RANDOM.random(80) < taken
    made = measures(found, true)
    assert made.accuracy == pytest.approx(metrics.accuracy_score(true, found))
    recalls = metrics.recall_score(true, found, labels=np.unique(true), average=None, zero_division=0)
    assert made.balanced_accuracy == pytest.approx(recalls.mean())
    for name in ("precision", "recall", "f1"):
        assert getattr(made, name) == pytest.approx(getattr(metrics, f"{name}_score")(true, found, zero_division=0)), name


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_the_roc_curve(digits: int) -> None:
    """With one digit many scores are alike."""
    scores, true = RANDOM.random(200).round(digits), RANDOM.random(200) < 0.3
    found = roc(scores, true)
    assert found is not None
    wanted = metrics.roc_curve(true, scores)
    for ours, theirs in zip((found.false, found.true, found.thresholds), wanted, strict=True):
        assert np.array(ours) == pytest.approx(theirs, rel=1e-14)
    assert found.area == pytest.approx(metrics.roc_auc_score(true, scores), rel=1e-14)
    assert roc(scores, true | True) is None


def test_calibration_is_a_curve_and_the_mean_distance_from_the_diagonal() -> None:
    from sklearn.calibration import calibration_curve

    shares = np.append(RANDOM.random(500) ** 2, [0.0, 0.1, 0.2, 1.0])
    true = RANDOM.random(len(shares)) < shares**0.5
    found = calibration(shares, true)
    wanted = calibration_curve(true, shares, n_bins=10)
    full = [each for each in found.bins if each.samples]
    assert [each.share for each in full] == pytest.approx(wanted[0].tolist(), rel=1e-12)
    assert [each.mean for each in full] == pytest.approx(wanted[1].tolist(), rel=1e-12)
    assert sum(each.samples for each in found.bins) == len(shares)
    distance = sum(each.samples * abs(each.share - each.mean) for each in found.bins) / len(shares)
    assert found.error == pytest.approx(distance, rel=1e-12)
    sure = calibration(np.array([0.8] * 10), np.arange(10) < 8)
    assert sure.error == pytest.approx(0.0, abs=1e-15)
    assert [(each.low, each.high) for each in sure.bins if each.samples] == [(0.7, 0.8)]


def test_residuals() -> None:
    predicted, true = RANDOM.normal(size=70), RANDOM.normal(size=70)
    found = residuals(predicted, true, "y")
    error = predicted - true
    assert found.mae == pytest.approx(metrics.mean_absolute_error(true, predicted))
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(true, predicted))
    assert found.r2 == pytest.approx(metrics.r2_score(true, predicted))
    assert (found.mean, found.deviation) == pytest.approx((error.mean(), error.std()))
    assert abs(found.largest) == metrics.max_error(true, predicted)
    assert found.quantiles == pytest.approx(np.quantile(error, QUANTILES))
    assert residuals(np.ones(3), np.ones(3), "y").r2 == metrics.r2_score(np.ones(3), np.ones(3))


def test_the_worst_rows_come_first() -> None:
    assert worst_rows(np.array([1.0, 3.0, 2.0, 3.0, 0.0]), 3) == [1, 3, 2]
    assert worst_rows(np.array([1.0, np.nan, 2.0]), 2) == [1, 2]


def test_errors_beyond_all_numbers_are_told_as_such() -> None:
    found = residuals(np.array([1e308, 1.0]), np.array([-1e308, 1.0]), "y")
    assert (found.largest, found.mae, found.rmse) == (math.inf, math.inf, math.inf)


def test_importance_is_what_scikit_learn_says() -> None:
    """The score of a linear model falls by 2·w²·var(x)/var(y) on the mean; both draw their own deals."""
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LinearRegression

    x = RANDOM.normal(size=(300, 3))
    y = x @ [1.0, 3.0, 0.0] + RANDOM.normal(size=300)
    fitted = LinearRegression().fit(x, y)
    wanted = permutation_importance(fitted, x, y, n_repeats=30, random_state=1)
    found = importances(fitted.predict, x, lambda p: metrics.r2_score(y, p), {"a": [0], "b": [1], "c": slice(2, 3)}, 30)
    assert [each.column for each in found] == ["b", "a", "c"]
    ours = {each.column: each for each in found}
    for index, name in enumerate("abc"):
        assert ours[name].mean == pytest.approx(wanted.importances_mean[index], abs=0.04)
        assert ours[name].deviation == pytest.approx(wanted.importances_std[index], abs=0.04)


def test_a_columns_slots_are_dealt_out_together() -> None:
    """A category's slots: whatever the deal, one of them is 1."""
    x = np.eye(3)[RANDOM.integers(0, 3, 50)]
    x = np.concatenate([x, RANDOM.normal(size=(50, 1))], 1)
    seen: list[np.ndarray] = []

    def predict(samples: np.ndarray) -> np.ndarray:
        seen.append(samples.copy())
        return samples

    importances(predict, x, lambda _: 0.0, {"town": slice(0, 3)}, repeats=4, seed=5)
    assert len(seen) == 5
    for samples in seen[1:]:
        assert (samples[:, :3].sum(1) == 1).all()
        assert sorted(map(tuple, samples[:, :3])) == sorted(map(tuple, x[:, :3]))
        assert (samples[:, 3] == x[:, 3]).all()
        assert (samples[:, :3] != x[:, :3]).any()


@pytest.mark.parametrize("metric", CRITERIA)
@pytest.mark.parametrize("digits", [1, 3])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_no_threshold_is_better(share: float, digits: int, metric: str) -> None:
    """All are tried, by scikit-learn: between any two probabilities, below all and above all."""
    true = RANDOM.random(40) < share
    shares = np.clip(RANDOM.random(40) * 0.6 + 0.4 * true, 0.01, 1.0).round(digits)
    found = best_threshold(shares, true, metric)
    judge = {"f1": lambda t, p: metrics.f1_score(t, p, zero_division=0), "accuracy": metrics.accuracy_score,
             "balanced_accuracy": metrics.balanced_accuracy_score}[metric]  # fmt: skip
    tried = [0.0, *np.unique(shares)]
    assert found.score == pytest.approx(max(judge(true, shares > value) for value in tried), rel=1e-12)
    assert judge(true, shares > found.value) == pytest.approx(found.score, rel=1e-12)
    assert found.usual == pytest.approx(judge(true, shares > 0.5), rel=1e-12)
    assert 0.0 <= found.value <= 1.0


@pytest.mark.parametrize(
    ("shares", "true", "value"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.5),  # the usual one is as good as any
        ([0.1, 0.2, 0.3, 0.9], [0, 0, 1, 1], 0.2),  # at least 0.2, below 0.3: with one digit
        ([0.1234, 0.1239], [0, 1], 0.1236),
        ([0.6, 0.7, 0.9], [0, 1, 1], 0.6),
        ([0.3, 0.3], [0, 1], 0.1),  # everything is yes
        ([0.0, 1.0], [1, 1], 0.5),  # no threshold is below 0, so that one is missed
    ],
)
def test_a_threshold_is_near_the_usual_one_and_short(shares: list[float], true: list[int], value: float) -> None:
    found = best_threshold(np.array(shares), np.array(true, bool), "f1")
    assert found.value == pytest.approx(value)
    assert not math.isnan(found.score)
