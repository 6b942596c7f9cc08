"""What is said of a `data` statement that names no data, or names it otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lampc.data import DataError, DataSource
from lampc.data.nearby import ELSEWHERE, tables
from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead
from lampc.syntax import tree
from lampc.table.written import word


def no_data(word: tree.Word, listed: str, folder: Path) -> tuple[list[str], tuple[Edit, ...]]:
    """What to write for data of a name that nobody knows: a table of that name, or what lampc has instead."""
    table = next((name for name in tables(folder) if name.rpartition(".")[0].lower() == word.name.lower()), None)
    if table is not None:
        return [f'write `data csv "{table}"`'], instead(word.span, f'csv "{table}"')
    known = ELSEWHERE.get(word.name.lower())
    return [known, f"there are {listed}"] if known else [f"there are {listed}"], ()


def without_path(source: DataSource, statement: tree.Layer, folder: Path, problems: Problems) -> bool:
    """Whether a table's statement has nothing but its kind, which is reported with the tables that there are."""
    if "delimiter" not in source.signature.names or len(statement.arguments) > 1 or statement.options:
        return False
    found = tables(folder)
    fixes = [f'write `data {source.name} "{name}"`' for name in found[:3]] or [f"name its file: `{source.example}`"]
    head = statement.head
    problems.report("E301", f"`data {source.name}` needs a file", head, fixes=fixes,
                    edits=instead(head, f'data {source.name} "{found[0]}"') if len(found) == 1 else ())  # fmt: skip
    return True


def report_number(option: tree.Option, number: float, names: Sequence[str], problems: Problems) -> None:
    """Report a column that is given by its number, among the columns' names."""
    name = names[int(number)] if -len(names) <= number < len(names) else None
    written = None if name is None else word(name)
    problems.report("E304", f"`target` is a column's name, not its number, {number:g}", option.span,
                    fixes=[f"write `target={written}`" if written else "write its name"],
                    edits=instead(option.value.span, written))  # fmt: skip


def report_data_error(error: DataError, statement: tree.Layer, problems: Problems) -> None:
    """Report what a data source found, at the option at fault if it names one."""
    values = {option.name.name: option.value.span for option in statement.options}
    path = next((argument.span for argument in statement.arguments if isinstance(argument, tree.String)), None)
    values |= {"path": path} if path is not None else {}
    places = {option.name.name: option.span for option in statement.options}
    value = values.get(error.option or "")
    near = re.fullmatch(r"did you mean `(.+)`\?", error.fixes[0]) if error.fixes else None
    text = near[1] if near and (near[1].isidentifier() or near[1].startswith('"')) else f'"{near[1]}"' if near else ""
    problems.report(error.code, str(error), places.get(error.option or "", statement.head), fixes=error.fixes,
                    edits=instead(value, text) if near and value is not None else ())  # fmt: skip
