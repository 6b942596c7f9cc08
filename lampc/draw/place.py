"""Where things go: frames are boxes of boxes, one below another or side by side, so nothing overlaps by construction."""

from __future__ import annotations

from dataclasses import dataclass

from lampc.draw.picture import Box, Frame

CHARACTER = 6.9
"""Pixels of an average character at 12 px."""
LINE = 16
PAD = 9
GAP = 34
BESIDE = 26
TITLE = 20


@dataclass(frozen=True)
class Rectangle:
    """A place in pixels, y downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The horizontal middle."""
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height


@dataclass(frozen=True)
class Placed:
    """Places of boxes by id, and of drawn frames with titles."""

    boxes: dict[str, Rectangle]
    frames: list[tuple[Rectangle, str]]
    width: float
    height: float


def place(frame: Frame, lanes: dict[int, float] | None = None) -> Placed:
    """Place a frame's parts; ``lanes`` reserves room, in pixels, at the right of frames (by ``id(frame)``)."""
    boxes: dict[str, Rectangle] = {}
    frames: list[tuple[Rectangle, str]] = []
    sizes: dict[int, tuple[float, float]] = {}
    width, height = _measure(frame, sizes, lanes or {})
    _put(frame, 0.0, 0.0, sizes, boxes, frames, lanes or {})
    return Placed(boxes, frames, width, height)


def text_width(text: str) -> float:
    """About how wide a text is."""
    return CHARACTER * len(text)


def _measure(part: Box | Frame, sizes: dict[int, tuple[float, float]], lanes: dict[int, float]) -> tuple[float, float]:
    if isinstance(part, Box):
        longest = max(map(text_width, (part.title + " ", *part.lines)))
        size = (max(70.0, longest + 2 * PAD), LINE * (1 + len(part.lines)) + 2 * PAD - 4.0)
    else:
        inner = [_measure(child, sizes, lanes) for child in part.parts] or [(40.0, 10.0)]
        if part.beside:
            width = sum(w for w, _ in inner) + BESIDE * (len(inner) - 1)
            height = max(h for _, h in inner)
        else:
            width = max(w for w, _ in inner)
            height = sum(h for _, h in inner) + GAP * (len(inner) - 1)
        width += lanes.get(id(part), 0.0)
        if part.title:
            width, height = max(width, text_width(part.title)) + 2 * PAD + 6, height + TITLE + 2 * PAD
        size = (width, height)
    sizes[id(part)] = size
    return size


def _put(
    part: Box | Frame, x: float, y: float, sizes: dict[int, tuple[float, float]], boxes: dict[str, Rectangle],
    frames: list[tuple[Rectangle, str]], lanes: dict[int, float],
) -> None:  # fmt: skip
    width, height = sizes[id(part)]
    if isinstance(part, Box):
        boxes[part.id] = Rectangle(x, y, width, height)
        return
    if part.title:
        frames.append((Rectangle(x, y, width, height), part.title))
        x, y, width, height = x + PAD + 3, y + TITLE + PAD, width - 2 * PAD - 6, height - TITLE - 2 * PAD
    width -= lanes.get(id(part), 0.0)
    used = sum(sizes[id(child)][0] for child in part.parts) + BESIDE * (len(part.parts) - 1)
    left = x + (width - used) / 2
    for child in part.parts:
        child_width, child_height = sizes[id(child)]
        if part.beside:
            _put(child, left, y + (height - child_height) / 2 * (not _tall(child)), sizes, boxes, frames, lanes)
            left += child_width + BESIDE
        else:
            _put(child, x + (width - child_width) / 2, y, sizes, boxes, frames, lanes)
            y += child_height + GAP


def _tall(part: Box | Frame) -> bool:
    """Frames side by side begin at one height; boxes are centred."""
    return isinstance(part, Frame)
