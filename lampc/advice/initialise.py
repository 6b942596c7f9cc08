"""Which weights make numbers grow, and how they had better begin: what is proposed has been tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lampc.advice.signal import Begin, Signal, follow
from lampc.diagnostics import LampError
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Initialiser, Parameter
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.linear import NORMAL
from lampc.ops.activations import Relu
from lampc.ops.convolution import Convolution
from lampc.ops.matmul import MatMul
from lampc.ops.shape import Reshape

Mended = Callable[[Signal], bool]
"""Whether what was to be mended is."""


@dataclass(frozen=True)
class Weight:
    """A weight, the product that takes it, and how many times larger than what that takes is what it makes."""

    parameter: Node
    product: Node
    growth: float

    @property
    def op(self) -> Parameter:
        """The leaf."""
        assert isinstance(self.parameter.op, Parameter)
        return self.parameter.op

    @property
    def text(self) -> str:
        """The layer's statement."""
        return self.parameter.spans[0].phrase

    @property
    def unstated(self) -> bool:
        """Whether it begins as N(0, 1) because the layer does not say how."""
        return self.op.initialiser == NORMAL and "normal" not in self.text


@dataclass(frozen=True)
class Followed:
    """A forward graph, and what was found of its numbers."""

    graph: Graph
    given: Mapping[str, Begin]
    signal: Signal

    @staticmethod
    def of(graph: Graph, given: Mapping[str, Begin]) -> Followed:
        """Follow a graph as it is."""
        return Followed(graph, given, _signal(graph, given, {}))

    def weights(self) -> list[Weight]:
        """The weights of products, in order."""
        found = []
        for node in self.graph:
            if not isinstance(node.op, MatMul | Convolution):
                continue
            parameter = self.graph[node.operands[1].node]
            while isinstance(parameter.op, Reshape):
                parameter = self.graph[parameter.operands[0].node]
            taken, made = self.signal.rms.get(node.operands[0]), self.signal.rms.get(Value(node.id))
            if isinstance(parameter.op, Parameter) and parameter.spans and taken and made is not None:
                found.append(Weight(parameter, node, made / taken))
        return found

    def cause(self, value: Value, least: bool = False) -> Weight | None:
        """Of the weights that a value depends on the one that makes numbers grow most, or least; the last one of several."""
        live = self.graph.live([value])
        weights = [weight for weight in self.weights() if weight.product.id in live]
        if not weights:
            return None
        growths = [weight.growth for weight in weights]
        low, high = (0.0, 1.25 * min(growths)) if least else (0.8 * max(growths), max(growths))
        return [weight for weight in weights if low <= weight.growth <= high][-1]

    def mends(self, weight: Weight, mended: Mended, otherwise: str) -> list[str]:
        """What mends it: the layer's own initialiser, one for all layers that state none, or one for each."""
        weights, fixes = self.weights(), []
        same = [other for other in weights if other.parameter.spans[0] == weight.parameter.spans[0]]
        if self._tried({other: self._better(weight) for other in same}, mended):
            fixes.append(f"write `{stating(weight.text, self._better(weight))}`")
        if weight.unstated and self._tried({other: "kaiming" for other in weights if other.unstated}, mended):
            fixes.append("write `init kaiming` in a line of its own: so begin all layers that do not say how")
        if not fixes and self._tried({other: self._better(other) for other in weights}, mended):
            each = dict.fromkeys(f"`{stating(other.text, self._better(other))}`" for other in weights)
            fixes.append(f"let all begin otherwise: {', '.join(each)}")
        return fixes or [otherwise]

    def signal_for(self, given: Mapping[str, Begin]) -> Signal:
        """What would be found of other inputs."""
        return _signal(self.graph, given, {})

    def _tried(self, chosen: Mapping[Weight, str], mended: Mended) -> bool:
        """Whether other initialisers mend it."""
        instead = {weight.op.label: Initialiser(name, (), self._gain(weight)) for weight, name in chosen.items()}
        return mended(_signal(self.graph, self.given, instead))

    def _gain(self, weight: Weight) -> float:
        following = self._following(weight)
        return 1.0 if following is None else following.op.gain()

    def _better(self, weight: Weight) -> str:
        following = self._following(weight)
        return "kaiming" if following is not None and isinstance(following.op, Relu) else "xavier"

    def _following(self, weight: Weight) -> Node | None:
        """The activation that takes what a weight makes, past a bias."""
        node = weight.product
        while True:
            users = self.graph.users(node.id)
            if len(users) != 1 or users[0].layer == "loss":
                return None
            node = users[0]
            if node.op.gain() != 1.0 or node.op.saturates:
                return node
            if node.layer != weight.product.layer:
                return None


def _signal(graph: Graph, given: Mapping[str, Begin], instead: Mapping[str, Initialiser]) -> Signal:
    try:
        return follow(graph, given, instead=instead)
    except LampError:  # an op without a gradient, which is reported where one is wanted
        return follow(graph, given, backward=False, instead=instead)


_STATED = re.compile(rf"(init=)?\b({'|'.join(INITIALISERS)})\b(\([^)]*\))?")


def stating(statement: str, name: str) -> str:
    """A layer's statement with an initialiser, in place of the one that it states."""
    stated = _STATED.search(re.sub(r"bias=\w+(\([^)]*\))?", "", statement))
    if stated is None:
        return f"{statement} {name}"
    return statement.replace(stated[0], (stated[1] or "") + name, 1)
