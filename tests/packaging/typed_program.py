"""What a typed program does with lampc: held to mypy and pyright in strict mode, and run."""

from __future__ import annotations

import copy
import logging
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import lampc
import lampc.compile
import lampc.nn
from lampc.layers.layer import Construct
from lampc.ops.activations import Sigmoid
from lampc.ops.term import Term
from lampc.sklearn import LampClassifier, LampRegressor

SOURCE = """
linear 2->8 xavier; tanh as code; linear 1 xavier; sigmoid
data disc train=60 validation=20 test=20
loss bce
optimizer adam lr=0.02
metrics accuracy
train epochs=3 batch=20 shuffle
"""


@lampc.layer
def gated(make: Construct, x: Term, height: float = 1.0) -> Term:
    """Each feature times its own gate."""
    if x.type.rank != 2:
        raise lampc.ShapeError("takes vectors", fix="put `flatten` before it")
    weight = make.parameter("weight", x.type.sample, "ones")
    return x * make(Sigmoid(), x * weight) * height


@lampc.layer
def straight(make: Construct, x: Term) -> Term:
    """Itself, with a gradient of its own."""

    def gradient(dy: Term, x: Term) -> list[Term | None]:
        return [dy]

    return lampc.with_gradient(x * 2.0, [x], gradient, check=False)


def compiled(folder: Path) -> lampc.Program:
    """A program, from a text and from a file."""
    (folder / "a.lamp").write_text(SOURCE, encoding="utf-8")
    program = lampc.compile.file(folder / "a.lamp", epochs=2)
    text: lampc.Program = lampc.compile.text(SOURCE, name="a.lamp", folder=folder)
    names: list[str] = [layer.name for layer in text.layers]
    counts: int = sum(layer.parameter_count for layer in text.layers)
    shapes: dict[str, tuple[int, ...]] = {name: parameter.type.sample for name, parameter in text.parameters.items()}
    print(names, counts, shapes, program.forward, program.backward, program.update, program.inference)
    print(program.graph.number_of_nodes(), program.outline)
    return program


def stop(epoch: lampc.Epoch) -> bool:
    """A callback."""
    return epoch.epoch < 2 and epoch.loss > 0.0


def trained(program: lampc.Program) -> lampc.Model:
    """A model, and what its training has said."""
    model = program.model(seed=1, device="cpu", backend="torch")
    history: lampc.History = model.train(on_epoch=stop)
    last = history[-1]
    losses: list[float] = [epoch.loss for epoch in history]
    accuracy: float = last.validation["accuracy"] + history.test["accuracy"]
    some: list[lampc.Epoch] = list(history[:1])
    print(last.epoch, losses, accuracy, some, history.ended, history.seconds, history.us_per_step, len(history))
    return model


def used(model: lampc.Model, folder: Path) -> Tensor:
    """What can be done with one."""
    x = np.zeros((5, 2), dtype=np.float32)
    y = torch.ones(5, 1)
    prediction = model(x)
    code: Tensor = model.value("code", x)
    loss, gradients = model.gradients(x, y)
    measured: dict[str, float] = model.evaluate(x, y)
    state = model.state_dict()
    found = twin.load_state_dict(state, strict=True) if (twin := copy.deepcopy(model)) else None
    model.save(folder / "a.safetensors")
    again: lampc.Model = lampc.load(folder / "a.safetensors")
    other: lampc.Model = model.program.load(folder / "a.safetensors")
    again.set(lr=0.1)
    again.to("cpu").reset(seed=3)
    with torch.no_grad():
        for name, parameter in other.parameters.items():
            parameter.add_(0.0)
            print(name, tuple(parameter.shape), gradients[name].shape)
    print(code.shape, loss.item(), measured["accuracy"], found, model.summary(), prediction.argmax(1))
    return prediction.sum()


def looped(program: lampc.Program) -> float:
    """A loop written by hand."""
    data: lampc.Dataset = program.data(seed=0)
    loader = lampc.DataLoader(data.train, batch=20, shuffle=True, seed=1)
    model = program.model()
    optimizer: lampc.Optimizer = lampc.SGD(model.parameters, lr=0.1, momentum=0.9)
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        total += model.loss(x, y).item()
        model.backward()
        optimizer.step()
    return total / len(loader) + len(data.train.x) + len(data.test.y)


class Network(torch.nn.Module):
    """A network of lampc's inside one of PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = lampc.nn.Lamp("linear 2->4 xavier; tanh; linear 1", seed=0)

    def forward(self, x: Tensor) -> Tensor:
        """The inner one's, squared."""
        return self.inner(x).square()


def estimated() -> None:
    """Estimators."""
    x = np.random.default_rng(0).normal(size=(40, 3))
    classifier = LampClassifier("linear 4 xavier; tanh", epochs=2).fit(x, x[:, 0] > 0)
    regressor = LampRegressor("linear 4 xavier; tanh", epochs=2).fit(x, x[:, 0])
    labels = classifier.predict(x)
    print(labels.shape, classifier.predict_proba(x).sum(), regressor.predict(x).mean(), classifier.model_.seed)


def mistaken() -> list[str]:
    """What is said of a mistake."""
    try:
        lampc.compile.text("linear 2->1; tahn")
    except lampc.LampError as error:
        diagnostics: tuple[lampc.Diagnostic, ...] = error.diagnostics
        return [f"{found.code} {found.severity} {found.message} {found.fixes}" for found in diagnostics]
    return []


def kept_apart() -> lampc.Session:
    """Layers of one's own, for a session alone."""

    def doubled(make: Construct, x: Term, by: float = 2.0) -> Term:
        """So many times x."""
        return x * by

    session = lampc.Session(doubled)
    program: lampc.Program = session.text("input 3; doubled 4; linear 1 xavier")
    found = [diagnostic.code for diagnostic in session.check("input 3; doubld 4")]
    module: torch.nn.Module = program.to_torch(program.model())
    print(program.inference, found, module)
    return session


def main(folder: Path) -> None:
    """All of it."""
    logging.basicConfig(level=logging.INFO)
    program = compiled(folder)
    print(used(trained(program), folder), looped(program), Network()(torch.rand(3, 2)).shape, mistaken())
    print(lampc.compile.text("linear 2->3 xavier; gated height=2; straight; linear 1; loss mse").backward)
    histories: list[list[lampc.History]] = program.train_many([1, 2])
    print(len(histories[0]), lampc.__version__, kept_apart())
    estimated()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
