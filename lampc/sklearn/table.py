"""Samples as scikit-learn's callers have them, frames, arrays and sparse matrices, as columns that a schema knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from lampc.data.understood import by_schema
from lampc.diagnostics import failure
from lampc.diagnostics.suggest import nearest
from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Form, Table
from lampc.table.dates import measured
from lampc.table.encode import encode
from lampc.table.fit import fitted, slots_of
from lampc.table.kinds import understand
from lampc.table.parsed import Codes, Moments, Numbers, Parsed, Values
from lampc.table.read_frame import of_frame
from lampc.table.schema import Column, Schema, Target
from lampc.table.spread import without_spread
from lampc.table.statement import Override

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 200_000_000
"""Numbers of a sparse matrix that may be written out: 1.6 GB."""
CHUNK = 4_000_000
"""Numbers of a sparse matrix that are written out at a time, to predict."""


def is_frame(x: Any) -> bool:
    """Whether samples are a table with named columns, as pandas, polars and pyarrow have them."""
    return (
        hasattr(x, "columns") and len(getattr(x, "shape", ())) == 2 and (hasattr(x, "__arrow_c_stream__") or hasattr(x, "iloc"))
    )


def names_of(features: Sequence[str] | None, count: int) -> list[str]:
    """The columns' names: those that are known, or scikit-learn's own."""
    return [f"x{place}" for place in range(count)] if features is None else [str(name) for name in features]


def names_of_targets(given: Any, y: NDArray[Any]) -> list[str]:
    """What targets ``y``, [n] or [n, t], are called: as a frame's columns are that they were given as, or y; y0, y1, …"""
    if is_frame(given):
        return [str(name) for name in getattr(given, "column_names", given.columns)]
    if y.ndim > 1 and y.shape[1] > 1:
        return [f"y{place}" for place in range(y.shape[1])]
    name = getattr(given, "name", None)
    return [name if isinstance(name, str) else "y"]


def weights(given: Any, x: Any) -> NDArray[np.float64] | None:
    """How much each sample counts, [n], if something is given.

    Raises:
        ValueError: if they are none, or all 0.
    """
    if given is None:
        return None
    found: NDArray[np.float64] = _check_sample_weight(given, x, dtype=np.float64, ensure_non_negative=True)
    if not found.any():
        raise ValueError("sample_weight is zero for all samples; at least one has to be greater")
    return found


def see(x: Any) -> None:
    """See that a frame has rows and columns, as scikit-learn does of arrays.

    Raises:
        ValueError: if it has not.
    """
    if 0 in x.shape:
        raise ValueError(f"X has {x.shape[0]} sample(s) and {x.shape[1]} feature(s), and a minimum of 1 is required")
    if len({*map(str, getattr(x, "column_names", x.columns))}) < x.shape[1]:
        raise ValueError("two columns of X have one name")


def written_out(x: Any) -> Any:
    """A sparse matrix [n, features] as an array; anything else as it is.

    Raises:
        LampError: if it is too large for that.
    """
    if not hasattr(x, "toarray"):
        return x
    if x.shape[0] * x.shape[1] > MOST:
        raise failure("E605", f"X is sparse, and written out it has {x.shape[0] * x.shape[1]:,} numbers; there may be {MOST:,}",
                      "take fewer features: `sklearn.decomposition.TruncatedSVD(100)` before the network")  # fmt: skip
    return np.asarray(x.toarray(), np.float64)


def chunks(x: Any) -> Iterator[Any]:
    """Samples in parts: a sparse matrix written out, a part at a time; anything else as it is."""
    if not hasattr(x, "toarray"):
        yield x
        return
    rows = max(1, CHUNK // max(1, x.shape[1]))
    for start in range(0, x.shape[0], rows):
        yield np.asarray(x[start : start + rows].toarray(), np.float64)


def columns_of(x: Any, names: Sequence[str], said: Sequence[Override]) -> tuple[tuple[Column, ...], Parsed, Form]:
    """What columns of samples are, a frame's as their cells say, an array's [n, features] all numbers; and their values.

    ``said``: what is insisted on of single columns.

    Raises:
        DataError: if a column's cells do not belong together, or none is left.
    """
    if not is_frame(x) and not said:
        columns = tuple(Column(name, "number") for name in names)
        return columns, _numbers(x, names), Form("frame")
    table = _table(x, names)
    for override in said:
        if override.name not in table.columns:
            near = nearest(override.name, table.columns)
            known = f"there are {', '.join(list(table.columns)[:20])}"
            raise DataError("E601", f"X has no column `{override.name}`", (f"did you mean `{near}`?" if near else known,))
    columns, _, parsed = understand(table, {override.name: override for override in said}, [], False, ())
    if not any(column.taken for column in columns):
        notes = "; ".join(f"`{column.name}`: {column.note}" for column in columns[:5])
        raise DataError("E601", f"no column of X is left to learn from ({notes})")
    return columns, parsed, table.form


def _table(x: Any, names: Sequence[str]) -> Table:
    """A frame's table, without what pandas labels rows with; an array's, of columns under these names."""
    if not is_frame(x):
        return of_frame({name: x[:, place] for place, name in enumerate(names)}, "X")
    return of_frame(x.reset_index(drop=True) if hasattr(x, "reset_index") else x, "X")


def _numbers(x: NDArray[np.float64], names: Sequence[str]) -> Parsed:
    return Parsed({name: Numbers(x[:, place]) for place, name in enumerate(names)}, len(x))


def encoded(schema: Schema, x: Any, names: Sequence[str]) -> Any:
    """Samples as the network takes them, [n, slots].

    Raises:
        DataError: if a column is missing, or holds what is none of its kind.
    """
    if is_frame(x):
        return encode(schema, by_schema(schema, _table(x, names), targets=False)).x
    if all(column.kind == "number" for column in schema.taken):
        return encode(schema, _numbers(np.asarray(x, np.float64), names)).x
    return encode(schema, by_schema(schema, _table(np.asarray(x, object), names), targets=False)).x


def schema_for(columns: Sequence[Column], train: Parsed, targets: tuple[Target, ...], form: Form, standardise: bool,
               weight: NDArray[np.float64] | None) -> Schema:  # fmt: skip
    """The schema of the rows to train on, whose means and shares count each row by its weight [n]."""
    found = fitted(columns, train, standardise)
    if weight is not None:
        found = tuple(_weighed(column, train.columns[column.name], weight) if column.taken else column for column in found)
    return Schema(found, targets, form)


def _weighed(column: Column, values: Values, weight: NDArray[np.float64]) -> Column:
    """A column with its numbers counted by weight."""
    match values:
        case Numbers() if column.policy not in ("median", "zero"):
            measures = [values.values]
        case Moments():
            measures = [measured(values.seconds, part, column.first) for part in column.parts]
        case Codes():
            slots = slots_of(column, values)
            counts = np.bincount(slots[slots >= 0], weight[slots >= 0], len(column.values) + column.rest)
            return replace(column, shares=tuple((counts / max(counts.sum(), 1e-300)).tolist()))
        case _:
            return column
    there = ~values.missing
    if not there.any():
        return column
    pairs = [moments(each[there], weight[there]) for each in measures]
    fill = tuple(mean for mean, _ in pairs)
    return replace(column, fill=fill, mean=fill, deviation=tuple(spread for _, spread in pairs)) if column.mean else replace(
        column, fill=fill)  # fmt: skip


def moments(values: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """The mean and the deviation of weighted numbers [n]; the latter 1 where it is nothing but rounding."""
    mean = float(np.average(values, weights=weight))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))
    return mean, 1.0 if without_spread(mean, deviation) else deviation
