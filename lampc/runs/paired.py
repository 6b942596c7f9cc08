"""Two cross-validations side by side: what the second differs by, fold by fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAME = ("name", "path", "function", "split", "group", "time", "stratify")
"""What of a `data` statement says which rows are in which fold."""


def differences(configs: tuple[Mapping[str, Any], Mapping[str, Any]],
                ends: tuple[Mapping[str, Any], Mapping[str, Any]]) -> dict[str, dict[str, Any]]:  # fmt: skip
    """By how much each measure of the second run is greater than the first one's: mean and standard deviation over the folds.

    The same samples are easy or hard for both, so that this tells more than two means and their deviations do. Empty unless
    both have trained the same folds of the same data to their end, from the same seeds.

    Args:
        configs: The runs' ``config.json``.
        ends: Their ``summary.json``.
    """
    one, other = ends
    turns = [list(zip(end["seeds"], end.get("folds", ()), strict=False)) for end in ends]
    if not turns[0] or turns[0] != turns[1] or any(end.get("diverged") for end in ends):
        return {}
    if _rows(configs[0]) != _rows(configs[1]):
        return {}
    from lampc.runtime.runs import summary  # with all that trains, which few comparisons need

    found: dict[str, dict[str, Any]] = {}
    for part in ("train", "validation", "test"):
        for name in one.get(part, {}):
            if name in other.get(part, {}):
                pairs = zip(one[part][name]["values"], other[part][name]["values"], strict=True)
                found[f"{part} {name}"] = summary([{"by": second - first} for first, second in pairs])["by"]
    return found


def _rows(config: Mapping[str, Any]) -> list[Any]:
    """What is the same where the same rows are in the same folds."""
    statement, train = config["resolved"].get("data", {}), config["resolved"].get("train", {})
    described = (config["data"] or {}).get("description", {})
    rows = sum(described.get(part, 0) for part in ("train", "validation", "test"))
    return [[statement.get(name) for name in _SAME], train.get("folds"), config["folder"], rows, described.get("test")]
