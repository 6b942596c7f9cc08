"""A table with a column of each kind, its rows, what they are encoded as, value by value, and networks that answer them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import torch

import lampc.compile
from lampc.export.answers import Answer, answered
from lampc.runtime.model import Model
from lampc.table.schema import Column, Schema, Target

HOSTILE = ('say "hi"', "back\\slash", "%s%n", "two\nlines", "a,b", "größe 😀", "??/", "*/", "'", "{x}", "\\x41f", "1")
"""Categories' names that would be code, an escape or a format where they are not kept as what they are."""
Cell = float | str | datetime | None


@dataclass(frozen=True)
class Made:
    """A schema, and rows of cells by column."""

    schema: Schema
    rows: list[dict[str, Cell]]

    @property
    def slots(self) -> list[list[float]]:
        """The rows as the network takes them."""
        return [[slot for c in self.schema.taken for slot in encoded(c, row[c.name])] for row in self.rows]


SCHEMA = Schema(
    (
        Column("age", "number", gaps=True, fill=(31.25,), mean=(30.1,), deviation=(12.7,)),
        Column("no", "id"),
        Column("stamp", "number", fill=(1.7e9,), mean=(1.7e9 + 0.1,), deviation=(57.3,)),
        Column("plain number", "number", fill=(0.0,), gaps=True),
        Column("price", "number", written="comma thousands=. €", fill=(1e6,), gaps=True, mean=(1e6,), deviation=(1e5,)),
        Column("share", "number", written="percent", fill=(12.5,)),
        Column("smokes", "yesno", values=("no", "yes"), fill=(0.375,), gaps=True),
        Column("agrees", "yesno", values=("False", "True"), fill=(0.5,)),
        Column("odd", "category", values=HOSTILE, shares=tuple(1 / len(HOSTILE) for _ in HOSTILE)),
        Column("town", "category", values=("Köln", "Bonn"), rest=True, shares=(0.5, 0.25, 0.25)),
        Column("label", "category", values=("a", "b", "c"), shares=(0.2, 0.3, 0.5), gaps=True),
        Column("linear1.weight", "category", values=("x", "y"), rest=True, shares=(0.5, 0.3, 0.2), gaps=True, embed=2),
        Column("empty", "category", gaps=True),
        Column("when", "date", written="%Y-%m-%d %H:%M:%S", gaps=True, first=1.6e9,
               fill=(2001.0, 6.5, 15.2, 3.1, 12.4, 30.0, 77.5),
               parts=("year", "month", "day", "weekday", "hour", "minute", "days"),
               mean=(2000.5, 6.4, 15.0, 3.0, 12.0, 29.0, -4e3), deviation=(60.0, 3.4, 9.0, 2.0, 7.0, 17.0, 2e4)),
        Column("day", "date", written="%d.%m.%Y", first=0.0, fill=(20.0, 11.0), parts=("days", "month"), mean=(1e4, 6.0),
               deviation=(5e3, 3.0)),
    ),
    (Target("kind", "class", ("red", "it's \"blue\"", "%d", "dé")),),
)  # fmt: skip
"""A column of each kind, with and without a slot for gaps."""


def table(count: int, seed: int = 0) -> Made:
    """Random rows: one cell in five is missing, and one word in five is none that training saw."""
    dice = random.Random(seed)
    return Made(SCHEMA, [{column.name: cell(column, dice) for column in SCHEMA.taken} for _ in range(count)])


def cell(column: Column, dice: random.Random) -> Cell:
    """A random cell; None is missing."""
    if dice.random() < 0.2:
        return None
    if column.kind == "number":
        return dice.choice([column.mean[0] if column.mean else 0.0, 0.0]) + round(dice.gauss(0, 50), 3)
    if column.kind == "date":
        moment = datetime(1970, 1, 1) + timedelta(seconds=dice.randint(-(10**10), 10**10))
        return moment if column.written.endswith("S") else moment.replace(hour=0, minute=0, second=0)
    if not column.values:
        return "never seen"
    return "never seen" if column.kind == "category" and dice.random() < 0.2 else dice.choice(column.values)


def encoded(column: Column, value: Cell) -> list[float]:
    """A cell's slots."""
    if column.kind == "category":
        words = [*column.values, *[None] * column.rest]
        if value is None and column.gaps:
            return [*(0.0 for _ in words), 1.0]
        shares = list(column.shares) if not column.rest else [0.0] * len(column.values) + [1.0]
        return [*([float(value == w) for w in words] if value in column.values else shares), *[0.0] * column.gaps]
    if value is None:
        found = list(column.fill)
    elif isinstance(value, datetime):
        parts = {part: float(getattr(value, part)) for part in ("year", "month", "day", "hour", "minute")}
        days = (seconds(value) - column.first) / 86400
        found = [{**parts, "weekday": float(value.weekday()), "days": days}[part] for part in column.parts]
    else:
        found = [float(column.values.index(value)) if isinstance(value, str) else value]
    if column.mean:
        found = [(x - m) / d for x, m, d in zip(found, column.mean, column.deviation, strict=True)]
    return [*found, *[float(value is None)] * column.gaps]


def written(column: Column, value: Cell, dice: random.Random) -> str:
    """A cell as a table's text."""
    if value is None:
        return dice.choice(["", " ", "NA", "null", "n/a", "NaN"])
    if isinstance(value, datetime):
        return f" {value.strftime(column.written)}"
    if isinstance(value, str):
        known = column.kind == "category"
        return f"{value}\u00a0 " if known else dice.choice([value, value.upper(), f"\t{value.lower()}"])
    if "thousands" in column.written:
        return f"{value:,.3f} €".translate({ord(","): ".", ord("."): ","})
    return f"{value!r} %" if column.written == "percent" else repr(value)


def seconds(value: Cell) -> float:
    """A moment since 1970, or a number as it is."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).timestamp()
    return math.nan if value is None or isinstance(value, str) else value


def network(made: Made, layers: str) -> Model:
    """A network over a table's slots."""
    return lampc.compile.text(f"input {made.schema.width}; {layers}").model(seed=0)


ANSWERS = {
    "linear 4 xavier; loss crossentropy": torch.nn.Softmax(1),
    "linear 5 xavier; softmax; loss crossentropy": torch.nn.Identity(),
    "linear 4 xavier; logsoftmax; loss nll": torch.exp,
    "linear 1 xavier; sigmoid; loss bce": torch.nn.Identity(),
}
"""Layers, and how their prediction gives probabilities."""


def classified(made: Made, layers: str) -> tuple[Model, Answer]:
    """A network, and what it says of classes; of one number of two of them."""
    model, classes = network(made, layers), made.schema.classes
    assert classes is not None
    return model, answered(model.program, classes[1:3] if "sigmoid" in layers else classes, True)


def chosen(raw: torch.Tensor) -> list[int]:
    """The likeliest classes of a prediction."""
    found: list[int] = ((raw[:, 0] > 0.5).long() if raw.shape[1] == 1 else raw.argmax(1)).tolist()
    return found
