"""What to do about a file of data that is not there: names beside it, and forms that nobody reads here."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from lampc.diagnostics.suggest import nearest

_MOST = 1000
"""Names of a folder that are looked at."""
_SHEETS = (".xls", ".xlsx", ".xlsm", ".ods", ".numbers")
_ENDINGS = (".csv", ".tsv", ".npz", ".parquet", ".txt")
_IMAGES = 'name a folder of images, one subfolder a class: `data images "photos/"`'
_SHEET = 'save it as CSV, then: `data csv "table.csv"`'
_TABLE = 'name its file: `data csv "table.csv"`'
ELSEWHERE = {
    "mnist": "lampc comes with smaller digits, 8x8: `data digits`",
    **dict.fromkeys(("fashion_mnist", "cifar10", "cifar100", "imagenet", "folder"), _IMAGES),
    **dict.fromkeys(("excel", "xls", "xlsx", "json", "sql"), _SHEET),
    **dict.fromkeys(("table", "pandas", "file"), _TABLE),
    "numpy": 'name its file: `data npz "arrays.npz"`',
}
"""Data that others have by name, and what to do here."""


def beside(path: Path, name: str) -> tuple[str, ...]:
    """How a path to nothing is mended: first what is certain to be there, if anything is like it."""
    always = "paths begin at the .lamp file's folder"
    if "://" in name:
        return ("download the file first, and name it by its path",)
    near = None if ".." in name or Path(name).is_absolute() else _like(path)
    ending = path.suffix.lower()
    if near is not None:
        return (f'did you mean `"{name[: len(name) - len(path.name)]}{near}"`?', always)
    if ending in _SHEETS:
        return (f'save the sheet as CSV, then: `"{name[: -len(ending)]}.csv"`', always)
    return (always,)


def tables(folder: Path) -> list[str]:
    """The tables in a folder, by name."""
    return sorted(name for name in _names(folder) if name.lower().endswith((".csv", ".tsv")))


def _like(path: Path) -> str | None:
    """A name beside a path that differs by little, or in its ending."""
    names = [name for name in _names(path.parent) if name.lower().endswith(_ENDINGS)]
    same = [
        name for name in names if Path(name).stem.lower() == Path(path.name).stem.lower() or name.lower() == path.name.lower()
    ]
    return same[0] if len(same) == 1 else nearest(path.name, names)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, _MOST))
    except OSError:
        return []
