"""Settings that are compared: what each comes to, and which of them is chosen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import Diagnostic, LampError
from lampc.elaborate.settings import Setting
from lampc.runtime.course import metric_of, score
from lampc.runtime.history import Divergence
from lampc.runtime.runs import divergences, finite, summary, train_runs
from lampc.runtime.turns import turns

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.progress import Progress

Row = dict[str, Any]
"""What one setting has come to, as JSON: its ``settings``; ``measures`` of the ``part`` by which settings are looked at, and
those of ``train`` and ``test``; ``by``, the metric that chooses, empty where there is no validation part; the kind of ``loss``;
how many ``runs`` there were, and which have ``diverged``, and where; why it was ``refused``, if there is too little memory or
it is no program."""


def tried(chosen: Mapping[str, Setting], program: Program, show: Progress | None = None) -> Row:
    """Train with a setting, once a seed and fold. That one diverges is an outcome, and so is that memory is too small.

    ``show`` is told how far it is.
    """
    try:
        histories = train_runs(program, turns(program), every=math.inf,
                               on_epoch=None if show is None else lambda run, _, epoch: show.epoch(run, epoch),
                               on_part=None if show is None else show.part)  # fmt: skip
    except LampError as error:
        if error.diagnostics[0].code != "E706":
            raise
        return refused(chosen, error.diagnostics[0])
    ended = finite(histories)
    part = next((name for name in ("validation", "test") if any(getattr(h, name) for h in ended)), "train")
    return {
        "settings": {name: plain(setting) for name, setting in chosen.items()},
        "part": part,
        "measures": summary([getattr(h, part) for h in ended]),
        "train": summary([h.train for h in ended]),
        "test": summary([h.test for h in ended]),
        "by": metric_of(program) if part == "validation" else "",
        "loss": _kind_of_loss(program, chosen),
        "runs": len(histories),
        "diverged": divergences(histories),
    }


def refused(chosen: Mapping[str, Setting], why: Diagnostic) -> Row:
    """What a setting comes to with which nothing is trained."""
    settings = {name: plain(setting) for name, setting in chosen.items()}
    return {"settings": settings, "part": "train", "measures": {}, "train": {}, "test": {}, "by": "", "loss": "", "runs": 0,
            "diverged": [], "refused": why.message}  # fmt: skip


def plain(setting: Setting) -> int | float | str | bool:
    """A setting's value as a table has it: a number, or what was written."""
    value = setting.value
    return value if isinstance(value, int | float | str | bool) else setting.span.text.partition("=")[2].strip()


def best(rows: Sequence[Row]) -> int | None:
    """Which row is chosen, by the validation part alone; None where there is nothing to choose by.

    One of which a seed has diverged comes after all others; among equals the lower loss is chosen, then the first.
    """
    if unchosen(rows):
        return None
    return max((index for index, row in enumerate(rows) if row["measures"]), key=lambda index: (_rank(rows[index]), -index))


def unchosen(rows: Sequence[Row]) -> str:
    """Why none of the rows is chosen; empty where one is."""
    ended = [row for row in rows if row["measures"]]
    if not ended:
        return "every setting has diverged" if not any("refused" in row for row in rows) else "no setting has come to its end"
    metrics = {row["by"] for row in ended}
    if "" in metrics:
        return "the data has no validation part to choose by (`data … validation=`)"
    if len(metrics) > 1:
        return f"the settings name different metrics to choose by: {', '.join(sorted(metrics))}"
    if metrics == {"loss"} and len({row["loss"] for row in ended}) > 1:
        return "losses of different kinds can't be compared (name a metric: `train best=`)"
    return ""


def value(row: Row) -> float:
    """What a search makes greater: the metric that chooses or, where there is no validation part, minus the training loss."""
    if row["diverged"] or not row["measures"]:
        return -math.inf
    return score(row["by"], row["measures"][row["by"]]["mean"]) if row["by"] else score("loss", row["train"]["loss"]["mean"])


def _rank(row: Row) -> tuple[bool, float, float]:
    measures = row["measures"]
    return not row["diverged"], score(row["by"], measures[row["by"]]["mean"]), score("loss", measures["loss"]["mean"])


def _kind_of_loss(program: Program, chosen: Mapping[str, Setting]) -> str:
    """The loss as it is written and with its values, and those of the settings that it is written with; and whether it is that
    of standardised numbers.
    """
    loss, data = program.experiment.loss, program.experiment.data
    if loss is None:
        return ""
    own = loss.type is not None and loss.type.power and program.evaluated_type.sample == (1,)
    standardised = " standardised" if data is not None and data.request.scale and not own else ""
    words = set(re.findall(r"\w+", loss.span.text))
    named = {name: plain(setting) for name, setting in chosen.items() if name in words}
    given = sorted((name, str(value)) for name, value in loss.arguments.items())
    return f"{loss.span.text} {given} {sorted(named.items())}{standardised}"


def places(row: Row) -> str:
    """How many of a row's seeds have diverged, and where the first one has; or why none was trained."""
    if "refused" in row:
        return str(row["refused"])
    lost = row["diverged"]
    if not lost:
        return ""
    first = lost[0]
    where = Divergence(first["epoch"], first["step"], first["layer"])
    if row["runs"] == 1:
        return f"diverged in {where}"
    turn = f"seed {first['seed']}" + (f", fold {first['fold']}" if "fold" in first else "")
    return f"{row['runs'] - len(lost)} finished, {len(lost)} diverged: {turn} in {where}" + (" …" if lost[1:] else "")
