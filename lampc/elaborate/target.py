"""Joining network and data: the loss and its target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lampc import limits
from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import before, instead
from lampc.elaborate.comparison import Comparison, Limit, check, check_reach
from lampc.elaborate.definitions import Definitions
from lampc.elaborate.experiment import Data, Experiment, Loss
from lampc.elaborate.functions import Formula, Unusable
from lampc.elaborate.network import Network
from lampc.elaborate.scaled import standardised
from lampc.elaborate.unused import words
from lampc.elaborate.weighed import balanced, sample_weights
from lampc.ir.leaves import Input
from lampc.ir.op import ShapeError
from lampc.ir.types import B, Type
from lampc.layers.losses import LOSSES
from lampc.ops.arithmetic import Sub
from lampc.ops.term import Term
from lampc.source import Span
from lampc.syntax import tree


@dataclass(frozen=True)
class Attached:
    """A network with its loss."""

    target: Term
    loss: Term
    comparisons: tuple[Comparison, ...]
    """The losses that it consists of; none where it is a formula alone."""
    data: Data | None
    """The data, whose targets may have turned out to be labels, or to be standardised."""
    statement: Loss
    """The loss, with numbers for `weights=balanced`."""

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What targets may be."""
        return tuple(
            Limit(found.loss.name, found.part, found.bounds, found.span) for found in self.comparisons if found.targets
        )


def attach_loss(network: Network, x: Term, prediction: Term, experiment: Experiment, definitions: Definitions,
                labels: Mapping[str, Term], problems: Problems) -> Attached | None:  # fmt: skip
    """Build the loss; None if there is none, or a wrong one, which has been reported.

    ``labels``: the values that `as` names.
    """
    loss, data = experiment.loss, experiment.data
    if loss is None:
        return None
    data = standardised(data, loss, prediction, problems)
    made_by = network.producer(prediction) or loss.span
    weighted = data is not None and data.description is not None and data.description.weighted
    if loss.sum is not None:
        if weighted:
            sample_weights(network.build, prediction, loss, problems, data)
            return None
        found = _sum(network, loss, loss.sum, x, prediction, data, labels, definitions, problems)
        if found is None:
            return None
        for comparison in found.comparisons:
            check(comparison, found.data, network.producer(comparison.prediction) or comparison.span, problems)
        for node in network.graph.users(found.target.value.node):
            for operand in node.operands if isinstance(node.op, Sub) else ():
                if operand != found.target.value:
                    check_reach(Term(network.build, operand), found.data, made_by, problems)
        return found
    given = data_target(data, prediction.type)
    try:
        wanted = loss.type.target(prediction.type, loss.arguments) if loss.type else given or prediction.type
        data = labels_of_places(data, wanted, loss.arguments.get("ignore"))
        data = yes_or_no(data, wanted if loss.type else prediction.type)
        given = data_target(data, prediction.type)
    except ShapeError as error:
        problems.report("E503", str(error), loss.span, also=[(made_by, f"makes {prediction.type}")])
        return None
    if given is not None and data is not None and given != wanted:
        _disagree(loss, wanted, given, prediction.type, data, made_by, problems)
        return None
    loss = balanced(loss, prediction.type, data, problems)
    if loss is None:
        return None
    with network.build.at(spans=(loss.span,), layer="loss"):
        target = network.build(Input(wanted, "y"))
        weight = sample_weights(network.build, prediction, loss, problems, data) if weighted else None
        if weighted and weight is None:
            return None
        if loss.type is None:
            check_reach(prediction, data, made_by, problems)
            result = _formula(network, loss, prediction, target, definitions, problems)
            return None if result is None else Attached(target, result, (), data, loss)
        comparison = Comparison(loss.type, loss.arguments, prediction, target, loss.span)
        check(comparison, data, made_by, problems)
        result = loss.type.build(prediction, target, loss.arguments, weight)
        return Attached(target, result, (comparison,), data, loss)


def data_target(data: Data | None, prediction: Type) -> Type | None:
    """The type of the data's targets."""
    if data is None or data.description is None:
        return None
    description = data.description
    return Type("i64" if description.classes is not None else prediction.dtype, (B, *description.target))


def labels_of_places(data: Data | None, wanted: Type | None, ignore: int | None = None) -> Data | None:
    """The data, its whole-number targets taken for labels where the loss wants one for each place of a sample."""
    description = data.description if data else None
    if data is None or description is None or description.labels is None or wanted is None:
        return data
    counting = [label for label in description.labels if label != ignore] or [0]
    if wanted.dtype != "i64" or wanted.sample != description.target or min(counting) < 0:
        return data
    classes = tuple(map(str, range(max(counting) + 1)))
    described = replace(description, classes=classes, target_range=None, bits=None)
    return replace(data, request=replace(data.request, labels=True), description=described)


def yes_or_no(data: Data | None, wanted: Type) -> Data | None:
    """The data, its targets of yes and no as numbers 0 and 1 where the loss wants one number a sample."""
    description = data.description if data else None
    if data is None or description is None or not description.either or wanted.dtype == "i64" or wanted.sample != (1,):
        return data
    described = replace(description, classes=None, target=(1,), target_range=(0.0, 1.0), bits=True)
    return replace(data, request=replace(data.request, bits=True), description=described)


def _formula(network: Network, loss: Loss, prediction: Term, target: Term, definitions: Definitions,
             problems: Problems) -> Term | None:  # fmt: skip
    function = loss.function
    assert function is not None
    name = function.name.name if isinstance(function, tree.Fn) else "loss"
    formula = Formula(network.build, definitions.functions, definitions.constants, problems, loss.span)
    try:
        result = formula.call(name, function.parameters, function.body, [prediction, target])
    except Unusable:
        return None
    if not isinstance(result, Term) or result.type.shape != ():
        made = f"{result.type}" if isinstance(result, Term) else "a constant"
        body = function.body.span.phrase
        whole = body if body.count("(") == body.count(")") and len(body) < 60 else "…"
        fixes = [f"take the mean of it: `mean({whole})`"] if isinstance(result, Term) else []
        problems.report("E505", f"a loss is one number, and this is {made}", function.body.span,
                        also=[(loss.span, "the loss")] if isinstance(function, tree.Fn) else [], fixes=fixes)  # fmt: skip
        return None
    return result


def _sum(network: Network, loss: Loss, option: tree.Option, x: Term, prediction: Term, data: Data | None,
         labels: Mapping[str, Term], definitions: Definitions, problems: Problems) -> Attached | None:  # fmt: skip
    """The loss that a formula of named values, of the input x, the target y and the prediction p comes to."""
    build = network.build
    assert isinstance(option.value, tree.Expression)
    if _twofold(option.value, {"x": x, "p": prediction}, labels, definitions, problems):
        return None
    names = {"x": x, "p": prediction, **labels}
    with build.at(spans=(option.span,), layer="loss"):
        quiet = Formula(build, definitions.functions, definitions.constants, Problems(), option.span, losses=True)
        unknown = data is None or data.description is None or data.description.labels is not None
        wanted, ignore = (_wanted(option.value, quiet, names) if unknown else None) or (None, None)
        data = labels_of_places(data, wanted, ignore)
        y = build(Input(data_target(data, prediction.type) or wanted or prediction.type, "y"))
        formula = Formula(build, definitions.functions, definitions.constants, problems, option.span, losses=True)
        try:
            result = formula.evaluate(option.value, {"y": y, **names})
        except Unusable:
            return None
    if isinstance(result, Term) and result.type.shape == ():
        return Attached(y, result, tuple(formula.compared), data, loss)
    made = f"{result.type}" if isinstance(result, Term) else "a constant"
    problems.report("E505", f"a loss is one number, and this is {made}", option.value.span,
                    fixes=["take the mean of it: `mean(…)`"] if isinstance(result, Term) else [])  # fmt: skip
    return None


def _twofold(formula: tree.Expression, given: Mapping[str, Term], labels: Mapping[str, Term], definitions: Definitions,
             problems: Problems) -> bool:  # fmt: skip
    """Whether a name in the formula stands for two things of the program, which is reported."""
    standing = {"x": "the input", "y": "the target", "p": "the prediction"}
    for word in words(formula):
        name, also = word.name, []
        readings = [standing[name]] if name in standing else []
        if name in labels and (name not in given or labels[name].value != given[name].value):
            readings.append("the value that `as` names")
            also += [(span, "the value") for span in labels[name].node.spans[:1]]
        if name in definitions.constants:
            readings.append("the constant")
            also.append((definitions.places[name], "the constant"))
        if len(readings) > 1:
            problems.report("E202", f"`{name}` could be {' or '.join(readings)}", word.span, also=also,
                            fixes=["give one of them another name"])  # fmt: skip
            return True
    return False


def _wanted(expression: tree.Expression, formula: Formula, names: Mapping[str, Term]) -> tuple[Type, int | None] | None:
    """The target's type as the formula wants it, and the label that is ignored: `crossentropy(h, y)` takes labels of h's
    rows, `part(y, 1, 3)` three.
    """
    stops = [stop for stop in _stops(expression, formula) if stop > 0]
    if stops:
        return names["p"].type.of((B, max(stops))), None
    parts: tuple[tree.Expression, ...] = ()
    if isinstance(expression, tree.Binary):
        parts = (expression.left, expression.right)
    elif isinstance(expression, tree.Negative):
        parts = (expression.operand,)
    elif isinstance(expression, tree.Call):
        parts = expression.arguments
        if expression.name.name in LOSSES and len(parts) >= 2 and isinstance(parts[1], tree.Word) and parts[1].name == "y":
            try:
                value, given = formula.evaluate(parts[0], names), formula.loss_arguments(expression, names)
                loss = LOSSES[expression.name.name]
                return (loss.target(value.type, given), given.get("ignore")) if isinstance(value, Term) else None
            except (Unusable, ShapeError):
                return None
    return next((found for found in (_wanted(part, formula, names) for part in parts) if found is not None), None)


def _stops(expression: tree.Expression, formula: Formula) -> list[int]:
    """Where the parts that are taken of the target end."""
    if isinstance(expression, tree.Binary):
        return _stops(expression.left, formula) + _stops(expression.right, formula)
    if isinstance(expression, tree.Negative):
        return _stops(expression.operand, formula)
    if not isinstance(expression, tree.Call):
        return []
    given = expression.arguments
    if expression.name.name == "part" and len(given) == 3 and isinstance(given[0], tree.Word) and given[0].name == "y":
        try:
            stop = formula.evaluate(given[2], {})
        except Unusable:
            return []
        return [] if isinstance(stop, Term) or not abs(stop) <= limits.SIZE else [int(stop)]
    return [stop for argument in given for stop in _stops(argument, formula)]


def _disagree(loss: Loss, wanted: Type, given: Type, prediction: Type, data: Data, made_by: Span,
              problems: Problems) -> None:  # fmt: skip
    reach = data.description.labels if data.description is not None else None
    if wanted.dtype == "i64" and reach is not None and given.dtype != "i64" and wanted.sample:
        _no_labels(loss, wanted, given, reach, data, made_by, problems)
        return
    if wanted.dtype != given.dtype:
        labels = given.dtype == "i64"
        takes = "numbers" if labels else "class labels"
        problems.report("E503", f"loss `{loss.name}` takes {takes}, but the data gives "
                        f"{'class labels' if labels else f'numbers, {given}'}", loss.span,
                        f"takes {takes}", also=[(data.span, f"gives {given}")],
                        fixes=_of_their_sort(labels, data), edits=_labelled(labels, loss, prediction, data))  # fmt: skip
        return
    fixes, edits = ["nothing is broadcast: let the last layer make the target's shape"], instead(made_by, None)
    if len(prediction.sample) > 1 >= len(given.sample):
        fixes = [f"a sample is to be one row of numbers: `flatten; {made_by.phrase}`"]
        edits = before(made_by, "flatten; ") if re.match(r"linear\s+[^->]+$", made_by.text) else ()
    elif len(given.sample) == 1 and len(prediction.sample) == 1:
        fixes = [f"let the last layer end in {given.sample[0]}"]
    problems.report("E503", f"the network makes {prediction}, but the data's targets are {given}", made_by,
                    f"makes {prediction}", also=[(data.span, f"targets are {given}")], fixes=fixes, edits=edits)  # fmt: skip


def _of_their_sort(labels: bool, data: Data) -> list[str]:
    """Losses that take what the data gives."""
    if labels:
        return ["write `loss crossentropy`: it takes class labels"]
    fixes = ["`loss mse` takes numbers"]
    if data.description is not None and data.description.bits and data.description.target == (1,):
        fixes.insert(0, "the targets are 0 or 1: end in `linear 1; sigmoid`, and write `loss bce`")
    if "classes" in data.source.signature.names:
        fixes.insert(0, f"if they are classes: `{data.span.phrase} classes`")
    return fixes


def _labelled(labels: bool, loss: Loss, prediction: Type, data: Data) -> tuple[Edit, ...]:
    """The loss of class labels, where the network scores as many classes as there are."""
    classes = data.description.classes if data.description is not None else None
    fits = labels and classes is not None and prediction.sample == (len(classes),)
    return instead(loss.span, "loss crossentropy") if fits else ()


def _no_labels(loss: Loss, wanted: Type, given: Type, reach: tuple[int, ...], data: Data, made_by: Span,
               problems: Problems) -> None:  # fmt: skip
    """Whole numbers in several axes that are no labels of the places that the network scores."""
    if wanted.sample != given.sample:
        scored, there = ("x".join(map(str, sample)) for sample in (wanted.sample, given.sample))
        problems.report("E503", f"loss `{loss.name}` takes a label for each of {scored} places, but the data has {there}",
                        loss.span, also=[(made_by, f"scores {scored} places"), (data.span, f"has targets of {there}")],
                        fixes=["let the network score as many places as a sample has labels"])  # fmt: skip
        return
    least = min(label for label in reach if label != loss.arguments.get("ignore"))
    problems.report("E503", f"loss `{loss.name}` takes labels from 0 on, but the data's begin at {least}", loss.span,
                    also=[(data.span, f"labels from {reach[0]} to {reach[-1]}")],
                    fixes=[f"`{loss.name} ignore={least}`, if it marks places that do not count",
                           "or number the labels from 0 on"])  # fmt: skip
