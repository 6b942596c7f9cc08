"""A run's measurements as curves: each seed's, or the mean of all with their deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lampc.draw.chart import Line, lines
from lampc.runtime.runs import deviation, mean


def curves(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """A chart for the loss and one for each metric, by name."""
    part = "validation" if any(entry.get("validation") for entry in entries) else "test"
    names = dict.fromkeys(name for entry in entries for name in entry.get(part, ()))
    charts = {"loss": [_over(entries, "train", lambda e: e["loss"])]}
    for name in names:
        charts.setdefault(name, []).append(_over(entries, part, lambda e, name=name: e.get(part, {}).get(name)))
    return {name: lines(name, [line for line in found if line.x], ("epoch", "")) for name, found in charts.items()}


def _over(entries: Sequence[Mapping[str, Any]], name: str, value: Any) -> Line:
    by_epoch: dict[int, list[float]] = {}
    for entry in entries:
        found = value(entry)
        if found is not None:
            by_epoch.setdefault(entry["epoch"], []).append(found)
    epochs = sorted(by_epoch)
    several = any(len(values) > 1 for values in by_epoch.values())
    spread = [deviation(by_epoch[e]) for e in epochs] if several else []
    return Line(f"{name}, mean ± std" if several else name, epochs, [mean(by_epoch[e]) for e in epochs], spread)


def stacked(charts: Mapping[str, str]) -> str:
    """Charts side by side, as one picture."""
    from lampc.draw.chart import HEIGHT, WIDTH

    inside = "".join(
        chart.replace("<svg ", f'<svg x="{index * WIDTH:g}" y="0" ', 1) for index, chart in enumerate(charts.values())
    )
    width = WIDTH * len(charts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {HEIGHT:g}" width="{width:g}" '
            f'height="{HEIGHT:g}">{inside}</svg>\n')  # fmt: skip
