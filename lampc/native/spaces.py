"""How tensors lie in spaces of rows and columns, and how an op's operands and results stand in the space it goes over.

The last axis is the columns', all before it make the rows. Sizes alone do not say which axes they are of: three numbers beside
three rows of three may go along the rows or along the columns. Types decide, and what they leave open is refused.
"""

from __future__ import annotations

import math

from lampc.ir.expression import Pattern
from lampc.ir.types import Shape, Type
from lampc.native.kernel import Rows, Way


class NoNativeForm(Exception):
    """Something in the program has no native form; the message names it."""


def space(shape: Shape) -> tuple[Rows, int]:
    """The rows and columns that a shape is laid out in: its last axis is the columns'."""
    if not shape:
        return Rows(1), 1
    *lead, last = shape
    if not isinstance(last, int):
        return Rows(math.prod(d for d in lead if isinstance(d, int)), batched=True), 1
    batched = any(not isinstance(dim, int) for dim in lead)
    return Rows(math.prod(dim for dim in lead if isinstance(dim, int)), batched), last


def pattern(type: Type, whole: Type, rows_too: bool) -> Pattern:
    """How an operand is read by an op that goes over ``whole``'s space.

    ``rows_too``: whether it may have a number for each row. An elementwise op's are broadcast along the leading axes alone.

    Raises:
        NoNativeForm: if that cannot be said, or is not clear.
    """
    if type.shape == whole.shape:
        return Pattern.EACH
    if space(type.shape) == (Rows(1), 1):
        return Pattern.ONE
    down, across = _down(type, whole), rows_too and _across(type, whole)
    if down == across:
        raise NoNativeForm(f"{type} beside {whole}")
    return Pattern.COLUMN if down else Pattern.ROW


def way(type: Type, whole: Type) -> Way:
    """How a result is stored; what lacks the rows is summed over them.

    Raises:
        NoNativeForm: if that cannot be said, or is not clear.
    """
    if type.shape == whole.shape:
        return Way.EACH
    down, across = _down(type, whole), _across(type, whole)
    if down == across:
        raise NoNativeForm(f"a result {type} of {whole}")
    return Way.SUM_ROWS if down else Way.ROW


def _down(type: Type, whole: Type) -> bool:
    """Whether it has a number for each column."""
    return space(type.shape) == (Rows(1), space(whole.shape)[1])


def _across(type: Type, whole: Type) -> bool:
    """Whether it has a number for each row."""
    return type.shape in (whole.shape[:-1], (*whole.shape[:-1], 1))
