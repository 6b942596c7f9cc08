"""Texts mended as diagnostics say: a fix is made whole or not at all, and two that meet are not made at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from lampc.diagnostics.diagnostic import Diagnostic, Edit
from lampc.source import Source


def mended(source: Source, found: Iterable[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """A text with all fixes that can be made at once, and which those are; the others can be, once it is read again."""
    taken = _Taken()
    made: list[Diagnostic] = []
    for diagnostic in found:
        if diagnostic.edits and all(edit.span.source is source for edit in diagnostic.edits) and taken.take(diagnostic.edits):
            made.append(diagnostic)
    parts, at = [], 0
    for start, end, text in taken.places:
        parts += [source.text[at:start], text]
        at = end
    return "".join([*parts, source.text[at:]]), made


class _Taken:
    """Edits that are to be made, in the order of their places; no two meet."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int, str]] = []

    def take(self, edits: Iterable[Edit]) -> bool:
        """Take all of some edits, if none of them meets another; what is taken already is wanted twice."""
        new: list[tuple[int, int, str]] = []
        for edit in edits:
            place = (edit.span.start, edit.span.end, edit.text)
            if self._has(place) or place in new:
                continue
            if not self._free(place):
                return False
            new.append(place)
        if any(_meet(one, other) for at, one in enumerate(new) for other in new[:at]):
            return False
        for place in new:
            insort(self.places, place)
        return True

    def _has(self, place: tuple[int, int, str]) -> bool:
        at = bisect_left(self.places, place)
        return at < len(self.places) and self.places[at] == place

    def _free(self, place: tuple[int, int, str]) -> bool:
        at = bisect_left(self.places, place)
        return not any(_meet(place, other) for other in self.places[max(0, at - 1) : at + 1])


def _meet(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether the order in which two are made would matter."""
    return (one[0] < other[1] and other[0] < one[1]) or one[0] == other[0]
