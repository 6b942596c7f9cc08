"""The texts that a cell of a category or of yes/no may be, for exports that know whole texts alone."""

from __future__ import annotations

from collections.abc import Iterable

from lampc.diagnostics import LampError, failure
from lampc.printable import printable
from lampc.table.asked import NUMBER
from lampc.table.missing import MISSING
from lampc.table.schema import Column
from lampc.table.written import word
from lampc.table.yesno import PAIRS, answers

UNSEEN, GAP = -1, -2
"""In place of a word's place: training never saw it; it says that the cell is missing."""
_BITS = ("0", "0.0", "1", "1.0")


def gaps(column: Column) -> tuple[str, ...]:
    """What says, in whatever case, that a cell of a column is missing; in lower case."""
    return tuple(sorted(MISSING - {value.lower() for value in column.values}))


def sides(column: Column) -> dict[str, int]:
    """What says no (0) and yes (1), in whatever case; in lower case."""
    words = list(
        dict.fromkeys((*(value.lower() for value in column.values), *(word for pair in PAIRS for word in pair), *_BITS))
    )
    return {word: int(side) for word, side in zip(words, answers(words, column.values), strict=True) if side is not None}


def exact(column: Column) -> dict[str, int]:
    """Texts as they are written, in the usual cases, to their places: of yes/no 0 and 1; ``GAP`` where a cell is missing."""
    found = dict.fromkeys(forms(gaps(column)), GAP)
    if column.kind == "yesno":
        return {form: side for word, side in sides(column).items() for form in forms([word])} | found
    places = {value: place for place, value in enumerate(column.values)}
    if column.written == NUMBER:
        found |= {f"{value}.0": place for value, place in places.items() if value.lstrip("-").isdigit()}
    return found | places


def forms(words: Iterable[str]) -> list[str]:
    """Words in lower and upper case and with a capital."""
    return list(dict.fromkeys(form for word in words for form in (word, word.upper(), word.capitalize(), word.title())))


def no_text(column: Column, form: str) -> LampError:
    """The mistake that a column is a text (E814)."""
    name = printable(column.name)
    return failure("E814", f"`{name}` is a text, and {form} has nothing that splits texts as lampc does",
                   "`--to torch` writes PyTorch source, which takes texts",
                   f"train without it: `drop=[{word(name)}]`")  # fmt: skip
