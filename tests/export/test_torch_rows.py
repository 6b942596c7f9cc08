"""PyTorch source takes a table's raw rows: cells as people have them, judged by the encoder and by hand."""

from __future__ import annotations

import datetime
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import lampc.compile
from lampc.compile import Program
from lampc.export.answers import NUMBERS, Answer
from lampc.export.torch_source import source
from lampc.table.cells import Form, Table
from lampc.table.encode import encode
from lampc.table.fit import fitted
from lampc.table.kinds import understand
from lampc.table.parse import whole
from lampc.table.schema import Column, Schema, Target
from lampc.table.statement import Override

HOSTILE = ('"""', "'); raise SystemExit(1)  #", "{name}", "\\", "a\nb", "\u202e", "%s", "\ud800", "columns", "größe 😀")
PRICE = (Target("price", "number"),)
LABELS = (Target("a", "yesno", ("n", "y")), Target("b", "yesno", ("0", "1")))


def network(width: int, end: str = "linear 1 xavier\nloss mse", start: str = "") -> Program:
    return lampc.compile.text(f"{start or f'input {width}'}; linear 3 xavier; tanh; {end}\ntrain precision=f64")


def written(schema: Schema, program: Program | None = None, unit: Any = None, answer: Answer = NUMBERS) -> dict[str, Any]:
    """The names of the file that is written."""
    program = program or network(schema.width)
    space: dict[str, Any] = {}
    exec(compile(source(program, unit=unit, schema=schema, answer=answer), "<written>", "exec"), space)
    return space


def slots(column: Column, cells: Any, form: Form = Form()) -> list[list[float]]:  # noqa: B008
    """What becomes of a column's cells, by the file that is written for it alone."""
    found: list[list[float]] = written(Schema((column,), PRICE, form))["from_columns"]({column.name: cells}).tolist()
    return found


def test_cells_of_each_kind_become_numbers() -> None:
    age = Column("age", "number", gaps=True, fill=(30.0,), mean=(20.0,), deviation=(10.0,))
    smokes = Column("smokes", "yesno", values=("no", "yes"), fill=(0.25,))
    town = Column("town", "category", values=("Bonn", "Köln"), shares=(0.75, 0.25), gaps=True)
    when = Column("when", "date", parts=("year", "weekday", "days"), fill=(2000.0, 3.0, 1.0))
    schema = Schema((age, Column("no", "id"), smokes, town, when), PRICE)
    space = written(schema)
    x = space["from_columns"]({
        "no": ["a", "b", "c", "d"],
        "when": ["1970-01-02", None, "2024-02-29T12:00", datetime.date(1970, 1, 1)],
        "town": ["Köln", "Rom", "", " Bonn "],
        "smokes": ["YES", "no", "n", None],
        "age": [40, "10", None, float("nan")],
    })  # fmt: skip
    assert space["COLUMNS"] == ["age", "smokes", "town", "when"]
    assert x.tolist() == [
        [2.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1970.0, 4.0, 1.0],
        [-1.0, 0.0, 0.0, 0.75, 0.25, 0.0, 2000.0, 3.0, 1.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 2024.0, 3.0, 19782.5],
        [1.0, 1.0, 0.25, 1.0, 0.0, 0.0, 1970.0, 3.0, 0.0],
    ]


@pytest.mark.parametrize(
    ("how", "cells", "numbers"),
    [
        ("", ["1", "-2.5", "+3", "1e3", ".5", "−4", "inf", "NA"], [1, -2.5, 3, 1000, 0.5, -4, 0, 0]),
        ("thousands=%2C", ["1,234.5", "12", "1,234,567"], [1234.5, 12, 1234567]),
        ("percent", ["12 %", "-3.5%", "7"], [12, -3.5, 7]),
        ("€ comma thousands=.", ["€ 1.234,5", "-€2", "3,25 €"], [1234.5, -2, 3.25]),
        ("$ brackets", ["($12.50)", "$3"], [-12.5, 3]),
        ("gap=n.v.", ["n.v.", "2"], [0, 2]),
        ("loose", ["who knows", "2"], [0, 2]),
    ],
)
def test_numbers_are_read_as_the_table_was_written(how: str, cells: list[str], numbers: list[float]) -> None:
    assert slots(Column("x", "number", written=how, fill=(0.0,)), cells) == [[number] for number in numbers]


def test_a_table_with_decimal_commas() -> None:
    assert slots(Column("x", "number", fill=(0.0,)), ["1,5", 2.5], Form(decimal=",")) == [[1.5], [2.5]]


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        ("iso", "2024-02-29 13:45:10.25"), ("iso", "2024-02-29T15:45:10.25+02:00"),
        ("iso", np.datetime64("2024-02-29T13:45:10.25")),
        ("iso", datetime.datetime(2024, 2, 29, 13, 45, 10, 250000)), ("%d.%m.%y %H:%M:%S.%f", "29.02.24 13:45:10.25"),
        ("%b %d, %Y %I:%M:%S.%f %p", "Feb 29, 2024 01:45:10.25 PM"), ("%Y %j %H:%M:%S.%f", "2024 60 13:45:10.25"),
        ("iso", datetime.datetime(2024, 2, 29, 8, 45, 10, 250000, datetime.timezone(datetime.timedelta(hours=-5)))),
    ],
)  # fmt: skip
def test_dates_are_moments_however_they_are_written(pattern: str, cell: Any) -> None:
    column = Column(
        "t", "date", written=pattern, parts=("year", "month", "day", "weekday", "hour", "minute", "days"), fill=(0.0,) * 7
    )
    seconds = 13 * 3600 + 45 * 60 + 10.25
    assert slots(column, [cell, None]) == [[2024.0, 2.0, 29.0, 3.0, 13.0, 45.0, 19782 + seconds / 86400], [0.0] * 7]


@pytest.mark.parametrize(("rest", "gaps", "missing"), [
    (False, False, [0.75, 0.25]), (True, False, [0.0, 0.0, 1.0]), (False, True, [0.0, 0.0, 1.0]),
    (True, True, [0.0, 0.0, 0.0, 1.0]),
])  # fmt: skip
def test_a_missing_category_has_its_slot_or_is_as_one_that_training_never_saw(
    rest: bool, gaps: bool, missing: list[float]
) -> None:
    shares = (0.75, 0.25, *[0.0] * rest)
    column = Column("town", "category", values=("Bonn", "Köln"), rest=rest, shares=shares, gaps=gaps)
    unseen = [*([0.0, 0.0, 1.0] if rest else [0.75, 0.25]), *[0.0] * gaps]
    assert slots(column, ["Rom", None]) == [unseen, missing]
    parsed = whole(_table({"town": ["Rom", ""]}), [column])
    assert encode(Schema((column,), PRICE), parsed).x.tolist() == [unseen, missing]


def test_texts_are_words_of_the_vocabulary() -> None:
    column = Column("said", "text", values=("the", "cat", "!"), length=4, unit="word")
    space = written(Schema((column,), PRICE), network(4, start="input 4 int<5>; embedding 3; flatten"))
    x = space["from_columns"]({"said": ["The cat sat!", "", None, "cat cat cat cat cat"]})
    assert x.dtype == torch.int64
    assert x.tolist() == [[2, 3, 1, 4], [0, 0, 0, 0], [0, 0, 0, 0], [3, 3, 3, 3]]


def drawn(kind: str, dice: random.Random) -> str:
    """A cell as a CSV file may have it."""
    if dice.random() < 0.15:
        return dice.choice(["", "NA", "null", "?"])
    return {
        "number": lambda: f"{dice.gauss(50, 20):.3f}",
        "money": lambda: f"${dice.randint(1000, 10**7):,}.{dice.randint(10, 99)}",
        "percent": lambda: f"{dice.randint(0, 100)} %",
        "yesno": lambda: dice.choice(["Yes", "no", "NO"]),
        "town": lambda: dice.choice(["Köln", "Bonn", "Rom", "Ulm"]),
        "few": lambda: str(dice.randint(1, 4)),
        "date": lambda: (
            f"{dice.randint(1890, 2040)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02} {dice.randint(0, 23):02}:15"
        ),
        "german": lambda: f"{dice.randint(13, 28)}.{dice.randint(1, 12):02}.{dice.randint(1990, 2024)}",
    }[kind]()


KINDS = ("number", "money", "percent", "yesno", "town", "few", "date", "german")


@pytest.mark.parametrize("seed", range(5))
def test_raw_rows_are_encoded_as_for_training(seed: int) -> None:
    dice = random.Random(seed)

    def table(rows: int) -> dict[str, list[str]]:
        return {kind: [drawn(kind, dice) for _ in range(rows)] for kind in KINDS}

    first, later = table(80), table(60)
    later["town"][0] = "never seen"
    first["y"] = [str(i / 7) for i in range(80)]
    asked = {"few": Override("few", "category", most=3, missing="own")}
    first["few"] = [cell if cell in "1234" and cell else "1" for cell in first["few"]]  # a gap of it has no slot
    columns, targets, parsed = understand(_table(first), asked, ["y"], False, ())
    schema = Schema(fitted(columns, parsed, standardise=seed != 1), targets)
    assert {column.kind for column in schema.taken} == {"number", "yesno", "category", "date"}
    expected = encode(schema, whole(_table(later), schema.taken)).x
    found = written(schema)["from_columns"](later)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


def _table(cells: dict[str, list[str]]) -> Table:
    return Table("t.csv", {name: pa.chunked_array([pa.array(column)]) for name, column in cells.items()})


SCORES = {
    "linear 3 xavier\nloss crossentropy": ("scores", lambda made: np.exp(made) / np.exp(made).sum(1, keepdims=True)),
    "linear 3 xavier; softmax\nloss crossentropy": ("as made", lambda made: made),
    "linear 3 xavier; logsoftmax\nloss nll": ("logarithms", np.exp),
    "linear 1 xavier; sigmoid\nloss bce": ("yes", lambda made: np.concatenate([1 - made, made], 1)),
}
"""Ends of networks that tell classes apart: how they make probabilities, and which these are."""
ONE = Column("age", "number", fill=(0.0,), mean=(1.0,), deviation=(2.0,))
AGES = {"age": [str(age) for age in range(-9, 10, 2)]}


def answers(end: str, targets: Any, answer: Answer, unit: Any = None) -> tuple[np.ndarray[Any, Any], dict[str, Any], Any]:
    """What lampc's network makes of AGES, the names of the file that is written, and the same network by it."""
    schema, program = Schema((ONE,), targets), network(1, end)
    model = program.model(seed=3)
    space = written(schema, program, unit, answer)
    module = space["Network"]()
    module.load_state_dict(program.to_torch(model).state_dict(), strict=True)
    return model((torch.arange(-9, 10, 2, dtype=torch.float64)[:, None] - 1) / 2).numpy(), space, module


@pytest.mark.parametrize("end", SCORES)
def test_classes_are_named_with_their_probabilities(end: str) -> None:
    shares, probabilities = SCORES[end]
    classes = ("no", "yes") if shares == "yes" else ("a", "b", "c")
    made, space, module = answers(end, (Target("y", "class", classes),), Answer(shares, classes, made_of(classes)))
    expected = probabilities(made)
    assert space["CLASSES"] == [*classes]
    np.testing.assert_allclose(space["probabilities"](AGES, module).numpy(), expected)
    assert space["predict"](AGES, module) == [classes[place] for place in expected.argmax(1)]


def made_of(classes: tuple[str, ...]) -> int:
    return 1 if len(classes) == 2 else len(classes)


def test_numbers_are_in_their_own_unit() -> None:
    made, space, module = answers("linear 1 xavier\nloss mse", PRICE, Answer(), [[1e8], [1e6]])
    np.testing.assert_allclose(space["predict"](AGES, module), 1e8 + 1e6 * made[:, 0])
    several = (*PRICE, Target("rent", "number"))
    made, space, module = answers("linear 2 xavier\nloss mse", several, Answer(width=2), [[1e8, 5.0], [1e6, 2.0]])
    found = space["predict"](AGES, module)
    np.testing.assert_allclose([found["price"], found["rent"]], (made * [1e6, 2.0] + [1e8, 5.0]).T)


def test_several_labels_are_words_each() -> None:
    made, space, module = answers("linear 2 xavier; sigmoid\nloss bce", LABELS, Answer(width=2))
    a, b = (made > 0.5).T.tolist()
    assert space["predict"](AGES, module) == {"a": ["ny"[yes] for yes in a], "b": ["01"[yes] for yes in b]}


def test_what_is_none_of_these_is_what_the_network_makes() -> None:
    made, space, module = answers("linear 1 xavier\nloss hinge", (Target("y", "yesno", ("no", "yes")),), Answer())
    np.testing.assert_allclose(space["predict"](AGES, module), made[:, 0])
    made, space, module = answers("linear 5 xavier\nloss mse", PRICE, Answer(width=5))
    np.testing.assert_allclose(space["predict"](AGES, module).numpy(), made)


def test_names_words_and_classes_are_no_code() -> None:
    columns = tuple(Column(name, "category", values=HOSTILE, shares=(0.1,) * 10) for name in HOSTILE)
    schema = Schema(columns, (Target("y", "class", HOSTILE),))
    program = network(schema.width, "linear 10 xavier\nloss crossentropy")
    space = written(schema, program, answer=Answer("scores", HOSTILE, len(HOSTILE)))
    x = space["from_columns"](dict.fromkeys(HOSTILE, HOSTILE))
    np.testing.assert_array_equal(x.numpy(), np.tile(np.eye(10), (1, 10)))
    assert space["CLASSES"] == [*HOSTILE]
    assert set(space["predict"](dict.fromkeys(HOSTILE, HOSTILE), space["Network"]())) <= set(HOSTILE)


AGE = Column("age", "number", fill=(0.0,), policy="refuse")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"aeg": ["1"]}, "there is no column 'age': did you mean 'aeg'"),
        ({"x": ["1"]}, r"there is no column 'age'; there are \['x'\]"),
        ({"age": ["1", "two", "3", "x"]}, r"column 'age', row 1 \(from 0\): 'two' does not belong there, nor do 1 others"),
        ({"age": ["1", ""]}, r"column 'age', row 1 \(from 0\): the cell is missing"),
        ({"age": ["1_000"]}, "'1_000' does not belong"),
    ],
)
def test_what_is_wrong_is_said(columns: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        written(Schema((AGE,), PRICE))["from_columns"](columns)


def test_columns_of_several_lengths_and_one_text_are_refused() -> None:
    space = written(Schema((AGE, Column("b", "number", fill=(0.0,))), PRICE))
    with pytest.raises(ValueError, match="'age': 1, 'b': 2"):
        space["from_columns"]({"age": [1], "b": [1, 2]})
    with pytest.raises(TypeError, match="one text"):
        space["from_columns"]({"age": "12", "b": [1, 2]})


def test_no_rows_are_no_rows() -> None:
    town = Column("town", "category", values=("a", "b"), shares=(0.5, 0.5), gaps=True)
    space = written(Schema((AGE, town), PRICE))
    assert space["from_columns"]({"age": [], "town": []}).shape == (0, 4)


def test_extra_columns_are_not_looked_at_and_arrays_are_lists() -> None:
    found = written(Schema((AGE,), PRICE))["from_columns"]({"other": object(), "age": np.array([1.5, 2.0], np.float32)})
    assert found.tolist() == [[1.5], [2.0]]


def test_without_a_table_the_file_is_as_before() -> None:
    text = source(network(2))
    assert "from_columns" not in text
