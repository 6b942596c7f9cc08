"""A mistake in somebody's data, which has no place in a program until a caller gives it one."""

from __future__ import annotations


class DataError(Exception):
    """Data that cannot be used: ``code`` as in ``lampc explain``; the caller adds the statement's place."""

    def __init__(self, code: str, message: str, fixes: tuple[str, ...] = (), option: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.fixes = fixes
        self.option = option
        """The option of the statement at fault, to point at it."""
