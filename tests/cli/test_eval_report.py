"""``lampc eval --report`` and ``--threshold``, on three tables: what is told is what scikit-learn says of ``lampc predict``."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command

import lampc as library
from lampc.cli import run

metrics = pytest.importorskip("sklearn.metrics")

PROGRAMS = {
    "pets": """data csv "animals.csv" target=pet drop=[weight, bark, purr] validation=0.25 split=0.7
linear 8 kaiming; relu; linear 2 xavier
loss crossentropy
optimizer adam lr=0.02
train epochs=15 batch=16
""",
    "barks": """data csv "animals.csv" target=bark drop=[weight, pet, purr] validation=0.25 split=0.7
linear 8 kaiming; relu; linear 1 xavier; sigmoid
loss bce
optimizer adam lr=0.02
train epochs=15 batch=16
""",
    "breeds": """data csv "animals.csv" target=breed drop=[weight, bark, pet, purr] validation=0.25 split=0.7
linear 8 kaiming; relu; linear 3 xavier
loss crossentropy
optimizer adam lr=0.02
train epochs=15 batch=16
""",
    "weights": """data csv "animals.csv" target=weight drop=[id, pet, bark, purr] split=0.7
linear 8 kaiming; relu; linear 1 xavier
loss mse
optimizer adam lr=0.02
train epochs=30 batch=16
""",
    "both": """data csv "animals.csv" target=[purr, bark] drop=[weight, pet] split=0.7
linear 8 kaiming; relu; linear 2 xavier; sigmoid
loss bce
optimizer adam lr=0.02
train epochs=10 batch=16
""",
    "margin": """data csv "animals.csv" target=bark drop=[weight, pet, purr] split=0.7
linear 1 xavier
loss hinge
train epochs=3
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table and a run of each program."""
    place = tmp_path_factory.mktemp("animals")
    random = np.random.default_rng(5)
    with (place / "animals.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "age", "height", "breed", "pet", "weight", "bark", "purr"])
        for number in range(200):
            age, height = random.uniform(0, 12), random.normal(40, 12)
            dog = height + random.normal(0, 6) > 45
            breed = ["short", "middle", "tall"][int(np.digitize(height + random.normal(0, 3), [35, 45]))]
            grams = 2000 + 700 * height + 300 * age + random.normal(0, 900)
            purrs = random.random() < 0.9 - 0.8 * dog
            table.writerow([100 + number, f"{age:.2f}", f"{height:.1f}", breed, "dog" if dog else "cat", f"{grams:.0f}",
                            int(dog), "yes" if purrs else "no"])  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("LAMPC_RUNS", raising=False)
        for name, text in PROGRAMS.items():
            Path(f"{name}.lamp").write_text(text, encoding="utf-8")
            assert run(["train", f"{name}.lamp", "-q"]) == 0, name
        yield place


@pytest.fixture(autouse=True)
def here(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and tables are found in the folder."""
    monkeypatch.chdir(kept)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)


def rows(lampc: Command, *arguments: object) -> list[dict[str, Any]]:
    """What is predicted for all of the table."""
    done = lampc("predict", *arguments, "animals.csv", "--json")
    assert done.status == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def told(lampc: Command, *arguments: object) -> dict[str, Any]:
    """What eval says of all of the table, as JSON."""
    done = lampc("eval", *arguments, "--data", "animals.csv", "--json")
    assert done.status == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def cells(name: str) -> list[str]:
    """A column of the table."""
    with Path("animals.csv").open(newline="", encoding="utf-8") as file:
        return [row[name] for row in csv.DictReader(file)]


def answers(predicted: list[dict[str, Any]], target: str) -> list[Any]:
    """The answers, beside a column of the same name or not."""
    return [row.get(f"predicted_{target}", row[target]) for row in predicted]


def test_a_report_of_classes_is_of_what_is_predicted(lampc: Command) -> None:
    found, predicted, true = told(lampc, "breeds", "--report")["report"], rows(lampc, "breeds"), cells("breed")
    names = sorted(set(true))
    wanted = metrics.precision_recall_fscore_support(true, answers(predicted, "breed"), labels=names, zero_division=0)
    assert [row["name"] for row in found["classes"]] == names
    for index, name in enumerate(("precision", "recall", "f1", "samples")):
        assert [row[name] for row in found["classes"]] == pytest.approx(wanted[index].tolist()), name
    own = np.array([row[f"p_{breed}"] for row, breed in zip(predicted, true, strict=True)])
    worst = found["worst"]["rows"]
    assert found["worst"]["by"] == "id"
    assert [int(row["name"]) - 100 for row in worst] == np.argsort(own)[:5].tolist()
    assert [row["loss"] for row in worst] == pytest.approx((-np.log(np.sort(own)[:5])).tolist(), rel=1e-5)
    assert [row["true"] for row in worst] == [true[int(row["name"]) - 100] for row in worst]
    sure = np.array([max(row[f"p_{name}"] for name in names) for row in predicted])
    assert sum(each["samples"] for each in found["calibration"]["bins"]) == 200
    mean = sum(each["samples"] * each["mean"] for each in found["calibration"]["bins"]) / 200
    assert mean == pytest.approx(sure.mean(), rel=1e-5)
    assert not {"roc", "yes", "residuals"} & {*found}


def test_a_report_of_two_classes_has_a_curve_of_the_second(lampc: Command) -> None:
    found, predicted, true = told(lampc, "pets", "--report")["report"], rows(lampc, "pets"), cells("pet")
    assert found["yes"] == "dog"
    shares = [row["p_dog"] for row in predicted]
    assert found["roc"]["area"] == pytest.approx(metrics.roc_auc_score([name == "dog" for name in true], shares), rel=1e-6)
    assert found["roc"]["points"][0] == {"false": 0.0, "true": 0.0, "threshold": None}
    assert found["roc"]["points"][-1]["false"] == found["roc"]["points"][-1]["true"] == 1.0
    columns = found["importance"]["columns"]
    assert {row["column"] for row in columns} == {"age", "height", "breed"}
    assert columns[0]["column"] in ("height", "breed")
    assert found["importance"]["whole"] == pytest.approx(metrics.accuracy_score(true, answers(predicted, "pet")))


def test_a_report_of_several_labels_is_of_each_ones_yes(lampc: Command) -> None:
    found = told(lampc, "both", "--report")
    kept = library.load_run("both")
    made = kept.predict("animals.csv").raw
    true = np.array([[purr == "yes", bark == "1"] for purr, bark in zip(cells("purr"), cells("bark"), strict=True)])
    wanted = metrics.precision_recall_fscore_support(true, made > 0.5, zero_division=0)
    labels = found["report"]["labels"]
    assert [row["name"] for row in labels] == ["purr", "bark"]
    for index, name in enumerate(("precision", "recall", "f1", "samples")):
        assert [row[name] for row in labels] == pytest.approx(wanted[index].tolist()), name
    assert found["data"]["measures"]["accuracy"] == pytest.approx(1 - metrics.hamming_loss(true, made > 0.5))
    assert found["report"]["importance"]["whole"] == pytest.approx(found["data"]["measures"]["accuracy"])
    own = np.where(true, made, 1 - made)
    worst = found["report"]["worst"]["rows"][0]
    index = int((-np.log(own)).mean(1).argmax())
    assert int(worst["name"]) == 100 + index
    assert worst["share"] == pytest.approx(own[index].min(), rel=1e-5)
    assert worst["target"] == ["purr", "bark"][own[index].argmin()]
    assert worst["true"] in ("no", "yes", "0", "1")


def test_residuals_are_in_the_targets_unit(lampc: Command) -> None:
    """The network has standardised targets; grams are told."""
    found, predicted = told(lampc, "weights", "--report"), rows(lampc, "weights")
    true, made = np.array(cells("weight"), float), np.array(answers(predicted, "weight"), float)
    (residuals,) = found["report"]["residuals"]
    assert residuals["target"] == "weight"
    assert residuals["mae"] == pytest.approx(metrics.mean_absolute_error(true, made), rel=1e-5)
    assert residuals["mae"] == pytest.approx(found["data"]["measures"]["mae"], rel=1e-5)
    assert residuals["r2"] == pytest.approx(metrics.r2_score(true, made), rel=1e-5)
    assert residuals["quantiles"]["0.95"] == pytest.approx(np.quantile(made - true, 0.95), rel=1e-4)
    worst = found["report"]["worst"]["rows"][0]
    assert worst["loss"] == pytest.approx(np.abs(made - true).max(), rel=1e-5)
    assert (worst["true"], worst["target"], worst["share"]) == (true[int(worst["name"])], "weight", None)
    assert abs(residuals["largest"]) == pytest.approx(worst["loss"])


@pytest.mark.parametrize(("name", "yes"), [("pets", "dog"), ("barks", "1")])
@pytest.mark.parametrize("metric", ["f1", "balanced_accuracy", "accuracy"])
def test_a_threshold_is_chosen_on_validation_and_predicted_with(name: str, yes: str, metric: str, lampc: Command) -> None:
    target = name.removesuffix("s")
    found = told(lampc, name, "--threshold", metric)["threshold"]
    value = found["value"]
    predicted, true = rows(lampc, name, "--threshold", value), cells(target)
    truth = [cell == yes for cell in true]
    said = [answer == yes for answer in answers(predicted, target)]
    for measure, judge in (("accuracy", metrics.accuracy_score), ("balanced_accuracy", metrics.balanced_accuracy_score),
                           ("precision", metrics.precision_score), ("recall", metrics.recall_score),
                           ("f1", metrics.f1_score)):  # fmt: skip
        assert found["measures"][measure] == pytest.approx(judge(truth, said)), measure
    usual = [row[f"p_{yes}"] > 0.5 for row in predicted]
    assert found["usual"] == {"value": 0.5, "measures": found["usual"]["measures"]}
    assert found["usual"]["measures"]["f1"] == pytest.approx(metrics.f1_score(truth, usual))
    assert (found["metric"], found["part"]) == (metric, "data")
    assert found["validation"] >= found["validation_usual"]


def test_a_threshold_is_the_best_of_the_validation_part(lampc: Command) -> None:
    kept = library.load_run("pets")
    part = kept.program.data(kept.seed).validation
    assert part is not None
    shares = kept.model()(part.x).softmax(-1)[:, 1].double().numpy()
    found = json.loads(lampc("eval", "pets", "--threshold", "f1", "--json").out)["threshold"]
    tried = [metrics.f1_score(part.y, shares > value, zero_division=0) for value in [0.0, *shares]]
    assert found["validation"] == pytest.approx(max(tried))
    assert metrics.f1_score(part.y, shares > found["value"]) == pytest.approx(max(tried))
    assert found["part"] == "test"


def test_a_run_answers_at_a_threshold_in_python() -> None:
    kept = library.load_run("pets")
    never, always = kept.at(1.0).predict("animals.csv"), kept.at(0.0).predict("animals.csv")
    assert set(never["predicted_pet"]) == {"cat"}
    assert set(always["predicted_pet"]) == {"dog"}
    assert never["p_dog"] == always["p_dog"] == kept.predict("animals.csv")["p_dog"]
    with pytest.raises(library.LampError, match="from 0 to 1"):
        kept.at(1.5)


def test_without_its_table_a_run_is_measured_on_another_alone(lampc: Command) -> None:
    """A threshold that is chosen takes the run's own validation part, whatever it is measured on."""
    Path("animals.csv").rename("others.csv")
    try:
        with pytest.raises(library.LampError, match="E601"):
            library.load_run("pets").data()
        assert lampc("eval", "pets", "--report").status == 1
        assert lampc("eval", "pets", "--data", "others.csv", "--report", "--threshold", "0.4").status == 0
        assert lampc("eval", "pets", "--data", "others.csv", "--threshold", "f1").status == 1
    finally:
        Path("others.csv").rename("animals.csv")


def test_what_people_read(lampc: Command) -> None:
    done = lampc("eval", "pets", "--report", "--threshold", "f1")
    assert done.status == 0
    for words in ("by which f1 of the validation part is greatest", "test, above", "to predict so: lampc predict pets INPUT",
                  "report of the test part, 60 samples", "area under the ROC curve of `dog`", "calibration: probabilities",
                  "the worst rows\n id ", "columns by importance: accuracy"):  # fmt: skip
        assert words in done.out, words
    assert all(len(line) <= 128 for line in done.out.splitlines())
    done = lampc("eval", "weights", "--report")
    for words in (
        "residuals, predicted minus true",
        "95 % are below",
        "off by",
        "r2 falls by",
        "the worst rows, by their numbers in the table, from 0",
    ):
        assert words in done.out, words


@pytest.mark.parametrize(
    ("command", "status", "why"),
    [
        (
            "eval breeds --threshold f1",
            1,
            "error[E506]: a threshold is of the probability of yes, and here there are 3 classes",
        ),
        (
            "eval weights --threshold 0.4",
            1,
            "error[E506]: a threshold is of the probability of yes, and here the targets are num",
        ),
        ("eval both --threshold 0.4", 1, "there are several labels"),
        ("eval margin --threshold 0.4", 1, "`hinge` makes none"),
        ("predict margin animals.csv --threshold 0.4", 1, "error[E506]: a threshold is of the probability of yes"),
        ("predict breeds animals.csv --threshold 0.4", 1, "error[E506]: a threshold is of the probability of yes"),
        ("eval pets --threshold f2", 2, "'f2' is neither a number from 0 to 1 nor one of f1, balanced_accuracy, accuracy"),
        ("eval pets --threshold 1.5", 2, "'1.5' is neither a number from 0 to 1"),
        ("predict pets animals.csv --threshold 1.5", 2, "1.5 is not in the range"),
    ],
)
def test_where_there_is_no_threshold(command: str, status: int, why: str, lampc: Command) -> None:
    done = lampc(*command.split())
    assert done.status == status
    assert why in done.err


def test_a_margin_has_a_curve_and_no_calibration(lampc: Command) -> None:
    found = told(lampc, "margin", "--report")["report"]
    assert "calibration" not in found
    made = [row["predicted_bark"] if "predicted_bark" in row else row["bark"] for row in rows(lampc, "margin")]
    assert found["roc"]["area"] == pytest.approx(metrics.roc_auc_score(np.array(cells("bark"), int), made), rel=1e-6)


def test_without_a_validation_part_there_is_nothing_to_choose_by(lampc: Command) -> None:
    Path("whole.lamp").write_text(PROGRAMS["pets"].replace("validation=0.25 ", ""), encoding="utf-8")
    assert lampc("train", "whole.lamp", "-q").status == 0
    done = lampc("eval", "whole", "--threshold", "f1")
    assert done.status == 1
    assert "error[E603]: there is no validation part to choose a threshold by" in done.err
    assert lampc("eval", "whole", "--threshold", "0.4").status == 0


def test_what_is_no_class_and_no_number_has_no_report(lampc: Command) -> None:
    Path("several.lamp").write_text(
        'data csv "animals.csv" target=breed drop=[weight, bark, pet, purr]\nlinear 4 xavier as h; linear 3 xavier as kind\n'
        "loss total = crossentropy(kind, y) + 0.1 * crossentropy(h, y)\ntrain epochs=1",
        encoding="utf-8",
    )
    assert lampc("train", "several.lamp", "-q").status == 0
    done = lampc("eval", "several", "--report")
    assert done.status == 1
    assert "error[E506]: of this network there is no report" in done.err
