"""A network's derivatives of any order: the gradients of its predictions, the gradients of those, and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.keys import Grad, Key
from lampc.ir.leaves import Input
from lampc.ops.reduction import Sum
from lampc.ops.term import Build, Term
from lampc.passes.differentiate import differentiate


@dataclass(frozen=True)
class Derivative:
    """The gradients of a function of the leaves ``names``, from them and from ``cotangents`` of what the function makes.

    The graph's output ``Grad(name)`` is the gradient of one of them; there is none where nothing depends on it. It is itself
    a function of ``names`` and ``cotangents``.
    """

    graph: Graph
    names: tuple[str, ...]
    cotangents: tuple[str, ...]

    @property
    def made(self) -> tuple[str, ...]:
        """Those that have a gradient."""
        return tuple(name for name in self.names if Grad(name) in self.graph.outputs)

    def again(self) -> Derivative:
        """The gradients of these gradients."""
        made = {f"d{len(self.names)} {name}": self.graph.outputs[Grad(name)] for name in self.made}
        kept = self.graph.with_outputs({"prediction": self.graph.outputs["prediction"]})
        return _pull_back(kept, (*self.names, *self.cotangents), made, Stage.BACKWARD)


def derivative(graph: Graph, names: Sequence[str]) -> Derivative:
    """The gradients of ``prediction`` from its cotangent, an input ``dy``. Other outputs are kept.

    Raises:
        LampError: if it depends on one through an op that has no gradient (E811).
    """
    return _pull_back(graph, tuple(names), {"dy": graph.outputs["prediction"]}, Stage.FORWARD)


def _pull_back(graph: Graph, names: tuple[str, ...], results: Mapping[str, Value], stage: Stage) -> Derivative:
    """The gradients of ``results``, each of which has a cotangent, an input of its label; ``stage``: the results' own."""
    out = graph.copy()
    build = Build(out)
    total: Term | None = None
    with build.at(stage=stage):
        for label, value in results.items():
            result = build.term(value)
            product = build(Sum(tuple(range(result.type.rank))), result * build(Input(result.type, label)))
            total = product if total is None else total + product
    assert total
    found = differentiate(out.with_outputs({**out.outputs, "loss": total.value}), inputs=True)
    unwanted: set[Key] = {"loss", *(Grad(label) for label in results)}
    outputs = {key: value for key, value in found.outputs.items() if key not in unwanted}
    return Derivative(found.with_outputs(outputs), names, tuple(results))
