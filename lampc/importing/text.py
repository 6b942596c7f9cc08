"""Writing a program: layers as they are found, of which those stay that the last one needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import lampc.compile
from lampc.diagnostics import LampError, failure

_STORED = {"bool", "bfloat16", *(f"float{bits}" for bits in (16, 32, 64)),
           *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))}  # fmt: skip
"""Element types that files of weights know, by numpy's names."""


@dataclass(frozen=True)
class Imported:
    """A network: its program, without the experiment, and its weights by lampc's names, running means among them."""

    text: str
    weights: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name, array in self.weights.items():
            kind = str(getattr(array, "dtype", "missing"))
            if kind not in _STORED:
                raise refused(f"the weights `{name}` are {kind}, and files of weights hold other numbers")

    def model(self, **settings: Any) -> Any:
        """The network with its weights.

        Raises:
            LampError: if a weight does not fit.
        """
        import torch

        from lampc.runtime.weights import plain_weights

        model = lampc.compile.text(self.text, **settings).model()
        for name, tensor in plain_weights(model).items():
            given = self.weights.get(name)
            if given is None or tuple(given.shape) != tuple(tensor.shape):
                raise refused(
                    f"`{name}` is {list(tensor.shape)}, and the file has {None if given is None else list(given.shape)}"
                )
            tensor.copy_(torch.as_tensor(given))
        return model


def see_alike(one: Imported, other: Imported) -> None:
    """See that a network is the same, whatever number of samples its shapes were worked out by.

    Raises:
        LampError: if that number is in its formulas, its slices or its weights.
    """
    import numpy as np

    if one.text != other.text or not all(
        np.array_equal(w, other.weights[name], equal_nan=True) for name, w in one.weights.items()
    ):
        raise refused("what becomes of a sample depends on how many there are, and samples have no part in one another here")


@dataclass(frozen=True)
class Statement:
    """A layer of the program."""

    text: str
    inputs: tuple[int, ...]
    """The layers whose values it takes."""
    shape: tuple[int, ...]
    """Of a sample of what it makes."""
    weights: Mapping[str, Any] = field(default_factory=dict)
    """By the layer's own names: ``weight``, ``bias``."""
    join: bool = False
    """Whether it is a ``sum``, ``product`` or ``concat`` of its inputs."""
    named: tuple[tuple[str, int], ...] = ()
    """Options that name other layers: ``keys``."""
    pending: Any = None
    """What is no layer yet, for another has to follow: the heads of an attention."""


@dataclass
class Writer:
    """The program so far. A layer is known by its number; the input is the first."""

    samples: int
    """How many the example has that shapes are worked out by."""
    statements: list[Statement] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    """Formulas, by the names that they were given."""
    moved: dict[Any, int] = field(default_factory=dict)
    """Layers that move another's numbers about, so that none does so twice."""

    def add(self, inputs: Sequence[int], text: str, shape: Sequence[int], weights: Mapping[str, Any] | None = None,
            **more: Any) -> int:  # fmt: skip
        """Append a layer."""
        self.statements.append(Statement(text, tuple(inputs), tuple(shape), weights or {}, **more))
        return len(self.statements) - 1

    def function(self, formula: str) -> str:
        """The name of a formula of x."""
        return self.functions.setdefault(formula, f"f{len(self.functions) + 1}")

    def finish(self, last: int) -> Imported:
        """The program that ends with a layer, compiled once to see what its layers are called.

        Raises:
            LampError: if it is none.
        """
        live = {0, last}
        for number in range(last, -1, -1):
            if number in live:
                live.update(self._needs(self.statements[number]))
        order = sorted(live)
        for number in order:
            if self.statements[number].pending is not None:
                raise refused(
                    "attention is understood where a linear layer of the same width follows its heads, and here is none"
                )
        text = self._text(order)
        try:
            program = lampc.compile.text(text)
        except LampError as error:
            raise refused(f"what was read makes no program: {error.diagnostics[0].message}") from None
        layers = [layer for layer in program.layers if layer.parameters or layer.kind == "batchnorm"]
        given = [self.statements[number].weights for number in order if self.statements[number].weights]
        named = {
            f"{layer.name}.{name}": tensor
            for layer, weights in zip(layers, given, strict=True)
            for name, tensor in weights.items()
        }
        return Imported(text, named)

    @staticmethod
    def _needs(statement: Statement) -> list[int]:
        return [*statement.inputs, *(layer for _, layer in statement.named)]

    def _text(self, order: Sequence[int]) -> str:
        """A line a layer, and names only for those that a later one does not simply follow."""
        before = dict(zip(order[1:], order, strict=False))
        called = {
            layer
            for number in order
            for statement in (self.statements[number],)
            for layer in (*(i for i in statement.inputs if i != before[number]), *(layer for _, layer in statement.named))
        }
        names = {number: f"h{place}" if number else "x" for place, number in enumerate(sorted(called), 0 not in called)}
        body = [self._line(number, before.get(number), names) for number in order]
        written = "\n".join(body)
        used = {name: formula for formula, name in self.functions.items()
                if any(line.split("; ")[-1].split(" as ")[0] == name for line in body)}  # fmt: skip
        return "".join(f"fn {name}(x) = {formula}\n" for name, formula in used.items()) + written + "\n"

    def _line(self, number: int, before: int | None, names: Mapping[int, str]) -> str:
        statement = self.statements[number]
        text = statement.text + "".join(f" {option}={names[layer]}" for option, layer in statement.named)
        if statement.join:
            text += f" {{ {' | '.join('pass' if i == before else f'from {names[i]}' for i in statement.inputs)} }}"
        elif statement.inputs and statement.inputs[0] != before:
            text = f"from {names[statement.inputs[0]]}; {text}"
        return text + (f" as {names[number]}" if number in names else "")


T = TypeVar("T")


class NoLayer(Exception):
    """A node's options have no counterpart; who knows the node says so."""


def need(condition: object) -> None:
    """See that a node's options have a counterpart.

    Raises:
        NoLayer: otherwise.
    """
    if not condition:
        raise NoLayer


def there(found: T | None) -> T:
    """What a node has to be given.

    Raises:
        NoLayer: if it is not.
    """
    if found is None:
        raise NoLayer
    return found


def refused(message: str, *fixes: str) -> LampError:
    """What cannot be imported, as an error."""
    return failure("E812", message, *fixes)
