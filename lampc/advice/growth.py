"""Networks that begin badly: scores far too large or all alike, units that are flat, gradients that vanish or explode."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lampc.advice.initialise import Followed, Mended, Weight
from lampc.advice.signal import Begin, Signal
from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ir.graph import Graph, Value
from lampc.ops.activations import Sigmoid, Softplus, Tanh
from lampc.ops.arithmetic import Scale
from lampc.ops.classes import Pick
from lampc.ops.normalise import LogSoftmax

LARGE = 5000
"""Operations of a network from which it is not followed unasked: it would take a second."""
WORSE = 3.0
"""How many times the loss of guessing the first loss may be."""
BEYOND = 10.0
"""How many times larger than any target predictions may be."""
FLAT = 0.6
"""The share of a layer's units that may be flat."""
APART = 1e4
"""How many times the first layer's gradient may be the last one's, or the last one's the first one's."""
FAINT = 1e-4
"""The deviation of predictions below which nothing of the input is left."""
_MOST = 1e100
"""A size whose square is a number; nothing is said of larger ones."""
_NORM = "put a norm between layers: `layernorm`, `batchnorm`"


@dataclass(frozen=True)
class Scores:
    """What a loss compares with its targets, and how that begins."""

    value: Value
    loss: float
    guess: float
    known: str
    """How the loss of guessing is written."""

    @property
    def bad(self) -> bool:
        """Whether most of the loss is how sure of what is wrong the network is."""
        return self.loss >= WORSE * self.guess


def begins(program: Elaborated) -> tuple[dict[str, Begin], bool]:
    """What the program's inputs are like, and whether that is assumed: mean 0 and deviation 1."""
    data = program.experiment.data
    description = None if data is None else data.description
    y = Begin()
    if data is not None and data.request.scale:
        y = Begin()
    elif description is not None and description.bits:
        y = Begin(0.5, math.sqrt(0.5), 0.5)
    elif description is not None and description.target_range is not None:
        low, high = (min(max(end, -_MOST), _MOST) for end in description.target_range)
        y = Begin((low + high) / 2, math.hypot((low + high) / 2, (high - low) / math.sqrt(12)), abs(low + high) / 2)
    if data is not None and data.request.arguments.get("normalize"):
        return {"x": Begin(), "y": y}, False
    if description is not None and description.sizes is not None:
        return {"x": Begin(*description.sizes), "y": y}, False
    return {"x": Begin(), "y": y}, not program.input_below


def warn_of_growth(program: Elaborated, graph: Graph, problems: Problems) -> None:
    """Report the worst of what a network begins with; one thing alone, for others may follow from it.

    ``graph``: the forward graph with gains, in stable forms.
    """
    unscaled = any(found.code == "W421" for found in problems.warnings)  # then all is as large as the data
    if "loss" not in graph.outputs or program.weights is not None or unscaled:
        return
    given, assumed = begins(program)
    look = _Look(program, Followed.of(graph, given), "for inputs of deviation 1, " if assumed else "", problems)
    _ = look.scores() or look.predictions() or look.saturation() or look.faintness() or look.gradients()


def scores_of(graph: Graph, signal: Signal) -> list[Scores]:
    """The scores under cross-entropies of classes, and of yes and no."""
    found = []
    for node in graph:
        if isinstance(node.op, LogSoftmax):
            classes = node.types[0].shape[-1]
            picks = [user for user in graph.users(node.id) if isinstance(user.op, Pick)]
            if picks and isinstance(classes, int) and classes > 1 and Value(picks[0].id) in signal.mean:
                loss = -signal.mean[Value(picks[0].id)]
                found.append(Scores(node.operands[0], loss, math.log(classes), f"ln {classes:,}"))
        elif isinstance(node.op, Softplus) and node.layer == "loss" and Value(node.id) in signal.mean:
            (scores,) = node.operands
            while isinstance(graph[scores.node].op, Scale):
                (scores,) = graph[scores.node].operands
            found.append(Scores(scores, signal.mean[Value(node.id)], math.log(2), "ln 2"))
    return found


@dataclass(frozen=True)
class _Look:
    """One look at a network for each thing that may be wrong; each reports it, and says whether it has."""

    program: Elaborated
    followed: Followed
    assuming: str
    """What is said first where the inputs are not known."""
    problems: Problems

    def scores(self) -> bool:
        """Scores that are far too large."""
        graph, signal = self.followed.graph, self.followed.signal
        bad = [found for found in scores_of(graph, signal) if found.bad]
        worst = max(bad, key=lambda found: found.loss / found.guess, default=None)
        weight = None if worst is None else self.followed.cause(worst.value)
        if worst is None or weight is None:
            return False
        return self._report(
            "W451",
            f"`{self._layer(worst.value)}` begins with scores of deviation {rough(signal.rms[worst.value])}: a loss near "
            f"{rough(worst.loss)}, and {worst.known} = {worst.guess:.2g} is guessing",
            weight, lambda found: not any(scores.bad for scores in scores_of(graph, found)),
        )  # fmt: skip

    def predictions(self) -> bool:
        """The same of predictions of numbers, where the targets are known."""
        data, signal = self.program.experiment.data, self.followed.signal
        compared = [head.loss for head in self.program.heads if head.label == "" and head.exact and head.part is None]
        if not {"mse", "mae", "huber"} & set(compared):
            return False
        span = None if data is None or data.description is None else data.description.target_range
        most = BEYOND * max(map(abs, span)) if span is not None else 0.0
        value = self.followed.graph.outputs["prediction"]
        size, weight = signal.rms.get(value, 0.0), self.followed.cause(value)
        if not most or size < most or weight is None:
            return False
        scaled = "standardised " if data is not None and data.request.scale else ""
        return self._report(
            "W451",
            f"`{self._layer(value)}` begins with predictions of deviation {rough(size)}, and no {scaled}target is larger "
            f"than {most / BEYOND:.3g}: a loss near {rough(signal.loss or 0.0)}",
            weight, lambda found: found.rms[value] < most,
        )  # fmt: skip

    def saturation(self) -> bool:
        """Hidden units most of which are flat."""
        graph, signal = self.followed.graph, self.followed.signal
        ends = {value.node for value in graph.outputs.values()}
        hidden = (
            node for node in graph if isinstance(node.op, Tanh | Sigmoid) and node.layer != "loss" and node.id not in ends
        )
        node = next((node for node in hidden if signal.flat.get(node.id, 0.0) > FLAT), None)
        weight = None if node is None else self.followed.cause(Value(node.id))
        if node is None or weight is None:
            return False
        id = node.id
        return self._report(
            "W452",
            f"{100 * signal.flat[id]:.0f} % of `{node.layer}` begin where it is flat, of numbers of deviation "
            f"{rough(signal.rms[node.operands[0]])}: hardly a gradient comes through",
            weight, lambda found: found.flat[id] <= FLAT,
        )  # fmt: skip

    def faintness(self) -> bool:
        """Predictions in which nothing of the input is left."""
        graph, signal = self.followed.graph, self.followed.signal
        value = next((found.value for found in scores_of(graph, signal)), graph.outputs["prediction"])
        size, weight = signal.rms.get(value, 1.0), self.followed.cause(value, least=True)
        if not 0 < size < FAINT or weight is None:
            return False
        return self._report(
            "W454",
            f"`{self._layer(value)}` begins with numbers of deviation {rough(size)}: layers make them smaller and smaller, "
            "and nothing of the input is left",
            weight, lambda found: found.rms[value] >= FAINT,
        )  # fmt: skip

    def gradients(self) -> bool:
        """The first layer's gradient far from the last one's."""
        signal = self.followed.signal
        weights = [weight for weight in self.followed.weights() if _slope(signal, weight) > 0]
        if len(weights) < 2 or _alike(signal, weights[0], weights[-1]):
            return False
        first, last = weights[0], weights[-1]
        ratio = _slope(signal, first) / _slope(signal, last)
        return self._report(
            "W453",
            f"the gradient {'vanishes' if ratio < 1 else 'explodes'} on its way back: that of `{first.parameter.layer}` begins "
            f"{rough(ratio)} times as large as that of `{last.parameter.layer}`",
            first, lambda found: _alike(found, first, last),
            "take `relu` or `tanh` for a sigmoid, or let it pass beside the layers: `residual { … }`; a norm between helps too",
        )  # fmt: skip

    def _layer(self, value: Value) -> str:
        """The layer that makes a value."""
        node = self.followed.graph[value.node]
        while node.layer in ("", "loss") and node.operands:
            node = self.followed.graph[node.operands[0].node]
        return node.layer

    def _report(self, code: str, message: str, weight: Weight, mended: Mended, otherwise: str = _NORM) -> bool:
        label = "" if code == "W453" else f"makes numbers {rough(weight.growth)} times as large"
        fixes = [*self._normalised(mended), *self.followed.mends(weight, mended, otherwise)]
        if code == "W452" and fixes == [otherwise]:  # no weight's doing: a formula is meant so
            return False
        self.problems.report(code, self.assuming + message, weight.parameter.spans[0], label,
                             fixes=[fix for fix in fixes if fix != otherwise or len(fixes) == 1])  # fmt: skip
        return True

    def _normalised(self, mended: Mended) -> list[str]:
        """What to write where it is the data's numbers that are too large."""
        data, x = self.program.experiment.data, self.followed.given["x"]
        takes = data is not None and "normalize" in data.source.signature.names
        if x.rms < WORSE or not takes or not mended(self.followed.signal_for({**self.followed.given, "x": Begin()})):
            return []
        return [f"add `normalize` to the `data` statement, whose numbers are about {rough(x.rms)} in size"]


def _slope(signal: Signal, weight: Weight) -> float:
    """The deviation of a weight's gradient."""
    gradient = signal.cotangents.get(Value(weight.parameter.id))
    return 0.0 if gradient is None else signal.rms.get(gradient, 0.0)


def _alike(signal: Signal, first: Weight, last: Weight) -> bool:
    return 1 / APART <= _slope(signal, first) / max(_slope(signal, last), 1e-300) <= APART


def rough(number: float) -> str:
    """Two digits of a number that is an estimate."""
    if number == 0 or not 1e-15 < number < 1e15:
        return "0" if number == 0 else "1e+15 or more" if number > 1 else "1e-15 or less"
    rounded = round(number, 1 - math.floor(math.log10(number)))
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:.2g}"
