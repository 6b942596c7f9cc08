"""Pictures for a terminal: an outline, one row a box."""

from __future__ import annotations

from lampc.draw.picture import Picture
from lampc.printable import printable


def text(picture: Picture) -> str:
    """The rows, columns aligned; a bar for each group that a row lies in."""
    rows = [("│ " * depth, [printable(cell) for cell in cells]) for depth, cells in picture.rows]
    widths: list[int] = []
    for bars, cells in rows:
        if len(cells) > 1:
            measured = [len(bars) + len(cells[0]), *map(len, cells[1:])]
            widths += [0] * (len(measured) - len(widths))
            widths = [max(a, b) for a, b in zip(widths, [*measured, *[0] * (len(widths) - len(measured))], strict=True)]
    widths = [min(width, 60) for width in widths]
    lines = []
    for bars, cells in rows:
        if len(cells) == 1:
            lines.append(f"{bars}{'┌ ' if bars or picture.title == 'network' else ''}{cells[0]}")
            continue
        first = f"{bars}{cells[0]}"
        padded = [f"{first:{widths[0]}}", *(f"{cell:{width}}" for cell, width in zip(cells[1:], widths[1:], strict=False))]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines) + "\n"
