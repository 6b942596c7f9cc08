"""Layers written in Python: a function that builds ops becomes a layer that `.lamp` files may call."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from lampc.ir.op import Normal, Op, Sample, op
from lampc.ir.types import Type
from lampc.layers.layer import LAYERS, Arguments, Construct, LayerType
from lampc.layers.signature import REQUIRED, Flag, Float, Int, Kind, Name, Param, Signature
from lampc.ops.elementwise import one_dtype
from lampc.ops.term import Term

if TYPE_CHECKING:
    from lampc.ops.term import Gradients, TermNode

KINDS: dict[type, Kind] = {bool: Flag(), int: Int(-(2**31)), float: Float(), str: Name()}
"""What a parameter of a type takes."""

OWN: dict[str, LayerType] = {}
"""The layers that ``@lampc.layer`` has declared in this process."""

Vjp = Callable[..., Sequence[Term | None]]
"""From a result's cotangent and the inputs to the inputs' cotangents."""


def layer(function: Callable[..., Term]) -> Callable[..., Term]:
    """Make a layer of a function ``(make, x, …)`` that builds it; its other parameters become the layer's.

    ``make`` applies ops, ``make(Tanh(), x)``, and declares parameters, ``make.parameter("weight", (n,), "xavier")``; terms know
    arithmetic. The gradient is derived. ``raise lampc.ShapeError(…)`` refuses an input, and the user sees where it came from.
    Parameters are annotated ``int``, ``float``, ``bool`` or ``str``; the docstring's first line is what the reference says.

    It is declared for all that the process compiles from now on; ``lampc.Session`` keeps layers apart. A layer of that name
    made in the same way before is replaced, so that a notebook's cell may run again.

    Raises:
        ValueError: if lampc has a layer of that name, or a parameter has no such annotation.
    """
    declared = made_of(function)
    OWN[declared.name] = declared
    return function


def known() -> Mapping[str, LayerType]:
    """Every layer at this moment, by its name: lampc's and those of the process."""
    return MappingProxyType({**LAYERS, **OWN})


def made_of(function: Callable[..., Term]) -> LayerType:
    """The layer that a function builds.

    Raises:
        ValueError: if lampc has a layer of that name, or a parameter has no such annotation.
    """
    name = function.__name__
    if name in LAYERS or not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name):
        raise ValueError(f"there is a layer `{name}` already")
    hints = typing.get_type_hints(function)
    given = list(inspect.signature(function).parameters.values())
    if len(given) < 2:
        raise ValueError(f"`{name}` takes (make, x, …)")
    params = []
    for parameter in given[2:]:
        kind = KINDS.get(hints.get(parameter.name, type(None)))
        if kind is None:
            raise ValueError(f"`{parameter.name}` of `{name}` is to be annotated int, float, bool or str")
        default = REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default
        params.append(Param(parameter.name, kind, default))

    def build(make: Construct, x: Term, arguments: Arguments) -> Term:
        own = {param.name: arguments[param.name] for param in params}
        return function(make, x, **own)

    doc = (inspect.getdoc(function) or name).splitlines()[0]
    return LayerType(name, doc, name, Signature(tuple(params)), build, learns=True, custom=True)


@op("with_gradient")
@dataclass(frozen=True)
class WithGradient(Op):
    """Its first operand as it is, with a gradient of one's own for the others: ``vjp(dy, *others)``."""

    vjp: Vjp
    view: ClassVar[bool] = True

    def infer(self, *operands: Type) -> tuple[Type, ...]:
        one_dtype(*operands)
        return operands[:1]

    def gradient(self, node: TermNode, *cotangents: Term | None) -> Gradients:
        (dy,) = cotangents
        assert dy
        return [None, *self.vjp(dy, *node.operands[1:])]

    def flops(self, operands: Sequence[tuple[int, ...]], results: Sequence[tuple[int, ...]]) -> int:
        return 0

    def bind(self, torch: Any, results: Sequence[Any], operands: Sequence[Any], run: Any) -> Any:
        return lambda: results[0].copy_(operands[0])

    def __str__(self) -> str:
        return self.name


def with_gradient(y: Term, inputs: Sequence[Term], vjp: Vjp) -> Term:
    """``y``, whose gradient with respect to ``inputs`` is what ``vjp(dy, *inputs)`` says, whatever ``y`` was made of.

    >>> @lampc.layer                                                         # doctest: +SKIP
    ... def rounded(make, x):
    ...     "Rounded in use, as if it were not in the gradient (a straight-through estimator; Bengio et al. 2013)."
    ...     return lampc.with_gradient(make(Floor(), x + 0.5), [x], lambda dy, x: [dy])
    """
    return y.build(WithGradient(vjp), y, *inputs)


WithGradient.samples = [Sample(WithGradient(lambda dy, x: [dy]), (Normal((3, 4)), Normal((3, 4))))]
