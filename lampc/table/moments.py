"""Dates and times as people write them, by patterns as in ``strftime``; the order of day and month is known or it is not."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from lampc.table.distinct import Distinct
from lampc.table.numerals import sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ISO = "iso"
"""``2020-01-31``, with a time, a fraction and an offset or without, as ISO 8601 has it; moments with an offset come to UTC."""
_ISO = (
    r"(?P<Y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"
    r"(?:(?:T|\s+)(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?\s*(?P<z>Z|z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = "January|February|March|April|May|June|July|August|September|October|November|December"
_MONTH = rf"{_LONG}|Sept|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DAY = "(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?"
FIELDS = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "b": rf"(?P<b>{_MONTH})",
    "B": rf"(?P<b>{_MONTH})", "H": r"(?P<H>\d{1,2})", "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{2})", "S": r"(?P<S>\d{2})",
    "f": r"(?P<f>\d{1,9})", "p": r"(?P<p>[AaPp])\.?[Mm]\.?", "a": _DAY, "A": _DAY, "j": r"(?P<j>\d{1,3})",
    "z": r"(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})", "%": "%",
}  # fmt: skip
"""What a letter after ``%`` stands for."""
_DATES = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y",
          "%m/%d/%y", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d. %b %Y", "%a, %d %b %Y", "%a %b %d %Y",
          "%Y-%b-%d")  # fmt: skip
_MONTHLY = ("%b %Y", "%b-%Y", "%Y-%m", "%Y/%m", "%m/%Y")
_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S %z")
PATTERNS = (
    ISO,
    *_DATES,
    *(f"{date}{gap}{time}" for date in _DATES for gap in (" ", "T") for time in _TIMES),
    *_MONTHLY,
    *_TIMES[:5],
)
_LOOKED = 20


class NoPattern(ValueError):
    """A pattern that says nothing of dates; its text says why."""


@cache
def expression(pattern: str) -> str:
    """The regular expression, of RE2 and of Python, that a pattern is.

    Raises:
        NoPattern: if it has no year and no time, a letter that is not known, or one twice.
    """
    if pattern == ISO:
        return rf"^{_ISO}$"
    pieces, letters = [], []
    for letter, space, other in re.findall(r"%(.?)|(\s+)|([^%\s]+)", pattern):
        if space or other:
            pieces.append(r"\s+" if space else re.escape(other))
            continue
        if letter not in FIELDS:
            raise NoPattern(f"`%{letter}` is not known; there are {' '.join(f'%{known}' for known in FIELDS)}")
        letters.append(letter.lower() if letter == "B" else letter)
        pieces.append(FIELDS[letter])
    named = [letter for letter in letters if f"(?P<{letter}>" in FIELDS.get(letter, "")]
    if len(set(named)) < len(named):
        raise NoPattern(f'"{pattern}" has one letter twice')
    if not {"Y", "y", "H", "I"} & set(named):
        raise NoPattern(f'"{pattern}" has no year: `%Y` is one')
    return rf"(?i)^{''.join(pieces).replace(chr(92) + 's+(?P<p>', chr(92) + 's*(?P<p>')}$"


def pattern_of(words: Distinct) -> tuple[list[str], NDArray[np.float64]] | None:
    """The pattern that most words have, and their moments [d], seconds since 1970; None where few have any.

    A word that has it not is NaN. Several patterns that all words have, and that differ in a moment, are all given: day and
    month may be either.
    """
    import numpy as np

    texts = words.words
    looked = sample(texts, _LOOKED)
    if sum(any(char.isdigit() for char in word) and 4 <= len(word) <= 45 for word in looked) < len(looked) / 2:
        return None
    if all(re.match(expression(ISO), word) for word in looked):
        possible = [ISO]
    else:
        possible = [pattern for pattern in PATTERNS if pattern == ISO or any(_could_be(word, pattern) for word in looked[:5])]
    likely = [(sum(bool(re.match(expression(pattern), word)) for word in looked), pattern) for pattern in possible]
    likely = [(count, pattern) for count, pattern in likely if count >= len(looked) / 2]
    found = [(pattern, seconds(texts, pattern)) for _, pattern in likely]
    if not found:
        return None
    share = [int(words.counts[~np.isnan(values)].sum()) for _, values in found]
    best = [each for each, count in zip(found, share, strict=True) if count == max(share)]
    unlike = [best[0], *(each for each in best[1:] if not np.array_equal(each[1], best[0][1], equal_nan=True))]
    return [pattern for pattern, _ in unlike], best[0][1]


def example(pattern: str) -> str:
    """A pattern as it is shown to somebody whose cell has another."""
    return "2020-01-31" if pattern == ISO else pattern


def _could_be(word: str, pattern: str) -> bool:
    """Whether a word has a pattern's marks, and letters where it has some; what has not is seen without an expression."""
    marks, letters, perhaps = _signs(pattern)
    return all(mark in word for mark in marks) and (perhaps or letters == any(map(str.isalpha, word)))


@cache
def _signs(pattern: str) -> tuple[str, bool, bool]:
    """The marks of a pattern; whether what it writes has letters, or may have some."""
    return re.sub(r"%.|[\sT]", "", pattern), bool(re.search("%[abBp]|T", pattern)), "%z" in pattern


def seconds(texts: Any, pattern: str) -> NDArray[np.float64]:
    """Moments [d] of words, seconds since 1970, NaN where a word is not of that pattern or no day of the calendar."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pattern == ISO and len(texts) > _LOOKED:
        try:  # several times as fast, and strict
            return np.asarray(pc.cast(pc.cast(texts, pa.timestamp("us")), pa.int64()).to_numpy(False), np.float64) / 1e6
        except pa.ArrowInvalid:
            pass
    found = pc.extract_regex(texts, expression(pattern))
    fields = {found.type.field(place).name: found.field(place) for place in range(found.type.num_fields)}
    matched = found.is_valid().to_numpy(zero_copy_only=False)
    return np.where(matched, _joined(fields, len(texts)), np.nan)


def _joined(fields: dict[str, Any], count: int) -> NDArray[np.float64]:
    """Moments from a pattern's fields, NaN where they are no day or no time."""
    import numpy as np

    year = _whole(fields, "Y", count, 1970)
    if "y" in fields:
        short = _whole(fields, "y", count, 70)
        year = np.where(short < 69, short + 2000, short + 1900)  # as POSIX has it
    month = _month(fields["b"]) if "b" in fields else _whole(fields, "m", count, 1)
    day = _whole(fields, "d", count, 1)
    hour, minute, second = (_whole(fields, letter, count, 0) for letter in "HMS")
    good = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    if "I" in fields:
        clock = _whole(fields, "I", count, 12)
        afternoon = np.isin(_texts(fields["p"]), ("p", "P")) if "p" in fields else np.zeros(count, bool)
        good &= (clock >= 1) & (clock <= 12)
        hour = clock % 12 + 12 * afternoon
    months = (np.where(good, year - 1970, 0) * 12 + np.where(good, month - 1, 0)).astype("datetime64[M]")
    first, after = (value.astype("datetime64[D]").astype(np.int64) for value in (months, months + 1))
    good &= day <= after - first
    days = first + day - 1
    if "j" in fields:
        ordinal = _whole(fields, "j", count, 1)
        days = months.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) + ordinal - 1
        good &= (ordinal >= 1) & (ordinal <= 366)
    found = days * 86400.0 + hour * 3600.0 + minute * 60.0 + second + _fraction(fields, count) - _offset(fields, count)
    return np.where(good, found, np.nan)


def _texts(field: Any) -> NDArray[Any]:
    import numpy as np

    return np.asarray(field.fill_null("").to_pylist(), dtype=object)


def _whole(fields: dict[str, Any], letter: str, count: int, default: int) -> NDArray[np.int64]:
    """A field's whole numbers [d]; a default where there is none."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if letter not in fields:
        return np.full(count, default, np.int64)
    field = fields[letter]
    empty = pc.equal(field, "")  # a part of the expression that is left out
    cells = pc.if_else(pc.fill_null(empty, True), pa.scalar(None, field.type), field)
    return np.asarray(pc.cast(cells, pa.int64()).fill_null(default).to_numpy(zero_copy_only=False), np.int64)


def _month(field: Any) -> NDArray[np.int64]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    begun = pc.utf8_slice_codeunits(pc.utf8_lower(field.fill_null("jan")), 0, 3)
    places = pc.index_in(begun, value_set=pa.array(MONTHS, begun.type)).fill_null(-1)
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64) + 1


def _fraction(fields: dict[str, Any], count: int) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if "f" not in fields:
        return np.zeros(count)
    digits = pc.binary_join_element_wise("0.", fields["f"].fill_null("0"), pa.scalar("", fields["f"].type))
    return np.asarray(pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _offset(fields: dict[str, Any], count: int) -> NDArray[np.float64]:
    """Seconds that clocks are ahead of UTC."""
    import numpy as np
    import pyarrow.compute as pc

    if "z" not in fields:
        return np.zeros(count)
    words = pc.dictionary_encode(fields["z"].fill_null(""))
    ahead = np.array([_ahead(word) for word in words.dictionary.to_pylist()] or [0.0])
    return np.asarray(ahead[words.indices.to_numpy()], np.float64)


def _ahead(word: str) -> float:
    digits = word[1:].replace(":", "")
    if not digits.isdigit():
        return 0.0
    ahead = int(digits[:2]) * 3600.0 + int(digits[2:] or 0) * 60.0
    return -ahead if word[0] == "-" else ahead
