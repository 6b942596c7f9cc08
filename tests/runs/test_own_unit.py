"""What was trained on standardised targets is told, predicted and exported in the targets' own unit; scikit-learn judges."""

from __future__ import annotations

import copy
import csv
import json
import pickle
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import lampc
from lampc.cli import run as command
from lampc.diagnostics import LampError
from lampc.export import onnx
from lampc.export.c_source import source as c_source
from lampc.export.torch_source import source as torch_source
from lampc.runs import checkpoint as checkpoints
from lampc.runs.checkpoint import Checkpoint
from lampc.runs.directory import LAST
from lampc.runs.evaluate import evaluate
from lampc.runs.load import Run
from lampc.runs.report import report
from lampc.runtime.history import History

sklearn = pytest.importorskip("sklearn.metrics")
Array = NDArray[np.float64]
N = 120
COMPILER = shutil.which("cc")


def table(path: Path, scale: float = 1.0, shift: float = 0.0) -> tuple[Array, Array]:
    """A table whose target is a line with noise, in some unit: its samples and targets, as they stand there."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    y = shift + scale * (3 * x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=N))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "price"])
        writer.writerows([*row, target] for row, target in zip(x.tolist(), y.tolist(), strict=True))
    return x, y


def text(loss: str = "mse", train: str = "epochs=15", data: str = "validation=0.2") -> str:
    return (f'data csv "t.csv" normalize=off {data}\nlinear 8 kaiming; relu; linear 1 xavier\nloss {loss}\n'
            f"metrics r2 mae rmse\noptimizer adam lr=0.02\ntrain batch=16 shuffle {train}")  # fmt: skip


def trained(folder: Path, source: str) -> Run:
    """A run of a program on `t.csv`."""
    (folder / "t.lamp").write_text(source)
    assert command(["train", str(folder / "t.lamp"), "--run-dir", str(folder / "runs")]) == 0
    return lampc.load_run(folder / "runs" / "t")


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Array, Array]:
    """A run on targets of 10⁸, whose float32 is right to 8, with the samples and targets of the table."""
    folder = tmp_path_factory.mktemp("prices")
    x, y = table(folder / "t.csv", 3.0, 1e8)
    return trained(folder, text()), x, y


def judged(y: Array, found: Any) -> dict[str, float]:
    """What scikit-learn says of predictions."""
    found = np.asarray(found, dtype=np.float64).ravel()
    squared = float(sklearn.mean_squared_error(y, found))
    return {"loss": squared, "r2": float(sklearn.r2_score(y, found)),
            "mae": float(sklearn.mean_absolute_error(y, found)), "rmse": squared**0.5}  # fmt: skip


@pytest.mark.parametrize(("scale", "shift"), [(3.0, 1e8), (1e25, 0.0)])
@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_unit_changes_nothing_but_the_unit(backend: str, precision: str, scale: float, shift: float, tmp_path: Path) -> None:
    """Prices of 10⁸, and of 10²⁵, which float32's squares do not reach, are learnt as their standardised copies are."""

    def train(scale: float, shift: float) -> History:
        table(tmp_path / "t.csv", scale, shift)
        options = f"epochs=10 patience=5 best=loss backend={backend} precision={precision}"
        return lampc.compile.text(text(train=options), folder=tmp_path).model().train()

    found, same = train(scale, shift), train(1.0, 0.0)
    assert found.test["r2"] == pytest.approx(same.test["r2"], abs=1e-5)
    assert found.test["r2"] > 0.5
    assert found.best is not None
    assert same.best is not None
    assert found.best.epoch == same.best.epoch
    for name, power in (("mae", 1), ("rmse", 1), ("loss", 2)):
        assert found.test[name] == pytest.approx(same.test[name] * scale**power, rel=1e-4)
        assert found[0].validation[name] == pytest.approx(same[0].validation[name] * scale**power, rel=1e-4)
    assert found[0].loss == pytest.approx(same[0].loss * scale**2, rel=1e-4)


def test_scikit_learn_says_the_same_of_each_part(prices: tuple[Run, Array, Array]) -> None:
    run, x, y = prices
    order = np.random.default_rng(run.seed).permutation(N)  # as docs/language.md has it
    rows = dict(zip(("train", "validation", "test"), np.split(order, [77, 96]), strict=True))
    measured = evaluate(run, run.model())
    for part, chosen in rows.items():
        assert measured[part]["samples"] == len(chosen)
        assert measured[part]["measures"] == pytest.approx(judged(y[chosen], run.predict(x[chosen])["price"]), rel=1e-6)


def test_another_table_is_read_in_its_own_unit(prices: tuple[Run, Array, Array], tmp_path: Path) -> None:
    run, _, _ = prices
    x, y = table(tmp_path / "other.csv", 6.0, 1e8 + 5)
    found = evaluate(run, run.model(), tmp_path / "other.csv")["data"]["measures"]
    assert found == pytest.approx(judged(y, run.predict(x)["price"]), rel=1e-6)


@pytest.mark.parametrize(("loss", "own"), [("mae", 1.0), ("huber", 0.0), ("mse", 2.0)])
def test_losses_are_told_in_the_targets_unit_where_they_have_one(loss: str, own: float, tmp_path: Path) -> None:
    def train(scale: float) -> History:
        table(tmp_path / "t.csv", scale)
        return lampc.compile.text(text(loss, data=""), folder=tmp_path).model().train()

    found, same = train(1000.0), train(1.0)
    for told, standardised in ((found[3].loss, same[3].loss), (found.test["loss"], same.test["loss"])):
        assert told == pytest.approx(standardised * 1000.0**own, rel=1e-3)


def test_what_is_written_down_is_in_the_targets_unit(prices: tuple[Run, Array, Array], capsys: pytest.CaptureFixture[str],
                                                     tmp_path: Path) -> None:  # fmt: skip
    run, x, y = prices
    assert command(["eval", str(run.path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {part: found["measures"] for part, found in said.items()} == {
        part: pytest.approx(found["measures"]) for part, found in evaluate(run, run.model()).items()
    }
    assert command(["predict", str(run.path), str(run.path.parents[2] / "t.csv"), "-o", str(tmp_path / "p.csv")]) == 0
    with (tmp_path / "p.csv").open() as file:
        written = [float(row["predicted_price"]) for row in csv.DictReader(file)]
    assert written == run.predict(x)["price"]
    assert judged(y, written)["r2"] > 0.9
    summary = json.loads((run.path / "summary.json").read_text())
    assert summary["test"]["mae"]["mean"] == pytest.approx(evaluate(run, run.model())["test"]["measures"]["mae"])
    chart = report(run).partition("predicted against true")[2]
    assert ">true, from 99999" in chart
    assert ">predicted, from 99999" in chart


def test_the_unit_goes_where_the_model_goes(prices: tuple[Run, Array, Array], tmp_path: Path) -> None:
    run, x, y = prices
    model = run.model()
    model.save(tmp_path / "m.safetensors")
    copies = [lampc.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.to("cpu")]
    wanted = np.asarray(run.predict(x)["price"])
    for other in copies:
        assert other.unit is not None
        np.testing.assert_array_equal(other.unit.own(other(x).double().numpy())[:, 0], wanted)
        assert other.evaluate(x, other.unit.standardised(y[:, None])) == pytest.approx(judged(y, wanted), rel=1e-6)
    data = copies[0].program.experiment.data
    assert data is not None
    assert data.request.scale  # what it is trained on next is what it was trained on
    model.reset(1)
    assert model.unit is None


def test_several_targets_have_a_unit_each(tmp_path: Path) -> None:
    """Their errors have no unit in common: the loss is that of the standardised numbers, all else is in their own."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 2))
    y = np.stack([1e8 + 3 * x[:, 0], 0.001 * x[:, 1] - 0.002 * x[:, 0]], 1)
    lines = [",".join(map(repr, row)) for row in np.concatenate([x, y], 1).tolist()]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,price,weight", *lines]))
    run = trained(tmp_path, text(data="target=[price, weight]").replace("linear 1", "linear 2"))
    order = np.random.default_rng(run.seed).permutation(N)
    found, held_out = run.predict(x[order[96:]]), y[order[96:]]
    told = evaluate(run, run.model())["test"]["measures"]
    assert told["r2"] == pytest.approx(sklearn.r2_score(held_out, found.raw))
    assert told["rmse"] == pytest.approx(np.sqrt(((found.raw - held_out) ** 2).mean(0)).mean())
    assert told["r2"] > 0.8
    standardised = (found.raw - held_out) / y[order[:96]].std(axis=0)
    assert told["loss"] == pytest.approx((standardised**2).mean(), rel=1e-5)


def test_each_seed_has_the_unit_of_its_own_part(tmp_path: Path) -> None:
    x, y = table(tmp_path / "t.csv", 5.0, 1e6)
    run = trained(tmp_path, text(train="epochs=8 runs=3 best=mae"))
    part = y[np.random.default_rng(run.seed).permutation(N)[:77]]
    assert run.kept.about["unit"] == [[pytest.approx(part.mean(), rel=1e-14)], [pytest.approx(part.std(), rel=1e-9)]]
    found = evaluate(run, run.model())["validation"]["measures"]
    order = np.random.default_rng(run.seed).permutation(N)[77:96]
    assert found == pytest.approx(judged(y[order], run.predict(x[order])["price"]), rel=1e-6)
    assert run.kept.about["best"]["value"] == pytest.approx(found["mae"])


@pytest.mark.parametrize("unit", [[[0.0], [0.0]], [[0.0], [-1.0]], [[0.0, 1.0], [1.0, 1.0]], [[float("nan")], [1.0]], [[], []]])
def test_a_unit_that_can_be_none_is_refused(unit: list[list[float]], prices: tuple[Run, Array, Array], tmp_path: Path) -> None:
    run, _, _ = prices
    shutil.copytree(run.path, tmp_path / "1")
    for file in (tmp_path / "1").glob("*.safetensors"):
        kept = checkpoints.read(file)
        checkpoints.write(file, Checkpoint(kept.tensors, {**kept.about, "unit": unit}))
    with pytest.raises(LampError, match="`unit` is not of the network's targets"):
        lampc.load_run(tmp_path / "1")
    with pytest.raises(LampError, match="`unit` is not of the network's targets"):
        run.program.load(tmp_path / "1" / LAST)


def test_onnx_answers_in_the_targets_unit(prices: tuple[Run, Array, Array]) -> None:
    runtime = pytest.importorskip("onnxruntime")
    run, x, _ = prices
    model = run.model()
    assert model.unit is not None
    made = onnx.export(model, None, model.unit.lists()).SerializeToString()
    found = runtime.InferenceSession(made, providers=["CPUExecutionProvider"]).run(None, {"x": x.astype(np.float32)})[0]
    np.testing.assert_allclose(found, run.predict(x).raw, rtol=0, atol=1e-4)


def test_pytorch_answers_in_the_targets_unit(prices: tuple[Run, Array, Array]) -> None:
    run, x, _ = prices
    model, space = run.model(), dict[str, Any]()
    assert model.unit is not None
    exec(torch_source(model.program, unit=model.unit.lists()), space)
    network = space["Network"]()
    network.load_state_dict(model.state_dict())
    found = network(torch.from_numpy(x).float())
    np.testing.assert_allclose(found.detach().numpy(), run.predict(x).raw, rtol=0, atol=1e-4)
    found.sum().backward()


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
def test_c_answers_in_the_targets_unit(prices: tuple[Run, Array, Array], tmp_path: Path) -> None:
    assert COMPILER is not None
    run, x, _ = prices
    model, source, program = run.model(), tmp_path / "m.c", tmp_path / "m"
    assert model.unit is not None
    source.write_text(c_source(model, unit=model.unit.lists()))
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-DLAMP_MAIN"]
    subprocess.run([COMPILER, *flags, str(source), "-o", str(program), "-lm"], check=True)
    lines = "".join(f"{a},{b}\n" for a, b in x.tolist())
    found = subprocess.run([str(program)], input=lines, capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(np.array(found.split(), dtype=np.float64), run.predict(x)["price"], rtol=0, atol=1e-4)


def test_another_value_of_the_network_has_no_unit(tmp_path: Path) -> None:
    table(tmp_path / "t.csv", 5.0, 1e6)
    run = trained(tmp_path, text().replace("relu;", "relu as code;"))
    for options, own in ((["--value", "code"], False), ([], True)):
        assert command(["export", str(run.path), "--to", "torch", "-o", str(tmp_path / "net.py"), *options]) == 0
        assert ("target_mean" in (tmp_path / "net.py").read_text()) == own


@pytest.mark.parametrize(
    ("loss", "said"), [("mse", "best by validation loss: data.scale=on"), ("huber", "losses of different kinds")]
)
def test_settings_are_compared_in_one_unit(loss: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A huber of standardised numbers is not that of prices; their squares are told as prices' squares."""
    table(tmp_path / "t.csv", 5.0, 1e6)
    (tmp_path / "t.lamp").write_text(text(loss, "epochs=3 best=loss"))
    folder = str(tmp_path / "swept")
    assert command(["sweep", str(tmp_path / "t.lamp"), "--grid", "data.scale=on,off", "-o", folder]) == 0
    assert said in "".join(capsys.readouterr())
