"""Bodies that follow a colon and are indented, as in Python and YAML, said with braces."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lampc.source import Source
from lampc.syntax.forms import statement_name
from lampc.syntax.rephrase import said
from lampc.syntax.strangers import HOLDERS
from lampc.syntax.words import BODIES, EXPERIMENT

_MOST = 100
"""Lines of a body that is looked at."""
_FOR = re.compile(r"for\s+\w+\s+in\s+range\s*\(\s*(\w+)\s*\)")


@dataclass
class _Line:
    text: str
    indent: int
    body: list[_Line] = field(default_factory=list)


@dataclass(frozen=True)
class Indented:
    """A header and its body as statements, and where the body ends."""

    statements: list[str]
    end: int


def indented(source: Source, start: int, colon: int) -> Indented | None:
    """What a statement that ends in a colon says together with the lines below it; None where that is not known."""
    number, _ = source.position(colon)
    first, last = source.ends(number)
    header = _Line(source.text[start:colon].strip(), _indent(source.text[first:last]))
    rest = source.text[colon + 1 : last].partition("#")[0].strip()
    lines, end = _below(source, number, header.indent)
    if rest:
        lines, end = [_Line(part.strip(), header.indent + 1) for part in rest.split(";") if part.strip()], last
    if not lines:
        return None
    header.body = _nested(lines)
    statements = _said(header)
    return None if statements is None else Indented(statements, end)


def below(source: Source, start: int) -> int:
    """Where the lines end that stand further in than that of a place; 0 if there are none."""
    number, _ = source.position(start)
    first, last = source.ends(number)
    return _below(source, number, _indent(source.text[first:last]))[1]


def laid_out(statements: list[str], indent: int, end: str = "\n") -> str:
    """Statements a line each, bodies further in."""
    depth = indent
    lines = [" " * indent]
    for part in re.split(r"( \{ | \}|; )", "; ".join(statements)):
        if part == " { ":
            depth += 2
            lines[-1] += " {"
            lines.append(" " * depth)
        elif part == " }":
            depth -= 2
            lines.append(" " * depth + "}")
        elif part == "; ":
            lines.append(" " * depth)
        else:
            lines[-1] += part
    return end.join(lines).lstrip()


def _below(source: Source, number: int, indent: int) -> tuple[list[_Line], int]:
    """The lines after one that stand further in, and where they end."""
    found: list[_Line] = []
    end = 0
    for below in range(number + 1, min(len(source.line_starts), number + _MOST) + 1):
        first, last = source.ends(below)
        line = source.text[first:last].expandtabs(4)
        text = line.partition("#")[0].strip()
        if text and _indent(line) <= indent:
            break
        if text:
            found.append(_Line(text, _indent(line)))
            end = last
    return found, end


def _nested(lines: list[_Line]) -> list[_Line]:
    """Lines as a tree, by how far in they stand."""
    top: list[_Line] = []
    open_: list[_Line] = []
    for line in lines:
        while open_ and open_[-1].indent >= line.indent:
            open_.pop()
        (open_[-1].body if open_ else top).append(line)
        open_.append(line)
    return top


def _said(line: _Line) -> list[str] | None:
    """A line with its body as statements."""
    text = re.sub(r"^[-*]\s+", "", line.text)
    if not line.body:
        return [said(text) or text]
    header = text.removesuffix(":").strip()
    name = statement_name(re.split(r"\W", header)[0])
    if name in EXPERIMENT:
        return _options(name, header, line.body)
    inner = [_said(below) for below in line.body]
    if any(statements is None for statements in inner):
        return None
    parts = ["; ".join(statements) for statements in inner if statements]
    if name in HOLDERS:
        return parts
    repeated = _FOR.fullmatch(header)
    if repeated:
        header = f"repeat {repeated[1]}"
    elif name in BODIES:
        header = said(f"{header} {{ }}") or header
        header = header.partition("{")[0].strip()
    elif not re.match(r"block\s+\w+", header):
        return None
    bar = " | " if name in ("sum", "product", "concat", "stack") and len(parts) > 1 else "; "
    return [f"{header} {{ {bar.join(parts)} }}"]


def _options(name: str, header: str, body: list[_Line]) -> list[str] | None:
    """A statement about the experiment whose options stand below it."""
    if any(below.body for below in body):
        return None
    words = [re.sub(r"\s*[:=]\s*", "=", re.sub(r"^[-*]\s+", "", below.text)) for below in body]
    text = f"{name} {' '.join([*header.split()[1:], *words])}"
    return [said(text) or text]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
