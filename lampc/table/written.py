"""The program that trains on a table, written out: plain enough to learn the language from, sized for the data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lampc.table.schema import Column, Schema, Target

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
CLASSES = 10
"""Values of a target of whole numbers up to which they are taken for classes."""


@dataclass(frozen=True)
class Plan:
    """What is written, in numbers."""

    rows: int
    """Of the table, those with a target."""
    hidden: int
    batch: int
    epochs: int
    rate: float
    decay: float
    patience: int
    validation: float
    """The share of the training part to choose the best epoch by; 0 where there are too few rows."""


def plan(schema: Schema, rows: int) -> Plan:
    """Sizes for so many rows of so many slots."""
    train = int(rows * 0.8)
    hidden = 16 if train < 100 else 32 if train < 2_000 else 64 if train < 50_000 else 128
    batch = min(256, max(8, 2 ** round(math.log2(max(8, train / 25)))))
    steps = max(1, train // batch)
    epochs = int(min(200, max(20, 6_000 / steps)))
    decay = 0.3 if train < 5_000 else 0.03 if train < 50_000 else 0.01  # few rows are learnt by heart without it
    return Plan(rows, hidden, batch, epochs, 0.003, decay, max(5, epochs // 8), 0.1 if train >= 40 else 0.0)


def program(schema: Schema, rows: int, path: str, classes: bool = False) -> str:
    """The text of a program. ``path``: of the table, from the program's folder; ``classes``: whether its target is of whole
    numbers that are taken for classes.
    """
    sizes = plan(schema, rows)
    lines = [*_comments(schema, rows, path, classes), _data(schema, path, classes, sizes), *_columns(schema)]
    lines += [f"linear {sizes.hidden} kaiming; relu", f"linear {sizes.hidden} kaiming; relu", *_end(schema)]
    lines.append(f"optimizer adamw lr={sizes.rate:g} weight_decay={sizes.decay:g}")
    lines.append("schedule cosine")
    stop = f" patience={sizes.patience}" if sizes.validation else ""
    lines.append(f"train epochs={sizes.epochs} batch={sizes.batch} shuffle{stop}")
    return "\n".join(lines) + "\n"


def _comments(schema: Schema, rows: int, path: str, classes: bool) -> list[str]:
    left = [column.name for column in schema.columns if not column.taken]
    what = " and ".join(f"`{_plain(target.name)}`" for target in schema.targets)
    lines = [f"# {what} of the other columns of {_plain(path)}: {rows:,} rows. `lampc data` shows what becomes of each column."]
    if classes:
        lines.append("# Its whole numbers are taken for classes; to learn them as numbers, leave out `classes`.")
    if left:
        shown = ", ".join(map(_plain, left[:8]))
        lines.append(f"# Left out: {shown}{f' and {len(left) - 8} more' if len(left) > 8 else ''}.")
    return lines


def _plain(text: str) -> str:
    """A name in a comment, where only what can be seen stands."""
    return "".join(character if character.isprintable() else "?" for character in text)


def word(name: str) -> str:
    """A column's name as a program has it: bare, or in quotes."""
    return name if _WORD.fullmatch(name) else f'"{name}"'


def _data(schema: Schema, path: str, classes: bool, sizes: Plan) -> str:
    names = [word(target.name) for target in schema.targets]
    target = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    kind = schema.form.source if schema.form.source in ("parquet", "jsonl") else "csv"
    validation = f" validation={sizes.validation:g}" if sizes.validation else ""
    return f'data {kind} "{path}" target={target}{" classes" * classes} split=0.8{validation}'


def _columns(schema: Schema) -> list[str]:
    """A line for each category with many values: a short vector says more than many slots."""
    return [f"column {word(column.name)} embed={_vector(column)}" for column in schema.taken if _many(column)]


def _many(column: Column) -> bool:
    return column.kind == "category" and len(column.values) > 30


def _vector(column: Column) -> int:
    return min(16, 2 + round(2 * math.sqrt(math.sqrt(len(column.values)))))


def _end(schema: Schema) -> Sequence[str]:
    """The last layer, the loss and the metrics, by the target's kind."""
    targets = schema.targets
    first = targets[0]
    if len(targets) > 1 and all(target.kind == "yesno" for target in targets):
        return f"linear {len(targets)} xavier; sigmoid", "loss bce", "metrics accuracy f1"
    if first.kind == "number" or len(targets) > 1:
        return f"linear {len(targets)} xavier", "loss mse", "metrics mae r2"
    if first.kind == "yesno":
        return "linear 1 xavier; sigmoid", "loss bce", "metrics accuracy auc"
    return f"linear {_outputs(first)} xavier; softmax", "loss crossentropy", "metrics accuracy f1"


def _outputs(target: Target) -> int:
    return max(2, len(target.values))
