"""Writing a program: statements one after another, and names only for the values that something else needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lampc.compile
from lampc.diagnostics import LampError, Problems


@dataclass(frozen=True)
class Imported:
    """A network: its program, without the experiment, and its weights by lampc's names, running means among them."""

    text: str
    weights: Mapping[str, Any]

    def model(self, **settings: Any) -> Any:
        """The network with its weights.

        Raises:
            LampError: if a weight does not fit.
        """
        import torch

        from lampc.runs.state import weights

        model = lampc.compile.text(self.text, **settings).model()
        for name, tensor in weights(model).items():
            given = self.weights.get(name.removeprefix("state."))
            if given is None or tuple(given.shape) != tuple(tensor.shape):
                raise refused(
                    f"`{name}` is {list(tensor.shape)}, and the file has {None if given is None else list(given.shape)}"
                )
            tensor.copy_(torch.as_tensor(given))
        return model


@dataclass
class Statement:
    """A line of the program."""

    text: str
    weights: Mapping[str, Any] = field(default_factory=dict)
    """By the layer's own names: ``weight``, ``bias``."""
    label: str = ""


@dataclass
class Writer:
    """The program so far. A value is the statement that makes it; the input's is the first one."""

    statements: list[Statement] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    """Formulas, by the names that they were given."""

    def add(self, value: int | None, text: str, **weights: Any) -> int:
        """Append a layer on a value; the value that it makes."""
        if value is not None and value != len(self.statements) - 1:
            text = f"from {self.label(value)}; {text}"
        self.statements.append(Statement(text, weights))
        return len(self.statements) - 1

    def join(self, kind: str, values: Sequence[int], more: str = "") -> int:
        """Append a sum, a product or a concatenation of values."""
        last = len(self.statements) - 1
        branches = [f"from {self.label(value)}" if value != last else "pass" for value in values]
        self.statements.append(Statement(f"{kind}{more} {{ {' | '.join(branches)} }}"))
        return len(self.statements) - 1

    def label(self, value: int) -> str:
        """A value's name."""
        statement = self.statements[value]
        statement.label = statement.label or ("x" if value == 0 else f"h{value}")
        return statement.label

    def function(self, formula: str) -> str:
        """The name of a formula of x."""
        return self.functions.setdefault(formula, f"f{len(self.functions) + 1}")

    def finish(self) -> Imported:
        """The program, compiled once to see what its layers are called.

        Raises:
            LampError: if it is none.
        """
        lines = [f"fn {name}(x) = {formula}" for formula, name in self.functions.items()]
        lines += [statement.text + (f" as {statement.label}" if statement.label else "") for statement in self.statements]
        text = "\n".join(lines) + "\n"
        program = lampc.compile.text(text)
        layers = [layer for layer in program.layers if layer.parameters or layer.kind == "batchnorm"]
        given = [statement.weights for statement in self.statements if statement.weights]
        named = {
            f"{layer.name}.{name}": tensor
            for layer, weights in zip(layers, given, strict=True)
            for name, tensor in weights.items()
        }
        return Imported(text, named)


def refused(message: str, *fixes: str) -> LampError:
    """What cannot be imported, as an error."""
    problems = Problems()
    problems.report("E812", message, None, fixes=fixes)
    return LampError(problems.errors)
