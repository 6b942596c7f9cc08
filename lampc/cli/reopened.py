"""A run that is to be gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lampc.cli.inputs import called
from lampc.runs.directory import RunDirectory, find, read_config, source_of, take


@dataclass
class Reopened:
    """A run that is to be gone on with, locked."""

    directory: RunDirectory
    config: dict[str, Any]

    def __enter__(self) -> Reopened:
        return self

    def __exit__(self, *_: object) -> None:
        self.directory.close()


def reopened(run: str, file: str, root: str, given: tuple[str, ...]) -> tuple[Reopened, str, tuple[str, ...]]:
    """The run, the file that is run, and its settings: the run's own text, or, where a file is named too, that one."""
    named = file != "-"
    path = find(run or (called(file) if named else ""), Path(root))
    directory = take(path)
    try:
        config = read_config(path)
        before = tuple(
            text for text in config["settings"] if text.partition("=")[0] not in {g.partition("=")[0] for g in given}
        )
        return Reopened(directory, config), file if named else str(source_of(path, config)), (*before, *given)
    except BaseException:
        directory.close()
        raise
