"""A text's rows by Python's csv, with their lines: where a row is, and which lines are not as the others."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Lock

from lampc.diagnostics.unplaced import DataError
from lampc.table.cells import row_place
from lampc.table.read_dialect import reader_of
from lampc.table.read_encoding import Text
from lampc.table.read_layout import Layout
from lampc.table.read_source import Source

_SHOWN = 3


def rows_of(text: Text, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each begins; empty lines are none.

    Raises:
        DataError: if a cell is longer than any should be.
    """
    with text.source.binary() as file:
        file.seek(layout.begin)
        reader = reader_of(io.TextIOWrapper(file, encoding="utf-8", newline=""), layout.dialect)
        before = 0
        try:
            for row in reader:
                if len(row) > 1 or (row and (row[0].strip(" \t\x1a") or (len(layout.names) == 1 and row[0]))):
                    yield layout.line + before, row
                before = reader.line_num
        except csv.Error as error:
            raise DataError("E601", f"{text.source.name}, line {layout.line + before}: {error}",
                            ("is a quote left open there?",)) from None  # fmt: skip


@dataclass(eq=False)
class Lines:
    """Where rows are: one after another, if there are as many lines as rows, else by reading once more when it is asked."""

    text: Text
    layout: Layout
    rows: int
    _found: array[int] | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    @property
    def even(self) -> bool:
        """Whether each row is one line and each line a row."""
        return self.text.lines - (self.layout.line - 1) == self.rows

    def place(self, row: int) -> str:
        """``line 7``."""
        if self.even:
            return f"line {self.layout.line + row}"
        with self._lock:
            if self._found is None:
                try:
                    self._found = array("Q", (line for line, _ in rows_of(self.text, self.layout)))
                except (DataError, OSError, ValueError):  # the file is another by now
                    self._found = array("Q")
        return f"line {self._found[row]}" if len(self._found) == self.rows else row_place(row)


def refuse_ragged(text: Text, layout: Layout, count: int) -> None:
    """Lines with another number of cells: all of them in one message.

    Raises:
        DataError: E602.
    """
    width = len(layout.names)
    shown: list[tuple[int, int]] = []
    for line, row in rows_of(text, layout):
        if len(row) != width and len(shown) < _SHOWN:
            shown.append((line, len(row)))
        if len(shown) == min(_SHOWN, count):
            break
    told = ", ".join(f"line {line} has {cells}" for line, cells in shown) + (", …" if count > len(shown) else "")
    what = "a line has" if count == 1 else f"{count:,} lines have"
    wanted = "the header" if layout.form.header else "most"
    delimiter = layout.dialect.delimiter
    raise DataError(
        "E602",
        f"{text.source.name}: {what} another number of cells than {wanted}, {width}: {told}",
        (
            f'a cell that holds `{delimiter}` is put in quotes: `"a{delimiter}b"`',
            f'to see them: `sed -n "{";".join(f"{line}p" for line, _ in shown)}" {text.source.name}`',
        ),
    )


def refuse_unclosed(text: Text, layout: Layout) -> None:
    """A quote that is opened by mistake takes in the lines below, up to the next: looked for in rows of several lines.

    So does one in the last row, which nothing follows.

    Raises:
        DataError: E601, with the line.
    """
    with text.source.binary() as file:
        file.seek(layout.begin)
        decoded = io.TextIOWrapper(file, encoding="utf-8", newline="")
        kept: list[str] = []
        last: list[str] = []

        def seen() -> Iterator[str]:
            for line in decoded:
                kept.append(line)
                yield line

        before = begun = 0
        reader = reader_of(seen(), layout.dialect)
        try:
            for _ in reader:
                begun = before
                if reader.line_num > before + 1:
                    list(reader_of(kept, layout.dialect, strict=True))
                before, last = reader.line_num, kept.copy()
                kept.clear()
            list(reader_of(last, layout.dialect, strict=True))
        except csv.Error as error:
            if not kept and "end of data" not in str(error):
                return  # a quote within the last row's cells
            where = f"{text.source.name}, line {layout.line + (before if kept else begun)}"
            raise DataError("E601", f"{where}: a quote is opened there and not closed",
                            ('a cell with a quote in it is written `"5"" pipe"`',)) from None  # fmt: skip


def written_loosely(text: Text, layout: Layout) -> bool:
    """Whether a quote that opens a cell follows a blank somewhere."""
    if not text.blanks or layout.dialect.delimiter == " " or not (text.quotes or layout.dialect.quote != '"'):
        return False
    quote, divides = layout.dialect.quote.encode(), re.escape(layout.dialect.delimiter.encode())
    wanted = re.compile(rb"(?:^|\r|" + divides + rb")[ \t]+" + quote + rb"(?!" + quote + rb"(?!" + divides + rb"|[\r\n]|$))")
    blank, tab = b" " + quote, b"\t" + quote
    with text.source.binary() as file:
        file.seek(layout.begin)
        return any((blank in line or tab in line) and wanted.search(line) for line in file)


def tabbed(text: Text, layout: Layout) -> tuple[Text, Layout] | None:
    """A text whose cells blanks divide, one tab between them, for those who know single characters; its rows alone.

    None where a quoted cell goes on in the next line, or lines end as on old Macintoshes.
    """
    quote = layout.dialect.quote.encode()
    cell = re.compile(rb"(?:%b[^%b]*%b)+|[^ \t\r\n]+" % (quote, quote, quote))
    made = io.BytesIO()
    with text.source.binary() as file:
        file.seek(layout.begin)
        for line in file:
            if b"\r" in line.rstrip(b"\r\n"):
                return None
            if quote not in line:
                made.write(b"\t".join(line.split()))
            elif line.count(quote) % 2:
                return None
            else:
                made.write(b"\t".join(cell.findall(line)))
            made.write(b"\n")
    source = Source(text.source.name, None, made.getvalue())
    return replace(text, source=source), replace(layout, begin=0, dialect=replace(layout.dialect, delimiter="\t"))
