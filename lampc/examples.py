"""The experiments that come with lampc, by name; and which file it is that somebody names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from lampc import resources
from lampc.diagnostics.suggest import nearest

_MOST = 10_000
"""Entries of a folder that are looked at for a name like one that is wrong."""


def names() -> list[str]:
    """What the examples are called."""
    return sorted(path.stem for path in resources.path("models").glob("*.lamp"))


def located(file: str) -> tuple[Path, str]:
    """The program that somebody names, and what to call it: a file, one that ends in ``.lamp``, else an example.

    What is the user's wins: a file that is called as an example is, with its ending or without.
    """
    for own in (file, f"{file}.lamp"):
        if os.path.lexists(own) and not os.path.isdir(own):
            return Path(own), own
    return (resources.path("models", f"{file}.lamp") if file in names() else Path(file)), file


def hints(path: Path) -> list[str]:
    """For who names a program that there is not: what they may have meant."""
    if os.path.lexists(path):
        return []
    folder, name = os.path.split(path)
    stem = name.removesuffix(".lamp")
    if stem in names():
        return [f"`{stem}` comes with lampc: name it so, or write it here: `lampc new {stem}`"]
    programs = {path.removesuffix(".lamp"): os.path.join(folder, path) for path in _programs(folder)}
    known = {**{name: f"{name}`, an example" for name in names()}, **{own: f"{path}`" for own, path in programs.items()}}
    found = nearest(stem, known)
    return [f"did you mean `{known[found]}?" if found else "`lampc examples` lists the programs that come with lampc"]


def _programs(folder: str) -> Iterator[str]:
    with suppress(OSError, ValueError), os.scandir(folder or ".") as entries:
        yield from (entry.name for entry in islice(entries, _MOST) if entry.name.endswith(".lamp"))


def about(name: str) -> tuple[str, str]:
    """What an example does, and what comes of it, as its first line says."""
    first = resources.text("models", f"{name}.lamp").partition("\n")[0]
    what, _, expected = first.lstrip("# ").partition(" Expected: ")
    return what, expected


def source(name: str) -> str:
    """What an example's data is called, as in ``data csv``."""
    found = re.search(r"^data (\w+)", resources.text("models", f"{name}.lamp"), re.MULTILINE)
    return found[1] if found else ""


def parts(name: str, as_name: str) -> dict[str, bytes]:
    """The files that an example consists of, by their names: the program, under a name of one's own, and its data."""
    program = resources.path("models", f"{name}.lamp").read_bytes()
    quoted = (resources.path("models", path) for path in re.findall(r'"([\w.]+)"', program.decode()))
    return {f"{as_name}.lamp": program, **{path.name: path.read_bytes() for path in quoted if path.is_file()}}
