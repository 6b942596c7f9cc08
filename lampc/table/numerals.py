"""Numbers as people write them: ``1,234.5``, ``1 234,5``, ``12 %``, ``$5``, ``(12)``; recognised strictly, read exactly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from lampc.table.distinct import Distinct
from lampc.table.missing import MISSING, masked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CURRENCIES = (
    "US$", "A$", "C$", "R$", "NZ$", "HK$", "$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₪", "₫", "฿", "kr.", "kr", "zł", "Kč", "Ft",
    "lei", "Rs.", "Rs", "USD", "EUR", "GBP", "JPY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "CNY", "INR", "BRL",
)  # fmt: skip
SEPARATORS = (",", ".", " ", "'", "’", "\u00a0", "\u202f")
"""What stands between thousands."""
_SAMPLE = 200
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
_SIGN = "[+\\-−]?"
_MONEY = "|".join(re.escape(currency) for currency in CURRENCIES)
_ANY = re.compile(rf"\(?{_SIGN}\s*(?P<before>{_MONEY})?\s*{_SIGN}(?P<body>[\d.,'’\s]*\d[\d.,'’\s]*(?:[eE][+-]?\d+)?)"
                  rf"(?P<after>%|{_MONEY})?\)?")  # fmt: skip


@dataclass(frozen=True)
class Written:
    """How a column's numbers are written, beyond digits and what begins their decimals."""

    decimal: str = ""
    """Where it is not the table's own: ``.`` or ``,``."""
    thousands: str = ""
    """What stands between thousands."""
    percent: bool = False
    currency: str = ""
    brackets: bool = False
    """Whether ``(12)`` is -12."""
    gaps: tuple[str, ...] = ()
    """Words of this column that count as missing."""
    loose: bool = False
    """Whether all that is no number counts as missing."""

    def __str__(self) -> str:
        names = {",": "comma", ".": "point", "": ""}
        parts = (names[self.decimal], f"thousands={quote(self.thousands)}" if self.thousands else "",
                 "percent" if self.percent else "", self.currency, "brackets" if self.brackets else "",
                 *(f"gap={quote(gap)}" for gap in self.gaps), "loose" if self.loose else "")  # fmt: skip
        return " ".join(part for part in parts if part)


def written(text: str) -> Written:
    """What ``str(Written)`` says."""
    found = Written()
    for word in text.split():
        key, _, value = word.partition("=")
        match key:
            case "comma" | "point":
                found = replace(found, decimal="," if key == "comma" else ".")
            case "thousands":
                found = replace(found, thousands=unquote(value))
            case "percent":
                found = replace(found, percent=True)
            case "brackets":
                found = replace(found, brackets=True)
            case "loose":
                found = replace(found, loose=True)
            case "gap":
                found = replace(found, gaps=(*found.gaps, unquote(value)))
            case _:
                found = replace(found, currency=word)
    return found


def plain(cells: Any, decimal: str) -> NDArray[np.float64] | None:
    """Cells [n] that are all numbers, with nothing but a sign, digits, decimals and an exponent; None if one is not.

    NaN where a cell is missing.
    """
    import pyarrow.compute as pc

    if decimal == ",":
        if pc.any(pc.match_substring(cells, ".")).as_py():
            return None
        cells = pc.replace_substring(cells, ",", ".")
    looked = [cell for cell in sample(cells) if cell is not None]
    words = [cell for cell in looked if not _PLAIN.fullmatch(cell)]
    if len(words) > len(looked) / 2 and any(word.lower() not in MISSING for word in words):
        return None  # pyarrow takes long to find fault with each of many cells
    found = None if words else _cast(cells)
    return found if found is not None else _cast(masked(cells))


def sample(cells: Any, count: int = 100) -> list[Any]:
    """Some cells from all over a column."""
    import numpy as np

    places = np.linspace(0, len(cells) - 1, min(len(cells), count)).astype(np.int64)
    found: list[Any] = cells.take(np.unique(places)).to_pylist()
    return found


def _cast(cells: Any) -> NDArray[np.float64] | None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        found = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    return np.asarray(found.to_numpy() if isinstance(found, pa.ChunkedArray) else found.to_numpy(False), np.float64)


def form(words: Distinct, decimal: str) -> tuple[Written, NDArray[np.bool_]] | None:
    """How numbers are written among different words, and which of them [d] are; None where there are hardly any."""
    texts = words.words
    looked = sample(texts, _SAMPLE)
    found = [match for word in looked if len(word) < 60 and (match := _ANY.fullmatch(word))]
    if not found or len(found) < len(looked) / 2:
        return None
    best = None
    for candidate in _candidates(found, decimal):
        fits = read_as(texts, candidate, decimal)
        share = int(words.counts[fits].sum())
        if best is None or share > best[0]:
            best = share, candidate, fits
        if share == words.present:
            break
    return best[1:] if best is not None else None


def _candidates(found: Sequence[re.Match[str]], decimal: str) -> Iterator[Written]:
    """Ways in which numbers may be written, the likeliest first."""
    marks = Counter(match["before"] or match["after"] or "" for match in found)
    mark = marks.most_common(1)[0][0]
    base = Written(percent=mark == "%", currency=mark if mark != "%" else "",
                   brackets=any(match[0].startswith("(") for match in found))  # fmt: skip
    bodies = "".join(match["body"].strip() for match in found)
    for point in (decimal, "," if decimal == "." else "."):
        said = replace(base, decimal="" if point == decimal else point)
        yield said
        yield from (replace(said, thousands=mark) for mark in SEPARATORS if mark != point and mark in bodies)


@lru_cache(64)
def pattern(how: Written, decimal: str) -> str:
    """A regular expression of RE2 that a number matches as a whole."""
    point = re.escape(how.decimal or decimal)
    body = rf"(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?)"
    if how.thousands:
        body = rf"[1-9][0-9]{{0,2}}(?:{re.escape(how.thousands)}[0-9]{{3}})+(?:{point}[0-9]*)?|{body}"
    mark = re.escape("%" if how.percent else how.currency)
    if not mark:
        signed, bare = rf"{_SIGN}(?:{body})", rf"(?:{body})"
    else:
        bare = rf"(?:{mark}\s*(?:{body})|(?:{body})\s*{mark})"
        signed = rf"(?:{_SIGN}\s*{mark}\s*(?:{body})|{mark}\s*{_SIGN}(?:{body})|{_SIGN}(?:{body})\s*{mark})"
    return rf"^(?:{signed}|\({bare}\))$" if how.brackets else rf"^(?:{signed})$"


def read_as(texts: Any, how: Written, decimal: str) -> NDArray[np.bool_]:
    """Which words [d] are numbers that are written so."""
    import numpy as np
    import pyarrow.compute as pc

    return np.asarray(pc.match_substring_regex(texts, pattern(how, decimal)).to_numpy(zero_copy_only=False), np.bool_)


def numbers(texts: Any, how: Written, decimal: str) -> NDArray[np.float64]:
    """The numbers that words [d] of that form are."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    negative = pc.starts_with(texts, "(").to_numpy(zero_copy_only=False)
    for mark in (how.currency, "%" if how.percent else "", how.thousands):
        texts = pc.replace_substring(texts, mark, "") if mark else texts
    texts = pc.replace_substring_regex(pc.replace_substring(texts, "−", "-"), r"[\s()+]", "") if len(texts) else texts
    if (how.decimal or decimal) == ",":
        texts = pc.replace_substring(texts, ",", ".")
    values = np.asarray(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    return np.where(negative, -values, values)


def read_loosely(texts: Any, how: Written, decimal: str) -> NDArray[np.bool_]:
    """Which words [d] of a later table are numbers: written so, or without what stands around digits."""
    fits = read_as(texts, how, decimal)
    if not fits.all():
        bare = Written(how.decimal, how.thousands)
        for other in (replace(how, brackets=True), replace(bare, brackets=True), bare):
            fits |= read_as(texts, other, decimal)
    return fits
