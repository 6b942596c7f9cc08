"""The table of ``lampc ops --signal``: what each layer's numbers and gradients begin with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lampc.compile import Program


def described(program: Program) -> dict[str, Any]:
    """Inputs, layers and loss as plain data. Gradients are of one sample's loss, beside that of the last layer that has one."""
    from lampc.advice.growth import FLAT, begins, scores_of
    from lampc.advice.initialise import Followed
    from lampc.compile import beginning
    from lampc.ir.graph import Value
    from lampc.ops.activations import Relu

    graph = beginning(program.elaborated)
    given, assumed = begins(program.elaborated)
    signal = Followed.of(graph, given).signal
    scores = scores_of(graph, signal)
    large = {graph[found.value.node].layer for found in scores if found.bad}
    last = {node.layer: node for node in graph if node.operands}
    slopes = {name: signal.gradients[Value(node.id)] for name, node in last.items() if Value(node.id) in signal.gradients}
    unit = next((slopes[use.name] for use in reversed(program.layers) if slopes.get(use.name)), 1.0)
    rows = []
    for use in program.layers:
        node = last.get(use.name)
        if node is None:
            continue
        flat = signal.flat.get(node.id)
        marks = ["too large"] if use.name in large else []
        marks += ["flat"] if flat is not None and flat > FLAT and not isinstance(node.op, Relu) else []
        rows.append({"layer": use.name, "text": use.text, "deviation": signal.rms.get(Value(node.id)),
                     "flat": None if isinstance(node.op, Relu) else flat, "zero": flat if isinstance(node.op, Relu) else None,
                     "gradient": slopes[use.name] / unit if use.name in slopes else None, "marks": marks})  # fmt: skip
    plain = program.experiment.loss is not None and program.experiment.loss.type is not None  # else the scores' is a part
    guess = {"loss": scores[0].guess, "known": scores[0].known} if scores and plain else None
    x = {"deviation": None if program.elaborated.input_below else given["x"].rms, "assumed": assumed}
    return {"input": x, "layers": rows, "loss": signal.loss, "guess": guess}


def table(found: dict[str, Any]) -> Iterator[str]:
    """Lines to print."""
    from lampc.advice.growth import rough

    head = ("layer", "", "deviation", "", "gradient", "")
    lines = [head]
    x = found["input"]
    if x["deviation"] is not None:
        lines.append(("x", "assumed" if x["assumed"] else "of the data", rough(x["deviation"]), "", "", ""))
    for row in found["layers"]:
        share, what = (row["zero"], "0") if row["zero"] is not None else (row["flat"], "flat")
        lines.append((row["layer"], row["text"], "not known" if row["deviation"] is None else rough(row["deviation"]),
                      "" if share is None else f"{100 * share:.0f} % {what}",
                      "" if row["gradient"] is None else rough(row["gradient"]), ", ".join(row["marks"])))  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = [f"{cell:>{width}}" if column in (2, 3, 4) else f"{cell:{width}}"
                 for column, (cell, width) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
        yield "  ".join(cells).rstrip()
    if found["loss"] is not None:
        guess = found["guess"]
        known = f"; guessing: {guess['known']} = {guess['loss']:.2g}" if guess else ""
        yield f"a loss near {rough(found['loss'])}{known}"
