"""What the numbers that an exported network makes say: classes with their probabilities, or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lampc.ops.activations import Sigmoid
from lampc.ops.normalise import LogSoftmax, Softmax

if TYPE_CHECKING:
    from lampc.compile import Program

Shares = Literal["", "as made", "logarithms", "scores", "yes"]
"""How a prediction gives the classes' probabilities: it is them, their logarithms, or scores for a softmax; or one number, the
probability of yes; empty: it is of no classes."""


@dataclass(frozen=True)
class Answer:
    """What a prediction [N, width] says."""

    shares: Shares = ""
    classes: tuple[str, ...] = ()
    """The classes' names: of scores one for each, of a probability of yes no and yes; none where the prediction is numbers."""
    width: int = 1

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what is answered."""
        return {"": ("prediction",), "yes": ("label", "probability")}.get(self.shares, ("label", "probabilities"))

    @property
    def names(self) -> tuple[str, ...]:
        """The classes whose probabilities are answered, in order."""
        return self.classes[1:] if self.shares == "yes" else self.classes


NUMBERS = Answer()
"""A prediction that is numbers, whatever they say."""


def answered(program: Program, classes: tuple[str, ...] | None, compared: bool) -> Answer:
    """What a program's prediction says, as ``lampc predict`` has it, where the targets are ``classes``; ``compared``: the loss
    compares it with them.
    """
    sample = program.evaluated_type.sample
    width = sample[-1] if len(sample) == 1 else 0
    made = program.elaborated.graph[program.elaborated.graph.outputs["prediction"].node].op
    if classes is None or not compared or not width:
        return Answer(width=width)
    if len(classes) == 2 and width == 1 and isinstance(made, Sigmoid):
        return Answer("yes", classes)
    if width < len(classes):
        return Answer(width=width)
    shares: Shares = "as made" if isinstance(made, Softmax) else "logarithms" if isinstance(made, LogSoftmax) else "scores"
    return Answer(shares, (*classes, *(str(extra) for extra in range(len(classes), width))), width)
