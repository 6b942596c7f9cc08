"""Random tables: what is fitted and encoded is what a slow encoder in plain Python makes, of text and of Parquet alike."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import statistics
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from lampc.data.understood import by_schema
from lampc.table.encode import encode
from lampc.table.fit import fitted
from lampc.table.kinds import understand
from lampc.table.read import of_bytes, read
from lampc.table.schema import Schema
from lampc.table.stored import json_of, schema_of

WORDS = ('say "hi"', "a,b", "größe 😀", "back\\slash", "x=y", "other", "Zoë", "%s", "{x}", "'")
NAMES = ("größe", "a b", 'quo"te', "let", "x=1", "missing", "日付", "%s", "a.b", "'", "y=")
FIRST = datetime(1999, 12, 25)


class Drawn:
    """A column of a kind: cells as Python's, and the slots that they are to become."""

    def __init__(self, dice: random.Random) -> None:
        self.kind = dice.choice(["number", "yesno", "category", "date"])
        self.words = dice.sample(WORDS, 5)
        self.scale = 10.0 ** dice.randint(-6, 9)
        self.gap = dice.choice([0.0, 0.2])

    def cell(self, dice: random.Random, later: bool) -> Any:
        if dice.random() < self.gap:
            return None
        match self.kind:
            case "number":
                return round(dice.gauss(3, 1), 4) * self.scale
            case "yesno":
                return dice.random() < 0.4
            case "category":
                return dice.choice(self.words if later else self.words[:4])
            case _:
                return datetime.fromtimestamp(FIRST.timestamp() + 3600 * dice.randint(0, 20_000))

    def slots(self, train: Sequence[Any], cells: Sequence[Any]) -> list[list[float]]:
        """The slots of each cell, all numbers from the cells to train on."""
        known = [cell for cell in train if cell is not None]
        gaps = len(known) < len(train)
        if self.kind == "category":
            words = sorted(set(known))
            shares = [known.count(word) / len(known) for word in words] + [0.0] * gaps
            return [[float(cell == word) for word in [*words, *[None] * gaps]] if cell is None or cell in words else shares
                    for cell in cells]  # fmt: skip
        measures = [[float(measure(cell, min(known))) for cell in known] for measure in self.measures(known)]
        found = []
        for cell in cells:
            row = []
            for measure, seen in zip(self.measures(known), measures, strict=True):
                mean = math.fsum(seen) / len(seen)
                value = mean if cell is None else float(measure(cell, min(known)))
                row.append(value if self.kind == "yesno" else (value - mean) / statistics.pstdev(seen))
            found.append([*row, *[float(cell is None)] * gaps])
        return found

    def measures(self, known: Sequence[Any]) -> list[Any]:
        if self.kind != "date":
            return [lambda cell, first: cell]
        parts = [lambda c, _: c.year, lambda c, _: c.month, lambda c, _: c.weekday(), lambda c, _: c.hour]
        varied = [part for part in parts if len({part(cell, None) for cell in known}) > 1]
        return [*varied, lambda cell, first: (cell - first).total_seconds() / 86400]


def as_text(columns: dict[str, list[Any]]) -> bytes:
    out = io.StringIO()
    rows = zip(*columns.values(), strict=True)
    csv.writer(out).writerows([columns, *(["" if cell is None else cell for cell in row] for row in rows)])
    return out.getvalue().encode()


@pytest.mark.parametrize("seed", range(12))
def test_what_is_encoded_is_what_the_slow_encoder_makes(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    drawn = {name: Drawn(dice) for name in dice.sample(NAMES, 5)}
    tables = []
    for later in (False, True):
        cells = {name: [column.cell(dice, later) for _ in range(80)] for name, column in drawn.items()}
        tables.append({**cells, "target": [dice.gauss(0, 1) for _ in range(80)]})
    now, then = tables
    wanted = np.hstack([np.array(column.slots(now[name], then[name])) for name, column in drawn.items()])
    for form in ("csv", "parquet"):
        table, other = (read_table(columns, form, tmp_path) for columns in tables)
        columns, targets, parsed = understand(table, {}, ["target"], False, ())
        schema = Schema(fitted(columns, parsed, standardise=True), targets, table.form)
        assert [column.kind for column in schema.columns] == [column.kind for column in drawn.values()]
        assert schema_of(json.loads(json.dumps(json_of(schema)))) == schema
        found = encode(schema, by_schema(schema, other, targets=False))
        np.testing.assert_allclose(found.x, wanted, rtol=1e-9, atol=1e-9)
        assert found.gaps == {name: gaps for name in drawn if (gaps := then[name].count(None))}
        assert found.unseen == {name: new for name, column in drawn.items() if column.kind == "category"
                                if (new := sum(cell is not None and cell not in now[name] for cell in then[name]))}  # fmt: skip


def read_table(columns: dict[str, list[Any]], form: str, folder: Path) -> Any:
    if form == "csv":
        return of_bytes(as_text(columns), "t.csv")
    parquet.write_table(pa.table(columns), folder / "t.parquet")
    return read(folder / "t.parquet", "t.parquet")
