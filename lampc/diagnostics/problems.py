"""The collector that every stage reports to."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from lampc.diagnostics.codes import severity_of
from lampc.diagnostics.diagnostic import Diagnostic, Edit, Label, LampError, Severity
from lampc.source import Span


class Problems:
    """Diagnostics so far, each once."""

    def __init__(self) -> None:
        self._found: dict[Diagnostic, Diagnostic] = {}  # without the call that led there, and with it
        self._calls: list[tuple[Span, Container[str]]] = []

    @contextmanager
    def within(self, call: Span, but: Container[str] = ()) -> Iterator[None]:
        """What is reported meanwhile comes of a call, whose place is shown, too; not for the codes in ``but``."""
        self._calls.append((call, but))
        try:
            yield
        finally:
            self._calls.pop()

    def report(
        self,
        code: str,
        message: str,
        span: Span | None,
        text: str = "",
        *,
        also: Sequence[tuple[Span, str]] = (),
        notes: Sequence[str] = (),
        fixes: Sequence[str] = (),
        edits: Sequence[Edit] = (),
    ) -> None:
        """Add a diagnostic at ``span``, with ``text`` under it and further places in ``also``.

        ``edits`` are what the first of the ``fixes`` changes, where it is certain.
        """
        labels = [] if span is None else [Label(span, text)]
        labels += [Label(place, words) for place, words in also]
        found = Diagnostic(code, severity_of(code), message, tuple(labels), tuple(notes), tuple(fixes), tuple(edits))
        self._found.setdefault(found, self._led_to(found))

    def _led_to(self, found: Diagnostic) -> Diagnostic:
        """A finding, and the line of the program's own that called what it is in."""
        call = next((call for call, but in self._calls if found.code not in but), None)
        if call is None or any(label.span == call for label in found.labels):
            return found
        return replace(found, labels=(*found.labels, Label(call, "called here")))

    def take(self, found: Iterable[Diagnostic]) -> None:
        """Add what another collector found."""
        for one in found:
            self._found.setdefault(one, one)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Those that stop the compilation."""
        return tuple(found for found in self.sorted() if found.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Those that do not."""
        return tuple(found for found in self.sorted() if found.severity is Severity.WARNING)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All, in the order of their places: by file as first met, then by offset."""
        files: dict[str, int] = {}

        def place(found: Diagnostic) -> tuple[int, int]:
            if not found.labels:
                return (-1, 0)
            span = found.labels[0].span
            return files.setdefault(span.source.name, len(files)), span.start

        return tuple(sorted(self._found.values(), key=place))

    def raise_errors(self) -> None:
        """Raise what was found if any of it is an error.

        Raises:
            LampError: with the errors, then the warnings.
        """
        if self.errors:
            raise LampError(self.errors + self.warnings)


def failure(code: str, message: str, *fixes: str) -> LampError:
    """An error that has no place in a program: of a file, a run, or a call from Python."""
    return LampError((Diagnostic(code, severity_of(code), message, (), (), fixes),))
