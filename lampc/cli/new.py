"""``lampc new``."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import click

from lampc import examples, files
from lampc.cli.colors import COLOR
from lampc.cli.completion import complete_examples, complete_files
from lampc.cli.from_table import is_table, write
from lampc.cli.outputs import save
from lampc.cli.say import tell
from lampc.cli.verb import verb
from lampc.diagnostics import failure
from lampc.diagnostics.suggest import nearest

FIRST = "disc"
"""The example that a program begins as if none is named."""


@verb("lampc new disc", "lampc new flowers --from iris", "lampc new --from other.csv -o other.lamp")
@click.argument("name", required=False, shell_complete=complete_examples)
@click.option(
    "--from",
    "example",
    metavar="EXAMPLE|TABLE",
    shell_complete=complete_examples,
    help="What it begins as; `lampc examples` lists them. Or a table to train on. [default: the example NAME, else disc]",
)
@click.option(
    "--target",
    "targets",
    metavar="COLUMN",
    multiple=True,
    help="With a table: the column that is learnt; the last where left out. May be given several times.",
)
@click.option("-o", "--output", metavar="FILE", shell_complete=complete_files,
              help="With a table: the program's file; by the table's name, in this folder, where left out.")  # fmt: skip
@COLOR
def new(name: str | None, example: str | None, targets: tuple[str, ...], output: str | None) -> int:
    """Write a program and its data to begin with.

    It is an example that comes with lampc, as NAME.lamp in this folder, where nothing is written over:
    lampc new flowers --from iris

    Or it is the program that trains on a table: lampc new --from houses.csv --target price
    """
    if example is not None and is_table(example):
        if name is not None and output is not None:
            raise click.UsageError("NAME and -o both name the program: give one of them.")
        own = Path(f"{name or re.sub(r'[^A-Za-z0-9_-]+', '_', Path(example).stem) or 'table'}".removesuffix(".lamp") + ".lamp")
        return write(example, targets, own if output is None else Path(output))
    if targets or output is not None:
        raise click.UsageError("--target and -o are for a table: `lampc new --from TABLE.csv`.")
    name = (name or example or FIRST).removesuffix(".lamp")
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise click.UsageError(f"`{name}` is no name: letters, digits, `_`, `-`, `+` and `.`, without a folder.")
    known = examples.names()
    example = example or (name if name in known else FIRST)
    if example not in known:
        near = nearest(example, known)
        raise click.UsageError(f"There is no example `{example}`. "
                               f"{f'Did you mean `{near}`?' if near else '`lampc examples` lists them.'}")  # fmt: skip
    parts = examples.parts(example, name)
    missing = {file: content for file, content in parts.items() if not _is_there(Path(file), content)}
    for file, content in missing.items():
        save(Path(file), content)
    program, *data = parts
    kept = [file for file in data if file not in missing]
    tell(f"wrote {' and '.join(missing)}{f'; {kept[0]} is here already' if kept else ''}")
    tell(f"next: lampc check {program}, lampc train {program}")
    return 0


def _is_there(path: Path, content: bytes) -> bool:
    """Whether a data file is there as it would be written.

    Raises:
        LampError: if something else is there, or the program itself.
    """
    if not os.path.lexists(path):
        return False
    with suppress(OSError):
        if path.suffix != ".lamp" and files.read(path, len(content)) == content:
            return True
    raise failure("E003", f"{path} is there already, and is not written over", "name another: `lampc new NAME --from EXAMPLE`"
                  if path.suffix == ".lamp" else "call it in another folder, or move that file away")  # fmt: skip
