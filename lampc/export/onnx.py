"""A trained network as an ONNX model: its inference, any number of samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lampc import __version__
from lampc.diagnostics import LampError, Problems, failure
from lampc.export.answers import NUMBERS, Answer
from lampc.export.onnx_ops import SAY, Build
from lampc.export.onnx_table import columns, encoded, label, properties
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Input, Parameter, State
from lampc.ir.types import Type
from lampc.passes.rewrite import subgraph

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model
    from lampc.table.schema import Schema

OPSET = 20
"""The first that has Gelu; runtimes since 2023 read it."""
ML_OPSET = 3
"""Of the ops on strings; as old as those runtimes."""


def export(model: Model, normal: Sequence[Any] | None = None, unit: Sequence[Any] | None = None, schema: Schema | None = None,
           answer: Answer = NUMBERS) -> Any:  # fmt: skip
    """An ``onnx.ModelProto`` from ``x`` [N, …sample] to ``prediction`` [N, …]; weights have lampc's names.

    ``normal``: the mean and the deviation by which features, which are float64 then, are normalised first. ``unit``: the mean
    and the deviation of targets that were standardised, to bring predictions, which are float64 then, into the targets' unit.
    ``schema``: of a table whose raw rows are taken in place of ``x``, an input a column. ``answer``: what the prediction says;
    of classes the outputs are ``label`` [N], a name, and ``probabilities`` [N, classes], or ``probability`` [N, 1] of yes.

    Raises:
        LampError: if onnx is not installed, or an op of the network, or a column, has no form there.
    """
    try:
        import onnx
        from onnx import helper
    except ImportError:
        raise failure("E508", "ONNX needs a package of that name", 'pip install "lampc[onnx]"') from None
    program = model.program
    evaluated = program.evaluated
    graph = subgraph(evaluated, {"prediction": evaluated.outputs["prediction"]})
    build = Build("f64" if program.elaborated.dtype == "f64" else "f32")
    inputs = _given(build, program, normal, schema)
    outputs = [build.free(name) for name in answer.outputs]
    names = {value: name for node in graph for value, name in _made(node, graph, model, build)}
    made = _answers(build, program, answer, names[graph.outputs["prediction"]], unit, outputs)
    opsets = [helper.make_opsetid("", OPSET), *[helper.make_opsetid("ai.onnx.ml", ML_OPSET)] * (schema is not None)]
    made_graph = helper.make_graph(build.nodes, "lampc", inputs, made, build.initializers)
    found = helper.make_model(
        made_graph, producer_name="lampc", producer_version=__version__, opset_imports=opsets, ir_version=10
    )
    beside = {"lampc.source": program.source.text}
    if normal is None and unit is None and schema is None:
        beside["lampc.network"] = network_text(program)
    if schema is not None:
        beside.update(properties(schema, answer))
    onnx.helper.set_model_props(found, beside)
    return found


def _given(build: Build, program: Program, normal: Sequence[Any] | None, schema: Schema | None) -> list[Any]:
    """The model's inputs; what stands between them and the network is written."""
    import numpy as np
    from onnx.helper import make_tensor_value_info

    taken = program.elaborated.input_type
    if schema is not None:
        build.taken.update(column.name for column in schema.taken)
        samples = encoded(build, schema)
        build.input = build.add("Cast", [samples], to=build.kind(taken))
        return columns(schema)
    build.input = build.free("x")
    if normal is not None:
        mean, deviation = (build.constant(np.asarray(part, dtype=np.float64)) for part in normal)
        scaled = build.add("Div", [build.add("Sub", ["x", mean]), deviation])
        build.input = build.add("Cast", [scaled], to=build.kind(taken))
    type = taken if normal is None else Type("f64", taken.shape)
    return [make_tensor_value_info("x", build.kind(type), ["N", *type.sample])]


def _answers(
    build: Build, program: Program, answer: Answer, made: str, unit: Sequence[Any] | None, names: list[str]
) -> list[Any]:
    """The model's outputs, by their names; what stands between them and the prediction is written."""
    import numpy as np
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    type = program.evaluated_type
    if answer.shares:
        for name, found in zip(names, label(build, answer, made), strict=True):
            build.add("Identity", [found], out=name)
        numbers = make_tensor_value_info(names[1], build.kind(type), ["N", len(answer.names)])
        return [make_tensor_value_info(names[0], TensorProto.STRING, ["N"]), numbers]
    if unit is not None:
        mean, deviation = (build.constant(np.asarray(part, dtype=np.float64)) for part in unit)
        type = Type("f64", type.shape)
        wide = build.add("Cast", [made], to=build.kind(type))
        made = build.add("Add", [build.add("Mul", [wide, deviation]), mean])
    build.add("Identity", [made], out=names[0])
    return [make_tensor_value_info(names[0], build.kind(type), ["N", *type.sample])]


def network_text(program: Program) -> str:
    """The program's network as a program of its own: with its input, without the experiment."""
    from lampc.elaborate.definitions import EXPERIMENT
    from lampc.syntax import parse, tree

    body = parse(program.source, Problems())
    inputs = [s for s in body.statements if isinstance(s, tree.Layer) and s.name.name == "input"]
    left = {*EXPERIMENT} - {"init"}
    kept = [s.span.text for s in body.statements if not (isinstance(s, tree.Layer) and s.name.name in left)]
    if len(inputs) > 1 or any(s.label for s in inputs):
        first = [s.span.text for s in inputs]
    else:
        elaborated = program.elaborated
        whole = f" int<{elaborated.input_below}>" if elaborated.input_below else ""
        first = [f"input {'x'.join(map(str, elaborated.input_type.sample))}{whole}"]
    double = ["train precision=f64"] if program.elaborated.dtype == "f64" else []
    return "\n".join([*first, *kept, *double]) + "\n"


def _made(node: Node, graph: Graph, model: Model, build: Build) -> list[tuple[Value, str]]:
    """Write a node; the names of its values."""
    op, value = node.op, Value(node.id)
    if value in build.names:  # a pattern has taken it
        return [(value, build.names[value])]
    if isinstance(op, Input):
        name = build.input
    elif isinstance(op, Parameter | State):
        tensor = model.storage.tensor(op).detach().cpu()
        name = build.constant(tensor.numpy(), op.label)
    else:
        operands = [build.names[operand] for operand in node.operands]
        types: list[Type] = [graph.type(operand) for operand in node.operands]
        say = SAY.get(op.name)
        found = None if say is None else say(build, op, operands, types, node.types[0])
        if found is None:
            where = f" of `{node.layer}`" if node.layer else ""
            problems = Problems()
            problems.report("E811", f"`{op.name}`{where} has no form in ONNX", node.spans[0] if node.spans else None)
            raise LampError(problems.errors)
        name = found
    build.names[value] = name
    return [(value, name)]
