"""Texts mended as diagnostics say: a fix is made whole or not at all, and two that meet are not made at once."""

from __future__ import annotations

from collections.abc import Iterable

from lampc.diagnostics.diagnostic import Diagnostic, Edit
from lampc.source import Source


def mended(source: Source, found: Iterable[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """A text with all fixes that can be made at once, and which those are; the others can be, once it is read again."""
    taken: list[Edit] = []
    made: list[Diagnostic] = []
    for diagnostic in found:
        wanted = [edit for edit in diagnostic.edits if edit not in taken]
        if not diagnostic.edits or any(edit.span.source is not source for edit in diagnostic.edits):
            continue
        if not any(_meet(edit, other) for edit in wanted for other in taken):
            taken += wanted
            made.append(diagnostic)
    text = source.text
    for edit in sorted(taken, key=lambda edit: edit.span.start, reverse=True):
        text = f"{text[: edit.span.start]}{edit.text}{text[edit.span.end :]}"
    return text, made


def _meet(edit: Edit, other: Edit) -> bool:
    """Whether the order in which two are made would matter."""
    one, two = edit.span, other.span
    return (one.start < two.end and two.start < one.end) or one.start == two.start
