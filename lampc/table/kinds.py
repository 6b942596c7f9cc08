"""What each column of a table is: its kind, as one would say on looking at all its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.diagnostics.suggest import nearest
from lampc.diagnostics.unplaced import DataError
from lampc.table.asked import as_asked, carried, implied, odd_words
from lampc.table.bad import Bad, BadCells, gaps
from lampc.table.cells import Table
from lampc.table.nature import EXACT, Nature, canonical, coded, nature, raw
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values
from lampc.table.schema import Column, Target
from lampc.table.statement import Override
from lampc.table.written import word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.table.distinct import Distinct

FEW = 20
"""Different words that are few enough to be categories in any case."""
_LARGE = 1_000_000
"""Cells beyond which columns are looked at side by side: what reads them waits for no other."""
_THREADS = 4
_LONG = 30
_SORTED = 10
"""Rows from which on growing is no chance."""
_COUNTS, _GROWS = "counts the rows", "grows from row to row"
_NAMES_ROWS = re.compile(
    r"|(?i:unnamed:? ?0|index|idx|row[ _.]?(num(ber)?|names?|id)?|obs(ervation)?|(.*[ _.-])?ids?|.*[ug]uid)|.*[a-z]I[dD]"
)
_NAMES_TIME = re.compile(r"(?i).*(year|date|time|day|month|week|hour|age).*|t|yr")


def understand(
    table: Table, overrides: Mapping[str, Override], targets: Sequence[str], classes: bool, other: Sequence[str]
) -> tuple[tuple[Column, ...], tuple[Target, ...], Parsed]:
    """The columns, unfitted, the targets, and all values.

    Raises:
        DataError: E602 for cells that are not what their column mostly is, all of a table in one message; E601 for a name that
            no column has.
    """
    for name in (*targets, *other):
        _see(name, table, "target" if name in targets else None)

    def one(item: tuple[int, tuple[str, Any]]) -> tuple[Column | Target | None, Values | None, Sequence[Bad]]:
        place, (name, cells) = item
        try:
            if name in targets:
                return *_target(name, cells, overrides.get(name), classes, table), ()
            if name in other:
                return None, _by_nature(name, cells, table), ()
            return *_column(name, cells, overrides.get(name), table, place), ()
        except BadCells as error:
            return None, None, error.bad

    with ThreadPoolExecutor(_THREADS if table.rows * len(table.columns) > _LARGE else 1) as pool:
        found = list(pool.map(one, enumerate(table.columns.items())))
    bad = [mistake for _, _, mistakes in found for mistake in mistakes]
    if bad:
        raise BadCells(table, bad)
    parsed = {name: values for name, (_, values, _) in zip(table.columns, found, strict=True) if values is not None}
    columns = [column for column, _, _ in found if isinstance(column, Column)]
    learnt = [target for target, _, _ in found if isinstance(target, Target)]
    _keep_one(columns, parsed, table)
    return tuple(columns), tuple(sorted(learnt, key=lambda target: targets.index(target.name))), Parsed(parsed, table.rows)


def _see(name: str, table: Table, option: str | None) -> None:
    if name not in table.columns:
        near = nearest(name, table.columns)
        fix = f"did you mean `{near}`?" if near else f"there are {', '.join(list(table.columns)[:20])}"
        raise DataError("E601", f"{table.name} has no column `{name}`", (fix,), option)


def _column(name: str, cells: Any, override: Override | None, table: Table, place: int) -> tuple[Column, Values]:
    override = override or Override(name)
    found = nature(cells, table.form.decimal)
    if implied(override) is not None:
        column, values = as_asked(name, cells, found, override, table)
    else:
        column, values = _inferred(name, cells, found, table, place)
    column = carried(column, override)
    if column.policy == "refuse" and column.taken and values.missing.any():
        raise BadCells(table, [gaps(name, values.missing)])
    return column, values


def _inferred(name: str, cells: Any, found: Nature, table: Table, place: int) -> tuple[Column, Values]:
    """A column of which nothing was said."""
    match found.kind:
        case "empty":
            return Column(name, "out", _joined("all missing", found.note)), raw(cells)
        case "other":
            return Column(name, "out", found.note), raw(cells)
        case "yesno":
            assert isinstance(found.numbers, Numbers)
            return Column(name, "yesno", found.note, values=found.answers), found.numbers
        case "number" | "date" if found.odd is not None and found.words is not None:
            if _few(found.words):
                return Column(name, "category", _joined("numbers and words", found.note)), coded(found.words)
            raise BadCells(table, [odd_words(name, found)])
        case "number":
            return _number(name, cells, found, place, unnamed=place == 0 and name == "column1" and table.form.header)
        case "date":
            return _date(name, cells, found)
        case _:
            assert found.words is not None
            return _words(name, cells, found, found.words)


def _few(words: Distinct) -> bool:
    """Whether words are so few that each is a category, though most are numbers."""
    return len(words.words) <= min(FEW, words.present / 3)


def _number(name: str, cells: Any, found: Nature, place: int, unnamed: bool) -> tuple[Column, Values]:
    import numpy as np

    assert isinstance(found.numbers, Numbers)
    values = found.numbers.values
    gaps = bool(found.numbers.missing.any())
    if not gaps and len(values) > 1 and bool((values == values[0]).all()) and not _large_ids(values, cells):
        return Column(name, "out", _joined(f"{values[0]:.6g} everywhere", found.note)), found.numbers
    if not gaps and not found.written and len(values) > 2 and bool((values == np.floor(values)).all()):
        reason = _counts("" if unnamed else name, values, cells, place)
        if reason:
            return Column(name, "id", _joined(reason, found.note)), raw(cells)
    return Column(name, "number", found.note, found.written), found.numbers


def _large_ids(values: NDArray[np.float64], cells: Any) -> bool:
    return abs(values[0]) >= EXACT and _exact(cells) is not None


def _exact(cells: Any) -> NDArray[np.int64] | None:
    """Whole numbers as they are written, beyond what float64 tells apart; None where they are more than 64 bits hold."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return np.asarray(pc.cast(cells, pa.int64()).to_numpy(), np.int64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _counts(name: str, values: NDArray[np.float64], cells: Any, place: int) -> str:
    """Why whole numbers name rows; empty if they do not."""
    import numpy as np

    large = bool((np.abs(values) >= EXACT).any())
    exact: NDArray[Any] | None = _exact(cells) if large else values
    if exact is None:
        return ""
    steps = exact[1:] > exact[:-1]
    consecutive = bool((exact[1:] - exact[:-1] == 1).all())
    first = place == 0 and len(exact) >= _SORTED
    if bool(steps.all()) and not _NAMES_TIME.fullmatch(name) and (consecutive or first or _NAMES_ROWS.fullmatch(name)):
        return _COUNTS if consecutive else _GROWS
    if (_NAMES_ROWS.fullmatch(name) or large) and len(np.unique(exact)) == len(exact):
        return "names the rows: all different"
    return ""


def _date(name: str, cells: Any, found: Nature) -> tuple[Column, Values]:
    assert isinstance(found.numbers, Moments)
    seconds = found.numbers.seconds
    if found.patterns and found.words is not None:
        line = " or ".join(f'`column {word(name)} date written="{pattern}"`' for pattern in found.patterns[:2])
        note = _joined(f"day and month may be either: say {line}", found.note)
        if len(found.words.words) <= FEW:
            return Column(name, "category", note), coded(found.words)
        return Column(name, "out", note), raw(cells)
    if not found.numbers.missing.any() and len(seconds) > 1 and bool((seconds == seconds[0]).all()):
        return Column(name, "out", _joined("the same everywhere", found.note)), found.numbers
    return Column(name, "date", found.note, found.written), found.numbers


def _words(name: str, cells: Any, found: Nature, words: Distinct) -> tuple[Column, Values]:
    import pyarrow.compute as pc

    unlike, present = len(words.words), words.present
    if unlike == 1 and present == len(words.codes) > 1:
        return Column(name, "out", _joined(f"`{words.words[0].as_py()[:40]}` everywhere", found.note)), raw(cells)
    long = float(pc.mean(pc.utf8_length(words.words)).as_py())
    wordy = long > _LONG or float(pc.mean(pc.count_substring(words.words, " ")).as_py()) >= 3
    if wordy and unlike > max(present / 2, FEW if unlike < present else 2):
        note = f"text, {_alike(unlike, present)}; `column {word(name)} text` makes it words"
        return Column(name, "out", _joined(note, found.note)), raw(cells)
    if unlike == present > 2 and (unlike > FEW or not found.coded):
        return Column(name, "id", _joined("all different", found.note)), raw(cells)
    if unlike > max(present / 2, FEW):
        note = f"{_alike(unlike, present)}; `column {word(name)} category` keeps the commonest"
        return Column(name, "out", _joined(note, found.note)), raw(cells)
    return Column(name, "category", found.note), coded(words)


def _alike(unlike: int, present: int) -> str:
    return "all different" if unlike == present else f"{unlike:,} of {present:,} different"


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _keep_one(columns: list[Column], parsed: dict[str, Values], table: Table) -> None:
    """Where nothing would be left to learn from, columns that merely grow are numbers after all."""
    if any(column.taken for column in columns):
        return
    for place, column in enumerate(columns):
        if column.kind == "id" and column.note.startswith((_COUNTS, _GROWS)) and not _NAMES_ROWS.fullmatch(column.name):
            found = nature(table.columns[column.name], table.form.decimal)
            assert isinstance(found.numbers, Numbers)
            columns[place] = replace(column, kind="number", note=f"{column.note}, but nothing else is there to learn from")
            parsed[column.name] = found.numbers


def _by_nature(name: str, cells: Any, table: Table) -> Values:
    """A column that is used otherwise: numbers and moments as such, all else as codes."""
    import numpy as np

    found = nature(cells, table.form.decimal)
    if found.odd is not None:
        raise BadCells(table, [odd_words(name, found)])
    if isinstance(found.numbers, Numbers) and found.kind == "number":
        exact = _exact(cells) if bool((np.abs(found.numbers.values) >= EXACT).any()) else None
        return found.numbers if exact is None else _exact_codes(exact)
    if isinstance(found.numbers, Moments) and not found.patterns:
        return found.numbers
    if found.words is not None:
        return coded(found.words)
    if isinstance(found.numbers, Numbers):
        return found.numbers
    return raw(cells)


def _exact_codes(values: NDArray[np.int64]) -> Codes:
    import numpy as np

    unlike, codes = np.unique(values, return_inverse=True)
    return Codes(codes.astype(np.int32), tuple(map(str, unlike.tolist())))


def _target(name: str, cells: Any, override: Override | None, classes: bool, table: Table) -> tuple[Target, Values]:
    found = nature(cells, table.form.decimal)
    kind = override.kind if override is not None else None
    classes = classes or kind == "category"
    if override is not None and kind in ("number", "yesno"):
        column, values = as_asked(name, cells, found, override, table)
        return Target(name, kind, column.values, column.written, int(values.missing.sum())), values
    if found.kind in ("empty", "other"):
        said = "holds nothing" if found.kind == "empty" else found.note
        raise DataError("E603", f"{table.name}: the target `{name}` {said}", ("name another: `target=…`",), "target")
    if found.odd is not None and not (found.words is not None and _few(found.words)):
        raise BadCells(table, [odd_words(name, found)])
    if isinstance(found.numbers, Numbers):
        return _target_of_numbers(name, found, found.numbers, classes)
    if found.words is None or (found.kind == "date" and len(found.words.words) > FEW):
        raise DataError("E602", f"{table.name}: the target `{name}` holds dates; a target is a number or a class",
                        ("name another: `target=…`",), "target")  # fmt: skip
    codes = coded(found.words)
    return Target(name, "class", codes.words, missing=int(codes.missing.sum())), codes


def _target_of_numbers(name: str, found: Nature, numbers: Numbers, classes: bool) -> tuple[Target, Values]:
    missing = int(numbers.missing.sum())
    if found.kind == "yesno" and not classes:
        return Target(name, "yesno", found.answers, missing=missing), numbers
    if not classes:
        present = numbers.values[~numbers.missing]
        return Target(name, "number", (), found.written, missing, f"{present.min():.6g}", f"{present.max():.6g}"), numbers
    if found.written and found.words is not None:  # with marks around them, they are words
        codes = coded(found.words)
        return Target(name, "class", codes.words, missing=missing), codes
    codes = canonical(numbers.values)
    if found.kind == "yesno":
        return Target(name, "class", found.answers, missing=missing), Codes(codes.codes, found.answers)
    return Target(name, "class", codes.words, "number", missing), codes
