"""Joining network and data: the loss, its target, and the metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lampc import limits
from lampc.data import Description
from lampc.diagnostics import Problems
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.definitions import Definitions
from lampc.elaborate.experiment import Data, Experiment, Loss
from lampc.elaborate.functions import Formula, Unusable
from lampc.elaborate.network import Network
from lampc.ir.leaves import Input
from lampc.ir.op import ShapeError
from lampc.ir.types import B, Type
from lampc.layers.losses import LOSSES
from lampc.layers.metrics import METRICS, Head, MetricType, Reading, bound
from lampc.layers.signature import Int
from lampc.ops.activations import Sigmoid
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.ops.term import Term
from lampc.source import Span
from lampc.syntax import tree


def attach_loss(network: Network, prediction: Term, experiment: Experiment, definitions: Definitions,
                labels: Mapping[str, Term], problems: Problems) -> tuple[Term, Term] | None:  # fmt: skip
    """The target's leaf and the loss; None if there is no loss, or a wrong one, which has been reported."""
    loss = experiment.loss
    if loss is None:
        return None
    made_by = network.producer(prediction) or loss.span
    given = data_target(experiment.data, prediction.type)
    if loss.sum is not None:
        return _sum(network, loss.sum, prediction, given, labels, definitions, problems)
    try:
        wanted = loss.type.target(prediction.type, loss.arguments) if loss.type else given or prediction.type
    except ShapeError as error:
        problems.report("E503", str(error), loss.span, also=[(made_by, f"makes {prediction.type}")])
        return None
    if given is not None and experiment.data is not None:
        if given != wanted:
            _disagree(loss, wanted, given, prediction.type, experiment.data, made_by, problems)
            return None
        _check_classes(prediction.type, loss, experiment.data, made_by, problems)
    _check_range(prediction, loss, experiment.data, made_by, problems)
    build = network.build
    with build.at(spans=(loss.span,), layer="loss"):
        target = build(Input(wanted, "y"))
        result = _formula(network, loss, prediction, target, definitions, problems) if loss.type is None else (
            loss.type.build(prediction, target, loss.arguments))  # fmt: skip
    return None if result is None else (target, result)


def data_target(data: Data | None, prediction: Type) -> Type | None:
    """The type of the data's targets."""
    if data is None or data.description is None:
        return None
    description = data.description
    return Type("i64" if description.classes is not None else prediction.dtype, (B, *description.target))


def choose_metrics(experiment: Experiment, prediction: Term, target: Type | None, made_by: Span | None,
                   problems: Problems) -> tuple[MetricType, ...]:  # fmt: skip
    """The metrics that the file asks for, or those that fit."""
    if target is None:
        return ()
    if experiment.metrics is None and experiment.loss is not None and experiment.loss.sum is not None:
        return ()
    if experiment.metrics is None:
        hinge = experiment.loss is not None and experiment.loss.name == "hinge"
        one = (hinge or isinstance(prediction.node.op, Sigmoid)) and prediction.type.shape[-1:] == (1,)
        names = ("accuracy",) if target.dtype == "i64" or one else ("mae", "r2")
        fit = tuple(METRICS[name] for name in names if not METRICS[name].fits(prediction.type, target))
        return _as_it_ends(fit, prediction, experiment.loss)
    fitting = []
    for metric in experiment.metrics:
        reason = metric.fits(prediction.type, target)
        if reason:
            also = [(made_by, f"makes {prediction.type}")] if made_by else []
            problems.report("E506", f"`{metric.name}` does not fit: {reason}", experiment.metrics_span, also=also)
        else:
            fitting.append(metric)
    return _as_it_ends(tuple(fitting), prediction, experiment.loss)


def check_best(experiment: Experiment, metrics: tuple[MetricType, ...], target: Type | None, problems: Problems) -> None:
    """See that the metric by which the best epoch is chosen is a number that is measured, on a part that is there."""
    best, known = experiment.train.best, ["loss", *(metric.name for metric in metrics if not metric.table)]
    if not best or best in known or target is None:
        _warn_of_no_choice(experiment, problems)
        return
    near = nearest(best, known)
    fixes = [f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"]
    if best in METRICS and not METRICS[best].table:
        fixes = [f"measure it: `metrics {' '.join(metric.name for metric in metrics)} {best}`"]
    problems.report("E201", f"`best={best}`: that is no metric that is measured", experiment.train.where("best"), fixes=fixes)


def _warn_of_no_choice(experiment: Experiment, problems: Problems) -> None:
    data, train = experiment.data, experiment.train
    if data is None or data.description is None or data.description.validation or not (train.best or train.patience):
        return
    option = data.source.signature["validation"] if "validation" in data.source.signature.names else None
    some = "200" if option is not None and isinstance(option.kind, Int) else "0.1"
    fixes = [f"take a part of the training data: `data {data.source.name} … validation={some}`"] if option is not None else []
    also = [(data.span, "has no validation part")]
    if train.best:
        problems.report("W701", f"`best={train.best}` chooses nothing: there is no part of the data to choose by", train.span,
                        also=also, fixes=fixes, notes=["the test part chooses nothing; the last epoch is used"])  # fmt: skip
    if train.patience:
        problems.report("W701", "`patience` looks at the training loss: there is no part of the data to choose by", train.span,
                        also=also, fixes=fixes)  # fmt: skip


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
        fixes = ["take the mean of it: `mean(…)`"] if isinstance(result, Term) else []
        problems.report("E505", f"a loss is one number, and this is {made}", function.body.span,
                        also=[(loss.span, "the loss")] if isinstance(function, tree.Fn) else [], fixes=fixes)  # fmt: skip
        return None
    return result


def _as_it_ends(metrics: tuple[MetricType, ...], prediction: Term, loss: Loss | None) -> tuple[MetricType, ...]:
    """The metrics, as the loss counts: a hinge's scores are positive for yes."""
    arguments = {} if loss is None else loss.arguments
    above = 0.0 if loss is not None and loss.name == "hinge" else 0.5
    reading = Reading(above, arguments.get("ignore"), tuple(arguments.get("weights") or ()))
    return tuple(bound(metric, reading, Head()) for metric in metrics)


def _sum(network: Network, option: tree.Option, prediction: Term, given: Type | None, labels: Mapping[str, Term],
         definitions: Definitions, problems: Problems) -> tuple[Term, Term] | None:  # fmt: skip
    """The loss that a formula of named values, of the input x, the target y and the prediction p comes to."""
    build = network.build
    assert isinstance(option.value, tree.Expression)
    names = {"p": prediction, **labels}
    with build.at(spans=(option.span,), layer="loss"):
        quiet = Formula(build, definitions.functions, definitions.constants, Problems(), option.span, losses=True)
        y = build(Input(given or _wanted(option.value, quiet, names) or prediction.type, "y"))
        formula = Formula(build, definitions.functions, definitions.constants, problems, option.span, losses=True)
        try:
            result = formula.evaluate(option.value, {"y": y, **names})
        except Unusable:
            return None
    if isinstance(result, Term) and result.type.shape == ():
        return y, result
    made = f"{result.type}" if isinstance(result, Term) else "a constant"
    problems.report("E505", f"a loss is one number, and this is {made}", option.value.span,
                    fixes=["take the mean of it: `mean(…)`"] if isinstance(result, Term) else [])  # fmt: skip
    return None


def _wanted(expression: tree.Expression, formula: Formula, names: Mapping[str, Term]) -> Type | None:
    """The target's type as the formula wants it: `crossentropy(h, y)` takes labels of h's rows, `part(y, 1, 3)` three."""
    stops = [stop for stop in _stops(expression, formula) if stop > 0]
    if stops:
        return names["p"].type.of((B, max(stops)))
    parts: tuple[tree.Expression, ...] = ()
    if isinstance(expression, tree.Binary):
        parts = (expression.left, expression.right)
    elif isinstance(expression, tree.Negative):
        parts = (expression.operand,)
    elif isinstance(expression, tree.Call):
        parts = expression.arguments
        if expression.name.name in LOSSES and len(parts) == 2 and isinstance(parts[1], tree.Word) and parts[1].name == "y":
            try:
                value = formula.evaluate(parts[0], names)
                loss = LOSSES[expression.name.name]
                return loss.target(value.type, loss.signature.defaults) if isinstance(value, Term) else None
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
    if wanted.dtype != given.dtype:
        labels = given.dtype == "i64"
        takes = "numbers" if labels else "class labels"
        problems.report("E503", f"loss `{loss.name}` takes {takes}, but the data gives "
                        f"{'class labels' if labels else f'numbers, {given}'}", loss.span,
                        f"takes {takes}", also=[(data.span, f"gives {given}")],
                        fixes=["`loss crossentropy` takes class labels" if labels else
                               "`loss mse` takes numbers"])  # fmt: skip
        return
    fixes = ["nothing is broadcast: let the last layer make the target's shape"]
    if len(given.sample) == 1 and len(prediction.sample) == 1:
        fixes = [f"let the last layer end in {given.sample[0]}"]
    problems.report("E503", f"the network makes {prediction}, but the data's targets are {given}", made_by,
                    f"makes {prediction}", also=[(data.span, f"targets are {given}")], fixes=fixes)  # fmt: skip


def _check_classes(prediction: Type, loss: Loss, data: Data, made_by: Span, problems: Problems) -> None:
    description = data.description
    if description is None or description.classes is None or not prediction.sample:
        return
    classes, outputs = len(description.classes), prediction.sample[-1]
    places = [(data.span, f"has {classes} classes")]
    if classes > outputs:
        problems.report("E503", f"the data has {classes} classes, but the network scores {outputs}", made_by,
                        f"makes {outputs}", also=places, fixes=[f"let the last layer end in {classes}"])  # fmt: skip
    elif classes < outputs:
        problems.report("W501", f"the network scores {outputs} classes, but the data has {classes}", made_by,
                        f"makes {outputs}", also=places, fixes=[f"let the last layer end in {classes}"])  # fmt: skip


def _check_range(prediction: Term, loss: Loss, data: Data | None, made_by: Span, problems: Problems) -> None:
    """Warn of an output activation that cannot make what the loss wants."""
    node = prediction.node
    low, high = node.op.codomain
    span = node.spans[0] if node.spans else made_by
    name = node.op.name
    description = data.description if data else None
    if loss.type is not None and loss.type.logarithms:
        if not isinstance(node.op, LogSoftmax):
            problems.report("W403", f"loss `{loss.name}` takes log-probabilities, and the network does not end in `logsoftmax`",
                            span, also=[(loss.span, "the loss")], fixes=["end the network in `logsoftmax`"])  # fmt: skip
        return
    if loss.type is not None and loss.type.classes:
        if loss.arguments.get("soft"):
            _check_probabilities(description, loss, data, problems)
        if not isinstance(node.op, Softmax | LogSoftmax) and (low, high) != (-math.inf, math.inf):
            problems.report("W402", f"crossentropy takes scores of any size, and `{name}` makes only {_range(low, high)}",
                            span, also=[(loss.span, "the loss")], fixes=[f"remove `{name}`"])  # fmt: skip
        return
    if loss.type is not None and loss.type.probabilities:
        if low < 0 or high > 1:
            problems.report("W403", f"loss `{loss.name}` takes probabilities, and the network makes {_range(low, high)}",
                            span, also=[(loss.span, "takes 0…1")], fixes=["end the network in `sigmoid`"])  # fmt: skip
        _check_probabilities(description, loss, data, problems)
    elif description is not None and description.target_range is not None:
        least, greatest = description.target_range
        if least < low or greatest > high:
            assert data is not None
            problems.report("W402", f"`{name}` makes only {_range(low, high)}, but targets reach from {least:g} to "
                            f"{greatest:g}", span, also=[(data.span, f"targets {least:g} to {greatest:g}")],
                            fixes=[f"remove the last `{name}`, or scale the targets"])  # fmt: skip


def _check_probabilities(description: Description | None, loss: Loss, data: Data | None, problems: Problems) -> None:
    if description is None or description.target_range is None or data is None:
        return
    least, greatest = description.target_range
    if least < 0 or greatest > 1:
        problems.report("E503", f"loss `{loss.name}` takes targets from 0 to 1, and the data's reach from {least:g} to "
                        f"{greatest:g}", loss.span, also=[(data.span, "the data")])  # fmt: skip


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "any number"
    if math.isinf(high):
        return f"{low:g} and more"
    return f"{high:g} and less" if math.isinf(low) else f"{low:g} to {high:g}"
