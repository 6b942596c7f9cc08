"""A program's text inside exported files: it is shown there, and never is code."""

from __future__ import annotations

import re

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and marks that change the order in which a line is shown."""


def printable(text: str) -> str:
    """A text without what compilers refuse or readers cannot see."""
    return _UNSEEN.sub(" ", text)


def line(text: str) -> str:
    """The same as one line, for what stands behind a mark of comments."""
    return " ".join(printable(text).split())


def within_c(text: str) -> str:
    """A text that neither ends the comment that it stands in nor begins one."""
    return printable(text).replace("*/", "* /").replace("/*", "/ *").replace("??/", "? ?/")


def within_python(text: str) -> str:
    """A text that does not end the string in three quotes that it stands in."""
    return printable(text).replace("\\", "\\\\").replace('"', "'")
