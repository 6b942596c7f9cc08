"""Exports that take a table's raw rows, as ONNX, judged by onnxruntime against rows encoded value by value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from raw_tables import ANSWERS, Made, chosen, classified, network, seconds, table

from lampc.diagnostics import LampError
from lampc.export import onnx
from lampc.export.answers import NUMBERS, Answer, answered
from lampc.export.onnx_table import STRINGS
from lampc.runtime.model import Model
from lampc.table.schema import Column, Schema, Target


def session(model: Model, made: Made, answer: Answer, unit: Any = None) -> Any:
    ort = pytest.importorskip("onnxruntime")
    proto = onnx.export(model, unit=unit, schema=made.schema, answer=answer)
    pytest.importorskip("onnx").checker.check_model(proto, full_check=True)
    return ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def columns(made: Made) -> dict[str, Any]:
    """A table's columns as the model's inputs."""
    found: dict[str, Any] = {}
    for column in made.schema.taken:
        cells = [row[column.name] for row in made.rows]
        if column.kind in STRINGS:
            found[column.name] = np.array(["" if cell is None else cell for cell in cells], dtype=object).reshape(-1, 1)
        else:
            found[column.name] = np.array([seconds(cell) for cell in cells], dtype=np.float64).reshape(-1, 1)
    return found


@pytest.mark.parametrize("count", [300, 1, 0])
def test_encodes_rows(count: int) -> None:
    made = table(count)
    model = network(made, "bias; train precision=f64")
    (found,) = session(model, made, NUMBERS).run(None, columns(made))
    np.testing.assert_allclose(found, np.array(made.slots).reshape(count, made.schema.width), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("layers", ANSWERS)
def test_names_classes(layers: str) -> None:
    made = table(100)
    model, answer = classified(made, layers)
    labels, shares = session(model, made, answer).run(None, columns(made))
    raw = model(torch.tensor(made.slots))
    wanted = ANSWERS[layers](raw)
    np.testing.assert_allclose(shares, wanted.numpy(), rtol=1e-5, atol=1e-6)
    assert labels.tolist() == [answer.classes[i] for i in chosen(raw)]
    assert len(set(labels.tolist())) > 1


def test_answers_in_the_targets_own_unit() -> None:
    """A deviation of 1 about 10⁸ is below what float32 tells apart."""
    made = table(50)
    model = network(made, "linear 2 xavier; loss mse")
    (found,) = session(model, made, NUMBERS, unit=[[1e8, -3.0], [1.0, 1e-9]]).run(None, columns(made))
    raw = model(torch.tensor(made.slots)).double().numpy()
    np.testing.assert_allclose(found - np.array([1e8, -3.0]), raw * np.array([1.0, 1e-9]), rtol=1e-5, atol=2e-8)


@pytest.mark.parametrize("layers", ANSWERS)
def test_of_a_word_that_is_neither_yes_nor_no(layers: str) -> None:
    """It is no number, so nothing is predicted of it; the rows beside it are as they were."""
    made = table(2)
    model, answer = classified(made, layers)
    given = columns(made)
    given["agrees"][0] = "maybe"
    labels, shares = session(model, made, answer).run(None, given)
    assert labels[0] == ""
    assert np.isnan(shares[0]).all()
    assert labels[1] in answer.classes


@pytest.mark.parametrize("name", ["prediction", "label", "probabilities", "linear1.weight", "concat_1", "x", "a b\n\"'%"])
def test_keeps_columns_names(name: str) -> None:
    schema = Schema((Column(name, "number", fill=(0.0,)),), (Target("kind", "class", ("no", "yes")),))
    made = Made(schema, [{name: 0.5}, {name: -1.0}])
    model = network(made, "linear 2 xavier; loss crossentropy")
    answer = answered(model.program, schema.classes, True)
    found = session(model, made, answer)
    assert [given.name for given in found.get_inputs()] == [name]
    np.testing.assert_allclose(found.run(None, columns(made))[1], model(torch.tensor(made.slots)).softmax(1), rtol=1e-5)


def test_says_what_its_columns_are() -> None:
    onnx_package = pytest.importorskip("onnx")
    made = table(1)
    model, answer = classified(made, next(iter(ANSWERS)))
    proto = onnx_package.load_from_string(onnx.export(model, schema=made.schema, answer=answer).SerializeToString())
    told = {prop.key: json.loads(prop.value) for prop in proto.metadata_props if prop.key != "lampc.source"}
    assert [(c["name"], c["kind"]) for c in told["lampc.columns"]] == [(c.name, c.kind) for c in made.schema.taken]
    assert told["lampc.classes"] == list(answer.classes)


def test_texts_have_no_form_in_onnx() -> None:
    schema = Schema((Column("review", "text", values=("good",), length=3, unit="word"),), (Target("y", "number"),))
    with pytest.raises(LampError, match="`review` is a text"):
        onnx.export(network(Made(schema, []), "linear 1"), schema=schema)
