"""How a text's table is written, by a look at its first lines: what divides cells, what quotes them, what begins decimals."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from lampc.diagnostics.suggest import nearest
from lampc.diagnostics.unplaced import DataError
from lampc.table.read_dialect import Dialect, cells

_TIERS = (",;\t|", ":", " ")
"""Delimiters that are thought of, those of a later tier only if none of an earlier one cuts all lines alike."""
_SAMPLE = 200
_ALIKE = 0.9
_TITLES = 20
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", " ": "blanks"}
WORDS = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|", "colon": ":", "blank": " ",
         "bar": "|"}  # fmt: skip
"""What may be said for a delimiter; a tab cannot be written in a string."""

NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)*|[.,]\d+)(?:[eE][-+]?\d+)?\s?%?|[-+]?(?:nan|inf)", re.IGNORECASE)
"""A number, whichever way its decimals begin."""
GAPS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "#n/a", "-", "."})
_COMMA = re.compile(r"[-+]?(?:\d*|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][-+]?\d+)?")
_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+")
_DOTTED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")
_POINT = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+|)\.\d*(?:[eE][-+]?\d+)?")


def wanted_delimiter(asked: str) -> str:
    """A delimiter as a person says it.

    Raises:
        DataError: if it is none (E305).
    """
    found = WORDS.get(asked, asked)
    if len(found) != 1 or found in "\"'\r\n\0" or (found.isalnum()):
        near = nearest(asked, [word for word in WORDS if word.isalpha()])
        raise DataError("E305", f'a delimiter is one character that is no letter, not "{asked}"',
                        (f"did you mean `{near}`?" if near else 'such as `delimiter=";"`',
                         "or a word: `tab`, `comma`, `semicolon`, `space`, `pipe`"), "delimiter")  # fmt: skip
    return found


def dialect_of(lines: Sequence[str], delimiter: str | None, likely: str) -> tuple[Dialect, float]:
    """What divides and quotes the cells of some first lines, and how alike it cuts them, from 0 to 1.

    ``delimiter`` is insisted on; ``likely`` is the one of a table of one column.
    """
    sample = lines[:_SAMPLE]
    quote = _quote(sample)
    if delimiter is not None:
        return Dialect(delimiter, quote), _steady(sample, Dialect(delimiter, quote))[0]
    best = (0.0, likely)
    for tier in _TIERS:
        judged = [(*_steady(sample, Dialect(one, quote)), one == likely, one) for one in tier]
        steady, _, _, one = max(judged, key=lambda found: (found[0] >= _ALIKE and round(found[1], 2), found[0], found[2]))
        if steady >= _ALIKE:
            return Dialect(one, quote), steady
        best = max(best, (steady, one), key=lambda found: found[0])
    return Dialect(best[1] if best[0] > 0.5 else likely, quote), best[0]


def title_lines(lines: Sequence[str], delimiter: str | None, likely: str) -> int:
    """How many lines stand above a table: a title, or what an empty line divides from it; 0 where all lines are alike."""
    if dialect_of(lines, delimiter, likely)[1] >= _ALIKE:
        return 0
    empty = [place for place, line in enumerate(lines[:_TITLES]) if not line.strip()]
    for above in sorted({1, *empty}):
        below = lines[above:]
        dialect, steady = dialect_of(below, delimiter, likely)
        rows, titles = cells(below[:_SAMPLE], dialect), cells(lines[:above], dialect)
        width = len(rows[0]) if len(rows) > 2 else 0
        other = all(len(row) != width if above in empty else len(row) == 1 for row in titles)
        if steady >= _ALIKE and width > 2 and other:
            return above + next(place for place, line in enumerate(below) if line.strip())
    return 0


def _quote(lines: Sequence[str]) -> str:
    """``'`` where cells are put in it, and none in ``"``."""
    text = "".join(lines)
    if re.search(r'(?:^|[,;\t|])[ ]*"', text, re.MULTILINE):
        return '"'
    opened = len(re.findall(r"(?:^|[,;\t|])[ ]*'", text, re.MULTILINE))
    whole = len(re.findall(r"(?:^|[,;\t|])[ ]*'[^'\r\n]*'[ ]*(?=[,;\t|\r\n]|$)", text, re.MULTILINE))
    return "'" if opened and opened == whole else '"'


def _steady(lines: Sequence[str], dialect: Dialect) -> tuple[float, float]:
    """How alike a delimiter cuts lines, from 0 to 1, and how many of the cells are numbers then."""
    rows = cells(lines, dialect)
    counts = [len(row) for row in rows]
    if not counts:
        return 0.0, 0.0
    width, often = Counter(counts[1:] or counts).most_common(1)[0]
    if width < 2:
        return 0.0, 0.0
    first = counts[0] == width or (width > 2 and counts[0] == width - 1) or (counts[0] == width + 1 and not rows[0][-1])
    steady = often / len(counts[1:] or counts) - (0.0 if first else 0.5)
    below = [row for row in rows[1:] or rows if len(row) == width]
    numbers = [sum(bool(NUMBER.fullmatch(row[place])) for row in below) / len(below) for place in range(width)]
    if dialect.delimiter == " " and max(numbers) < 0.9:
        return 0.0, 0.0  # words of sentences, perhaps
    return steady, sum(numbers) / width


def decimal_of(rows: Sequence[Sequence[str]]) -> str:
    """What begins decimals: a comma where a column of numbers is written so, and none with a point."""
    comma = False
    for column in zip(*rows, strict=True):
        filled = [cell for cell in column if cell.lower() not in GAPS]
        if not filled or not all(NUMBER.fullmatch(cell) for cell in filled):
            continue
        if any(_POINT.fullmatch(cell) and not _DOTTED.fullmatch(cell) for cell in filled):
            return "."
        comma = comma or any(_COMMA.fullmatch(cell) and not _GROUPS.fullmatch(cell) for cell in filled)
    return "," if comma else "."


def headed(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first line names the columns; None where nothing says so or otherwise.

    Columns whose cells below are numbers, dates or the like tell: a name is no such thing, unless names count (1990, 1991, …).
    """
    if not below:
        return False if first and all(NUMBER.fullmatch(cell) for cell in first) else None
    values = words = again = 0
    for place, cell in enumerate(first):
        others = [row[place] for row in below if place < len(row) and row[place].lower() not in GAPS]
        if others and all(_is_value(other) for other in others):
            values += _is_value(cell)
            words += not _is_value(cell) and cell.lower() not in GAPS
        elif others and cell:
            again += cell in others
    if words:
        return True
    if values:
        return _counting(first) or _beside_names(first, below)
    if again * 2 > len(first):
        return False
    return None


def _beside_names(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether only the first column has no name, as where it names the rows: all its cells are different, and so are names."""
    rows = [row[0] for row in below]
    return not first[0] and all(first[1:]) and len({*first}) == len(first) and "" not in rows and len({*rows}) == len(rows)


def _is_value(cell: str) -> bool:
    """A number, an amount, a share, a date, a time: digits, and no word."""
    return bool(NUMBER.fullmatch(cell) or re.fullmatch(r"[-+$€£(]{0,3}\d[-\d.,:/ TZ+%)€$]*", cell))


def _counting(first: Sequence[str]) -> bool:
    """Whether names count by equal steps: 1990, 1991, 1992; or nothing, 0, 1."""
    whole = [int(cell) for cell in first if re.fullmatch(r"\d{1,9}", cell)]
    steps = {after - before for before, after in itertools.pairwise(whole)}
    if len(whole) < sum(_is_value(cell) for cell in first):
        return False
    if not first[0] and whole == list(range(len(first) - 1)):
        return True  # as pandas writes a table without names
    years = all(1800 <= cell <= 2100 for cell in whole) and max(steps, default=0) <= 10
    return len(whole) >= (2 if years else 3) and len(steps) == 1 and min(steps) > 0
