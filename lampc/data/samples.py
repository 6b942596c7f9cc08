"""From an understood table to a dataset: rows without a target left out, parts, a schema fitted on the first, samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.data.parts import divided
from lampc.data.source import DataError, Dataset, Request, Split
from lampc.data.split import Cut, finish
from lampc.data.understood import Understood, by_schema
from lampc.data.whole import in_table, whole_numbers
from lampc.table.encode import encode
from lampc.table.fit import fitted, refitted
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values, Words
from lampc.table.parts import cut
from lampc.table.schema import Column, Schema, Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def dataset(request: Request, known: Understood) -> Dataset:
    """The samples of a table.

    Raises:
        DataError: if there are too few, or a later table has not the columns or kinds that the first had.
    """
    targets = known.targets
    parsed = known.parsed if request.schema is None else _as_known(request.schema, known)
    rows = with_targets(parsed, targets)
    if not len(rows):
        raise DataError("E603", f"no row has a target: `{known.targets[0].name}` is missing in all")
    places = [rows[part] for part in _parts(request, known, parsed.take(rows))]
    parts = [parsed.take(place) for place in places]
    standardise = request.arguments["normalize"] is not False and not request.below
    schema = request.schema or Schema((), targets, known.table.form, known.used, known.table.notes)
    if request.schema is None:
        schema = replace(schema, columns=fitted(known.columns, parts[0], standardise))
    else:
        schema = refitted(schema, parts[0], standardise)
    made = [Split(_x(schema, part, request, known), y_of(schema, part, request.bits), rows=place)
            for part, place in zip(parts, places, strict=True)]  # fmt: skip
    one = schema.targets[0] if len(schema.targets) == 1 else None
    classes = one.values if one is not None and one.kind != "number" and not request.bits else None
    whole = Cut(seed=request.seed, below=request.below, scale=request.scale, scalable=True)
    found = finish(made[0], made[1], made[2], classes, whole)
    described = replace(found.description, columns=schema.slots, name=schema.name, schema=schema,
                        vocabulary=_vocabulary(schema), either=one is not None and one.kind == "yesno")  # fmt: skip
    return replace(found, description=described, schema=schema)


def _parts(request: Request, known: Understood, parsed: Parsed) -> Sequence[NDArray[np.int64]]:
    """The rows to train on, to choose by, and to test on."""
    one = known.targets[0] if len(known.targets) == 1 and known.targets[0].kind != "number" else None
    shares, manner = divided(request.arguments, one is not None)
    labels = _plain(parsed.columns[one.name]) if one is not None and request.arguments["stratify"] else None
    by = parsed.columns[manner.column] if manner.column else None
    return cut(
        parsed.rows,
        shares,
        request.seed,
        labels,
        groups=_plain(by) if by is not None and manner.kind == "group" else None,
        times=_plain(by) if by is not None and manner.kind == "time" else None,
        column=_words(by) if by is not None and manner.kind == "column" else None,
        fold=request.fold,
    )


def _plain(values: Values) -> NDArray[Any]:
    """A column as numbers: codes, numbers, or seconds."""
    match values:
        case Codes():
            return values.codes
        case Numbers():
            return values.values
        case Moments():
            return values.seconds
        case Words():
            raise DataError("E602", "a text names no part, group or time")


def _words(values: Values) -> list[str | None]:
    """A column's words."""
    if isinstance(values, Codes):
        return [values.words[code] if code >= 0 else None for code in values.codes.tolist()]
    return [str(value) for value in _plain(values).tolist()]


def _as_known(schema: Schema, known: Understood) -> Parsed:
    """The values as a schema has them: those at hand, if they were understood so."""
    here = {*map(_nature, known.columns), *map(_nature, known.targets)}
    if {*map(_nature, schema.taken), *map(_nature, schema.targets)} <= here:
        return known.parsed
    found = by_schema(schema, known.table, targets=True)
    others = {name: known.parsed.columns[name] for name in known.used.values()}
    return Parsed({**found.columns, **others}, found.rows)


def _nature(column: Column | Target) -> tuple[str, str, str, tuple[str, ...]]:
    """What decides how a column's cells are parsed."""
    return column.name, column.kind, column.written, column.values if column.kind in ("yesno", "class") else ()


def with_targets(parsed: Parsed, targets: tuple[Target, ...]) -> NDArray[np.int64]:
    """The rows that have all their targets."""
    import numpy as np

    there = np.ones(parsed.rows, bool)
    for target in targets:
        there &= ~parsed.columns[target.name].missing
    return np.flatnonzero(there)


def _x(schema: Schema, part: Parsed, request: Request, known: Understood) -> Any:
    x = encode(schema, part).x
    if request.below and x.dtype.kind == "f":
        lines = range(part.rows)
        return whole_numbers(x, request.below, in_table(lines, schema.slots))
    return x


def _vocabulary(schema: Schema) -> tuple[str, ...] | None:
    texts = [column for column in schema.taken if column.kind == "text"]
    return ("", "?", *texts[0].values) if texts else None


def y_of(schema: Schema, part: Parsed, bits: bool) -> NDArray[Any]:
    """Targets as the loss takes them: labels [n], or numbers [n, targets]; ``bits``: 1 for yes where there are two classes."""
    import numpy as np

    values = [part.columns[target.name] for target in schema.targets]
    if len(values) == 1 and isinstance(values[0], Codes):
        return values[0].codes.astype(np.int64)
    columns = [found.values if isinstance(found, Numbers) else _labels(found) for found in values]
    y = np.stack(columns, axis=1)
    one = schema.targets[0]
    if len(values) == 1 and one.kind == "yesno" and not bits:
        return y[:, 0].astype(np.int64)
    return y


def _labels(values: Any) -> Any:
    raise DataError("E602", "of several targets each is a number, or yes or no", (), "target")
