"""From an understood table to a dataset: rows without a target left out, parts, a schema fitted on the first, samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lampc.data.parts import divided
from lampc.data.source import DataError, Dataset, Request, Split
from lampc.data.split import Cut, finish
from lampc.data.understood import Understood, by_schema
from lampc.data.weights import weights
from lampc.data.whole import in_table, refuse_strange
from lampc.table.bad import Bad, BadCells, gaps
from lampc.table.cells import Table
from lampc.table.encode import Encoded, encode
from lampc.table.fit import fitted, refitted
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values, Words, with_targets
from lampc.table.parts import cut
from lampc.table.schema import Column, Schema, Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The rows of each part, and their samples: what does not depend on how a loss takes targets."""

    known: Understood
    asked: tuple[Any, ...]
    inferred: bool
    """Whether the schema's structure is these rows' own."""
    parsed: Parsed
    schema: Schema
    places: tuple[NDArray[np.int64], ...]
    x: tuple[Any, ...]
    weight: NDArray[np.float64] | None
    """How much each of the table's rows counts, where a column says so."""

    def answers(self, known: Understood, request: Request) -> bool:
        """Whether it is what a request would come to."""
        same = self.known is known and self.asked == _asked(request)
        return same and (self.inferred if request.schema is None else self.schema == request.schema)


_KEPT: list[_Drawn] = []
"""The last one: a training asks for it several times."""


def dataset(request: Request, known: Understood) -> Dataset:
    """The samples of a table.

    Raises:
        DataError: if there are too few, or a later table has not the columns or kinds that the first had.
    """
    drawn = next((kept for kept in tuple(_KEPT) if kept.answers(known, request)), None)
    if drawn is None:
        drawn = _drawn(request, known)
        _KEPT[:] = [drawn]
    schema = drawn.schema
    made = [Split(x, y_of(schema, drawn.parsed.take(place), request.bits), _of_rows(drawn.weight, place), rows=place)
            for x, place in zip(drawn.x, drawn.places, strict=True)]  # fmt: skip
    one = schema.targets[0] if len(schema.targets) == 1 else None
    classes = one.values if one is not None and one.kind != "number" and not request.bits else None
    asked = bool(request.below and request.arguments["normalize"])  # which is refused
    whole = Cut(seed=request.seed, normalize=asked, below=request.below, scale=request.scale, scalable=True)
    found = finish(made[0], made[1], made[2], classes, whole)
    described = replace(found.description, columns=schema.slots, name=schema.name, schema=schema,
                        vocabulary=_vocabulary(schema), either=one is not None and one.kind == "yesno")  # fmt: skip
    return replace(found, description=described, schema=schema)


def _asked(request: Request) -> tuple[Any, ...]:
    """What of a request decides which rows are drawn and how they are encoded."""
    options = ("normalize", "split", "validation", "group", "time", "stratify")
    return (request.seed, request.fold, request.below, *(request.arguments[name] for name in options))


def _drawn(request: Request, known: Understood) -> _Drawn:
    parsed = known.parsed if request.schema is None else _as_known(request.schema, known)
    rows = with_targets(parsed, known.targets)
    if not len(rows):
        raise DataError("E603", f"no row has a target: `{known.targets[0].name}` is missing in all")
    places = tuple(rows[part] for part in _parts(request, known, parsed.take(rows)))
    train = parsed.take(places[0])
    standardise = request.arguments["normalize"] is not False and not request.below
    if request.schema is None:
        columns = fitted(known.columns, train, standardise)
        schema = Schema(columns, known.targets, known.table.form, known.used, known.table.notes)
    else:
        schema = refitted(request.schema, train, standardise)
    if request.below:  # what is wrong is told in the file's order
        encoded(schema, parsed.take(rows), only(known.table, rows), request.below)
    x = tuple(encoded(schema, parsed.take(place), only(known.table, place), request.below).x for place in places)
    targets = Parsed({target.name: parsed.columns[target.name] for target in schema.targets}, parsed.rows)
    name = known.used.get("weight")
    weight = None if name is None else weights_of(known.parsed.columns[name], name)
    return _Drawn(known, _asked(request), request.schema is None, targets, schema, places, x, weight)


def _of_rows(weight: NDArray[np.float64] | None, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
    return None if weight is None else weight[rows]


def weights_of(values: Values, name: str) -> NDArray[np.float64]:
    """How much each row counts, by a column's values.

    Raises:
        DataError: if they are no weights, or some are missing.
    """
    if not isinstance(values, Numbers):
        raise DataError("E602", f"`weight={name}`: the column holds no numbers", option="weight")
    missing = values.missing
    if missing.any():
        raise DataError("E602", f"`weight={name}`: {int(missing.sum()):,} weights are missing, the first in row "
                        f"{int(missing.argmax())} (from 0)", option="weight")  # fmt: skip
    try:
        return weights(values.values, len(values.values), f"the column `{name}`")
    except DataError as error:
        raise DataError(error.code, str(error), error.fixes, "weight") from None


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


def encoded(schema: Schema, parsed: Parsed, table: Table, below: int, trained: bool = False) -> Encoded:
    """A table's rows as samples; ``below``: what whole numbers are to stay below, 0 where samples hold any numbers.

    ``trained``: whether a network was trained already, so that mending the program is no advice.

    Raises:
        DataError: if a cell is missing where none may be, or is none of those numbers; with its place in the table.
    """
    bad = [_gaps(column.name, missing, below) for column in schema.taken
           if (missing := parsed.columns[column.name].missing).any()
           and (column.policy == "refuse" or (below and column.kind == "number"))]  # fmt: skip
    if bad:
        raise BadCells(table, bad)
    found = encode(schema, parsed)
    if below and found.x.dtype.kind == "f":
        refuse_strange(found.x, below, in_table(table.place, schema.slots), trained)
        return replace(found, x=found.x.astype("int64"))
    return found


def _gaps(name: str, missing: NDArray[np.bool_], below: int) -> Bad:
    found = gaps(name, missing)
    if not below:
        return found
    said = f"the cell is missing, and the input is written as whole numbers below {below}"
    return replace(found, said=said, fixes=("give what is missing a number of its own in the file",))


def only(table: Table, rows: NDArray[np.int64]) -> Table:
    """A table of which some rows are looked at: where these are found."""
    return replace(table, place=lambda row: table.place(int(rows[row])))


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
