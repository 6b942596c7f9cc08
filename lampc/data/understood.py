"""A table that a program names, read once and understood once, however often it is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lampc.data.opened import regular
from lampc.data.source import DataError, Request
from lampc.diagnostics.suggest import nearest
from lampc.table.bad import BadCells, gaps
from lampc.table.cells import Asked, Table
from lampc.table.kinds import understand
from lampc.table.parse import parse, whole
from lampc.table.parsed import Parsed, Values
from lampc.table.read import read
from lampc.table.schema import Column, Schema, Target
from lampc.table.statement import Override

USES = ("weight", "group", "time", "part")
"""What a column may be used for beside samples and targets."""


@dataclass(frozen=True, eq=False)
class Understood:
    """A table: its columns, not fitted yet, its targets, and all values."""

    table: Table
    columns: tuple[Column, ...]
    targets: tuple[Target, ...]
    parsed: Parsed
    used: dict[str, str]
    """Columns that are used otherwise, by what for."""


_KEPT: OrderedDict[Any, Understood] = OrderedDict()
_LOCK = threading.Lock()
_MOST = 2


def understood(request: Request) -> Understood:
    """The table of a statement.

    Raises:
        DataError: if it cannot be read, has no such columns, or one that is not what it is said to be.
    """
    path = regular(request.folder, request.arguments["path"])
    stat = path.stat()
    options = ("target", "classes", "drop", "only", "missing", "weight", "group", "time")
    part = request.arguments["split"]
    key = (path, stat.st_mtime_ns, stat.st_size, insisted(request.arguments), request.overrides, request.below > 0,
           part if isinstance(part, str) else "", *(request.arguments.get(name) for name in options))  # fmt: skip
    with _LOCK:
        found = _KEPT.get(key)
    if found is None:
        found = _understood(request, path)
        with _LOCK:
            _KEPT[key] = found
            while len(_KEPT) > _MOST:
                _KEPT.popitem(last=False)
    return found


def insisted(arguments: Mapping[str, Any]) -> Asked:
    """What a statement's arguments insist on of a table's form."""
    return Asked(*(arguments.get(name) for name in ("delimiter", "decimal", "encoding", "header")))


def _understood(request: Request, path: Path) -> Understood:
    given = request.arguments
    table = read(path, given["path"], insisted(given))
    if not table.columns or not table.rows:
        raise DataError("E603", f"{given['path']} has {'no columns' if not table.columns else 'a header and no rows'}")
    names = list(table.columns)
    targets = _existing(given["target"] or names[-1:], names, "target")
    asked = {**{use: given.get(use) for use in USES}, "part": given["split"] if isinstance(given["split"], str) else None}
    used = {use: _existing([name], names, "split" if use == "part" else use)[0] for use, name in asked.items() if name}
    left = [name for name in _features(given, names, targets) if name not in used.values()]
    overrides = {override.name: _with_missing(override, given) for override in request.overrides}
    for name in overrides:
        _existing([name], names, f"column {name}")
    for name in left:
        if name not in overrides and given.get("missing"):
            overrides[name] = Override(name, missing=given["missing"])
    kept = [name for name in names if name in left or name in targets or name in used.values()]
    some = Table(table.name, {name: table.columns[name] for name in kept}, table.form, table.place, table.notes)
    columns, learnt, parsed = understand(some, overrides, targets, given["classes"], tuple(used.values()))
    left_out = [column.name for column in columns if not column.taken and column.name not in overrides]
    if request.below and left_out:  # whole numbers that name things are places of a sample, whatever they are
        overrides |= {name: Override(name, "number") for name in left_out}
        columns, learnt, parsed = understand(some, overrides, targets, given["classes"], tuple(used.values()))
    lacking = [target.name for target in learnt if target.missing] if given.get("missing") == "refuse" else []
    if lacking:
        fixes = ("leave the rows out: a program without `missing=refuse` does so",)
        raise BadCells(table, [replace(gaps(name, parsed.columns[name].missing), fixes=fixes) for name in lacking], "missing")
    if not any(column.taken for column in columns):
        notes = "; ".join(f"`{column.name}`: {column.note}" for column in columns[:5])
        raise DataError("E601", "there is no feature column beside the target" + (f" ({notes})" if notes else ""))
    return Understood(table, columns, learnt, parsed, used)


def _with_missing(override: Override, given: Any) -> Override:
    return override if override.missing or not given.get("missing") else replace(override, missing=given["missing"])


def _existing(wanted: Sequence[str], names: Sequence[str], option: str) -> list[str]:
    """Columns that are there.

    Raises:
        DataError: with the first that is not.
    """
    missing = next((name for name in wanted if name not in names), None)
    if missing is None:
        return list(wanted)
    near = nearest(missing, names)
    raise DataError("E601", f"there is no column `{missing}`",
                    (f"did you mean `{near}`?" if near else f"there are {', '.join(names[:30])}",), option)  # fmt: skip


def _features(given: Any, names: Sequence[str], targets: Sequence[str]) -> list[str]:
    only, drop = given.get("only") or (), given.get("drop") or ()
    _existing(only, names, "only")
    _existing(drop, names, "drop")
    both = next((name for name in (*only, *drop) if name in targets), None)
    if both is not None:
        option = "only" if both in only else "drop"
        raise DataError("E305", f"`{both}` is the target, and is no feature", (f"leave it out of `{option}`",), option)
    return [name for name in names if name not in targets and name not in drop and (not only or name in only)]


def by_schema(schema: Schema, table: Table, targets: bool) -> Parsed:
    """A table's columns as a schema says they are; ``targets``: those, too.

    Raises:
        DataError: if one is missing, or has cells of another kind.
    """
    wanted: list[Column | Target] = [*schema.taken, *(schema.targets if targets else ())]
    see_columns(schema, table, [column.name for column in wanted])
    return whole(table, wanted)


def parse_weight(name: str, table: Table) -> Values:
    """The column of a table that weighs its rows.

    Raises:
        DataError: if it holds something else than numbers.
    """
    return parse(table.columns[name], Column(name, "number"), table)


def see_columns(schema: Schema, table: Table, wanted: Sequence[str]) -> None:
    """See that a table has some columns.

    Raises:
        DataError: if one is missing; with what it may be called there.
    """
    missing = [name for name in wanted if name not in table.columns]
    if not missing:
        return
    known = {*(column.name for column in schema.columns), *(target.name for target in schema.targets)}
    near = nearest(missing[0], [name for name in table.columns if name not in known])
    several = f"s {', '.join(f'`{name}`' for name in missing[:5])}" if len(missing) > 1 else f" `{missing[0]}`"
    fix = f"is it `{near}`? Name it `{missing[0]}`" if near else f"it has {', '.join(list(table.columns)[:30])}"
    raise DataError("E601", f"{table.name} has no column{several}, which the network was trained on", (fix,))
