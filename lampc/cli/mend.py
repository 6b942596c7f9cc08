"""`lampc check --fix`: a program mended again and again, until nothing that is certain is left; and written, or shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lampc import files, resources
from lampc.compile import examine
from lampc.diagnostics import Diagnostic, Problems, failure
from lampc.diagnostics.mend import mended
from lampc.elaborate import Elaborated
from lampc.elaborate.given import Given
from lampc.source import Source

_ROUNDS = 100
"""How often a text is read again; each round makes all fixes that do not meet."""
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Examined:
    """A program, and what is wrong with it."""

    source: Source
    problems: Problems
    elaborated: Elaborated | None
    made: tuple[Diagnostic, ...] = ()
    """What was mended to come to this text."""


def examined(source: Source, given: Given) -> Examined:
    """A program as it is."""
    problems = Problems()
    return Examined(source, problems, examine(source, given, problems))


def until_mended(found: Examined, given: Given) -> Examined:
    """A program with all that is certain mended."""
    seen = {found.source.text}
    for _ in range(_ROUNDS):
        text, made = mended(found.source, found.problems.sorted())
        if not made or text in seen:
            break
        seen.add(text)
        again = examined(Source(found.source.name, text, found.source.path), given)
        found = replace(again, made=(*found.made, *made))
    return found


def difference(before: Source, after: Source) -> Iterator[str]:
    """The lines of a unified diff."""
    old, new = (source.text.splitlines(keepends=True) for source in (before, after))
    for line in difflib.unified_diff(old, new, before.name, after.name):
        ended = line.endswith("\n")
        yield line.rstrip("\r\n")
        if not ended:
            yield "\\ No newline at end of file"


def write(before: Source, after: Source) -> None:
    """Put a mended text in the place of a program's file, through links, with the byte order mark that it had.

    Raises:
        LampError: if it cannot be written, comes with lampc, or is not what was read any more.
    """
    path = after.path
    assert path is not None, "what has no file is printed"
    if path.is_relative_to(resources.path("models").resolve()):
        raise failure(
            "E003", f"{before.name} comes with lampc, and is left as it is", f"write it here: `lampc new {path.stem}`"
        )
    try:
        raw = files.read(path)
        mark = _MARK if raw.startswith(_MARK) else b""
        if raw != mark + before.text.encode():
            raise failure("E003", f"{before.name} has changed meanwhile, and is left as it is", "check it again")
        files.write(path, mark + after.text.encode())
    except OSError as error:
        raise failure("E003", f"cannot write {before.name}: {error.strerror or error}") from None
