"""A text's cells, by pyarrow; by Python's csv where a text is written in ways that pyarrow does not know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import Asked, Table
from lampc.table.read_dialect import CELL
from lampc.table.read_encoding import Text, text_of, unescaped
from lampc.table.read_layout import Layout, layout_of
from lampc.table.read_lines import Lines, refuse_ragged, refuse_unclosed, rows_of, tabbed, written_loosely
from lampc.table.read_source import Source

_BLOCK = 1 << 20
_ROWS = 20_000


def read_csv(source: Source, asked: Asked, likely: str = ",") -> Table:
    """A text's table; ``likely``: the delimiter that its name speaks for.

    Raises:
        DataError: if it is none, or lines have different numbers of cells.
    """
    text = unescaped(text_of(source, asked.encoding))
    layout = layout_of(text, asked, likely)
    if written_loosely(text, layout):
        layout = replace(layout, dialect=replace(layout.dialect, loose=True))
    plain = None if layout.dialect.loose else tabbed(text, layout) if layout.dialect.delimiter == " " else (text, layout)
    chunked, wrong = _by_python(text, layout) if plain is None else _by_arrow(*plain)
    if wrong:
        refuse_ragged(text, layout, wrong)
    count = len(chunked[0])
    if not count:
        raise DataError("E603", f"{source.name} has a header and no rows")
    lines = Lines(text, layout, count)
    if text.quotes % 2 or (plain is not None and not lines.even and any(map(_has_lines, chunked))):
        refuse_unclosed(text, layout)
    columns = {name: _trimmed(chunked.pop(0), text) for name in layout.names}
    empty = [name for name in layout.unnamed if len(columns) > 1 and _all_empty(columns[name])]
    columns = {name: cells for name, cells in columns.items() if name not in empty}
    notes = [*layout.notes, *_unnamed([name for name in layout.unnamed if name not in empty], len(empty))]
    return Table(source.name, columns, layout.form, lines.place, tuple(notes))


def _unnamed(names: Sequence[str], empty: int) -> Iterator[str]:
    """What is said of columns without names."""
    if empty:
        yield (
            "a column that has neither a name nor cells is left out"
            if empty == 1
            else f"{empty} columns without names and cells are left out"
        )
    if names:
        shown = ", ".join(f"`{name}`" for name in names[:5]) + (", …" if names[5:] else "")
        yield f"{'a column without a name is' if len(names) == 1 else 'columns without names are'} called {shown}"


def _by_arrow(text: Text, layout: Layout) -> tuple[list[Any], int]:
    """The columns, as strings, and how many lines are not as wide as they; blocks grow until the longest row fits in one."""
    import pyarrow as pa

    block = _BLOCK
    while True:
        try:
            return _parsed(text, layout, block)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            if block > CELL:
                raise DataError(
                    "E601", f"{text.source.name}: a row is longer than {CELL:,} bytes: is a quote left open?"
                ) from None
            block *= 16


def _parsed(text: Text, layout: Layout, block: int) -> tuple[list[Any], int]:
    import pyarrow as pa
    from pyarrow import csv

    wrong: list[int] = []

    def see(row: Any) -> str:
        if row.text.strip(" \t\x1a\r\n"):
            wrong.append(row.actual_columns)
        return "skip"

    places = [str(place) for place in range(len(layout.names))]
    with _positioned(text, layout) as stream:
        if not stream.size() - stream.tell():
            return [pa.chunked_array([], pa.string()) for _ in places], 0
        found = csv.read_csv(
            stream,
            csv.ReadOptions(column_names=places, block_size=block),
            csv.ParseOptions(
                delimiter=layout.dialect.delimiter,
                quote_char=layout.dialect.quote,
                newlines_in_values=bool(text.quotes) or layout.dialect.quote != '"',
                invalid_row_handler=see,
            ),
            csv.ConvertOptions(column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False, check_utf8=False),
        )
    return list(found.columns), len(wrong)


def _positioned(text: Text, layout: Layout) -> Any:
    import pyarrow as pa

    stream = pa.BufferReader(text.source.raw) if text.source.path is None else pa.OSFile(str(text.source.path))
    stream.seek(layout.begin)
    return stream


def _by_python(text: Text, layout: Layout) -> tuple[list[Any], int]:
    import pyarrow as pa

    width = len(layout.names)
    chunks: list[list[Any]] = [[] for _ in range(width)]
    wrong = 0
    for rows in _batches(text, layout):
        fit = [row for row in rows if len(row) == width]
        wrong += len(rows) - len(fit)
        for chunk, column in zip(chunks, zip(*fit, strict=True), strict=False):
            chunk.append(pa.array(column, pa.string()))
    return [pa.chunked_array(chunk, pa.string()) for chunk in chunks], wrong


def _batches(text: Text, layout: Layout) -> Iterator[list[list[str]]]:
    batch = []
    for _, row in rows_of(text, layout):
        batch.append(row)
        if len(batch) == _ROWS:
            yield batch
            batch = []
    yield batch


def _trimmed(column: Any, text: Text) -> Any:
    """Cells without blanks around them."""
    import pyarrow.compute as pc

    if text.ascii and not text.blanks:
        return column
    return pc.ascii_trim_whitespace(column) if text.ascii else pc.utf8_trim_whitespace(column)


def _has_lines(column: Any) -> bool:
    """Whether a cell goes over several lines."""
    import pyarrow.compute as pc

    return any(pc.any(pc.match_substring(column, end)).as_py() for end in "\n\r")


def _all_empty(column: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.max(pc.binary_length(column)).as_py() == 0)
