"""A network at a glance: its layers, one a row, with what comes out of each and what it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lampc.ir.types import sample_text
from lampc.tables import Column, lines

if TYPE_CHECKING:
    from lampc.compile import Program

WIDTH = 100
"""Characters of a line where there is no terminal."""


class Summary(str):
    """A text that is shown as it is, where Python shows values and in notebooks too."""

    def __repr__(self) -> str:
        return str(self)


def summary(program: Program) -> Summary:
    """The table of the layers as text."""
    return Summary(lines(*layers(program), WIDTH))


def layers(program: Program) -> tuple[list[Column], list[tuple[str, ...]]]:
    """The table's columns and rows: of very many layers the first and the last."""
    uses = program.layers
    rows: list[tuple[str, ...]] = [
        (use.name, use.text, sample_text(use.output_type.sample), f"{use.parameter_count:,}" if use.parameter_count else "")
        for use in uses
    ]
    if len(uses) > 60:
        rows = [*rows[:40], ("…", f"{len(uses) - 50:,} more", "", ""), *rows[-10:]]
    columns = [
        Column("layer", footer=f"{len(uses)} layers", wraps=True),
        Column("written", wraps=True),
        Column("output", right=True, wraps=True),
        Column("parameters", right=True, footer=f"{sum(use.parameter_count for use in uses):,}", wraps=True),
    ]
    return columns, rows
