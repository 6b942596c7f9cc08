"""What to write for a value that a parameter does not take."""

from __future__ import annotations

import math

from lampc.data.parts import Division
from lampc.diagnostics import Edit
from lampc.diagnostics.edits import instead
from lampc.layers.signature import REQUIRED, Arrow, Flag, Float, Int, OneOf, Param, Written
from lampc.source import Span

Mend = tuple[list[str], tuple[Edit, ...]]
"""What to do about a mistake, and what that changes."""


def value_instead(param: Param, value: Written, span: Span, named: bool) -> Mend:
    """How a value is mended; ``span`` is its own place, ``named`` whether its parameter's name stands before it."""
    before = f"{param.name}=" if named else ""
    if param.name == "header" and value in (0, 1):  # elsewhere a line's number; said without it, the header is found
        return [], ()
    if isinstance(param.kind, Flag) and value in (0, 1):
        word = "on" if value else "off"
        return [f"write `{before}{word}`"], instead(span, word)
    if isinstance(param.kind, Division) and isinstance(value, int | float):
        return _number(param, Float(0.0, 1.0), value, span, before)
    if isinstance(param.kind, Int | Float) and isinstance(value, int | float):
        return _number(param, param.kind, value, span, before)
    if isinstance(param.kind, Arrow):
        return [
            f"a size is 1 or more, as in `{span.text.rpartition('->')[0]}->1`" if "->" in span.text else "a size is 1 or more"
        ], ()
    if isinstance(param.kind, Int | Float | OneOf | Flag) and param.default not in (REQUIRED, None, ""):
        return [f"write {_kind(param)}, as in `{before}{_text(param.default)}`"], ()
    return [], ()


def _number(param: Param, kind: Int | Float, value: float, span: Span, before: str) -> Mend:
    """How a number out of its range is mended."""
    if isinstance(kind, Float) and kind.high == 1 and _digits(span) and 1 < value <= 100 and float(value).is_integer():
        certain = param.name != "validation"  # of which some count the samples
        return [f"a share is written from 0 to 1: `{before}{value / 100:g}`"], instead(
            span, f"{value / 100:g}" if certain else None
        )
    if (
        isinstance(kind, Int)
        and math.isfinite(value)
        and not float(value).is_integer()
        and kind.low <= math.ceil(value) <= kind.high
    ):
        return [f"write `{before}{math.ceil(value)}`"], ()
    if max(kind.low, 0) < -value <= kind.high:
        return [f"write `{before}{-value:g}`"], ()
    if param.default in (REQUIRED, None):
        return [], ()
    return [f"write {_kind(param)}, as in `{before}{_text(param.default)}`"], ()


def _digits(span: Span) -> bool:
    return span.text.replace(".", "").isdigit()


def _kind(param: Param) -> str:
    if isinstance(param.kind, Int):
        return f"a whole number from {param.kind.low:,}" + (f" to {param.kind.high:,}" if param.kind.high < 1_000_000 else "")
    if isinstance(param.kind, Float) and math.isfinite(param.kind.high):
        return f"a number from {param.kind.low:g} to {param.kind.high:g}"
    return "a number" if isinstance(param.kind, Float) else "one of these"


def _text(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, int | float) else str(default)
