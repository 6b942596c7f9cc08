"""A program's text inside exported files: it is shown there, and never is code."""

from __future__ import annotations

from lampc.printable import printable, printable_lines


def line(text: str) -> str:
    """The same as one line, for what stands behind a mark of comments."""
    return printable(" ".join(text.split()))


def within_c(text: str) -> str:
    """A text that neither ends the comment that it stands in nor begins one."""
    return printable_lines(text).replace("*/", "* /").replace("/*", "/ *").replace("??/", "? ?/")


def within_python(text: str) -> str:
    """A text that does not end the string in three quotes that it stands in."""
    return printable_lines(text).replace("\\", "\\\\").replace('"', "'")
