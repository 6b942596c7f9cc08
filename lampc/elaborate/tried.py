"""Binding a statement: where it can be said in lampc's words as a whole, its mistakes are one, and the mend is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from lampc.diagnostics import Problems
from lampc.elaborate.foreign import said
from lampc.elaborate.unknown import mend
from lampc.layers import LayerType
from lampc.syntax import tree

T = TypeVar("T")
_MOST = 100
"""Mistakes whose mend is sought; nobody reads more."""


def tried(attempt: Callable[[Problems], T | None], statement: tree.Layer, known: Callable[[], Collection[str]],
          layers: Mapping[str, LayerType], problems: Problems) -> T | None:  # fmt: skip
    """What an attempt at a statement gives; None where the statement is to be written anew, which has been reported."""
    quiet = Problems()
    result = attempt(quiet)
    errors = quiet.errors
    if not errors:
        problems.take(quiet.warnings)
        return result
    first = errors[0]
    if problems.count < _MOST and (len(errors) > 1 or not first.edits):
        ours = said(statement.span, known(), layers)
        if ours is not None:
            fixes, edits = mend(statement, ours)
            place, *others = first.labels
            problems.report(first.code, first.message, place.span, place.text, fixes=fixes, edits=edits,
                            also=[(label.span, label.text) for label in others])  # fmt: skip
            return None
    return attempt(problems)
