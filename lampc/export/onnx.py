"""A trained network as an ONNX model: its inference, any number of samples at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lampc import __version__
from lampc.diagnostics import LampError, Problems, failure
from lampc.export.onnx_ops import SAY, Build
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Input, Parameter, State
from lampc.ir.types import Type
from lampc.passes.rewrite import subgraph

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model

OPSET = 20
"""The first that has Gelu; runtimes since 2023 read it."""


def export(model: Model, normal: Sequence[Any] | None = None, unit: Sequence[Any] | None = None) -> Any:
    """An ``onnx.ModelProto`` from ``x`` [N, …sample] to ``prediction`` [N, …]; weights have lampc's names.

    ``normal``: the mean and the deviation by which features, which are float64 then, are normalised first. ``unit``: the mean
    and the deviation of targets that were standardised, to bring predictions, which are float64 then, into the targets' unit.

    Raises:
        LampError: if onnx is not installed, or an op of the network has no form there.
    """
    try:
        import numpy as np
        import onnx
        from onnx import helper
    except ImportError:
        raise failure("E508", "ONNX needs a package of that name", 'pip install "lampc[onnx]"') from None
    program = model.program
    evaluated = program.evaluated
    graph = subgraph(evaluated, {"prediction": evaluated.outputs["prediction"]})
    build = Build("f64" if program.elaborated.dtype == "f64" else "f32")
    if normal is not None:
        mean, deviation = (build.constant(np.asarray(part, dtype=np.float64)) for part in normal)
        scaled = build.add("Div", [build.add("Sub", ["x", mean]), deviation])
        build.input = build.add("Cast", [scaled], to=build.kind(program.elaborated.input_type))
    names = {value: name for node in graph for value, name in _made(node, graph, model, build)}
    result = names[graph.outputs["prediction"]]
    if unit is not None:
        mean, deviation = (build.constant(np.asarray(part, dtype=np.float64)) for part in unit)
        wide = build.add("Cast", [result], to=build.kind(Type("f64", program.evaluated_type.shape)))
        result = build.add("Add", [build.add("Mul", [wide, deviation]), mean])
    build.add("Identity", [result], out="prediction")
    given_type = program.elaborated.input_type
    shapes = {
        "x": given_type if normal is None else Type("f64", given_type.shape),
        "prediction": program.evaluated_type if unit is None else Type("f64", program.evaluated_type.shape),
    }
    given, made = (helper.make_tensor_value_info(name, build.kind(type), ["N", *type.sample]) for name, type in shapes.items())
    made_graph = helper.make_graph(build.nodes, "lampc", [given], [made], build.initializers)
    found = helper.make_model(made_graph, producer_name="lampc", producer_version=__version__,
                              opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)  # fmt: skip
    beside = {"lampc.source": program.source.text}
    if normal is None and unit is None:
        beside["lampc.network"] = network_text(program)
    onnx.helper.set_model_props(found, beside)
    return found


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
