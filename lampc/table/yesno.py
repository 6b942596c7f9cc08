"""Words that say yes and no."""

from __future__ import annotations

from collections.abc import Sequence

PAIRS = (
    ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("nein", "ja"), ("non", "oui"), ("no", "si"), ("no", "sí"),
    ("nej", "ja"), ("nee", "ja"), ("não", "sim"), ("нет", "да"), ("off", "on"), ("-", "+"),
)  # fmt: skip
"""In lower case."""
_NO = {no: 0.0 for no, _ in PAIRS} | {"0": 0.0, "0.0": 0.0}
_YES = {yes: 1.0 for _, yes in PAIRS} | {"1": 1.0, "1.0": 1.0}


def said(words: Sequence[str]) -> tuple[str, str] | None:
    """The word for no and the word for yes, as they are written, if words are these two, in any case; else None."""
    lower = {word.lower(): word for word in reversed(words)}
    if len(lower) == 2:
        for no, yes in PAIRS:
            if no in lower and yes in lower:
                return lower[no], lower[yes]
    return None


def answers(words: Sequence[str], values: Sequence[str]) -> list[float | None]:
    """0 or 1 for each word: as the words for no and for yes, or as others for the same; None for what says neither."""
    own = {value.lower(): float(place) for place, value in enumerate(values)}
    known = _NO | _YES | own
    return [known.get(word.lower()) for word in words]
