"""What a layer is: how it is called, and what it builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lampc.ir.leaves import SCALAR, Initialiser, Parameter, Setting
from lampc.ir.op import Op
from lampc.ir.types import Shape
from lampc.layers.signature import Flag, Float, Param, Signature
from lampc.ops.term import Build, Term

Arguments = Mapping[str, Any]
"""A value for each parameter of a layer's signature."""


@dataclass
class Construct:
    """Where a layer builds: ops go into the graph, parameters are declared under the layer's name."""

    build: Build
    layer: str
    declared: list[Term]
    trainable: bool = True
    lr: float | None = None

    def __call__(self, op: Op, *operands: Term) -> Term:
        """Apply an op; its first result."""
        return self.build(op, *operands)

    def parameter(self, name: str, like: Term, shape: Shape, initialiser: Initialiser) -> Term:
        """Declare ``LAYER.name`` with the element type of ``like``."""
        leaf = Parameter(like.type.of(shape), f"{self.layer}.{name}", initialiser, self.trainable, self.lr)
        term = self.build(leaf)
        self.declared.append(term)
        return term

    def setting(self, name: str, value: float) -> Term:
        """Declare ``LAYER.name``, a number that may change without recompiling: one of the signature's parameters."""
        return self.build(Setting(SCALAR, f"{self.layer}.{name}", value))


LEARNING = (
    Param("freeze", Flag(), False, "leave the parameters as they begin"),
    Param("lr", Float(0.0), None, "a learning rate for these parameters instead of the optimizer's", positional=False),
)
"""What a layer with parameters takes beside its own arguments."""


def _unknown(arguments: Arguments) -> tuple[int, ...] | None:
    return None


@dataclass(frozen=True)
class LayerType:
    """A layer that a ``.lamp`` file may call."""

    name: str
    doc: str
    """One line for the reference."""
    example: str
    """A program that uses it, on one line."""
    signature: Signature
    build: Callable[[Construct, Term, Arguments], Term]
    """Builds the layer on its input; raises ``ShapeError``."""
    input_shape: Callable[[Arguments], tuple[int, ...] | None] = _unknown
    """The sample shape that its arguments promise, for the first layer of a network and after a mistake."""
    nodes: int = 1
    """At most how many operations it builds, for the limit."""
    keeps_shape: bool = False
    """Whether the output has the input's shape, whatever that is."""
    learns: bool = False
    """Whether it has parameters."""

    @property
    def takes(self) -> Signature:
        """The signature, with what every layer with parameters takes."""
        return Signature((*self.signature.params, *LEARNING)) if self.learns else self.signature


LAYERS: dict[str, LayerType] = {}
"""Every layer by its name."""


def layer(declared: LayerType) -> LayerType:
    """Register a layer."""
    assert declared.name not in LAYERS, declared.name
    LAYERS[declared.name] = declared
    return declared
