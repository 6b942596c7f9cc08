"""What is wrong, where, and how to mend it: a value that the command line, JSON and notebooks show alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lampc.source import Span


class Severity(StrEnum):
    """How bad it is: an error stops the compilation, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Label:
    """A place and what is to be said of it."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Edit:
    """A stretch of text, and what is to stand in its place; an empty stretch is a place between two characters."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding. The first label is where it is; the others are places that bear on it."""

    code: str
    severity: Severity
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    """What the first fix changes, all of it, where nothing is left for a person to choose."""

    def __str__(self) -> str:
        from lampc.diagnostics.render import render

        return render(self)

    def json(self) -> dict[str, Any]:
        """The diagnostic as plain data; offsets count code points from 0, lines and columns from 1."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
            "labels": [_span_json(label.span, label.text) for label in self.labels],
            "notes": list(self.notes),
            "fixes": list(self.fixes),
            "edits": [_span_json(edit.span, edit.text) for edit in self.edits],
        }


def _span_json(span: Span, text: str) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": span.start,
        "end": span.end,
        "text": text,
    }


class LampError(Exception):
    """A program, its data or its settings are wrong; ``diagnostics`` says how, errors before warnings."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.diagnostics))

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: where it was asked for, and what is wrong, as on a terminal."""
        from lampc.diagnostics.traceback import shown

        return shown(self)
