"""What docstrings of public names say: shapes, units, and what is raised, which is raised."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch

import lampc
import lampc.compile
import lampc.nn
import lampc.runs.load
from lampc.importing.onnx import from_onnx

SOURCE = "linear 2->5 xavier; tanh as h; linear 1; sigmoid\ndata disc train=60 test=20 validation=10\nloss mse\n"
SOURCE += "train epochs=1 batch=10"
DOCUMENTED = {
    "lampc.compile": ("file", "text"),
    "lampc.nn": ("Lamp",),
    "lampc.runs.load": ("load", "Run"),
    "lampc.importing.exported": ("from_exported",),
    "lampc.importing.onnx": ("from_onnx",),
    "lampc.sklearn": ("LampClassifier", "LampRegressor"),
}
"""What the pages of the documentation use besides ``dir(lampc)``."""
SHAPED = {"x", "y", "X", "loader", "data", "state_dict"}
"""Parameters that have a shape, whatever they are annotated with."""
UNITS = {"seconds": "", "us_per_step": "microsecond", "buffers": "byte", "every": "seconds"}
"""What is measured in something, by the word for it that the docstring has."""


def members(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A name, and the public methods and properties of what is a class."""
    yield name, value
    if inspect.isclass(value) and not issubclass(value, Exception):
        for member, found in inspect.getmembers(value):
            own = any(member in vars(base) for base in value.__mro__ if base.__module__.startswith("lampc"))
            if own and (member == "__call__" or not member.startswith("_")) and (
                inspect.isroutine(found) or isinstance(found, property) or hasattr(found, "func")):  # fmt: skip
                yield f"{name}.{member}", found


def public() -> Iterator[tuple[str, Any]]:
    """Every public name."""
    for name in lampc.__all__:
        if not name.startswith("__"):
            yield from members(name, getattr(lampc, name))
    for module, names in DOCUMENTED.items():
        for name in names:
            yield from members(f"{module.removeprefix('lampc.')}.{name}", getattr(importlib.import_module(module), name))


PUBLIC = dict(public())


def parts(name: str) -> tuple[str, str]:
    """A docstring, and what of it says what is raised."""
    doc = inspect.getdoc(PUBLIC[name]) or ""
    text, _, raised = doc.partition("Raises:\n")
    return text, raised


def signature(found: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(found.fget if isinstance(found, property) else getattr(found, "func", found))
    except (TypeError, ValueError):
        return None


def test_there_are_as_many_as_one_would_think() -> None:
    assert {"Model.train", "Model.save", "Model.__call__", "Program.load", "Session.text", "load", "History.us_per_step",
            "nn.Lamp.forward", "runs.load.Run.normalised", "compile.file"} <= set(PUBLIC)  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_have_shapes_and_units(name: str) -> None:
    found = PUBLIC[name]
    text, _ = parts(name)
    assert text, name
    assert text.rstrip()[-1] in ".`:)…" or "→" in text or "\n" in text, text
    if (taken := signature(found)) is None:
        return
    for parameter in taken.parameters.values():
        if parameter.name in SHAPED or re.search("Tensor|NDArray|ArrayLike", str(parameter.annotation)):
            assert re.search(rf"\b{parameter.name}\b", text), f"{name} does not say what {parameter.name} is:\n{text}"
            assert "[" in text or "shape" in text, f"{name} says no shapes:\n{text}"
    if re.search(r"\b(Tensor|NDArray)\b", str(taken.return_annotation)) and not inspect.isclass(found):
        assert "[" in text or "shape" in text, f"{name} says no shape of what it gives:\n{text}"
    for word, unit in UNITS.items():
        if word in taken.parameters or name.endswith(f".{word}"):
            assert unit.lower() in text.lower(), f"{name} says no unit:\n{text}"


class Returning(lampc.Optimizer):
    """One whose update returns something."""

    def update(self, p: torch.Tensor, g: torch.Tensor, state: dict[str, torch.Tensor]) -> Any:
        return p


def stepped() -> None:
    p = torch.zeros(2)
    p.grad = torch.ones(2)
    Returning([p]).step()


@cache
def model() -> lampc.Model:
    return lampc.compile.text(SOURCE).model(seed=0, backend="torch")


@cache
def program() -> lampc.Program:
    return lampc.compile.text(SOURCE)


@cache
def bare() -> lampc.Program:
    """Without data and loss."""
    return lampc.compile.text("linear 2->1 xavier")


def estimator(name: str, trained: bool = False) -> Any:
    found = getattr(importlib.import_module("lampc.sklearn"), name)("linear 2 xavier", epochs=1)
    return found.fit(np.eye(4), np.array([0, 1, 0, 1])) if trained else found


def of_one_sample() -> lampc.Model:
    made = lampc.compile.text("linear 2->4 xavier; batchnorm; linear 1 xavier; loss mse").model()
    made.executor(made.program.training, 1)
    return made


def without_matplotlib() -> None:
    with patch.dict(sys.modules, {"matplotlib": None, "matplotlib.figure": None}):
        lampc.History(0).plot()


WIDE, X, Y = torch.zeros(3, 7), torch.zeros(3, 2), torch.zeros(3, 1)
E = lampc.LampError
RAISES: dict[tuple[str, str], Callable[[], object]] = {
    ("compile.file", "LampError"): lambda: lampc.compile.file("none.lamp"),
    ("compile.text", "LampError"): lambda: lampc.compile.text("tahn"),
    ("load", "LampError"): lambda: lampc.load("none.safetensors"),
    ("layer", "ValueError"): lambda: lampc.layer(lambda make, x: x),
    ("DataLoader", "LampError"): lambda: lampc.DataLoader((X, Y[:1])),
    ("History.plot", "LampError"): without_matplotlib,
    ("Session", "ValueError"): lambda: lampc.Session(lambda make, x: x),
    ("Session.file", "LampError"): lambda: lampc.Session().file("none.lamp"),
    ("Session.text", "LampError"): lambda: lampc.Session().text("tahn"),
    ("Session.load", "LampError"): lambda: lampc.Session().load("none.safetensors"),
    ("SGD.step", "TypeError"): stepped,
    ("Optimizer.step", "TypeError"): stepped,
    ("Model.__call__", "LampError"): lambda: model()(WIDE),
    ("Model.forward", "LampError"): lambda: model().forward(WIDE),
    ("Model.value", "LampError"): lambda: model().value("none", X),
    ("Model.loss", "LampError"): lambda: model().loss(WIDE, Y),
    ("Model.backward", "RuntimeError"): lambda: program().model(backend="torch").backward(),
    ("Model.gradients", "LampError"): lambda: model().gradients(X, WIDE),
    ("Model.evaluate", "LampError"): lambda: model().evaluate(X[:0], Y[:0]),
    ("Model.measured", "LampError"): lambda: model().measured(WIDE, Y),
    ("Model.tables", "LampError"): lambda: lampc.compile.text(f"{SOURCE}; metrics confusion").model().tables(WIDE, Y),
    ("Model.samples", "LampError"): lambda: model().samples(WIDE, Y),
    ("Model.minibatch", "LampError"): lambda: model().minibatch(X, Y, torch.ones(len(X) + 1)),
    ("Model.weighed", "LampError"): lambda: bare().model().weighed(torch.ones(1)),
    ("Program.weighed", "LampError"): lambda: bare().weighed,
    ("Model.executor", "LampError"): of_one_sample,
    ("Model.reset", "LampError"): lambda: model().reset(-1),
    ("Model.set", "LampError"): lambda: model().set(none=1.0),
    ("Model.load_state_dict", "LampError"): lambda: model().load_state_dict({}),
    ("Model.save", "LampError"): lambda: model().save("no/such/folder/a.safetensors"),
    ("Model.to", "LampError"): lambda: model().to("none"),
    ("Model.train", "LampError"): lambda: bare().model().train(),
    ("Program.answering", "LampError"): lambda: program().answering("none"),
    ("Program.valued", "KeyError"): lambda: program().valued("none"),
    ("Program.data", "LampError"): lambda: bare().data(),
    ("Program.model", "LampError"): lambda: program().model(device="none"),
    ("Program.load", "LampError"): lambda: program().load("none.safetensors"),
    ("Program.train_many", "LampError"): lambda: bare().train_many([0]),
    ("nn.Lamp", "LampError"): lambda: lampc.nn.Lamp("tahn"),
    ("nn.Lamp.forward", "ValueError"): lambda: lampc.nn.Lamp("linear 2->1 xavier")(WIDE),
    ("runs.load.load", "LampError"): lambda: lampc.runs.load.load("none"),
    ("load_run", "LampError"): lambda: lampc.load_run("none"),
    ("importing.onnx.from_onnx", "LampError"): lambda: from_onnx(Path("none.onnx")),
}
for _name in ("LampClassifier", "LampRegressor"):
    RAISES |= {
        (f"sklearn.{_name}.fit", "LampError"): lambda name=_name: (
            estimator(name).set_params(network="tahn").fit(np.eye(4), [0, 1, 0, 1])
        ),
        (f"sklearn.{_name}.fit", "ValueError"): lambda name=_name: estimator(name).fit(np.eye(4), [0]),
        (f"sklearn.{_name}.predict", "NotFittedError"): lambda name=_name: estimator(name).predict(np.eye(4)),
        (f"sklearn.{_name}.model_", "NotFittedError"): lambda name=_name: estimator(name).model_,
        (f"sklearn.{_name}.partial_fit", "LampError"): lambda name=_name: (
            estimator(name).set_params(network="tahn").partial_fit(np.eye(4), [0, 1, 0, 1], **_CLASSES[name])
        ),
        (f"sklearn.{_name}.partial_fit", "ValueError"): lambda name=_name: estimator(name).partial_fit(np.eye(4), [0]),
        (f"sklearn.{_name}.save", "NotFittedError"): lambda name=_name: estimator(name).save("net.lampc"),
        (f"sklearn.{_name}.save", "LampError"): lambda name=_name: estimator(name, True).save("nowhere/net.lampc"),
        (f"sklearn.{_name}.load", "LampError"): lambda name=_name: estimator(name).load("nowhere"),
        (f"sklearn.{_name}.export", "NotFittedError"): lambda name=_name: estimator(name).export("net.c"),
        (f"sklearn.{_name}.export", "LampError"): lambda name=_name: estimator(name, True).export("net.pt"),
    }
RAISES["sklearn.LampClassifier.predict_proba", "NotFittedError"] = lambda: estimator("LampClassifier").predict_proba(np.eye(4))
_CLASSES: dict[str, dict[str, Any]] = {"LampClassifier": {"classes": [0, 1]}, "LampRegressor": {}}
ELSEWHERE = {
    ("Model.native", "LampError"): "tests/native",
    ("Program.check_gradients", "LampError"): "tests/layers/test_own_gradients.py",
    ("Program.to_torch", "LampError"): "tests/export/test_export.py",
    ("Run.model", "LampError"): "tests/runs/test_hostile_runs.py",
    ("runs.load.Run.model", "LampError"): "tests/runs/test_hostile_runs.py",
    ("Run.at", "LampError"): "tests/cli/test_eval_report.py",
    ("runs.load.Run.at", "LampError"): "tests/cli/test_eval_report.py",
    ("Run.data", "LampError"): "tests/cli/test_eval_report.py",
    ("runs.load.Run.data", "LampError"): "tests/cli/test_eval_report.py",
    ("Run.predict", "LampError"): "tests/runs/test_run.py",
    ("runs.load.Run.predict", "LampError"): "tests/runs/test_run.py",
    ("importing.exported.from_exported", "LampError"): "tests/importing/test_exported.py",
}
"""What takes more to bring about, and where that is done."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_that_is_said_to_be_raised_is_among_these() -> None:
    said = {(name, kind) for name in PUBLIC for kind in re.findall(r"^ *(\w+): ", parts(name)[1], re.MULTILINE)}
    assert said == RAISES.keys() | ELSEWHERE.keys()
    assert all((Path(__file__).parents[2] / place).exists() for place in ELSEWHERE.values())


@pytest.mark.parametrize(("name", "kind"), RAISES)
def test_what_is_said_to_be_raised_is_raised(name: str, kind: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of the type that the docstring names
        RAISES[name, kind]()
    assert kind in [base.__name__ for base in type(caught.value).__mro__]
