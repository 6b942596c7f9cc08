"""A diagnostic as text with carets."""

from __future__ import annotations

from collections.abc import Callable

from lampc.diagnostics.diagnostic import Diagnostic, Label, Severity
from lampc.printable import printable

Paint = Callable[[str, str], str]
"""Puts a style (``error``, ``warning``, ``place``, ``help``) on a text."""


def plain(style: str, text: str) -> str:
    """Paint nothing."""
    return text


def render(diagnostic: Diagnostic, paint: Paint = plain) -> str:
    """The diagnostic as text: a first line ``file:line:col: severity[CODE]: message``, then places, notes, fixes."""
    head = paint(diagnostic.severity.value, f"{diagnostic.severity.value}[{diagnostic.code}]")
    first = f"{printable(str(diagnostic.labels[0].span))}: " if diagnostic.labels else ""
    lines = [f"{first}{head}: {printable(diagnostic.message)}"]
    width = max((len(str(label.span.line)) for label in diagnostic.labels), default=1)
    for index, label in enumerate(diagnostic.labels):
        if not label.span.source.text:  # an empty file, or one that cannot be read: there is nothing to show
            continue
        other_file = index > 0 and label.span.source is not diagnostic.labels[0].span.source
        if other_file:
            lines.append(f"{' ' * width} --> {printable(str(label.span))}")
        style = diagnostic.severity.value if index == 0 else "place"
        lines += _excerpt(label, width, style, paint)
    lines += [f"{' ' * width} = {printable(note)}" for note in diagnostic.notes]
    lines += [f"{' ' * width} = {paint('help', 'help')}: {printable(fix)}" for fix in diagnostic.fixes]
    return "\n".join(lines)


def _excerpt(label: Label, width: int, style: str, paint: Paint) -> list[str]:
    """The line of a label's start and the carets below it; tabs are kept, so that the carets stay in line."""
    span = label.span
    number, _ = span.source.position(span.start)
    first, last = span.source.ends(number)
    if last - first > 160:  # a long line is cut around its place, never wrapped
        first, last = max(first, span.start - 60), min(last, span.start + 100)
    before, rest = span.source.text[first : min(span.start, last)], span.source.text[span.start : last]
    length = max(1, min(span.end - span.start, len(rest)))
    shown, marked = printable(before, "\t"), printable(rest[:length])
    indent = "".join("\t" if char == "\t" else " " for char in shown)
    caret = "^" if style == Severity.ERROR or style == Severity.WARNING else "-"
    words = f" {printable(label.text)}" if label.text else ""
    under = paint(style, caret * max(1, len(marked)) + words)
    line = printable(before + rest, "\t")
    return [f"{number:>{width}} | {line}", f"{' ' * width} | {indent}{under}"]
