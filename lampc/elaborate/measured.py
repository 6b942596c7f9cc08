"""Which metrics are measured, of which of the network's values, and which of them chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lampc.diagnostics import Problems
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.comparison import Part, part_of_targets, sources
from lampc.elaborate.experiment import Asked, Experiment
from lampc.elaborate.heads import Compared
from lampc.ir.types import Type
from lampc.layers.losses import LOSSES
from lampc.layers.metrics import METRICS, Head, MetricType, Reading, bound, kind_of
from lampc.layers.metrics_of_classes import several
from lampc.layers.signature import Int
from lampc.ops.activations import Sigmoid
from lampc.ops.arithmetic import Sub
from lampc.ops.normalise import Softmax
from lampc.ops.term import Term
from lampc.source import Span


@dataclass(frozen=True)
class Measurable:
    """What metrics may look at: the network's values, and what the loss compares with the targets."""

    experiment: Experiment
    prediction: Term
    target: Type
    named: Mapping[str, Term]
    heads: tuple[Compared, ...]
    made_by: Span | None

    def label_of(self, label: str) -> str:
        """The name under which heads know a value: the prediction has none, whatever the file calls it."""
        return "" if label and self.named[label].value == self.prediction.value else label

    def parts(self, label: str) -> list[Part]:
        """The parts of the targets with which a value is compared."""
        return list(dict.fromkeys(head.part for head in self.heads if head.label == self.label_of(label)))

    def against(self, part: Part) -> Type:
        """The type of a part of the targets."""
        return self.target if part is None else self.target.of((*self.target.shape[:-1], part[1] - part[0]))

    def reason(self, metric: MetricType, label: str, part: Part) -> str:
        """Why a metric does not fit a value and a part of the targets; empty if it does."""
        value = self.named[label] if label else self.prediction
        target = self.against(part)
        found = metric.fits(value.type, target)
        if found or target.dtype == "i64" or not metric.of_classes:
            return found
        head = next((head for head in self.heads if head.label == self.label_of(label) and head.part == part), None)
        data = self.experiment.data
        if part is None and data is not None and data.description is not None and data.description.bits is False:
            return "it takes targets of 0 and 1, and the data's are other numbers"
        if target.shape[-1] != 1 and not _of_labels(head):
            return "several outputs are labels, each 0 or 1, only for the losses `bce` and `hinge`"
        if metric.of_shares and not _shares(value):
            return "it takes probabilities: end the network in `sigmoid`"
        if any(head.label == self.label_of(label) and not head.exact for head in self.heads):
            return "the loss makes something else of it; let the network make what is compared, and name it with `as`"
        if head is not None and not head.loss and not metric.of_scores and not (_shares(value) or self.differs(label, part)):
            return "a formula of scores does not say which of them is a yes: end the network in `sigmoid`"
        return ""

    def differs(self, label: str, part: Part) -> bool:
        """Whether the loss takes the difference of a value and a part of the targets."""
        value = self.named[label] if label else self.prediction
        beside = (
            Term(value.build, operand)
            for node in value.build.graph.users(value.value.node)
            if isinstance(node.op, Sub)
            for operand in node.operands
        )
        return any(part_of_targets(operand) == part for operand in beside)


def _scored(loss: str, value: Term) -> bool:
    """Whether a known loss compares targets with scores, or with logarithms, and not with numbers of their own kind."""
    known = LOSSES.get(loss)
    if known is None:
        return False
    return known.logarithms or known.sides or (known.classes and not isinstance(value.node.op, Softmax))


def _of_labels(head: Compared | None) -> bool:
    """Whether a loss takes each output for the answer to a question of its own, yes or no."""
    known = None if head is None else LOSSES.get(head.loss)
    return known is not None and (known.probabilities or known.sides)


def _shares(value: Term) -> bool:
    """Whether a value's numbers lie between 0 and 1."""
    return all(node.op.codomain[0] >= 0 and node.op.codomain[1] <= 1 for node in sources(value))


def choose_metrics(found: Measurable, problems: Problems) -> tuple[MetricType, ...]:
    """The metrics that the file asks for, or those that fit."""
    experiment = found.experiment
    loss = experiment.loss
    if experiment.metrics is not None:
        asked = [(asked, _asked(asked, found, problems)) for asked in experiment.metrics]
        return tuple(_bound(one.metric, found, one.label, head) for one, head in asked if head is not None)
    if loss is None or loss.sum is not None:
        return ()
    by_class = found.target.dtype == "i64" or _one_of_two(found) or _each_of_two(found)
    names: tuple[str, ...] = ("accuracy",) if by_class else ("mae", "r2")
    if _scored(loss.name, found.prediction) or (loss.type is None and not found.differs("", None)):
        names = tuple(name for name in names if METRICS[name].of_classes)  # whether its numbers are the targets' is not known
    fit = (METRICS[name] for name in names if not found.reason(METRICS[name], "", None))
    return tuple(_bound(metric, found, "", Head()) for metric in fit)


def _one_of_two(found: Measurable) -> bool:
    """Whether the network says yes or no: it is trained to, or the data's targets are 0 and 1, as far as one can know."""
    experiment, prediction = found.experiment, found.prediction
    data, loss = experiment.data, experiment.loss
    bits = None if data is None or data.description is None else data.description.bits
    if prediction.type.shape[-1:] != (1,) or loss is None or loss.type is None or bits is False:
        return False
    return loss.type.sides or (isinstance(prediction.node.op, Sigmoid) and (bool(bits) or loss.type.probabilities))


def _each_of_two(found: Measurable) -> bool:
    """Whether the network says yes or no to several questions at once, and the data's targets are known to be 0 and 1."""
    data = found.experiment.data
    if data is None or data.description is None or not data.description.bits or len(found.heads) != 1:
        return False
    return several(found.prediction.type, found.target) and _of_labels(found.heads[0])


def _asked(asked: Asked, found: Measurable, problems: Problems) -> Head | None:
    """Of which value a metric is meant, and against which part of the targets; None if it does not fit, which is reported."""
    label, metric = asked.label, asked.metric
    if label and label not in found.named:
        near = nearest(label, found.named)
        problems.report("E203", f"there is no value `{label}` here", asked.span,
                        fixes=[f"did you mean `{near}.{metric.name}`?" if near else "name one with `as`"])  # fmt: skip
        return None
    parts = found.parts(label)
    if not label and not parts:
        fit = [head.label for head in found.heads if not found.reason(metric, head.label, head.part)]
        fixes = [f"say of which value: `metrics {' '.join(f'{name}.{metric.name}' for name in fit)}`"] if fit else []
        problems.report("E506", f"`{metric.name}` would be of the network's last value, which the loss does not compare with "
                        "the targets", asked.span, also=[(found.made_by, "the last value")] if found.made_by else [],
                        fixes=fixes or ["name what is to be measured with `as`: `metrics kind.accuracy`"])  # fmt: skip
        return None
    if len(parts) > 1:
        value = f"`{label}`" if label else "the network's last value"
        problems.report("E506", f"`{metric.name}` does not fit: the loss compares {value} with several parts of the targets",
                        asked.span)  # fmt: skip
        return None
    part = parts[0] if parts else None
    reason = found.reason(metric, label, part)
    if reason:
        made_by = found.made_by
        also = [(made_by, f"makes {found.prediction.type}")] if made_by and not label else []
        others = [head.label for head in found.heads if head.label and not found.reason(metric, head.label, head.part)]
        fixes = [f"say of which value: `metrics {' '.join(f'{name}.{metric.name}' for name in others)}`"] if others else []
        problems.report("E506", f"`{metric.name}` does not fit: {reason}", asked.span, also=also, fixes=fixes)
        return None
    return Head(label, part)


def _bound(metric: MetricType, found: Measurable, label: str, head: Head) -> MetricType:
    """A metric of a value, as the loss of that value counts: a hinge's scores are positive for yes."""
    own = next((h for h in found.heads if h.label == found.label_of(label)), None)
    logits = isinstance((found.named[label] if label else found.prediction).node.op, Sigmoid)
    reading = Reading(logits=logits)
    if own is not None:
        reading = Reading(0.0 if own.loss == "hinge" else 0.5, own.ignore, own.weights, logits)
    return bound(metric, reading, head)


def check_best(experiment: Experiment, metrics: tuple[MetricType, ...], target: Type | None, problems: Problems) -> None:
    """See that the metric by which the best epoch is chosen is a number that is measured, on a part that is there."""
    best, known = experiment.train.best, ["loss", *(metric.name for metric in metrics if not metric.table)]
    if not best or best in known or target is None:
        _warn_of_no_choice(experiment, problems)
        return
    near = nearest(best, known)
    fixes = [f"did you mean `{near}`?" if near else f"there are {', '.join(known)}"]
    kind = METRICS.get(kind_of(best))
    if near is None and kind is not None and not kind.table:
        fixes = [f"measure it: `metrics {' '.join(metric.name for metric in metrics)} {best}`"]
    place = experiment.train.where("best")
    problems.report("E201", f"`best={best}`: that is no metric that is measured", place, fixes=fixes,
                    edits=instead(place, f"best={near}") if near and place else ())  # fmt: skip


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
