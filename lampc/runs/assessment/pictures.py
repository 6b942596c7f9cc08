"""How sure answers are of what comes true, as charts: the ROC curve, and calibration."""

from __future__ import annotations

from lampc.draw import chart
from lampc.runs.assessment.answers import Classes
from lampc.runs.assessment.calibration import calibration
from lampc.runs.assessment.ranking import roc


def pictures(found: Classes) -> dict[str, str]:
    """SVG by name, of what there is to show: a curve of two classes, bins of probabilities."""
    made = {}
    curve = roc(found.yes, found.true == 1) if found.two else None
    if curve is not None:
        title = f"ROC of {found.names[1]}, area {curve.area:.4f}"
        lines = [chart.Line("answers", curve.false, curve.true), chart.Line("chance", (0.0, 1.0), (0.0, 1.0))]
        made["roc"] = chart.lines(title, lines, ("taken for it wrongly", "found"))
    if not found.margin:
        sure, came = (found.yes, found.true == 1) if found.two else (found.shares.max(1), found.found() == found.true)
        calibrated = calibration(sure, came)
        full = [each for each in calibrated.bins if each.samples]
        points = chart.Points("bins", [each.mean for each in full], [each.share for each in full], chart.COLORS[0])
        title = f"calibration, off by {calibrated.error:.4f} on the mean"
        made["calibration"] = chart.scatter(title, [points], ("probability", "came true"), bounds=(0.0, 1.0, 0.0, 1.0),
                                            diagonal=True)  # fmt: skip
    return made
