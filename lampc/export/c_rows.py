"""How an exported C file takes a table's raw rows: cells as text, made into the numbers that the network was trained on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from lampc.export import c_cells
from lampc.export.answers import Answer
from lampc.export.comments import line, within_c
from lampc.export.words import gaps, no_text, sides
from lampc.table import moments, numerals
from lampc.table.asked import NUMBER
from lampc.table.schema import Column, Schema

_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S,%f")
_ISO = ("%Y-%m-%d", *(f"%Y-%m-%d{gap}{time}{zone}" for gap in "T " for time in _TIMES for zone in ("", " %z")))
"""What ISO 8601 writes; a blank before ``%z`` may be none."""


def rows(schema: Schema, answer: Answer, name: str, result: str) -> str:
    """The file's part on cells: ``int NAME_encode(const char *const *cells, real *x)`` and
    ``int NAME_row(const char *const *cells, double *answer)``, with what columns and classes are called; ``result``: the type
    of a prediction's numbers.

    Raises:
        LampError: if a column is a text, which C does not split into words.
    """
    columns = schema.taken
    body = [f"    {said}" for place, column in enumerate(columns) for said in _encoded(column, place, schema)]
    tables = [table for place, column in enumerate(columns) for table in _tables(column, place, schema)]
    used = "\n".join(body)
    functions = [text for text, names in c_cells.GROUPS.items() if any(f"{name}(" in used for name in names)]
    declared = [f"    {text};" for text, word in _DECLARED.items() if re.search(rf"\b{word}\b", used)]
    return "\n".join([
        f"#define LAMP_COLUMNS {len(columns)}\n#define LAMP_ANSWERS {len(answer.names) or 'LAMP_OUTPUTS'}",
        "/* The cells of a row, in order. */",
        f"extern const char *const {name}_columns[LAMP_COLUMNS];",
        _strings(f"{name}_columns[LAMP_COLUMNS]", (column.name for column in columns), "const char *const"),
        *_classes(answer, name), *functions, *_listed("missing", gaps(_ANY)), *tables,
        "\n/* From a row's cells, each as the table writes it, in UTF-8, NULL or empty where it is missing, to the numbers"
        f"\n   that {name} takes: 0, or the place, from 1, of the first cell that is not what its column is. */",
        f"int {name}_encode(const char *const *cells, real *x);\nint {name}_encode(const char *const *cells, real *x) {{",
        *declared, *body, "    return 0;\n}\n", _row(answer, name, result),
    ])  # fmt: skip


_ANY = Column("", "number")
_DECLARED = {"int known": "known", "double number = 0": "number", "double part[7] = {0}": "part", "int place": "place"}
"""What an encoding declares, by what it is called."""


def literal(text: str) -> str:
    """A text as a literal: bytes of UTF-8; none of them ends it, begins a trigraph or belongs to an escape before it.

    A C string has no zero byte within it: a byte stands for it that no text in UTF-8 has.
    """
    data = text.encode("utf-8", "surrogatepass").replace(b"\0", b"\xff")
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in data)
    return '"' + "".join(plain) + '"'


def _strings(name: str, texts: Iterable[str], kind: str = "static const char *const") -> str:
    lines = ",\n".join(f"    {literal(text)}" for text in texts)
    return f"{kind} {name} = {{\n{lines}}};"


def _listed(name: str, texts: Sequence[str]) -> Iterator[str]:
    """A list of words by a name."""
    if texts:
        yield _strings(f"{name}_[{len(texts)}]", texts)
    yield f"static const list {name} = {{{f'{name}_' if texts else '0'}, {len(texts)}}};"


def _numbers(name: str, values: Sequence[float]) -> str:
    """A table of doubles; C has none of no length."""
    return f"static const double {name}[{max(1, len(values))}] = {{{', '.join(map(exact, values)) or '0'}}};"


def _classes(answer: Answer, name: str) -> Iterator[str]:
    if answer.classes:
        count = f"{name}_classes[{len(answer.classes)}]"
        yield f"extern const char *const {count};"
        yield _strings(count, answer.classes, "const char *const")


def _tables(column: Column, place: int, schema: Schema) -> Iterator[str]:
    """What a column's cells are compared with."""
    if gaps(column) != gaps(_ANY):
        yield from _listed(f"missing{place}", gaps(column))
    match column.kind:
        case "number":
            how = numerals.written(column.written)
            mark = "%" if how.percent else how.currency
            parts = ", ".join(literal(text) for text in (how.decimal or schema.form.decimal, how.thousands, mark))
            yield f"static const numeral how{place} = {{{parts}}};"
            yield from _listed(f"gaps{place}", how.gaps)
        case "date":
            patterns, own = _dated(column)
            yield from _listed(f"patterns{place}", [re.sub(r"\s+", " ", each) for each in patterns])
            yield from _listed(f"gaps{place}", own)
        case "yesno":
            known = {form: side for word, side in sides(column).items() for form in cases(word)}
            yield from _listed(f"words{place}", [*known])
            yield f"static const int sides{place}[{len(known)}] = {{{', '.join(map(str, known.values()))}}};"
        case _:
            yield from _listed(f"values{place}", column.values)
            yield _numbers(f"shares{place}", column.shares)
            if column.written == NUMBER:
                yield _numbers(f"numbers{place}", [_number_of(value) for value in column.values])


def cases(word: str) -> list[str]:
    """A word in the cases that C does not know to be one: of letters beyond ASCII."""
    return [word] if word.isascii() else list(dict.fromkeys((word, word.upper(), word.capitalize())))


def exact(value: float) -> str:
    """A double of the same bits."""
    if not math.isfinite(value):
        return "NAN"
    return f"{value:.1f}" if value == int(value) and abs(value) < 1e6 else value.hex()


def _number_of(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _dated(column: Column) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A date's patterns, and words that count as missing."""
    pattern, gap, rest = column.written.partition(" gap=")
    known = numerals.written(f"gap={rest}").gaps if gap else ()
    return (_ISO if pattern in ("", moments.ISO) else (pattern,)), known


def _encoded(column: Column, place: int, schema: Schema) -> Iterator[str]:
    """The lines that write a column's slots."""
    yield f"/* {line(within_c(column.name))} */"
    cell = f"cells[{place}], &missing{place if gaps(column) != gaps(_ANY) else ''}"
    match column.kind:
        case "number":
            yield f"known = known_number({cell}, &gaps{place}, &how{place}, &number);"
            if numerals.written(column.written).loose:
                yield "known = known > 0;"
            yield from _measured(column, place, schema, ["number"])
        case "date":
            yield f"known = known_moment({cell}, &gaps{place}, &patterns{place}, part);"
            yield f"parts_of(part, {exact(column.first)});"
            yield from _measured(column, place, schema, [f"part[{part.upper()}]" for part in column.parts])
        case "yesno":
            yield f"known = known_side({cell}, &words{place}, sides{place}, &number);"
            yield from _measured(column, place, schema, ["number"])
        case "category":
            yield from _category(column, place, schema, cell)
        case _:
            raise no_text(column, "C")


def _measured(column: Column, place: int, schema: Schema, numbers: Sequence[str]) -> Iterator[str]:
    first, refuse = schema.places[column.name].start, column.policy == "refuse"
    yield f"if (known {'<=' if refuse else '<'} 0)"
    yield f"    return {place + 1};"
    for i, number in enumerate(numbers):
        filled = number if refuse else f"(known ? {number} : {exact(column.fill[i])})"
        scaled = f"({filled} - {exact(column.mean[i])}) / {exact(column.deviation[i])}" if column.mean else filled
        yield f"x[{first + i}] = (real)({scaled});"
    if column.gaps:
        yield f"x[{first + len(numbers)}] = !known;"


def _category(column: Column, place: int, schema: Schema, cell: str) -> Iterator[str]:
    """Places beyond the last slot are of no slot; below 0 of shares."""
    first, known = schema.places[column.name].start, len(column.values)
    count = known + column.rest
    unseen = known if column.rest else -1
    gap = count if column.gaps or column.policy == "refuse" else unseen
    by_number = column.written == NUMBER
    call = f"number_named({cell}, &values{place}, numbers{place}" if by_number else f"category_of({cell}, &values{place}"
    yield f"place = {call}, {unseen}, {gap});"
    if column.policy == "refuse":
        yield f"if (place == {gap})"
        yield f"    return {place + 1};"
    yield f"put_category(x + {first}, place, {count}, shares{place});"
    if column.gaps:
        yield f"x[{first + count}] = place == {gap};"


def _row(answer: Answer, name: str, result: str) -> str:
    """The function from cells to an answer."""
    wide = "0" if not answer.classes else f"the place of a class in {name}_classes"
    known = "the probability of the second class" if answer.shares == "yes" else "the classes' probabilities"
    numbers = known if answer.classes else "the numbers that are predicted"
    return f"""/* From a row's cells to {wide}; answer has LAMP_ANSWERS numbers, {numbers}.
   Below 0: nothing is answered; -1 for a first cell that is not what its column is, and so on; -1 - LAMP_COLUMNS where there
   is no memory left or what comes out is no number. Any number of threads may call it at once. */
int {name}_row(const char *const *cells, double *answer);
int {name}_row(const char *const *cells, double *answer) {{
    real x[LAMP_INPUTS];
    {result} y[LAMP_OUTPUTS];
    int bad = {name}_encode(cells, x){", best = 0" if answer.classes else ""};
    if (bad)
        return -bad;
    {name}(x, y, 1);
    for (int i = 0; i < LAMP_OUTPUTS; i++)
        if (isnan(y[i]))
            return -1 - LAMP_COLUMNS;
{_SHARES[answer.shares]}}}
"""


_BEST = """    for (int i = 1; i < LAMP_OUTPUTS; i++)
        best = y[i] > y[best] ? i : best;
"""
_EACH = """    for (int i = 0; i < LAMP_OUTPUTS; i++)
        answer[i] = {};
"""
_SUM = """    double sum = 0;
    for (int i = 0; i < LAMP_OUTPUTS; i++)
        sum += exp((double)y[i] - (double)y[best]);
"""
_YES = """    best = y[0] > R(0.5);
    answer[0] = (double)y[0];
"""
_SHARES = {
    "": _EACH.format("(double)y[i]") + "    return 0;\n",
    "as made": _BEST + _EACH.format("(double)y[i]") + "    return best;\n",
    "logarithms": _BEST + _EACH.format("exp((double)y[i])") + "    return best;\n",
    "scores": _BEST + _SUM + _EACH.format("exp((double)y[i] - (double)y[best]) / sum") + "    return best;\n",
    "yes": _YES + "    return best;\n",
}
"""What stands at the end, by how a prediction gives probabilities."""
