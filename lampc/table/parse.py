"""A later table's cells as what a schema says that they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lampc.diagnostics.suggest import nearest
from lampc.diagnostics.unplaced import DataError
from lampc.table import moments, numerals
from lampc.table.asked import NUMBER
from lampc.table.bad import Bad, BadCells, bad_words
from lampc.table.cells import Table
from lampc.table.distinct import Distinct, distinct
from lampc.table.missing import MISSING, masked
from lampc.table.nature import coded, is_text, numeric, raw, stamped, undictionaried, word_of
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values, Words
from lampc.table.schema import Column, Target
from lampc.table.yesno import answers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def whole(table: Table, columns: Iterable[Column | Target]) -> Parsed:
    """Some columns of a table, all of which it has.

    Raises:
        DataError: E602 for cells that are not of their column's kind, all in one message; E604 for a class that is not known.
    """
    found: dict[str, Values] = {}
    bad: list[Bad] = []
    for column in columns:
        try:
            found[column.name] = parse(table.columns[column.name], column, table)
        except BadCells as error:
            bad += error.bad
    if bad:
        raise BadCells(table, bad, later=True)
    return Parsed(found, table.rows)


def parse(cells: Any, column: Column | Target, table: Table) -> Values:
    """A column's values.

    A category that training never saw is a word like others: the codes' words are those of this table.

    Raises:
        DataError: E602 if a cell is not of the column's kind; E604 for a class that is not known.
    """
    cells = undictionaried(cells)
    match column.kind:
        case "number":
            return Numbers(_numbers(cells, column, table))
        case "yesno":
            return Numbers(_answers(cells, column, table))
        case "date":
            return Moments(_moments(cells, column, table))
        case "category":
            return _words(cells, column, table.form.decimal)
        case "class":
            return _classes(cells, column, table)
        case "text":
            return Words(masked(raw(cells).cells))
        case _:
            return raw(cells)


def _numbers(cells: Any, column: Column | Target, table: Table) -> NDArray[np.float64]:
    import numpy as np

    if not is_text(cells.type):
        values = _own_numbers(cells)
        if values is not None:
            return np.where(np.isinf(values), np.nan, values)
        cells = raw(cells).cells
    how = numerals.written(column.written)
    if str(how) in ("", "loose"):
        values = numerals.plain(cells, table.form.decimal)
        if values is not None:
            return np.where(np.isinf(values), np.nan, values)
    words = distinct(cells)
    gone = np.isin(_texts(words), how.gaps)
    words = words.without(gone) if gone.any() else words
    fits = numerals.read_loosely(words.words, how, table.form.decimal)
    if not fits.all() and not how.loose:
        raise BadCells(table, [bad_words(column.name, words, ~fits, "a number")], later=True)
    words = words if fits.all() else words.without(~fits)
    values = words.spread(numerals.numbers(words.words, how, table.form.decimal))
    return np.where(np.isinf(values), np.nan, values)


def _own_numbers(cells: Any) -> NDArray[np.float64] | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(cells.type):
        cells = pc.cast(cells, pa.uint8())
    return numeric(pc.cast(cells, pa.float64()) if pa.types.is_null(cells.type) else cells)


def _texts(words: Distinct) -> NDArray[Any]:
    import numpy as np

    return np.array(words.words.to_pylist(), dtype=object)


def _answers(cells: Any, column: Column | Target, table: Table) -> NDArray[np.float64]:
    import numpy as np

    words = distinct(raw(cells).cells, _missing_beside(column.values))
    values = np.array(answers(words.words.to_pylist(), column.values), np.float64)
    odd = np.isnan(values)
    if odd.any():
        raise BadCells(table, [bad_words(column.name, words, odd, f"`{column.values[1]}` or `{column.values[0]}`")], later=True)
    return words.spread(values)


def _missing_beside(values: Iterable[str]) -> frozenset[str]:
    """Words that say that a cell is missing, but those that are values."""
    return MISSING - {value.lower() for value in values}


def _moments(cells: Any, column: Column | Target, table: Table) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_temporal(cells.type):
        return stamped(cells)
    pattern, gap, _ = column.written.partition(" gap=")
    words = distinct(raw(cells).cells)
    gone = np.isin(_texts(words), numerals.written(f"gap={_}").gaps) if gap else np.zeros(0, bool)
    words = words.without(gone) if gone.any() else words
    seconds = moments.seconds(words.words, pattern or moments.ISO)
    odd = np.isnan(seconds)
    if odd.any():
        raise BadCells(table, [bad_words(column.name, words, odd, f"a date ({moments.example(pattern)})")], later=True)
    return words.spread(seconds)


def _words(cells: Any, column: Column | Target, decimal: str) -> Codes:
    """Categories: their words, those of the schema first."""
    words = distinct(raw(cells).cells, _missing_beside(column.values))
    return coded(_named_by_number(words, decimal) if column.written == NUMBER else words, column.values)


def _named_by_number(words: Distinct, decimal: str) -> Distinct:
    """Words that are numbers as the words that ``canonical`` gives them."""
    import numpy as np
    import pyarrow as pa

    places: dict[str, int] = {}
    renamed = [places.setdefault(_named(text, decimal), len(places)) for text in words.words.to_pylist()]
    return Distinct(pa.array(list(places), pa.string()), np.array([*renamed, -1], np.int32)[words.codes], words.gaps)


def _named(text: str, decimal: str) -> str:
    try:
        return text if "_" in text else word_of(float(text.replace(decimal, ".")))
    except (ValueError, OverflowError):
        return text


def _classes(cells: Any, column: Column | Target, table: Table) -> Codes:
    import numpy as np

    found = _words(cells, column, table.form.decimal)
    others = found.words[len(column.values) :]
    if not others:
        return Codes(found.codes, column.values)
    first = int(np.argmax(found.codes >= len(column.values)))
    word = found.words[int(found.codes[first])]
    near = nearest(word, column.values)
    fix = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{value}`' for value in column.values[:20])}"
    more = f" (nor {'is' if len(others) == 2 else 'are'} {len(others) - 1:,} more)" if len(others) > 1 else ""
    where = f"{table.name}, {table.place(first)}, column `{column.name}`"
    raise DataError("E604", f"{where}: `{word}` is no class that was trained on{more}", (fix,))
