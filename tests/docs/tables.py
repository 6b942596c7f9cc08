"""The tables of docs/language.md, made from the code."""

from __future__ import annotations

from collections.abc import Iterable

from lampc import limits
from lampc.data import SOURCES
from lampc.elaborate.composition import COMBINATORS
from lampc.elaborate.constants import CONSTANTS, FUNCTIONS
from lampc.elaborate.functions import BINARY, REDUCING, UNARY
from lampc.elaborate.statements import COLUMN, TRAIN
from lampc.ir.leaves import Initialiser
from lampc.layers import LAYERS
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.losses import LOSSES
from lampc.layers.metrics import METRICS
from lampc.layers.optimizers import OPTIMIZERS
from lampc.layers.schedules import SCHEDULES
from lampc.layers.signature import REQUIRED, Choice, Param, Signature


def _default(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Choice):
        return value.name
    if isinstance(value, float | int):
        return f"{value:g}"
    if isinstance(value, str):
        return value if value.isalnum() else f'"{value}"'
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    assert isinstance(value, Initialiser)
    numbers = ", ".join(f"{number:g}" for number in value.numbers if value.kind != "normal")
    return f"{value.kind}({numbers})" if numbers else value.kind


def _param(param: Param) -> str:
    if param.default is REQUIRED:
        return f"`{param.name}`"
    return f"`{param.name}`" if param.default in (None, "", ()) else f"`{param.name}={_default(param.default)}`"


def options(signature: Signature) -> str:
    """Parameters with defaults and what they are."""
    return "<br>".join(f"{_param(p)}{': ' + p.doc if p.doc else ''}" for p in signature.params)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def words(names: Iterable[str]) -> str:
    """Names in code, commas between."""
    return ", ".join(f"`{name}`" for name in names)


TABLES = {
    "composition": table(
        ("form", "meaning", "example"), ((f"`{c.name}`", c.doc, f"`{c.example}`") for c in COMBINATORS.values())
    ),
    "layers": table(
        ("layer", "makes", "arguments and options", "example"),
        ((f"`{a.name}`", a.doc, options(a.signature), f"`{a.example}`") for a in LAYERS.values()),
    ),
    "initialisers": table(
        ("initialiser", "draws", "numbers"),
        (
            (f"`{i.name}`", i.doc, words([*(f"{name}={default:g}" for name, default in i.numbers), *["gain"] * i.gained]))
            for i in INITIALISERS.values()
        ),
    ),
    "losses": table(("loss", "is", "options"), ((f"`{a.name}`", a.doc, options(a.signature)) for a in LOSSES.values())),
    "optimizers": table(
        ("optimizer", "does", "options"), ((f"`{o.name}`", o.doc, options(o.signature)) for o in OPTIMIZERS.values())
    ),
    "schedules": table(
        ("schedule", "does", "options"), ((f"`{s.name}`", s.doc, options(s.signature)) for s in SCHEDULES.values())
    ),
    "metrics": table(("metric", "is"), ((f"`{m.name}`", m.doc) for m in METRICS.values())),
    "data": table(
        ("source", "gives", "arguments and options", "example"),
        ((f"`{s.name}`", s.doc, options(s.signature), f"`{s.example}`") for s in SOURCES.values()),
    ),
    "column": table(("argument", "is"), ((_param(p), p.doc) for p in COLUMN.params)),
    "train": table(("option", "default", "is"), ((f"`{p.name}`", f"`{_default(p.default)}`", p.doc) for p in TRAIN.params)),
    "functions": table(
        ("where", "functions"),
        (
            ("in formulas, element by element", words([*UNARY, *BINARY, "where"])),
            ("over a sample; in a loss, over everything", words(REDUCING)),
            ("in constant expressions", words(FUNCTIONS)),
            ("numbers by name", words(CONSTANTS)),
        ),
    ),
    "limits": table(
        ("what", "at most"),
        (
            ("bytes of a source", f"{limits.SOURCE_BYTES:,}"),
            ("depth of brackets, blocks and `use`", f"{limits.NESTING}"),
            ("operators in a statement", f"{limits.OPERATORS}"),
            ("operations of a network, counted before it is expanded", f"{limits.NODES:,}"),
            ("any size, and the elements of a tensor's sample", f"{limits.SIZE:,}"),
        ),
    ),
}
