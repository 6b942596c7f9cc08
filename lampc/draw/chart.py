"""Charts as SVG, drawn here: no font, script or picture is fetched from anywhere."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lampc.printable import printable

COLORS = ("#2f6fb3", "#c8553d", "#4a9c5d", "#8a5bb0", "#c49a2c", "#3aa3a3")
WIDTH, HEIGHT = 460.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 14.0, 30.0, 40.0
_MOST = 1e150
_FONT = 'font-family="DejaVu Sans, Verdana, Helvetica, sans-serif" font-size="11"'


@dataclass(frozen=True)
class Line:
    """A curve with a name; ``spread``, where given, is drawn as a band of ± that about it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    spread: Sequence[float] = ()


@dataclass(frozen=True)
class Points:
    """Points of one colour."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: str


@dataclass(frozen=True)
class Axes:
    """What a chart shows where."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    names: tuple[str, str] = ("", "")
    parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point's place in the picture."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)


def lines(title: str, curves: Sequence[Line], names: tuple[str, str]) -> str:
    """Curves over a common axis."""
    shown = [_finite(curve) for curve in curves if curve.x]
    xs = [x for curve in shown for x in curve.x] or [0.0, 1.0]
    ys = [y + sign * s for c in shown for y, s in zip(c.y, c.spread or [0.0] * len(c.y), strict=True) for sign in (1, -1)]
    axes = Axes(title, (min(xs), max(xs)), _padded(ys or [0.0, 1.0]), names)
    for index, curve in enumerate(shown):
        color = COLORS[index % len(COLORS)]
        if any(curve.spread):
            above = [axes.at(x, y + s) for x, y, s in zip(curve.x, curve.y, curve.spread, strict=True)]
            below = [axes.at(x, y - s) for x, y, s in zip(curve.x, curve.y, curve.spread, strict=True)]
            axes.parts.append(f'<polygon points="{_path([*above, *reversed(below)])}" fill="{color}" opacity="0.18"/>')
        if len(curve.x) == 1:
            x, y = axes.at(curve.x[0], curve.y[0])
            axes.parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3" fill="{color}"/>')
        places = [axes.at(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
        axes.parts.append(f'<polyline points="{_path(places)}" fill="none" stroke="{color}" stroke-width="1.6"/>')
    return _svg(axes, [(curve.name, COLORS[index % len(COLORS)]) for index, curve in enumerate(shown)])


def scatter(title: str, groups: Sequence[Points], names: tuple[str, str], behind: str = "",
            bounds: tuple[float, float, float, float] | None = None, diagonal: bool = False) -> str:  # fmt: skip
    """Points; ``behind`` is a picture over the whole area, as a data URI; ``bounds`` are x and y, from and to."""
    xs, ys = [x for g in groups for x in g.x], [y for g in groups for y in g.y]
    if bounds is not None:
        axes = Axes(title, bounds[:2], bounds[2:], names)
    else:
        both = _padded([*xs, *ys] if diagonal else xs or [0.0, 1.0])
        axes = Axes(title, both, both if diagonal else _padded(ys or [0.0, 1.0]), names)
    left, top = axes.at(axes.x[0], axes.y[1])
    right, bottom = axes.at(axes.x[1], axes.y[0])
    if behind:
        axes.parts.append(f'<image href="{behind}" x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" '
                          f'height="{_n(bottom - top)}" preserveAspectRatio="none"/>')  # fmt: skip
    if diagonal:
        axes.parts.append(f'<line x1="{_n(left)}" y1="{_n(bottom)}" x2="{_n(right)}" y2="{_n(top)}" stroke="#999"/>')
    for group in groups:
        places = [axes.at(x, y) for x, y in zip(group.x, group.y, strict=True)]
        dots = "".join(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="2.2"/>' for x, y in places)
        axes.parts.append(f'<g class="{_text(group.name)}" fill="{group.color}" stroke="#fff" stroke-width="0.4">{dots}</g>')
    return _svg(axes, [(f"{group.name} ({len(group.x):,})", group.color) for group in groups if group.name])


def bars(title: str, names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]]) -> str:
    """A row for each name, with a bar for each group."""
    most = max((value for _, values in groups for value in values if math.isfinite(value)), default=1.0) or 1.0
    row = 14.0 * len(groups) + 6
    height, left = 34 + row * len(names), 130.0
    parts = []
    for index, name in enumerate(names):
        y = 28 + index * row
        parts.append(f'<text x="{left - 6}" y="{_n(y + row / 2)}" text-anchor="end">{_text(name[:20])}</text>')
        for number, (_, values) in enumerate(groups):
            wide = max(0.0, values[index] / most) * (WIDTH - left - 60) if math.isfinite(values[index]) else 0.0
            top = y + number * 14
            after = left + wide + 4
            parts.append(f'<rect x="{left}" y="{_n(top)}" width="{_n(wide)}" height="11" fill="{COLORS[number]}"/>'
                         f'<text x="{_n(after)}" y="{_n(top + 10)}" font-size="10">{values[index]:.3g}</text>')  # fmt: skip
    legend = _legend([(name, COLORS[number]) for number, (name, _) in enumerate(groups)])
    return _whole(title, height, "".join(parts) + legend)


def table(title: str, names: Sequence[str], counts: Sequence[Sequence[float]]) -> str:
    """A confusion matrix: what is true by rows, what was predicted by columns."""
    n, left, top = len(counts), 100.0, 60.0
    cell = min(40.0, (WIDTH - left - 10) / max(1, n))
    parts = [f'<text x="{_n(left + n * cell / 2)}" y="44" text-anchor="middle">predicted</text>']
    for i, row in enumerate(counts):
        total = sum(row) or 1.0
        y = top + i * cell
        parts.append(f'<text x="{left - 6}" y="{_n(y + cell / 2 + 4)}" text-anchor="end">{_text(names[i][:14])}</text>')
        for j, count in enumerate(row):
            share = count / total
            fill, ink = ("#2f7d4f" if i == j else "#c8553d"), "#fff" if share > 0.55 else "#222"
            parts.append(f'<rect x="{_n(left + j * cell)}" y="{_n(y)}" width="{_n(cell)}" height="{_n(cell)}" fill="{fill}" '
                         f'fill-opacity="{share:.3f}" stroke="#ccc"/>')  # fmt: skip
            if cell >= 16:
                parts.append(f'<text x="{_n(left + (j + 0.5) * cell)}" y="{_n(y + cell / 2 + 4)}" text-anchor="middle" '
                             f'font-size="10" fill="{ink}">{count:.0f}</text>')  # fmt: skip
    return _whole(title, top + n * cell + 14, "".join(parts))


def png(rows: Sequence[Sequence[tuple[int, int, int]]]) -> str:
    """A picture of RGB rows, as a data URI."""
    height, width = len(rows), len(rows[0])
    raw = b"".join(b"\0" + bytes(part for pixel in row for part in pixel) for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(whole).decode()


def _finite(line: Line) -> Line:
    """The points that have a place: of numbers, and not so large that the axis has no length that is one."""
    spread = line.spread or [0.0] * len(line.y)
    kept = [i for i, y in enumerate(line.y) if abs(y) < _MOST and abs(spread[i]) < _MOST]
    return Line(
        line.name, [line.x[i] for i in kept], [line.y[i] for i in kept], [line.spread[i] for i in kept] if line.spread else ()
    )


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two."""
    step = 10 ** math.floor(math.log10((high - low) / about or 1.0))
    step *= min((m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= about), default=10)
    first = math.ceil(low / step - 1e-9)
    return [step * k for k in range(first, first + 2 * about + 2) if step * k <= high + step * 1e-9]


def labels(values: Sequence[float], name: str) -> tuple[list[str], str]:
    """What stands beside an axis's ticks, and the axis's name: six digits of each, or, where these do not tell them apart, as
    between 100,000,010 and 100,000,020, how far each is from the first.
    """
    shown = [f"{value:g}" for value in values]
    if len({*shown}) == len(shown):
        return shown, name
    return [f"{value - values[0]:g}" for value in values], f"{name}, from {values[0]:.15g}".removeprefix(", ")


def _svg(axes: Axes, legend: Sequence[tuple[str, str]]) -> str:
    parts, places = [], (ticks(*axes.x), ticks(*axes.y))
    (across, x_name), (up, y_name) = (labels(found, name) for found, name in zip(places, axes.names, strict=True))
    for value, label in zip(places[0], across, strict=True):
        x, y = axes.at(value, axes.y[0])
        parts.append(f'<line x1="{_n(x)}" y1="{_TOP}" x2="{_n(x)}" y2="{_n(y)}" stroke="#eee"/>'
                     f'<text x="{_n(x)}" y="{_n(y + 14)}" text-anchor="middle">{label}</text>')  # fmt: skip
    for value, label in zip(places[1], up, strict=True):
        x, y = axes.at(axes.x[0], value)
        parts.append(f'<line x1="{_n(x)}" y1="{_n(y)}" x2="{_n(WIDTH - _RIGHT)}" y2="{_n(y)}" stroke="#eee"/>'
                     f'<text x="{_n(x - 5)}" y="{_n(y + 4)}" text-anchor="end">{label}</text>')  # fmt: skip
    parts += axes.parts
    parts.append(f'<rect x="{_LEFT}" y="{_TOP}" width="{WIDTH - _LEFT - _RIGHT}" height="{HEIGHT - _TOP - _BOTTOM}" '
                 'fill="none" stroke="#bbb"/>')  # fmt: skip
    parts.append(
        f'<text x="{_n((_LEFT + WIDTH - _RIGHT) / 2)}" y="{_n(HEIGHT - 8)}" text-anchor="middle">{_text(x_name)}</text>'
    )
    if y_name:
        parts.append(
            f'<text transform="translate(13,{_n(HEIGHT / 2)}) rotate(-90)" text-anchor="middle">{_text(y_name)}</text>'
        )
    return _whole(axes.title, HEIGHT, "".join(parts) + _legend(legend))


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    parts, x = [], WIDTH - _RIGHT
    for name, color in reversed(entries):
        x -= 7.0 * len(name) + 22
        parts.append(f'<rect x="{_n(x)}" y="10" width="10" height="10" fill="{color}"/>'
                     f'<text x="{_n(x + 14)}" y="19">{_text(name)}</text>')  # fmt: skip
    return "".join(parts)


def _whole(title: str, height: float, inside: str) -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(WIDTH)} {_n(height)}" width="{_n(WIDTH)}" '
            f'height="{_n(height)}" {_FONT}><title>{_text(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="12" y="19" font-weight="bold">{_text(title)}</text>{inside}</svg>')  # fmt: skip


def _path(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in places)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(printable(text))
