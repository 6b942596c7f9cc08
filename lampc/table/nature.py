"""What a column's cells are by themselves, whatever the column is used for: numbers, yes and no, moments, or words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from lampc.table import moments, numerals
from lampc.table.distinct import Distinct, distinct
from lampc.table.missing import MISSING, counted_as_missing
from lampc.table.parsed import Codes, Moments, Numbers, Words
from lampc.table.yesno import answers, said

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOSTLY = 0.9
"""From which share on numbers, or dates, are what a column is meant to hold."""
EXACT = 2.0**53
"""Beyond which float64 does not tell whole numbers apart."""


_CODE = re.compile(r"[A-Za-z]{1,3}[ -]?\d+|\d+[ -]?[A-Za-z]{1,3}")
"""What is no number among whole numbers that are codes: ``136A``."""


@dataclass(frozen=True, eq=False)
class Nature:
    """What cells are."""

    kind: Literal["number", "yesno", "date", "words", "empty", "other"]
    """``other``: lists, structs, bytes, of which nothing is made."""
    numbers: Numbers | Moments | None = None
    """Of numbers, yes/no and dates."""
    words: Distinct | None = None
    """Of text, where it was looked at word by word."""
    written: str = ""
    answers: tuple[str, ...] = ()
    """Of yes/no the words for no and for yes."""
    patterns: tuple[str, ...] = ()
    """Of dates that may be read in several ways, these."""
    odd: NDArray[np.bool_] | None = None
    """Of what is mostly numbers, or dates: which words [d] are none."""
    coded: bool = False
    """Whether whole numbers are written with zeros before them, as codes are."""
    note: str = ""


def nature(cells: Any, decimal: str) -> Nature:
    """What cells are; pyarrow's, of any type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = undictionaried(cells)
    kind = cells.type
    if cells.null_count == len(cells):
        return Nature("empty")
    if is_text(kind):
        return _of_text(cells, decimal)
    if pa.types.is_boolean(kind):
        return Nature("yesno", Numbers(_floats(pc.cast(cells, pa.uint8()))), answers=("false", "true"))
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_interval(kind):
        return Nature("date", Moments(stamped(cells)))
    values = numeric(cells)
    return Nature("other", note=f"holds {kind}") if values is None else _of_numbers(values, "", "")


def undictionaried(cells: Any) -> Any:
    """Cells that are themselves, where they were codes of a dictionary; strings as one of the types that are computed with."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(cells.type):
        cells = pc.cast(cells, cells.type.value_type)
    return pc.cast(cells, pa.large_string()) if str(cells.type) == "string_view" else cells


def is_text(kind: Any) -> bool:
    """Whether a type of pyarrow's is of strings."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def numeric(cells: Any) -> NDArray[np.float64] | None:
    """Cells of a file's own numbers [n], NaN where one is missing; of durations seconds; None if they are no numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if pa.types.is_duration(kind):
        return _floats(pc.cast(pc.cast(cells, pa.int64()), pa.float64(), safe=False)) / _A_SECOND[kind.unit]
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _floats(pc.cast(cells, pa.float64(), safe=False))
    return None


_A_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def stamped(cells: Any) -> NDArray[np.float64]:
    """Cells of a file's own dates and times [n] as seconds since 1970, NaN where one is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if pa.types.is_date(kind):
        days = pa.types.is_date32(kind)
        whole = pc.cast(pc.cast(cells, pa.int32() if days else pa.int64()), pa.float64(), safe=False)
        return _floats(whole) * 86400.0 if days else _floats(whole) / 1e3
    whole = pc.cast(cells, pa.int32() if pa.types.is_time32(kind) else pa.int64())
    return _floats(pc.cast(whole, pa.float64(), safe=False)) / _A_SECOND[kind.unit]


def _floats(cells: Any) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa

    found = cells.to_numpy() if isinstance(cells, pa.ChunkedArray) else cells.to_numpy(zero_copy_only=False)
    return np.asarray(found, np.float64)


def _of_numbers(values: NDArray[np.float64], written: str, note: str, words: Distinct | None = None) -> Nature:
    import numpy as np

    endless = np.isinf(values)
    if endless.any():
        values = np.where(endless, np.nan, values)
        note = "; ".join(filter(None, (note, f"{int(endless.sum()):,} infinite: missing")))
    if np.isnan(values).all():
        return Nature("empty", note=note)
    found = Nature("number", Numbers(values), words, written, note=note)
    if not written and bool(((values == 0) | (values == 1) | np.isnan(values)).all()) and np.nanmin(values) < np.nanmax(values):
        return replace(found, kind="yesno", answers=("0", "1"))
    return found


def _of_text(cells: Any, decimal: str) -> Nature:
    values = numerals.plain(cells, decimal)
    if values is not None and not _coded(cells):
        note = counted_as_missing(_gaps(cells)) if _any_missing(values) else ""
        return _of_numbers(values, "", note)
    words = distinct(cells)
    if words.gaps and any(word.strip() == "-" for word in words.gaps) and words.words.to_pylist()[:2] == ["+"]:
        words = distinct(cells, MISSING - {"-"})  # + and -
    return of_words(words, decimal, coded=values is not None)


def _any_missing(values: NDArray[np.float64]) -> bool:
    import numpy as np

    return bool(np.isnan(values).any())


def _gaps(cells: Any) -> list[str]:
    """The words of cells of plain numbers that count as missing."""
    import pyarrow.compute as pc

    unlike = pc.unique(cells.filter(pc.invert(pc.match_substring_regex(cells, "[0-9]"))))
    return [word for word in unlike.to_pylist() if word]


def _coded(cells: Any) -> bool:
    """Whether numbers are whole and some have zeros before them: ``007``."""
    import pyarrow.compute as pc

    begun = cells.filter(pc.starts_with(cells, "0"))
    longer = begun.filter(pc.invert(pc.match_substring_regex(begun, "^0([.,eE]|$)")))
    if not len(longer):
        return False
    return bool(pc.all(pc.match_substring_regex(distinct(cells).words, "^[0-9]+$")).as_py())


def of_words(words: Distinct, decimal: str, coded: bool = False) -> Nature:
    """What the different words of a column are."""
    note = counted_as_missing(list(words.gaps))
    if not len(words.words):
        return Nature("empty", note=note)
    pair = said(words.words.to_pylist()) if len(words.words) <= 6 else None
    if pair is not None:
        return Nature("yesno", Numbers(_answered(words, pair)), words, answers=pair, note=note)
    if coded:
        return Nature("words", words=words, coded=True, note=note)
    return _numbers(words, decimal, note) or _dates(words, note) or Nature("words", words=words, note=note)


def _answered(words: Distinct, pair: tuple[str, str]) -> NDArray[np.float64]:
    import numpy as np

    return words.spread(np.array(answers(words.words.to_pylist(), pair), np.float64))


def _numbers(words: Distinct, decimal: str, note: str) -> Nature | None:
    found = numerals.form(words, decimal)
    if found is None:
        return None
    how, fits = found
    if words.counts[fits].sum() < MOSTLY * words.present:
        return None
    odd = words.words.filter(~fits).to_pylist()
    if len(odd) == 1 and not any(char.isdigit() for char in odd[0]):  # a word for what is missing
        how, words, fits = replace(how, gaps=(odd[0],)), words.without(~fits), fits[fits]
        note = "; ".join(filter(None, (note, f"`{odd[0]}` counts as missing")))
        odd = []
    if odd and all(map(_CODE.fullmatch, odd)) and str(how) == "" and not _decimals(words.words.filter(fits)):
        note = "; ".join(filter(None, (note, f"codes, such as `{odd[0]}`")))
        return Nature("words", words=words, coded=True, note=note)
    if odd:
        return Nature("number", None, words, str(how), odd=~fits, note=note)
    return _of_numbers(words.spread(numerals.numbers(words.words, how, decimal)), str(how), note, words)


def _decimals(texts: Any) -> bool:
    import pyarrow.compute as pc

    return not pc.all(pc.match_substring_regex(texts, "^[0-9]+$")).as_py()


def _dates(words: Distinct, note: str) -> Nature | None:
    import numpy as np

    found = moments.pattern_of(words)
    if found is None:
        return None
    patterns, seconds = found
    odd = np.isnan(seconds)
    if words.counts[~odd].sum() < MOSTLY * words.present:
        return None
    left = words.words.filter(odd).to_pylist()
    written = patterns[0]
    if len(left) == 1 and not any(char.isdigit() for char in left[0]):
        note = "; ".join(filter(None, (note, f"`{left[0]}` counts as missing")))
        written, left = f"{written} {numerals.Written(gaps=(left[0],))}", []
    if left:
        return Nature("date", None, words, written, odd=odd, note=note)
    several = tuple(patterns) if len(patterns) > 1 else ()
    return Nature("date", Moments(words.spread(seconds)), words, written, patterns=several, note=note)


def canonical(values: NDArray[np.float64]) -> Codes:
    """Numbers as what they name: 1 and 1.0 are one; the words in order of the numbers."""
    import numpy as np

    unlike = np.unique(values[~np.isnan(values)])
    codes = np.where(np.isnan(values), -1, np.searchsorted(unlike, values)).astype(np.int32)
    return Codes(codes, tuple(map(word_of, unlike.tolist())))


def word_of(value: float) -> str:
    """A number as a word: ``1``, ``0.5``."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def coded(words: Distinct, known: tuple[str, ...] = ()) -> Codes:
    """Words as codes; those that are known first, then the others, by letters."""
    import numpy as np

    texts = words.words.to_pylist()
    others = sorted(set(texts) - set(known))
    order = {word: place for place, word in enumerate((*known, *others))}
    places = np.array([*(order[text] for text in texts), -1], np.int32)
    return Codes(places[words.codes], tuple(order))


def raw(cells: Any) -> Words:
    """Cells as they stand, of whatever type; of lists and the like nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = undictionaried(cells)
    if is_text(cells.type):
        return Words(cells)
    try:
        return Words(pc.cast(cells, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return Words(pa.nulls(len(cells), pa.string()))
