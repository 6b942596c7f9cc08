"""What a drawing shows: boxes, arrows between them, and frames around some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Box:
    """A thing in the picture."""

    id: str
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "layer"
    """``layer``, ``join``, ``input``, ``output``, or for operations ``op`` and ``leaf``."""


@dataclass(frozen=True)
class Arrow:
    """A value on its way."""

    tail: str
    head: str
    label: str


@dataclass(frozen=True)
class Frame:
    """Parts one below another, or side by side; with a title it is drawn."""

    parts: tuple[Box | Frame, ...]
    title: str = ""
    beside: bool = False

    def boxes(self) -> Iterator[Box]:
        """All boxes inside, in order."""
        for part in self.parts:
            if isinstance(part, Box):
                yield part
            else:
                yield from part.boxes()


@dataclass(frozen=True)
class Picture:
    """A whole drawing; arrows name boxes of ``frame``."""

    title: str
    frame: Frame
    arrows: tuple[Arrow, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...] = field(default=())
    """The same for a terminal: depth, and cells."""
