"""Layers written in Python: a function that builds ops becomes a layer that `.lamp` files may call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from lampc.ir.op import ShapeError
from lampc.layers import annotated
from lampc.layers.layer import LAYERS, Arguments, Construct, LayerType
from lampc.layers.signature import REQUIRED, Flag, Float, Int, Kind, Name, Param, Signature
from lampc.ops.term import Term

KINDS: dict[type, Kind] = {bool: Flag(), int: Int(-(2**31)), float: Float(), str: Name()}
"""What a parameter of a type takes."""

OWN: dict[str, LayerType] = {}
"""The layers that ``@lampc.layer`` has declared in this process."""


F = TypeVar("F", bound=Callable[..., Term])


def layer(function: F) -> F:
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
    hints, given = annotated.types(function), annotated.parameters(function)
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
        own, first = {param.name: arguments[param.name] for param in params}, len(make.build.graph)
        made: object = function(make, x, **own)
        if not isinstance(made, Term):
            raise ShapeError(
                f"returns no value, but {type(made).__name__}", fix="return what `make` gives, or arithmetic of it"
            )
        _keep_apart(made, first)
        return made

    doc = (inspect.getdoc(function) or name).splitlines()[0]
    return LayerType(name, doc, name, Signature(tuple(params)), build, learns=True, custom=True)


def _keep_apart(made: Term, first: int) -> None:
    """See that of the nodes from ``first`` on that make a value none takes all samples and makes nothing of each.

    Raises:
        ShapeError: if one does: what is predicted of a sample would depend on those beside it.
    """
    graph, waiting, seen = made.build.graph, [made.value.node], set[int]()
    while waiting:
        node = graph[waiting.pop()]
        if node.id < first or node.id in seen:
            continue
        seen.add(node.id)
        mixed = [operand for operand in node.operands if graph.type(operand).batched]
        if mixed and not any(type.batched for type in node.types):
            raise ShapeError(f"mixes the samples of a minibatch: `{node.op}` makes {node.types[0]} of {graph.type(mixed[0])}",
                             fix="leave axis 0 as it is: what is predicted is of one sample")  # fmt: skip
        waiting += [operand.node for operand in node.operands]
