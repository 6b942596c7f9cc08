"""Runs at a glance, and two side by side."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lampc import files
from lampc.diagnostics import LampError
from lampc.runs import schemas
from lampc.runs.directory import SUMMARY, measurements, read_config, read_json, source_of
from lampc.runs.paired import differences


def overview(path: Path) -> dict[str, Any]:
    """What ran, how far it came, and its best epoch.

    Raises:
        LampError: if its files are damaged.
    """
    config = read_config(path)
    entries = measurements(path)
    summary = _summary(path)
    epochs = max((entry["epoch"] for entry in entries), default=0)
    return {
        "run": f"{path.parent.name}/{path.name}",
        "file": config["file"],
        "started": config["started"],
        "state": _state(summary),
        "epochs": epochs,
        "seeds": len({entry["seed"] for entry in entries}) or 1,
        **({"folds": folds} if (folds := config["resolved"].get("train", {}).get("folds")) else {}),
        "best": summary["best"] if summary else None,
        "seconds": summary["seconds"] if summary else None,
        "settings": config["settings"],
    }


def _state(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return "stopped"
    return "diverged" if summary["seeds"] and len(summary.get("diverged", ())) == len(summary["seeds"]) else "ended"


def compare(first: Path, second: Path) -> dict[str, Any]:
    """Where two runs differ: settings, source, measures at the end, data and versions.

    Raises:
        LampError: if files of theirs are damaged.
    """
    configs = [read_config(path) for path in (first, second)]
    summaries = [_summary(path) for path in (first, second)]
    ends = [_ends(summary) for summary in summaries]
    paired = {} if None in summaries else differences((configs[0], configs[1]), (summaries[0] or {}, summaries[1] or {}))
    one, other = (_flat(config["resolved"]) for config in configs)
    names = list(dict.fromkeys([*one, *other]))
    texts = [_source(path, config) for path, config in zip((first, second), configs, strict=True)]
    return {
        "runs": [str(first), str(second)],
        "settings": {name: [one.get(name), other.get(name)] for name in names if one.get(name) != other.get(name)},
        "measures": {name: [end.get(name) for end in ends] for name in dict.fromkeys([*ends[0], *ends[1]])},
        **({"paired": paired} if paired else {}),
        "source": list(difflib.unified_diff(texts[0], texts[1], str(first), str(second), lineterm="", n=1)),
        "same program": configs[0]["program"] == configs[1]["program"],
        "same data": len({(config["data"] or {}).get("hash") for config in configs}) == 1,
        "versions": {name: [c["versions"].get(name) for c in configs] for name in configs[0]["versions"]
                     if configs[0]["versions"][name] != configs[1]["versions"].get(name)},
    }  # fmt: skip


def _summary(path: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = read_json(path / SUMMARY, schemas.SUMMARY) if (path / SUMMARY).exists() else None
    return found


def _ends(summary: Mapping[str, Any] | None) -> dict[str, Any]:
    """Each measure's mean over the seeds and folds at the end, and what it took."""
    if summary is None:
        return {}
    found = {
        f"{part} {name}": values["mean"]
        for part in ("train", "validation", "test")
        for name, values in summary.get(part, {}).items()
    }
    best = summary["best"]
    return {**found, **({f"best {best['metric']}": best["value"]} if best else {}), "seconds": summary["seconds"]}


def _source(path: Path, config: Mapping[str, Any]) -> list[str]:
    try:
        return files.read(source_of(path, config)).decode().splitlines()
    except (OSError, UnicodeDecodeError, LampError):
        return []


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{statement}.{name}": value for statement, options in values.items() for name, value in options.items()}
