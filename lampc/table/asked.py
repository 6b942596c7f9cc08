"""Columns of which a program says what they are: ``column zip category``, ``column when date written="%d/%m/%Y"``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.diagnostics.unplaced import DataError
from lampc.table import moments, numerals
from lampc.table.bad import Bad, BadCells, bad_words
from lampc.table.cells import Table
from lampc.table.distinct import Distinct, distinct
from lampc.table.missing import masked
from lampc.table.nature import Nature, canonical, coded, raw
from lampc.table.parsed import Codes, Moments, Numbers, Values, Words
from lampc.table.schema import Column, Kind
from lampc.table.statement import Override
from lampc.table.text import LENGTH
from lampc.table.written import word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBER = "number"
"""How a category is written whose values are numbers: 1 and 1.0 are one."""


def implied(override: Override) -> Kind | None:
    """The kind that a statement says, or that its options are of; None where it is to be inferred."""
    if override.kind is not None:
        return override.kind
    if override.parts or override.written:
        return "date"
    if override.length or override.unit:
        return "text"
    return "category" if override.embed or override.most else None


def carried(column: Column, override: Override) -> Column:
    """A column with what was said of it."""
    if column.kind == "text":
        column = replace(column, length=override.length or LENGTH, unit=override.unit or "word")
    return replace(column, policy=override.missing, embed=override.embed, most=override.most, parts=override.parts)


def as_asked(name: str, cells: Any, found: Nature, override: Override, table: Table) -> tuple[Column, Values]:
    """A column of the kind that is asked for.

    Raises:
        DataError: if its cells are not of it.
    """
    match implied(override):
        case "number":
            return _number(name, found, table)
        case "yesno":
            return _yesno(name, found)
        case "category":
            return _category(name, cells, found)
        case "date":
            return _date(name, cells, found, override, table)
        case "text":
            words = raw(cells).cells
            return Column(name, "text", found.note), Words(masked(words))
        case "id":
            return Column(name, "id", found.note), raw(cells)
        case _:
            return Column(name, "out", found.note), raw(cells)


def odd_words(name: str, found: Nature) -> Bad:
    """The bad cells of what is mostly numbers, or dates."""
    assert found.words is not None and found.odd is not None
    return bad_words(
        name, found.words, found.odd, "a number" if found.kind == "number" else f"a date ({moments.example(found.written)})"
    )


def _number(name: str, found: Nature, table: Table) -> tuple[Column, Values]:
    import numpy as np

    if isinstance(found.numbers, Numbers):
        written = "" if found.kind == "yesno" else found.written
        if found.kind == "number" or found.answers == ("0", "1"):
            return Column(name, "number", found.note, written), found.numbers
    if found.kind == "empty":
        return Column(name, "number", "all missing"), Numbers(np.full(table.rows, np.nan))
    words = found.words
    read = numerals.form(words, table.form.decimal) if words is not None else None
    if words is None or read is None or not read[1].any():
        raise _unlike(name, "a number", _shown(found))
    how, fits = read
    count = int(words.counts[~fits].sum())
    left = words.without(~fits)
    how = replace(how, loose=bool(count))
    note = f"{count:,} that {'is no number' if count == 1 else 'are no numbers'}: missing" if count else ""
    values = left.spread(numerals.numbers(left.words, how, table.form.decimal))
    return Column(name, "number", "; ".join(filter(None, (found.note, note))), str(how)), Numbers(values)


def _yesno(name: str, found: Nature) -> tuple[Column, Values]:
    import numpy as np

    if found.kind == "yesno" and isinstance(found.numbers, Numbers):
        return Column(name, "yesno", found.note, values=found.answers), found.numbers
    codes = canonical(found.numbers.values) if isinstance(found.numbers, Numbers) else None
    if codes is None and found.words is not None:
        codes = coded(found.words)
    if codes is None or len(codes.words) != 2:
        raise _unlike(name, "yes or no", f"{len(codes.words):,} different values" if codes is not None else _shown(found))
    values = np.where(codes.codes < 0, np.nan, codes.codes.astype(np.float64))
    note = f"`{codes.words[1]}` is yes"
    return Column(name, "yesno", "; ".join(filter(None, (found.note, note))), values=codes.words), Numbers(values)


def _category(name: str, cells: Any, found: Nature) -> tuple[Column, Values]:
    if found.kind == "number" and isinstance(found.numbers, Numbers) and not found.written:
        return Column(name, "category", found.note, NUMBER), canonical(found.numbers.values)
    if found.answers and found.words is None:
        assert isinstance(found.numbers, Numbers)
        return Column(name, "category", found.note, NUMBER if found.answers[0] == "0" else ""), answer_codes(found)
    words = found.words if found.words is not None else distinct(raw(cells).cells)
    return Column(name, "category", found.note), coded(words)


def answer_codes(found: Nature) -> Codes:
    """Yes and no as classes of their words."""
    import numpy as np

    assert isinstance(found.numbers, Numbers)
    values = found.numbers.values
    return Codes(np.where(np.isnan(values), -1.0, values).astype(np.int32), found.answers)


def _date(name: str, cells: Any, found: Nature, override: Override, table: Table) -> tuple[Column, Values]:
    import numpy as np

    if found.kind == "empty":
        return Column(name, "date", "all missing", moments.ISO), Moments(np.full(table.rows, np.nan))
    if found.kind == "date" and found.words is None and isinstance(found.numbers, Moments):  # the file's own
        return Column(name, "date", found.note, moments.ISO), found.numbers
    if not override.written:
        if found.odd is not None and found.kind == "date":
            raise BadCells(table, [odd_words(name, found)])
        if found.patterns:
            lines = [f'column {word(name)} date written="{pattern}"' for pattern in found.patterns[:2]]
            raise DataError("E602", f"{table.name}, column `{name}`: day and month may be either",
                            tuple(f"say which: `{line}`" for line in lines), "written")  # fmt: skip
        if isinstance(found.numbers, Moments):
            return Column(name, "date", found.note, found.written), found.numbers
        raise _unlike(name, "a date", _shown(found), "say how its dates are written: "
                      f'`column {word(name)} date written="%d/%m/%Y"`')  # fmt: skip
    words = found.words if found.words is not None else distinct(raw(cells).cells)
    return Column(name, "date", found.note, override.written), Moments(_moments(name, words, override.written, table))


def _moments(name: str, words: Distinct, pattern: str, table: Table) -> NDArray[np.float64]:
    import numpy as np

    try:
        seconds = moments.seconds(words.words, pattern)
    except moments.NoPattern as error:
        raise DataError("E305", str(error), (f'such as `column {word(name)} date written="%d/%m/%Y"`',), "written") from None
    odd = np.isnan(seconds)
    if odd.any():
        raise BadCells(table, [bad_words(name, words, odd, f"a date ({moments.example(pattern)})")], "written")
    return words.spread(seconds)


def _unlike(name: str, wanted: str, holds: str, *fixes: str) -> DataError:
    line = f"let it be inferred: `column {word(name)}` without a kind, or `drop=[{word(name)}]`"
    return DataError("E602", f"column `{name}` is not {wanted}: it holds {holds}", (*fixes, line), "kind")


def _shown(found: Nature) -> str:
    if found.words is None:
        return {"date": "dates", "number": "numbers"}.get(found.kind, found.note.removeprefix("holds ") or found.kind)
    return ", ".join(f"`{word[:30]}`" for word in found.words.words[:3].to_pylist())
