"""How large a network may become, counted where it is made, so that no way of asking for copies passes the limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lampc import limits
from lampc.source import Span


class TooLarge(Exception):
    """A network would get more operations than the limit; ``span`` is where that was seen."""

    def __init__(self, span: Span | None) -> None:
        super().__init__()
        self.span = span


@dataclass
class Budget:
    """Counts operations as they are made, and statements and calls as they are expanded, most of which make some."""

    limit: int = limits.NODES
    operations: int = 0
    steps: int = 0

    @property
    def spent(self) -> tuple[int, int]:
        """Operations and steps so far."""
        return self.operations, self.steps

    def operation(self, span: Span | None) -> None:
        """Count an operation.

        Raises:
            TooLarge: if it is one too many.
        """
        self.operations += 1
        if self.operations > self.limit:
            raise TooLarge(span)

    def step(self, span: Span | None) -> None:
        """Count a statement or a call.

        Raises:
            TooLarge: if it is one too many.
        """
        self.steps += 1
        if self.steps > self.limit:
            raise TooLarge(span)

    def copies(self, count: int, span: Span | None) -> Iterator[int]:
        """Number some copies from 0, each of which is made before the next is asked for.

        Raises:
            TooLarge: as soon as it is seen that all of them would take twice the limit.
        """
        for number in range(count):
            before = self.spent
            yield number
            more = count - number - 1
            if any(now + more * (now - then) > 2 * self.limit for then, now in zip(before, self.spent, strict=True)):
                raise TooLarge(span)
