"""What a network is worth on a part of its data, told by ``lampc eval``: tables for people, or JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lampc.cli.say import say, say_table, tell
from lampc.tables import Column

if TYPE_CHECKING:
    from lampc.runs.assessment.assess import Assessment, Row, Weighed
    from lampc.runs.assessment.by_class import Measures
    from lampc.runs.assessment.calibration import Calibration
    from lampc.runs.assessment.residuals import Residuals
    from lampc.runs.assessment.threshold import Applied, Chosen

_WIDTH = 100
_POINTS = 200
"""Points of a ROC curve at most that are printed as JSON."""
_COLUMNS = 20
"""Columns at most that people are shown by their importance."""
_TARGETS = 6
"""Targets at most whose residuals people are shown."""
_NUMBERED = {"row": ", by their numbers in the table, from 0", "sample": ", by their numbers in the part, from 0"}


def threshold_json(chosen: Chosen | None, applied: Applied) -> dict[str, Any]:
    """A threshold, what it was chosen by, and what it brings."""
    return {
        "value": applied.value,
        **({"metric": chosen.metric, "validation": chosen.score, "validation_usual": chosen.usual} if chosen else {}),
        "part": applied.part,
        "measures": asdict(applied.at),
        "usual": {"value": applied.usual, "measures": asdict(applied.at_usual)},
    }


def report_json(found: Assessment) -> dict[str, Any]:
    """All that is known of a part; what does not fit its targets is left out."""
    from lampc.runs.assessment.residuals import QUANTILES

    made: dict[str, Any] = {
        "part": found.part,
        "samples": found.samples,
        "worst": {"by": found.by, "rows": [_row(row) for row in found.worst]},
    }
    if found.classes:
        made["classes"] = [asdict(each) for each in found.classes]
    if found.labels:
        made["labels"] = [asdict(each) for each in found.labels]
    if found.yes:
        made["yes"] = found.yes
    if found.roc is not None:
        points = list(zip(found.roc.false, found.roc.true, found.roc.thresholds, strict=True))
        kept = _spread(len(points), _POINTS)
        made["roc"] = {"area": found.roc.area, "points": [_point(*points[index]) for index in kept]}
    if found.calibration is not None:
        made["calibration"] = asdict(found.calibration)
    if found.residuals:
        made["residuals"] = [
            {**asdict(each), "quantiles": {f"{share:g}": value for share, value in zip(QUANTILES, each.quantiles, strict=True)}}
            for each in found.residuals
        ]
    if found.weighed is not None:
        made["importance"] = asdict(found.weighed)
    return made


def _row(row: Row) -> dict[str, Any]:
    return {"name": row.name, **asdict(row.told), "loss": row.loss}


def _point(false: float, true: float, threshold: float) -> dict[str, float | None]:
    return {"false": false, "true": true, "threshold": None if math.isinf(threshold) else threshold}


def _spread(count: int, most: int) -> list[int]:
    """Evenly spread places, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(step * (count - 1) / (most - 1)) for step in range(most)})


def print_threshold(chosen: Chosen | None, found: Applied, run: str, color: bool) -> None:
    """A threshold beside the usual one, and how to predict with it."""
    if chosen is not None:
        tell(f"threshold {found.value!r}, by which {chosen.metric} of the validation part is greatest: "
             f"{chosen.score:.4g}, and {chosen.usual:.4g} at {found.usual:g}")  # fmt: skip
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
    columns = [Column(f"{found.part}, above", True), *(Column(name, True) for name in names)]
    rows = [_measures(found.usual, found.at_usual, names), _measures(found.value, found.at, names)]
    say_table(columns, rows[found.value == found.usual :], color, _WIDTH)
    if chosen is not None:
        say(f"to predict so: lampc predict {run} INPUT --threshold {found.value!r}")


def _measures(value: float, measures: Measures, names: Sequence[str]) -> list[str]:
    return [f"{value:.6g}", *(f"{getattr(measures, name):.4f}" for name in names)]


def print_report(found: Assessment, color: bool) -> None:
    """All that is known of a part, table by table."""
    say()
    say(f"report of the {found.part} part, {found.samples:,} samples" if found.part != "data" else
        f"report of {found.samples:,} samples")  # fmt: skip
    if found.classes or found.labels:
        names = ("precision", "recall", "f1", "samples")
        columns = [Column("class" if found.classes else "label"), *(Column(name, True) for name in names)]
        rows = [[each.name, *_shares(each.precision, each.recall, each.f1), f"{each.samples:,}"]
                for each in found.classes or found.labels]  # fmt: skip
        _table("", columns, rows, color)
    if found.roc is not None:
        tell(f"\narea under the ROC curve of `{found.yes}`: {found.roc.area:.4f}")
    if found.calibration is not None:
        _print_calibration(found.calibration, found.yes, color)
    if found.residuals:
        _print_residuals(found.residuals, color)
    _print_worst(found, color)
    if found.weighed is not None:
        _print_weighed(found.weighed, color)


def _shares(*shares: float) -> list[str]:
    return [f"{share:.4f}" for share in shares]


def _table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], color: bool) -> None:
    say()
    if title:
        tell(title)
    say_table(columns, rows, color, _WIDTH)


def _print_calibration(found: Calibration, yes: str, color: bool) -> None:
    what, came = (f"probability of `{yes}`", f"are `{yes}`") if yes else ("greatest probability", "are right")
    columns = [Column(what, True), Column("samples", True), Column("on the mean", True), Column(came, True)]
    rows = [[f"{each.low:.1f} to {each.high:.1f}", f"{each.samples:,}", *_shares(each.mean, each.share)]
            for each in found.bins if each.samples]  # fmt: skip
    _table(f"calibration: probabilities are off by {found.error:.4f} on the mean", columns, rows, color)


def _print_residuals(found: Sequence[Residuals], color: bool) -> None:
    from lampc.runs.assessment.residuals import QUANTILES

    shown = found[:_TARGETS]
    rows = [[name, *(f"{getattr(each, name):.5g}" for each in shown)]
            for name in ("mae", "rmse", "r2", "mean", "deviation", "largest")]  # fmt: skip
    rows += [[f"{100 * share:g} % are below", *(f"{each.quantiles[index]:.5g}" for each in shown)]
             for index, share in enumerate(QUANTILES)]  # fmt: skip
    more = f"; the first {_TARGETS} of {len(found):,} targets" if len(found) > _TARGETS else ""
    columns = [Column(""), *(Column(each.target, True) for each in shown)]
    _table(f"residuals, predicted minus true{more}", columns, rows, color)


def _print_worst(found: Assessment, color: bool) -> None:
    told = [row.told for row in found.worst]
    probable, several = any(each.share is not None for each in told), len(found.residuals) > 1 or bool(found.labels)
    off = "loss" if not found.residuals else "deviations off" if several else "off by"
    columns = [Column(found.by), *[Column("of")] * several, Column("true"), Column("predicted"),
               *[Column("its probability", True)] * probable,
               Column(off, True)]  # fmt: skip
    rows = [[row.name, *[each.target] * several, _shown(each.true), _shown(each.predicted),
             *([] if each.share is None else [f"{each.share:.4g}"]), f"{row.loss:.4g}"]
            for row, each in zip(found.worst, told, strict=True)]  # fmt: skip
    _table("the worst rows" + _NUMBERED.get(found.by, ""), columns, rows, color)


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _print_weighed(found: Weighed, color: bool) -> None:
    columns = [Column("column"), Column(f"{found.score} falls by", True), Column("±", True)]
    rows = [[each.column, f"{each.mean:.4f}", f"{each.deviation:.4f}"] for each in found.columns[:_COLUMNS]]
    more = f"; the first {_COLUMNS} of {len(found.columns)} columns" if len(found.columns) > _COLUMNS else ""
    _table(f"columns by importance: {found.score} {found.whole:.4f} of {found.rows:,} rows, each column dealt out anew "
           f"{found.repeats} times{more}", columns, rows, color)  # fmt: skip
