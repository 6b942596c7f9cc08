"""Networks that begin badly are warned of with what they begin with, at the layer that does it; each mend, pasted, mends."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import lampc.compile
from lampc.diagnostics import Diagnostic

ROOT = Path(__file__).parents[2]
DIGITS = "linear 64->64; relu; linear 64; relu; linear 10\ndata digits\nloss crossentropy"
IMAGES = "conv 8 3; relu; maxpool 2; flatten; linear 10\ndata digits image\nloss crossentropy"


def growth(source: str, folder: Path | None = None) -> list[Diagnostic]:
    """What a program is warned of that begins badly."""
    found = lampc.compile.text(source, folder=folder or ROOT / "models").warnings
    return [each for each in found if each.code.startswith("W45")]


def pasted(source: str, found: Diagnostic, fix: str) -> str:
    """A program in which a mend has been written."""
    written = re.findall(r"`([^`]*)`", fix)[0]
    if written.startswith("init"):
        return f"{written}\n{source}"
    if written == "normalize":
        return re.sub(r"(?m)^data.*$", r"\g<0> normalize", source)
    span = found.labels[0].span
    return source[: span.start] + written + source[span.end :]


@pytest.mark.parametrize("source", [DIGITS, IMAGES])
def test_the_loss_that_is_foretold_is_the_one_that_training_begins_with(source: str) -> None:
    (found,) = growth(source)
    deviation, loss = (float(number) for number in re.findall(r"deviation (\S+): a loss near ([\d.]+)", found.message)[0])
    program = lampc.compile.text(source)
    data = program.data()
    x, y = torch.from_numpy(np.asarray(data.train.x[:500])).float(), torch.from_numpy(data.train.y[:500])
    scores = [program.model(seed=seed)(x) for seed in range(8)]
    assert math.sqrt(np.mean([float(s.square().mean()) for s in scores])) == pytest.approx(deviation, rel=0.25)
    assert np.mean([float(torch.nn.functional.cross_entropy(s, y)) for s in scores]) == pytest.approx(loss, rel=0.25)


def test_it_is_said_where_it_begins_with_what_guessing_would_lose() -> None:
    (found,) = growth(DIGITS)
    assert found.labels[0].span.text == "linear 10"  # the last of three that are alike
    assert found.message.endswith("and ln 10 = 2.3 is guessing")
    (found,) = growth("linear 784->256; relu; linear 256; relu; linear 10\nloss crossentropy")
    assert found.labels[0].span.text == "linear 784->256"
    assert found.message.startswith("for inputs of deviation 1, `linear3` begins with scores of deviation 3,")


CASES = {
    "scores": (DIGITS, "W451", "linear 10"),
    "scores of a small network": (IMAGES, "W451", "linear 10"),
    "scores of yes or no": ("linear 20->50 kaiming; relu; linear 1; sigmoid\nloss bce", "W451", "linear 1"),
    "scores of words": ("input 9 int<50>; embedding 256; linear 50; loss crossentropy", "W451", "linear 50"),
    "a stated one": ("linear 20->64 normal(4); relu; linear 3 xavier; loss crossentropy", "W451", "linear 20->64 normal(4)"),
    "copies": ("repeat 4 { linear 64->64 normal; relu }; linear 10 xavier; loss crossentropy", "W451", "linear 64->64 normal"),
    "a loss of several": ("linear 8->256 kaiming; relu as h; linear 10 as a\nfrom h; linear 10 xavier\n"
                          "loss total = crossentropy(a, y) + crossentropy(p, y)", "W451", "linear 10"),
    "a formula": ("linear 20->50 kaiming; relu; linear 1\nloss fn(p, y) = mean(softplus(p) - y * p)", "W451", "linear 1"),
    "numbers": ("linear 10->256 kaiming; relu; linear 1\ndata diabetes normalize scaled\nloss mse", "W451", "linear 1"),
    "numbers in a formula": (
        "linear 10->256 kaiming; relu; linear 1\ndata diabetes normalize scaled\nloss total = mse(p, y)", "W451", "linear 1",
    ),
    "flat units": ("linear 20->50 uniform(-3, 3); tanh; linear 3 xavier; loss crossentropy", "W452",
                   "linear 20->50 uniform(-3, 3)"),
    "a gradient that vanishes": ("repeat 12 { linear 20->20 xavier; sigmoid }; linear 3 xavier; loss crossentropy", "W453",
                                 "linear 20->20 xavier"),
    "a signal that vanishes": ("repeat 30 { linear 20->20 kaiming(gain=0.7); relu }; linear 3 xavier; loss crossentropy",
                               "W454", "linear 20->20 kaiming(gain=0.7)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_begins_badly_is_said_once_and_mended_by_what_is_proposed(case: str) -> None:
    source, code, place = CASES[case]
    (found,) = growth(source)
    assert (found.code, found.labels[0].span.text) == (code, place)
    mends = [fix for fix in found.fixes if fix.startswith(("write", "add"))]
    assert mends or code == "W453"
    for fix in mends:
        assert growth(pasted(source, found, fix)) == [], fix


def test_data_that_are_too_large_are_to_be_normalised(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x=draw.uniform(-50, 50, (200, 8)), y=draw.integers(0, 3, 200))
    source = 'linear 8 xavier; relu; linear 3 xavier\ndata npz "a.npz"\nloss crossentropy'
    (found,) = growth(source, tmp_path)
    assert found.fixes[0] == "add `normalize` to the `data` statement, whose numbers are about 29 in size"
    assert growth(pasted(source, found, found.fixes[0]), tmp_path) == []


@pytest.mark.parametrize(
    "source",
    [
        "linear 2->25; tanh; linear 1; sigmoid\ndata disc\nloss bce",  # a loss of twice guessing
        "linear 8->16 kaiming; relu; linear 3 zeros; loss crossentropy",
        "linear 8->16 kaiming; residual { linear 16 kaiming; relu; linear 16 zeros }; linear 3 xavier; loss crossentropy",
        "linear 64->64; layernorm; relu; linear 64; batchnorm; relu; linear 10 xavier; loss crossentropy",
        "init kaiming; linear 64->64; relu; repeat 20 { linear 64; relu }; linear 10; loss crossentropy",
        "init xavier; linear 64->64; tanh; repeat 20 { linear 64; tanh }; linear 10; loss crossentropy",
        "input 20 int<50>; embedding 32; lstm 64 last; linear 10 xavier; loss crossentropy",
        "fn high(x) = tanh(x + 3)\nlinear 8->16 xavier; high; linear 3 xavier; loss crossentropy",  # meant so
        "linear 10->256; relu; linear 1; loss mse",  # nothing is known of the targets
        "linear 10->256; relu; linear 1 as a; loss total = mean(a)^2 - mean(y)",
    ],
)
def test_what_begins_well_or_is_not_known_is_not_warned_of(source: str) -> None:
    assert growth(source) == []


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.lamp")), ids=lambda path: path.name)
def test_the_models_begin_well(path: Path) -> None:
    assert [each for each in lampc.compile.file(path).warnings if each.code.startswith("W4")] == []


def test_a_layer_is_not_warned_of_twice() -> None:
    found = lampc.compile.text("linear 2->64; tanh; linear 1; sigmoid\ndata disc\nloss bce").warnings
    assert [each.labels[0].span.text for each in found if each.code in ("W401", "W451")] == ["linear 2->64", "linear 1"]


@pytest.mark.parametrize("data", ["digits", "digits image", "wine", "breastcancer", "diabetes", "disc train=4000", "xor"])
def test_the_sizes_of_bundled_data_are_theirs(data: str) -> None:
    program = lampc.compile.text(f"flatten; linear 1 xavier\ndata {data}\nloss fn(p, y) = mean(p)")
    assert program.experiment.data is not None and program.experiment.data.description is not None
    x = np.asarray(program.data().train.x).reshape(program.experiment.data.description.train, -1)
    sizes = program.experiment.data.description.sizes
    assert sizes == pytest.approx((x.mean(), np.sqrt(np.square(x).mean()), np.sqrt(np.square(x.mean(0)).mean())),
                                  rel=0.05, abs=0.01)  # fmt: skip
