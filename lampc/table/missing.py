"""Words that say that a cell is missing."""

from __future__ import annotations

from typing import Any

USUAL = ("", "na", "n/a", "nan", "null", "#n/a", "<na>", "nat")
"""What nobody takes for anything else, in lower case."""
SAID = ("none", "?", "-", "--", "#na", "-nan", "n.a.", "(missing)", "missing", "(null)", "\\n", "0000-00-00",
        "0000-00-00 00:00:00")  # fmt: skip
"""What might be more: where it counts as missing, it is said."""
MISSING = frozenset((*USUAL, *SAID))
_WRITTEN = sorted({form for word in MISSING for form in (word, word.upper(), word.title())} | {"NaN", "NaT", "-NaN", "N/a"})


def masked(cells: Any) -> Any:
    """Cells of strings with null where a word says that one is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gone = pc.is_in(cells, value_set=pa.array(_WRITTEN, cells.type))
    return pc.if_else(gone, pa.scalar(None, cells.type), cells)


def counted_as_missing(words: list[str]) -> str:
    """What is said of words that counted as missing; empty where nobody would take them for anything else."""
    shown = sorted({word for word in words if word.lower() not in USUAL})[:4]
    return f"{', '.join(f'`{word}`' for word in shown)} counts as missing" if shown else ""
