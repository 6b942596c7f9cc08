"""What the numbers that an exported network makes say: classes with their probabilities, or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lampc.layers.losses import LOSSES
from lampc.ops.normalise import LogSoftmax, Softmax

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.elaborate.heads import Compared
    from lampc.table.schema import Schema

Shares = Literal["", "as made", "logarithms", "scores", "yes", "side"]
"""How a prediction gives the classes' probabilities: it is them, their logarithms, or scores for a softmax; one number that
is the share of yes; one number above 0 for yes, which says no more; empty: it is no class."""


@dataclass(frozen=True)
class Answer:
    """What a prediction [N, width] says."""

    shares: Shares = ""
    classes: tuple[str, ...] = ()
    """The classes' names, one for each score; none where the prediction is numbers."""
    width: int = 1

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what is answered."""
        return ("prediction",) if not self.shares else ("label", "score" if self.shares == "side" else "probabilities")

    @property
    def names(self) -> tuple[str, ...]:
        """What is answered beside a label: the classes whose probabilities stand there; nothing of numbers."""
        return () if self.shares in ("", "side") else self.classes


NUMBERS = Answer()
"""A prediction that is numbers, whatever they say."""


def answered(program: Program, schema: Schema, head: Compared | None) -> Answer:
    """What a program's prediction says of a table's target; ``head``: how the loss compares it, None where it does not."""
    sample, classes = program.evaluated_type.sample, schema.classes
    width = sample[-1] if len(sample) == 1 else 0
    if classes is None or head is None or not width:
        return Answer(width=width)
    if width >= len(classes) > 1:
        made = program.elaborated.graph[program.elaborated.graph.outputs["prediction"].node].op
        shares: Shares = "as made" if isinstance(made, Softmax) else "logarithms" if isinstance(made, LogSoftmax) else "scores"
        return Answer(shares, (*classes, *(str(extra) for extra in range(len(classes), width))), width)
    loss = LOSSES.get(head.loss)
    if width == 1 and len(classes) == 2 and loss is not None and (loss.probabilities or loss.sides):
        return Answer("side" if loss.sides else "yes", classes)
    return Answer(width=width)
