"""In which encoding a text is: by its mark, by whether it is UTF-8, else as Windows wrote it."""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass, replace

from lampc.diagnostics.unplaced import DataError
from lampc.table.read_source import Source

_BLOCK = 1 << 22
_ESCAPED = re.compile(rb'\\"(?!\s*[,;|:\t\r\n"]|\s*$)')
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, eq=False)
class Text:
    """A text as UTF-8, and what a look at each of its bytes finds."""

    source: Source
    begin: int
    """Where it begins, behind a mark."""
    encoding: str
    """How it was written."""
    lines: int
    """How many it has; by that one knows whether lines and rows are the same."""
    quotes: int
    """How many ``"`` there are."""
    blanks: bool
    """Whether there is any blank or tab."""
    ascii: bool
    escapes: bool
    """Whether a backslash stands before a quote somewhere."""


def text_of(source: Source, encoding: str | None) -> Text:
    """A text in UTF-8, in memory if it was written otherwise.

    Raises:
        DataError: if it cannot be decoded so, or holds NULs.
    """
    head = source.head(4096)
    mark, marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", ""))
    wanted = _known(encoding) if encoding is not None else marked or _wide(head) or "utf-8"
    if mark and marked.startswith(wanted):
        wanted = marked  # the mark says in which order bytes are
    elif mark:
        mark = b""
    if wanted == "utf-8":
        try:
            return _scanned(source, len(mark), "utf-8")
        except _StrangeError as error:
            if encoding is not None or mark:
                raise DataError("E601", f"{source.name}, {error} is not UTF-8",
                                ('if Windows wrote it: encoding="cp1252"',), "encoding") from None  # fmt: skip
            wanted = "cp1252"
    try:
        return _scanned(_decoded(source, len(mark), wanted), 0, marked.rpartition("-")[0] if mark else wanted)
    except UnicodeDecodeError as error:
        if encoding is not None or wanted != "cp1252":
            raise DataError("E601", f"{source.name}: byte 0x{error.object[error.start]:02x} is not {wanted}",
                            ("leave the encoding out: it is found",), "encoding") from None  # fmt: skip
    return _scanned(_decoded(source, 0, "latin-1"), 0, "latin-1")


class _StrangeError(Exception):
    """``line 3: byte 0xe9``, which is not UTF-8."""


def unescaped(text: Text) -> Text:
    """A text whose quotes within cells are doubled, where a backslash stood before them as R writes it.

    A cell may end in a backslash too; only a quote that no end of a cell follows shows that it is meant otherwise.
    """
    if not text.escapes:
        return text
    with text.source.binary() as file:
        if not any(b'\\"' in line and _ESCAPED.search(line) for line in file):
            return text
    with text.source.binary() as file:
        made = Source(text.source.name, None, file.read().replace(b'\\"', b'""'))
    return replace(text, source=made)


def _known(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding)
        b"  ".decode(encoding)  # not what makes bytes of bytes
    except (LookupError, ValueError):
        raise DataError("E305", f'there is no encoding "{encoding}"', ('encoding="cp1252"',), "encoding") from None
    return {"utf-8-sig": "utf-8"}.get(found.name, found.name)


def _wide(head: bytes) -> str:
    """UTF-16 without a mark: of Western text every second byte is 0."""
    even, odd = head[0::2], head[1::2]
    if len(head) >= 4 and odd.count(0) > 0.8 * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if len(head) >= 4 and even.count(0) > 0.8 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    return ""


def _decoded(source: Source, begin: int, encoding: str) -> Source:
    """A text of another encoding as UTF-8, block by block, so that it is never whole in memory twice."""
    made, decoder = io.BytesIO(), codecs.getincrementaldecoder(encoding)()
    with source.binary() as file:
        file.seek(begin)
        while block := file.read(_BLOCK):
            made.write(decoder.decode(block).encode())
        made.write(decoder.decode(b"", True).encode())
    return Source(source.name, None, made.getvalue())


def _scanned(source: Source, begin: int, encoding: str) -> Text:
    """A look at each byte of UTF-8.

    Raises:
        _StrangeError: if it is none.
        DataError: if there are NULs.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = returns = both = quotes = 0
    ascii, blanks, escapes, last = True, False, False, b""
    with source.binary() as file:
        file.seek(begin)
        while block := file.read(_BLOCK):
            if b"\0" in block:
                line = lines + block[: block.index(b"\0")].count(b"\n") + 1
                raise DataError("E601", f"{source.name}, line {line}: a NUL, which no text holds: is it a table?")
            ascii = ascii and block.isascii()
            if not ascii:
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    line = lines + error.object[: error.start].count(b"\n") + 1
                    raise _StrangeError(f"line {line}: byte 0x{error.object[error.start]:02x}") from None
            lines += block.count(b"\n")
            returns += block.count(b"\r")
            both += block.count(b"\r\n") + (last == b"\r" and block[:1] == b"\n") if returns else 0
            quotes += block.count(b'"')
            blanks = blanks or b" " in block or b"\t" in block
            escapes = escapes or b'\\"' in block
            last = block[-1:]
    ends = lines + returns - both
    if not ascii and decoder.getstate()[0]:
        raise _StrangeError(f"line {lines + 1}: a character's last bytes are missing, which")
    return Text(source, begin, encoding, ends + (last not in (b"", b"\n", b"\r")), quotes, blanks, ascii, escapes)
