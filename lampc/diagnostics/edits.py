"""The edits that fixes are made of."""

from __future__ import annotations

import re

from lampc.diagnostics.diagnostic import Edit
from lampc.source import Source, Span


def instead(span: Span, text: str | None) -> tuple[Edit, ...]:
    """A word for another; nothing if there is none."""
    return () if text is None else (Edit(span, text),)


def line_end(source: Source) -> str:
    """What ends a text's lines."""
    return "\r\n" if "\r\n" in source.text else "\n"


def before(span: Span, text: str) -> tuple[Edit, ...]:
    """Something put before a place."""
    return (Edit(Span(span.source, span.start, span.start), text),)


def rewritten(span: Span, text: str | None) -> tuple[Edit, ...]:
    """Statements, ``a; b``, for a whole one: a line each where it has several. Nothing if a comment in it were lost.

    A statement's place leaves out the brackets that it ends in; they go, too.
    """
    whole = _closed(span)
    old = whole.text
    if text is None or "#" in old:
        return ()
    if "\n" in old:
        line = span.source.text[span.source.ends(span.line)[0] : span.start]
        indent = line[: len(line) - len(line.lstrip())]
        text = text.replace("; ", line_end(span.source) + indent)
    return (Edit(whole, text),)


def removed(span: Span) -> tuple[Edit, ...]:
    """A statement left out, with what parts it from the next one, or from the one before."""
    span = _closed(span)
    text, start, end = span.source.text, span.start, span.end
    after = re.compile(r"[ \t]*;[ \t]*").match(text, end)
    if after:
        return (Edit(Span(span.source, start, after.end()), ""),)
    ahead = re.search(r"[ \t]*;[ \t]*$", text[:start])
    if ahead:
        return (Edit(Span(span.source, ahead.start(), end), ""),)
    first, last = span.source.ends(span.line)
    if text[first:start].strip() or text[end:last].strip():
        return ()  # a comment, or a brace, is on its line
    last = text.find("\n", end) + 1 or len(text)
    return (Edit(Span(span.source, first, last), ""),)


def _closed(span: Span) -> Span:
    """A statement with all its brackets."""
    text, end = span.source.text, span.end
    for _ in range(span.text.count("(") - span.text.count(")")):
        closer = re.compile(r"[\s,]*\)").match(text, end)
        if closer is None:
            break
        end = closer.end()
    return Span(span.source, span.start, end)
