"""A diagnostic on one line, as other programs read it."""

from __future__ import annotations

from lampc.diagnostics.diagnostic import Diagnostic, Label
from lampc.printable import printable


def concise(found: Diagnostic) -> str:
    """``file:line:col: error[E201]: what is wrong``, the form that editors jump to."""
    place = f"{printable(str(found.labels[0].span))}: " if found.labels else ""
    return f"{place}{found.severity}[{found.code}]: {printable(found.message)}"


def github(found: Diagnostic) -> str:
    """A workflow command that shows the finding beside its line on GitHub.

    See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    properties = {**(_place(found.labels[0]) if found.labels else {}), "title": f"lampc {found.code}"}
    said = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in properties.items())
    help = [f"help: {fix}" for fix in found.fixes]
    message = "\n".join(map(printable, [found.message, *found.notes, *help]))
    return f"::{found.severity} {said}::{_escaped(message)}"


def _place(label: Label) -> dict[str, str]:
    """Where; columns only within a line, for that is all that is shown."""
    span = label.span
    (line, column), (end_line, end_column) = span.source.position(span.start), span.source.position(span.end)
    place = {"file": printable(span.source.name), "line": str(line), "endLine": str(end_line)}
    return place | ({"col": str(column), "endColumn": str(end_column)} if line == end_line else {})


def _escaped(text: str, marks: str = "") -> str:
    """A text in which no character ends the command, or one of its properties."""
    for mark in ("%", "\r", "\n", *marks):
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
