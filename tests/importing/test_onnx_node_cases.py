"""onnx's own cases of each operator: right or refused, never wrong.

A case has arrays for all inputs. One of them becomes the samples, the others constants; where the first axis is none of
samples, one sample is made of the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from lampc.diagnostics import LampError
from lampc.importing.onnx import from_onnx

onnx = pytest.importorskip("onnx")

PRECISIONS = {np.dtype("float32"): "f32", np.dtype("float64"): "f64"}
Network = tuple[Any, Any, Any]
"""A model of one input and one output, the input, and what it gives."""


def networks(case: Any) -> Iterator[list[Network]]:
    """For each output and each input of floats: as it is, and as one sample."""
    graph, (given, wanted) = case.model.graph, case.data_sets[0]
    arrays = all(isinstance(array, np.ndarray) and array.dtype.kind in "fiub" for array in given)
    if not arrays or len(given) != len(graph.input):
        return
    for output, y in enumerate(wanted):
        for place, x in enumerate(given):
            if x.dtype in PRECISIONS and isinstance(y, np.ndarray):
                ways = (False, True) if x.ndim > 1 else (True,)
                yield [network(case, output, place, whole) for whole in ways]


def network(case: Any, output: int, place: int, whole: bool) -> Network:
    from onnx import helper, numpy_helper

    (given, wanted), model = case.data_sets[0], onnx.ModelProto.FromString(case.model.SerializeToString())
    graph, x, y = model.graph, given[place], wanted[output]
    name, result = graph.input[place].name, graph.output[output].name
    kinds = [value.type.tensor_type.elem_type for value in (graph.input[place], graph.output[output])]
    graph.initializer.extend(
        numpy_helper.from_array(array, value.name)
        for value, array in zip(graph.input, given, strict=True)
        if value.name != name
    )
    if whole:
        shapes = {"_before": np.array(x.shape, np.int64), "_after": np.array((1, *y.shape), np.int64)}
        graph.initializer.extend(numpy_helper.from_array(shape, shape_name) for shape_name, shape in shapes.items())
        graph.node.insert(0, helper.make_node("Reshape", ["_x", "_before"], [name]))
        graph.node.append(helper.make_node("Reshape", [result, "_after"], ["_y"]))
        name, result, x, y = "_x", "_y", x[None], y[None]
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info(name, kinds[0], x.shape))
    graph.output.append(helper.make_tensor_value_info(result, kinds[1], y.shape))
    return model, x, y


def verdict(case: Any, model: Any, x: Any, y: Any) -> str:
    """Anything but a ``LampError`` is an error of the test."""
    try:
        found = from_onnx(model).model(backend="torch", precision=PRECISIONS[x.dtype])(torch.as_tensor(x.copy())).numpy()
    except LampError as error:
        assert {diagnostic.code for diagnostic in error.diagnostics} == {"E812"}, case.name
        return "refused"
    right = found.shape == y.shape and np.allclose(found, y, rtol=max(case.rtol, 1e-3), atol=1e-5, equal_nan=True)
    return "right" if right else "wrong"


def as_it_stands(case: Any) -> str:
    """A case without arrays of floats: of other element types, of sequences, or without an input."""
    from onnx import numpy_helper

    try:
        found = from_onnx(case.model).model(backend="torch")
    except LampError as error:
        assert {diagnostic.code for diagnostic in error.diagnostics} == {"E812"}, case.name
        return "refused"
    x, y = (numpy_helper.to_array(one).astype(np.float32) for (one,) in case.data_sets[0])
    rounded = 2**-8 if "BFLOAT16" in case.name else 1e-3
    return "right" if np.allclose(found(torch.as_tensor(x)).numpy(), y, rtol=rounded, equal_nan=True) else "wrong"


def judged(case: Any) -> set[str]:
    """What comes of each input and output; one way in which a pair is right is enough."""
    verdicts = set()
    for ways in networks(case):
        for way in ways:
            verdicts.add(found := verdict(case, *way))
            if found == "right":
                break
    return verdicts or {as_it_stands(case)}


@pytest.mark.filterwarnings("ignore")
def test_each_of_onnxs_own_cases_is_right_or_refused() -> None:
    from onnx.backend.test.loader import load_model_tests

    cases = load_model_tests(kind="node")
    verdicts = {case.name: judged(case) for case in cases}
    assert [name for name, found in verdicts.items() if "wrong" in found] == []
    counts = Counter("right" if "right" in found else "refused" for found in verdicts.values())
    assert len(cases) >= 1800
    assert counts["right"] >= 450
    assert counts.total() == len(verdicts)
