"""How PyTorch source reads raw cells: a function a kind of column, which stands in a file where a column needs it."""

from __future__ import annotations

from collections.abc import Mapping

NEEDS: Mapping[str, tuple[str, ...]] = {
    "number": ("cells", "values", "measured"),
    "yesno": ("cells", "values", "measured", "word"),
    "category": ("cells", "values", "word"),
    "date": ("cells", "values", "measured", "moment"),
    "text": ("cells",),
}
"""The functions that a kind's own stands on."""

IMPORTS: Mapping[str, tuple[str, ...]] = {"number": ("datetime", "math", "re"), "date": ("datetime", "re"), "text": ("re",)}
"""What they import beside ``difflib``."""

READING: Mapping[str, str] = {
    "cells": '''
def cells(columns, name, known=()):
    """A column's cells, None where one is missing, texts without spaces around them; ``known``: not of MISSING."""
    names = [str(other) for other in getattr(columns, "columns", columns)]
    if name not in names:
        near = difflib.get_close_matches(name.lower(), [other.lower() for other in names], 1)
        meant = [other for other in names if other.lower() in near]
        more = f": did you mean {meant[0]!r}?" if meant else f"; there are {names}"
        raise ValueError(f"there is no column {name!r}{more}")
    if isinstance(columns[name], (str, bytes)):
        raise TypeError(f"column {name!r} is one text, where a list of cells is wanted")
    gone = {*MISSING} - {word.lower() for word in known}
    found = [cell.strip() if isinstance(cell, str) else cell for cell in columns[name]]
    return [None if cell is None or str(cell).lower() in gone else cell for cell in found]
''',
    "values": '''
def values(name, found, read, complete=False):
    """What ``read`` makes of each cell that is not missing; ``complete``: none may be."""
    made, wrong = [], []
    for cell in found:
        try:
            made.append(None if cell is None else read(cell))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            wrong.append(cell)
    if wrong:
        more = f", nor do {len(wrong) - 1} others" if len(wrong) > 1 else ""
        raise ValueError(f"column {name!r}, row {found.index(wrong[0])} (from 0): {wrong[0]!r} does not belong there{more}")
    if complete and None in made:
        raise ValueError(f"column {name!r}, row {made.index(None)} (from 0): the cell is missing")
    return made
''',
    "measured": '''
def measured(rows, fill, mean, deviation, gaps):
    """Numbers [n, slots] of rows of them, filled where one is None, and standardised; ``gaps``: then whether it was missing."""
    x = torch.tensor([fill if row is None else row for row in rows], dtype=torch.float64).reshape(len(rows), len(fill))
    if mean:
        x = (x - torch.tensor(mean, dtype=torch.float64)) / torch.tensor(deviation, dtype=torch.float64)
    gone = torch.tensor([row is None for row in rows], dtype=torch.float64).reshape(len(rows), 1)
    return torch.cat([x, gone], 1) if gaps else x
''',
    "word": '''
def word(cell, numbers=False):
    """A cell as the word that the training saw; ``numbers``: a text of one is a number, and 1.0 is 1."""
    if isinstance(cell, str):
        try:
            return word(float(cell)) if numbers else cell
        except ValueError:
            return cell
    number = None if isinstance(cell, bool) or not hasattr(cell, "__float__") else float(cell)
    if number is None or str(cell) in ("False", "True"):
        return str(cell).lower()
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)
''',
    "moment": '''
def moment(cell, written):
    """Seconds since 1970 of a date, a time, or a text that is written so; in UTC where a zone is said."""
    start = datetime.datetime(1970, 1, 1)
    if isinstance(cell, datetime.datetime):
        return (cell.replace(tzinfo=None) - (cell.utcoffset() or datetime.timedelta()) - start).total_seconds()
    if isinstance(cell, datetime.date):
        return (cell - start.date()).total_seconds()
    if isinstance(cell, datetime.time):
        return (datetime.datetime.combine(start, cell) - start).total_seconds()
    # What NumPy has is a text, too: of the first kind.
    part = re.fullmatch(written if isinstance(cell, str) else ISO, str(cell)).groupdict(default="")
    part = {letter: text for letter, text in part.items() if text}
    year = int(part.get("Y", 1970))
    if "y" in part:
        year = int(part["y"]) + (2000 if int(part["y"]) < 69 else 1900)
    month = MONTHS.index(part["b"][:3].lower()) + 1 if "b" in part else int(part.get("m", 1))
    hour = int(part.get("H", 0))
    if "I" in part:
        hour = int(part["I"]) % 12 + 12 * (part.get("p", "").lower() == "p")
    at = datetime.datetime(year, month, int(part.get("d", 1)), hour, int(part.get("M", 0)), int(part.get("S", 0)))
    if "j" in part:
        at = at.replace(month=1, day=1) + datetime.timedelta(int(part["j"]) - 1)
    zone = part.get("z", "")[1:].replace(":", "").ljust(4, "0")
    ahead = int(zone[:2]) * 3600 + int(zone[2:]) * 60 if zone.isdigit() else 0
    return (at - start).total_seconds() + float("0." + part.get("f", "0")) + (ahead if part.get("z", "")[:1] == "-" else -ahead)
''',
    "number": '''
def number(columns, name, fill, mean=(), deviation=(), gaps=False, complete=False, written=NUMBER, without=(), point=".",
           missing=(), loose=False):
    """Numbers: what is not finite is missing, as are more words or, ``loose``, all that is no number.

    ``without``: what is taken off a text that is ``written`` so; ``point``: what begins its decimals.
    """
    def read(cell):
        if isinstance(cell, datetime.timedelta):
            return [cell.total_seconds()]
        if not isinstance(cell, str):
            return [float(cell)] if math.isfinite(cell) else None
        if not re.fullmatch(written, cell):
            if loose or cell in missing:
                return None
            raise ValueError
        digits = cell
        for mark in without:
            digits = digits.replace(mark, "")
        digits = float(re.sub(r"[\\s()+]", "", digits.replace("−", "-")).replace(point, "."))
        return [-digits if cell.startswith("(") else digits] if math.isfinite(digits) else None

    return measured(values(name, cells(columns, name), read, complete), fill, mean, deviation, gaps)
''',
    "yesno": '''
def yesno(columns, name, words, fill, gaps=False, complete=False):
    """No and yes as 0 and 1: ``words`` that say so, or others for the same."""
    known = {**ANSWERS, words[0].lower(): 0.0, words[1].lower(): 1.0}
    rows = values(name, cells(columns, name, words), lambda cell: [known[word(cell).lower()]], complete)
    return measured(rows, fill, (), (), gaps)
''',
    "category": '''
def category(columns, name, words, shares, rest=False, gaps=False, complete=False, numbers=False):
    """A slot for each word; ``rest``: then one for all others; ``gaps``: then one for what is missing.

    What has no slot is told by the words' shares of the training.
    """
    found = values(name, cells(columns, name, words), lambda cell: word(cell, numbers), complete)
    count = len(words)
    slots = torch.zeros(count + 2, count + rest + gaps, dtype=torch.float64)  # of each word, of others, of what is missing
    slots[:count, :count] = torch.eye(count)
    unseen = [0.0] * count + [1.0] if rest else shares
    slots[count, :count + rest] = torch.tensor(unseen, dtype=torch.float64)
    slots[count + 1] = slots[count]
    if gaps:
        slots[count + 1] = 0.0
        slots[count + 1, -1] = 1.0
    place = {known: i for i, known in enumerate(words)}
    return slots[torch.tensor([count + 1 if cell is None else place.get(cell, count) for cell in found], dtype=torch.int64)]
''',
    "date": '''
def date(columns, name, parts, fill, mean=(), deviation=(), first=0.0, gaps=False, complete=False, written=ISO, missing=()):
    """Parts of dates; ``first``: from when on days count, in seconds since 1970."""
    def read(cell):
        if isinstance(cell, str) and cell in missing:
            return None
        seconds = moment(cell, written)
        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds))
        part = {"year": at.year, "month": at.month, "day": at.day, "weekday": at.weekday(), "hour": at.hour,
                "minute": at.minute, "days": (seconds - first) / 86400}
        return [part[name] for name in parts]

    return measured(values(name, cells(columns, name), read, complete), fill, mean, deviation, gaps)
''',
    "text": '''
def text(columns, name, words, length, characters=False):
    """Whole numbers [n, length] for words, in lower case, or characters: 0 after a text's end, 1 for what is not known."""
    known = {unit: number for number, unit in enumerate(words, 2)}
    rows = []
    for cell in cells(columns, name):
        said = "" if cell is None else str(cell)
        units = list(said) if characters else re.findall(r"\\w+|[^\\w\\s]", said.lower())
        numbers = [known.get(unit, 1) for unit in units[:length]]
        rows.append(numbers + [0] * (length - len(numbers)))
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), length)
''',
}  # fmt: skip
"""Each function's text. They take cells as lists, arrays and frames have them, and read texts as the table was read."""
