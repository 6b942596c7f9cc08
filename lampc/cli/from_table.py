"""Programs that ``lampc new --from TABLE`` writes."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from lampc.cli.outputs import save
from lampc.cli.say import tell
from lampc.data.source import DataError
from lampc.diagnostics import failure
from lampc.printable import printable
from lampc.source import project
from lampc.table.sight import TABLES, sight


def is_table(name: str) -> bool:
    """Whether a name is a table's: by its ending, or because it is there and no example."""
    path = Path(name)
    return path.suffix.lower() in TABLES or (os.sep in name and path.is_file())


def write(table: str, targets: tuple[str, ...], output: Path) -> int:
    """Write the program that trains on a table.

    Raises:
        LampError: if the table cannot be used, or the program is there already.
    """
    if os.path.lexists(output):
        raise failure("E003", f"{output} is there already, and is not written over",
                      f"name another: `lampc new --from {shlex.quote(table)} -o OTHER.lamp`")  # fmt: skip
    path = Path(table)
    try:
        found = sight(path, targets)
    except DataError as error:
        raise failure(error.code, str(error), *error.fixes) from None
    except OSError as error:
        raise failure("E601", f"cannot read {table}: {error.strerror or error}") from None
    beside, copied = _beside(path, output)
    save(output, found.program(beside).encode())
    if not targets:
        tell(f"the target is `{printable(found.schema.targets[0].name)}`, the last column; `--target` names another")
    for note in found.table.notes:
        tell(f"{table}: {printable(note)}")
    tell(f"wrote {output}{f' and {beside} beside it' if copied else ''}")
    tell(f"next: lampc check {shlex.quote(str(output))}, lampc train {shlex.quote(str(output))}")
    return 0


def _beside(path: Path, output: Path) -> tuple[str, bool]:
    """The table's path from the program's folder; one outside of its project is copied there: a program names no others."""
    folder = output.parent.absolute()
    if path.resolve().is_relative_to(project(folder)):
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix(), False
    there = folder / path.name
    if not there.exists():
        save(there, path.read_bytes())
        return path.name, True
    if there.read_bytes() != path.read_bytes():
        raise failure("E003", f"{there} is there already, and is another table", "call it in another folder")
    return path.name, False
