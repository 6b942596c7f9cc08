"""How a run's network is to be read: which of its numbers are probabilities, of what, and in which unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import failure
from lampc.layers.metrics import kind_of
from lampc.ops.activations import Sigmoid
from lampc.ops.normalise import LogSoftmax, Softmax
from lampc.runs.assessment.answers import Answers, Classes, Labels, Numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.data import Split
    from lampc.data.unit import Unit
    from lampc.elaborate.heads import Compared
    from lampc.ir.op import Op
    from lampc.runs.load import Run
    from lampc.runtime.model import Model


def answers(run: Run, model: Model, part: Split) -> Answers:
    """What the network makes of a part of its data; samples whose label the loss ignores are left out.

    Raises:
        LampError: if it answers with neither a class nor numbers, as with a class for each place of a sample.
    """
    counted = counting(run, part)
    made = model(part.x).cpu().numpy()
    return reading(run, model, part.y).of(made[counted], part.y[counted])


def counting(run: Run, part: Split) -> NDArray[np.int64]:
    """The rows whose label the loss does not ignore."""
    import numpy as np

    ignored = run.program.ignored
    return np.arange(len(part)) if ignored is None else np.flatnonzero(part.y != ignored)


@dataclass(frozen=True)
class Reading:
    """How a network's numbers are to be read."""

    names: tuple[str, ...]
    """The classes', or the targets'."""
    kind: type[Answers]
    words: tuple[tuple[str, str], ...] = ()
    """Of labels, how no and yes are said of each."""
    margin: bool = False
    """Whether they are scores of yes or no on either side of 0, and no probabilities."""
    op: Op | None = None
    """The network's last op, where it makes probabilities of scores."""
    unit: Unit | None = None
    """Of numbers: the targets' own, where the network has standardised ones."""

    def of(self, made: NDArray[np.floating[Any]], y: NDArray[Any]) -> Answers:
        """Answers, of what the network makes [n, …], for targets as the loss takes them."""
        import numpy as np

        rounding = float(np.finfo(made.dtype).eps)
        found: NDArray[np.float64] = made.astype(np.float64)
        if self.kind is Numbers:
            both = (part.reshape(len(y), -1) for part in (found, np.asarray(y, np.float64)))
            predicted, true = both if self.unit is None else map(self.unit.own, both)
            return Numbers(self.names, predicted, true)
        if self.kind is Labels:
            return Labels(self.names, self.words, found, y > 0.5, self.margin, rounding)
        if found.shape[1] == 1:
            other = -found if self.margin else 1.0 - found
            return Classes(
                self.names, np.concatenate([other, found], 1), (y[:, 0] > 0.5).astype(np.int64), self.margin, rounding
            )
        return Classes(self.names, shares(self.op, found), y, least=rounding if isinstance(self.op, Softmax) else 1e-300)


def shares(op: Op | None, made: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities [n, classes] of what a network makes, whose last op is known."""
    import numpy as np

    if isinstance(op, Softmax):
        return made
    logs = made if isinstance(op, LogSoftmax) else made - made.max(-1, keepdims=True)
    each = np.exp(logs)
    found: NDArray[np.float64] = each / each.sum(-1, keepdims=True)
    return found


def reading(run: Run, model: Model, y: NDArray[Any]) -> Reading:
    """How a run's numbers are to be read, for targets as the loss takes them.

    Raises:
        LampError: if they are neither a class nor numbers.
    """
    import numpy as np

    elaborated, head = run.program.elaborated, _head(run)
    last = elaborated.graph.outputs["prediction"]
    op, shape = elaborated.graph[last.node].op, elaborated.graph.type(last).sample
    names = run.classes
    if y.dtype.kind in "iu":
        if y.ndim != 1 or len(shape) != 1:
            raise _unfit(run, "it answers with a class for each place of a sample")
        known = tuple(names or ()) + tuple(str(label) for label in range(len(names or ()), shape[0]))
        return Reading(known, Classes, op=op)
    sides = head.loss == "hinge"
    if y.shape[1:] == shape and len(shape) == 1 and bool(np.isin(y, (0.0, 1.0)).all()):
        if shape == (1,) and (sides or head.loss == "bce" or isinstance(op, Sigmoid)):
            return Reading(names or ("0", "1"), Classes, margin=sides)
        if shape != (1,) and head.loss in ("bce", "hinge"):
            return Reading(_target_names(run, shape[0]), Labels, _words(run, shape[0]), sides)
    compared = any(kind_of(metric.name) in ("mae", "rmse", "r2") for metric in run.program.metrics)
    if y.shape[1:] != shape or head.loss in ("bce", "hinge", "crossentropy", "nll", "kl") or not (head.loss or compared):
        raise _unfit(run, "its loss compares neither classes nor numbers with the targets, each sample's own")
    return Reading(_target_names(run, int(np.prod(shape))), Numbers, unit=model.unit)


def _words(run: Run, count: int) -> tuple[tuple[str, str], ...]:
    targets = run.schema.targets if run.schema is not None else ()
    found = [(target.values[0], target.values[1]) if len(target.values) == 2 else ("0", "1") for target in targets]
    return tuple(found) if len(found) == count else (("0", "1"),) * count


def _target_names(run: Run, count: int) -> tuple[str, ...]:
    if run.schema is not None and len(run.schema.targets) == count:
        return tuple(target.name for target in run.schema.targets)
    data = run.program.experiment.data
    description = None if data is None else data.description
    name = description.name if description is not None and description.name else "y"
    return (name,) if count == 1 else tuple(f"{name}{index}" for index in range(count))


def _head(run: Run) -> Compared:
    """The network's last value, as the loss compares it with all of the targets."""
    heads = run.program.elaborated.heads
    if len(heads) != 1 or heads[0].label or heads[0].part is not None or not heads[0].exact:
        raise _unfit(run, "its loss compares several values with the targets, or a formula of them")
    return heads[0]


def _unfit(run: Run, why: str) -> Exception:
    return failure(
        "E506",
        f"of this network there is no report: {why}",
        f"loss and metrics are measured: `lampc eval {run.path}`",
    )
