"""Pictures in Graphviz's language."""

from __future__ import annotations

from collections.abc import Iterator

from lampc.draw.picture import Box, Frame, Picture
from lampc.printable import printable

_FILL = {"layer": "#eaf2fb", "join": "#fdf3d8", "input": "#e5f5e4", "output": "#f7e6ef", "op": "#ffffff", "leaf": "#eeeeee"}


def dot(picture: Picture) -> str:
    """A digraph: a node a box, a cluster a frame, shapes on the edges. Plain boxes: record labels choke on ``2->25``."""
    lines = [
        f"digraph {_quote(picture.title)} {{",
        "  rankdir=TB; bgcolor=white; fontname=Helvetica;",
        "  node [shape=box style=filled fontname=Helvetica fontsize=11];",
        "  edge [fontname=Helvetica fontsize=10];",
        *_frame(picture.frame, "  ", _Numbers()),
    ]
    lines += [f"  {arrow.tail} -> {arrow.head} [label={_quote(arrow.label)}];" for arrow in picture.arrows]
    return "\n".join([*lines, "}", ""])


class _Numbers:
    def __init__(self) -> None:
        self.last = -1

    def next(self) -> int:
        self.last += 1
        return self.last


def _frame(frame: Frame, indent: str, numbers: _Numbers) -> Iterator[str]:
    inner = indent
    if frame.title:
        yield f"{indent}subgraph cluster_{numbers.next()} {{"
        inner = indent + "  "
        yield f"{inner}label={_quote(frame.title)}; style=rounded; color=gray60;"
    for part in frame.parts:
        if isinstance(part, Box):
            label = "\n".join((part.title, *part.lines))
            yield f"{inner}{part.id} [label={_quote(label)} fillcolor={_quote(_FILL[part.kind])}];"
        else:
            yield from _frame(part, inner, numbers)
    if frame.title:
        yield f"{indent}}}"


def _quote(text: str) -> str:
    escaped = printable(text, "\n").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
