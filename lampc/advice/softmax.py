"""Softmaxes that say nothing."""

from __future__ import annotations

from lampc.diagnostics import Problems
from lampc.elaborate import Elaborated
from lampc.ops.normalise import LogSoftmax, Softmax


def warn_of_softmax(program: Elaborated, problems: Problems) -> None:
    """Report a softmax of probabilities, and one of a single number."""
    graph = program.graph
    for node in graph:
        if not isinstance(node.op, Softmax | LogSoftmax):
            continue
        (operand,) = node.operands
        before = graph[operand.node]
        if isinstance(before.op, Softmax):
            size = node.types[0].shape[-1]
            least = f": of {size}, none is above {_highest(size):.2g}" if isinstance(size, int) and size > 1 else ""
            problems.report("W412", f"a softmax of probabilities makes them nearly alike{least}", node.spans[0],
                            "of probabilities", also=[(before.spans[0], "makes probabilities")],
                            fixes=["remove one of them"])  # fmt: skip
        elif node.types[0].shape[-1] == 1:
            what, always = ("softmax", 1) if isinstance(node.op, Softmax) else ("logsoftmax", 0)
            what = "a cross-entropy of one score" if node.layer == "loss" else f"`{what}` of one number"
            problems.report("W413", f"{what} is {always}, whatever the number", node.spans[0],
                            fixes=["for yes or no: end in `linear 1; sigmoid`, with `loss bce`",
                                   "for two classes: end in `linear 2`, with `loss crossentropy`"])  # fmt: skip


def _highest(size: int) -> float:
    """The greatest softmax of probabilities: of one 1 and zeros."""
    return 2.718281828459045 / (2.718281828459045 + size - 1)
