"""Which kernels become one: those between which no number would be another."""

from __future__ import annotations

from lampc.ir.expression import Pattern
from lampc.native.kernel import Buffer, Kind, Rows

# Buffers by letter: a, b, c of the kernels' own space; r a number a row, v one a column, s one number.
SPACES = {"a": (8, 5), "b": (8, 5), "c": (8, 5), "r": (8, 1), "v": (1, 5), "s": (1, 1)}
NAMES = "".join(SPACES)
BUFFERS = {i: Buffer(i, name, "f32", Rows(rows), cols, Kind.STATE) for i, (name, (rows, cols)) in enumerate(SPACES.items())}
WAYS = {"a": Pattern.EACH, "b": Pattern.EACH, "c": Pattern.EACH, "r": Pattern.ROW, "v": Pattern.COLUMN, "s": Pattern.ONE}
