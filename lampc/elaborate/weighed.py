"""Weights in a loss: of classes, found from how many samples each has, and of samples, an input beside x and y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lampc.diagnostics import LampError, Problems
from lampc.elaborate.experiment import Data, Loss
from lampc.ir.graph import Value
from lampc.ir.leaves import Input
from lampc.ir.types import B, Type
from lampc.layers.signature import BALANCED
from lampc.ops.term import Build, Term

if TYPE_CHECKING:
    from lampc.elaborate import Elaborated

WEIGHT = "w"
"""The input that has each sample's weight, beside ``x`` and ``y``."""
_LISTED = 20
"""Classes of which a message lists weights."""


def balanced(loss: Loss, prediction: Type, data: Data | None, problems: Problems) -> Loss | None:
    """The loss with numbers for `weights=balanced`: n / (k·nᶜ) for a class of nᶜ of all n samples in k classes.

    They are those of the training part. What the loss ignores is no class, and a class without samples weighs nothing, which is
    warned of. None: they cannot be counted, which has been reported.
    """
    if loss.arguments.get("weights") != BALANCED:
        return loss
    outputs = prediction.shape[-1] if prediction.sample else 1
    assert loss.type is not None and isinstance(outputs, int)
    reason = _uncounted(loss, outputs, data)
    of_classes = loss.type.classes
    if reason:
        numbers = _listed([1] * (outputs if of_classes or outputs > 1 else 2))
        written = loss.span.phrase
        line = written.replace(BALANCED, numbers) if BALANCED in written else f"weights={numbers}"
        problems.report("E503", f"`weights=balanced`: {reason}", loss.span, fixes=[f"write how much each counts: `{line}`"])
        return None
    assert data is not None and data.description is not None and data.description.counts is not None
    counts = list(data.description.counts)
    ignore = loss.arguments.get("ignore")
    if of_classes and ignore is not None and 0 <= ignore < len(counts):
        counts[ignore] = 0
    names = data.description.classes or ("0", "1")
    absent = [name for label, name in enumerate(names) if label < len(counts) and not counts[label] and label != ignore]
    if absent:
        _warn(absent, loss, data, problems)
    size = outputs if of_classes else 2
    weights = _weights([*counts, *[0] * size][:size])
    return replace(loss, arguments={**loss.arguments, "weights": weights})


def _uncounted(loss: Loss, outputs: int, data: Data | None) -> str:
    """Why classes cannot be counted; empty if they can."""
    description = None if data is None else data.description
    assert loss.type is not None
    if loss.arguments.get("soft"):
        return "with `soft` there are no labels to count"
    if not loss.type.classes and outputs != 1:
        return f"0 and 1 are counted for one output, and the network makes {outputs}"
    if data is None:
        return "there is no `data` here to count classes in"
    if not loss.type.classes and description is not None and description.bits is False:
        return "the targets are not all 0 or 1"
    if description is None or description.counts is None:
        return "how many samples each class has is not known before the data is loaded"
    return ""


def _weights(counts: Sequence[int]) -> tuple[float, ...]:
    """N / (k·nᶜ), as scikit-learn has it: samples weigh 1 in the mean."""
    whole, classes = sum(counts), sum(count > 0 for count in counts)
    return tuple(whole / (classes * count) if count else 0.0 for count in counts)


def _listed(numbers: Sequence[float]) -> str:
    shown = [f"{number:.6g}" for number in numbers[:_LISTED]]
    return f"[{', '.join([*shown, *['…'] * (len(numbers) > _LISTED)])}]"


def _warn(absent: Sequence[str], loss: Loss, data: Data, problems: Problems) -> None:
    first, more = absent[0], len(absent) - 1
    which = f"class `{first}`" + (f" and {more} more" if more else "")
    problems.report("W502", f"{which} {'have' if more else 'has'} no training sample, and with `weights=balanced` no weight",
                    loss.span, also=[(data.span, "the data")],
                    fixes=["give it samples, or leave it out of the classes"])  # fmt: skip


def sample_weights(build: Build, prediction: Term, loss: Loss, problems: Problems, data: Data | None = None) -> Term | None:
    """The input with a weight for each sample, [B]; None if the loss takes none, which has been reported."""
    if loss.type is None:
        problems.report("E503", f"samples have weights, and the formula of `loss {loss.name}` does not say what they do",
                        loss.span, also=[] if data is None else [(data.span, "gives weights")],
                        fixes=["take a loss by its name, such as `loss mse`: each is a weighted mean then"])  # fmt: skip
        return None
    return build(Input(prediction.type.of((B,)), WEIGHT))


def weighed(program: Elaborated) -> Elaborated:
    """The program with an input for samples' weights, where its data has none.

    Raises:
        LampError: if its loss takes no weights.
    """
    loss = program.experiment.loss
    assert loss is not None
    graph, problems = program.graph.copy(), Problems()
    build = Build(graph)
    prediction = build.term(graph.outputs["prediction"])
    with build.at(spans=(loss.span,), layer="loss"):
        weight = sample_weights(build, prediction, loss, problems)
        if weight is None or loss.type is None:
            raise LampError(problems.errors)
        y = next(Value(node.id) for node in graph if isinstance(node.op, Input) and node.op.label == "y")
        graph.outputs["loss"] = loss.type.build(prediction, build.term(y), loss.arguments, weight).value
    return replace(program, graph=graph, weighted=True)
