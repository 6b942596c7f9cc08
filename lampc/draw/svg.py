"""Pictures as SVG, laid out here: the same picture gives the same bytes, and Graphviz is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from lampc.draw.picture import Arrow, Box, Frame, Picture
from lampc.draw.place import GAP, PAD, Placed, Rectangle, place, text_width
from lampc.printable import printable

MARGIN = 16
LANE = 13
_FILL = {"layer": "#eaf2fb", "join": "#fdf3d8", "input": "#e5f5e4", "output": "#f7e6ef", "op": "#ffffff", "leaf": "#f0f0f0"}
_EDGE = {"layer": "#5b86b8", "join": "#c49a2c", "input": "#5c9e57", "output": "#b0608a", "op": "#8a8a8a", "leaf": "#b5b5b5"}
_FONT = "DejaVu Sans, Verdana, Helvetica, sans-serif"


def svg(picture: Picture) -> str:
    """A picture with a painted background, frames below, then arrows, then boxes."""
    lanes = _Lanes(picture)
    placed = place(picture.frame, lanes.room)
    room = max((text_width(arrow.label) for arrow in picture.arrows), default=0.0)
    width = placed.width + 2 * MARGIN + room
    height = placed.height + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" '
        f'height="{_n(height)}" font-family="{_FONT}" font-size="12">',
        f"<title>{_text(picture.title)}</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="#ffffff"/>',
        f'<g transform="translate({MARGIN},{MARGIN})">',
        *_frames(placed),
        *_arrows(picture, placed, lanes),
        *(_box(box, placed.boxes[box.id]) for box in picture.frame.boxes()),
        "</g>",
        "</svg>",
        "",
    ]
    return "\n".join(parts)


class _Lanes:
    """Arrows that jump over boxes run down the right side of the innermost frame that holds both their ends."""

    def __init__(self, picture: Picture) -> None:
        self.room: dict[int, float] = {}
        self.of: dict[Arrow, int] = {}
        """The lane's number, from the left."""
        self.frame: dict[Arrow, Frame] = {}
        paths: dict[str, Path] = {}
        _paths(picture.frame, (), paths)
        busy: dict[int, list[tuple[int, int]]] = {}
        for arrow in picture.arrows:
            found = _jump(paths[arrow.tail], paths[arrow.head])
            # Rows of operations are close together and many: arrows between them go straight, behind the boxes.
            if found is None or picture.title == "program":
                continue
            frame, start, stop = found
            taken = busy.setdefault(id(frame), [])
            lane = next(n for n in range(len(taken) + 1) if n >= len(taken) or taken[n][1] <= start)
            if lane == len(taken):
                taken.append((start, stop))
            else:
                taken[lane] = (start, stop)
            self.of[arrow] = lane
            self.frame[arrow] = frame
            label = text_width(arrow.label) + 8
            self.room[id(frame)] = max(self.room.get(id(frame), 0.0), (lane + 1) * LANE + label)


Path = tuple[tuple[Frame, int], ...]
"""The frames around a box, outermost first, each with the index of the part that holds it."""


def _jump(tail: Path, head: Path) -> tuple[Frame, int, int] | None:
    """The frame, and from which to which of its parts, in which an arrow passes other boxes; None if it passes none."""
    depth = 0
    while depth + 1 < min(len(tail), len(head)) and tail[depth] == head[depth]:
        depth += 1
    frame, start, stop = tail[depth][0], tail[depth][1], head[depth][1]
    if frame.beside or stop <= start:
        return None
    inside = [(inner, index) for inner, index in head[depth + 1 :] if index and not inner.beside]
    if inside:
        return inside[-1][0], -1, inside[-1][1]
    last = all(inner.beside or index == len(inner.parts) - 1 for inner, index in tail[depth + 1 :])
    return None if stop - start == 1 and last else (frame, start, stop)


def _paths(frame: Frame, above: Path, found: dict[str, Path]) -> None:
    for index, part in enumerate(frame.parts):
        path = (*above, (frame, index))
        if isinstance(part, Box):
            found[part.id] = path
        else:
            _paths(part, path, found)


def _frames(placed: Placed) -> Iterator[str]:
    for area, title in placed.frames:
        yield (f'<rect x="{_n(area.x)}" y="{_n(area.y)}" width="{_n(area.width)}" height="{_n(area.height)}" rx="8" '
               'fill="#000000" fill-opacity="0.025" stroke="#9a9a9a" stroke-dasharray="4 3"/>')  # fmt: skip
        yield f'<text x="{_n(area.x + 8)}" y="{_n(area.y + 16)}" fill="#555" font-style="italic">{_text(title)}</text>'


def _arrows(picture: Picture, placed: Placed, lanes: _Lanes) -> Iterator[str]:
    edges: dict[int, float] = {}
    straight: list[str] = []
    for arrow in picture.arrows:
        tail, head = placed.boxes[arrow.tail], placed.boxes[arrow.head]
        if arrow in lanes.of:
            frame = lanes.frame[arrow]
            if id(frame) not in edges:
                edges[id(frame)] = max(placed.boxes[box.id].right for box in frame.boxes()) + _depth(frame) * (PAD + 3)
            x = edges[id(frame)] + (lanes.of[arrow] + 1) * LANE
            yield _side(tail, head, x)
            straight.append(_label(x + 4, (tail.bottom + head.y) / 2, arrow.label, "start"))
            continue
        yield _curve(tail, head)
        if picture.title != "program" or head.y > tail.bottom:
            near = min(GAP, max(12.0, head.y - tail.bottom)) / 2
            share = near / max(1.0, head.y - tail.bottom)
            x = tail.middle + (head.middle - tail.middle) * (1 - share)
            straight.append(_label(x + 5, head.y - near + 4, arrow.label, "start"))
    yield from straight


def _depth(frame: Frame) -> int:
    return max((_depth(part) + bool(part.title) for part in frame.parts if isinstance(part, Frame)), default=0)


def _side(tail: Rectangle, head: Rectangle, x: float) -> str:
    """Out of the tail's right side, down a lane, into the head's right side."""
    start, end = tail.y + tail.height / 2, head.y + head.height / 2
    r = 8.0
    return (f'<path d="M{_n(tail.right)},{_n(start)} H{_n(x - r)} Q{_n(x)},{_n(start)} {_n(x)},{_n(start + r)} '
            f'V{_n(end - r)} Q{_n(x)},{_n(end)} {_n(x - r)},{_n(end)} H{_n(head.right + 1)}" '
            'fill="none" stroke="#555" marker-end="url(#arrow)"/>')  # fmt: skip


def _curve(tail: Rectangle, head: Rectangle) -> str:
    down = head.y >= tail.bottom
    x1, y1 = tail.middle, tail.bottom
    x2, y2 = head.middle, head.y - 1
    if not down:  # to another column: out of the side
        x1, y1 = (tail.right, tail.y + tail.height / 2) if head.x > tail.x else (tail.x, tail.y + tail.height / 2)
        x2, y2 = (head.x - 1, head.y + head.height / 2) if head.x > tail.x else (head.right + 1, head.y + head.height / 2)
        bend = (x2 - x1) / 2
        middle = f"C{_n(x1 + bend)},{_n(y1)} {_n(x2 - bend)},{_n(y2)}"
    elif x1 == x2:
        return (f'<path d="M{_n(x1)},{_n(y1)} L{_n(x2)},{_n(y2)}" fill="none" stroke="#555" '
                'marker-end="url(#arrow)"/>')  # fmt: skip
    else:
        bend = min(40.0, (y2 - y1) / 2)
        middle = f"C{_n(x1)},{_n(y1 + bend)} {_n(x2)},{_n(y2 - bend)}"
    opacity = ' stroke-opacity="0.55"' if abs(y2 - y1) + abs(x2 - x1) > 400 else ""
    return (f'<path d="M{_n(x1)},{_n(y1)} {middle} {_n(x2)},{_n(y2)}" fill="none" stroke="#555"{opacity} '
            'marker-end="url(#arrow)"/>')  # fmt: skip


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" font-size="10" fill="#777" text-anchor="{anchor}">{_text(text)}</text>'


def _box(box: Box, area: Rectangle) -> str:
    parts = [f'<rect x="{_n(area.x)}" y="{_n(area.y)}" width="{_n(area.width)}" height="{_n(area.height)}" rx="5" '
             f'fill="{_FILL[box.kind]}" stroke="{_EDGE[box.kind]}"/>']  # fmt: skip
    y = area.y + PAD + 8
    for index, line in enumerate((box.title, *box.lines)):
        style = ' font-weight="bold"' if index == 0 else ' fill="#444" font-size="11"'
        parts.append(f'<text x="{_n(area.middle)}" y="{_n(y)}" text-anchor="middle"{style}>{_text(line)}</text>')
        y += 16
    return "".join(parts)


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return escape(printable(text))
