"""Source text and places in it."""

from __future__ import annotations

import bisect
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name to show for it: a path, or ``<text>``."""

    name: str
    text: str = field(repr=False)
    path: Path | None = None
    """The file that it was read from, links followed."""

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which the lines begin; a line ends in a newline, which may have a carriage return before it."""
        starts = [0]
        offset = self.text.find("\n")
        while offset >= 0:
            starts.append(offset + 1)
            offset = self.text.find("\n", offset + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column, both from 1, of an offset; columns count code points."""
        line = bisect.bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def ends(self, number: int) -> tuple[int, int]:
        """The offsets between which line ``number`` (from 1) stands, without its end."""
        starts = self.line_starts
        last = starts[number] if number < len(starts) else len(self.text)
        while last > starts[number - 1] and self.text[last - 1] in "\r\n":
            last -= 1
        return starts[number - 1], last


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: offsets ``start`` up to ``end``. Lines and columns are worked out only to be shown."""

    source: Source
    start: int
    end: int

    def to(self, last: Span) -> Span:
        """From the start of this span to the end of ``last``."""
        return Span(self.source, self.start, max(self.end, last.end))

    @property
    def text(self) -> str:
        """The source text that the span covers."""
        return self.source.text[self.start : self.end]

    @property
    def phrase(self) -> str:
        """The same on one line."""
        return " ".join(self.text.split())

    @property
    def line(self) -> int:
        """The line, from 1, on which the span begins."""
        return self.source.position(self.start)[0]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"


def project(folder: Path) -> Path:
    """The project that a folder belongs to: the nearest around it with a project's marks, else itself."""
    for candidate in (folder.absolute(), *folder.absolute().parents):
        if any(os.path.exists(candidate / mark) for mark in (".git", "pyproject.toml")):
            return candidate
    return folder
