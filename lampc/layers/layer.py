"""What a layer is: how it is called, and what it builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lampc.ir.graph import Value
from lampc.ir.leaves import SCALAR, Initialiser, Input, Parameter, Setting, State
from lampc.ir.op import Op, ShapeError
from lampc.ir.types import Dim, DType, Shape, Type
from lampc.layers.signature import Flag, Float, Param, Signature
from lampc.ops.shape import Moving, Slice
from lampc.ops.term import Build, Term

ONES, ZEROS = Initialiser("ones"), Initialiser("zeros")
AFFINE = (
    Param("affine", Flag(), True, "then times a weight plus a bias"),
    Param("bias", Flag(), True, "with the bias"),
)
"""What norms take; see ``scale_and_shift``."""

Arguments = Mapping[str, Any]
"""A value for each parameter of a layer's signature."""


@dataclass
class Construct:
    """Where a layer builds: ops go into the graph, parameters are declared under the layer's name."""

    build: Build
    layer: str
    declared: list[Term]
    dtype: DType = "f32"
    """Of parameters."""
    trainable: bool = True
    lr: float | None = None

    def __call__(self, op: Op, *operands: Term) -> Term:
        """Apply an op; its first result."""
        return self.build(op, *operands)

    def copies(self, count: int) -> Iterable[int]:
        """The numbers of ``count`` copies of something, to go over; they stay within the network's limit."""
        budget, spans = self.build.budget, self.build.context.spans
        return range(count) if budget is None else budget.copies(count, spans[0] if spans else None)

    def parameter(self, name: str, shape: Shape, initialiser: Initialiser | str) -> Term:
        """Declare ``LAYER.name``, begun as an initialiser says; a word names one with its defaults."""
        if isinstance(initialiser, str):
            from lampc.layers.initialisers import Init

            initialiser = Init().convert(initialiser) or ZEROS
        leaf = Parameter(Type(self.dtype, shape), f"{self.layer}.{name}", initialiser, self.trainable, self.lr)
        term = self.build(leaf)
        self.declared.append(term)
        return term

    def tied(self, layer: str, name: str, shape: Shape) -> Term:
        """The parameter ``LAYER.name`` that another layer has declared.

        Raises:
            ShapeError: if there is none such, or it has another shape.
        """
        label = f"{layer}.{name}"
        found = next((n for n in self.build.graph if isinstance(n.op, Parameter) and n.op.label == label), None)
        if found is None:
            raise ShapeError(f"finds no weight of `{layer}` to share", code="E203", fix="name a layer before it with `as`")
        if found.types[0].shape != shape:
            raise ShapeError(f"would share a weight of {found.types[0]}, and needs {Type(self.dtype, shape)}", code="E401")
        return self.build.term(Value(found.id))

    def scale_and_shift(self, size: Dim, arguments: Arguments) -> tuple[Term, Term]:
        """A norm's weight and bias, of a size; constants where `affine` or `bias` is off."""
        shape = (size,)
        type = Type(self.dtype, shape)
        affine = arguments["affine"]
        weight = self.parameter("weight", shape, ONES) if affine else self.build.constant(type, 1.0)
        return weight, self.parameter("bias", shape, ZEROS) if affine and arguments["bias"] else self.build.constant(type, 0.0)

    def part(self, term: Term, start: int, stop: int) -> Term:
        """Rows ``start`` up to ``stop`` of a tensor without batch axis."""
        return self.build(Slice(0, start, stop), term)

    def below(self, x: Term) -> int:
        """What whole numbers stay below, as the input says; 0 where that is not known."""
        node = x.node
        while node.operands and isinstance(node.op, Moving):
            node = self.build.graph[node.operands[0].node]
        return node.op.below if isinstance(node.op, Input) else 0

    def state(self, name: str, shape: Shape, value: float = 0.0) -> Term:
        """Declare ``LAYER.name``, a tensor that is no parameter and kept from step to step, full of ``value`` at first."""
        return self.build(State(Type(self.dtype, shape), f"{self.layer}.{name}", value))

    def next(self, state: Term, term: Term) -> None:
        """Let a state be replaced, in training."""
        self.build.replace(state, term)

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
    keeps_shape: bool = False
    """Whether the output has the input's shape, whatever that is."""
    whole: bool = False
    """Whether it takes whole numbers, `input 64 int<96>`, too."""
    learns: bool = False
    """Whether it has parameters."""
    custom: bool = False
    """Whether it is no layer of lampc's own."""

    @property
    def takes(self) -> Signature:
        """The signature, with what every layer with parameters takes."""
        return Signature((*self.signature.params, *LEARNING)) if self.learns else self.signature


LAYERS: dict[str, LayerType] = {}
"""Every layer of lampc's by its name; nothing is added once its modules have been imported."""


def layer(declared: LayerType) -> LayerType:
    """Register a layer."""
    assert declared.name not in LAYERS, declared.name
    LAYERS[declared.name] = declared
    return declared
