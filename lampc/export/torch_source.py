"""A network as the source of a PyTorch module: a line an op, to read, to change and to train."""

from __future__ import annotations

import keyword
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lampc import __version__
from lampc.diagnostics import LampError, Problems
from lampc.export import torch_answers, torch_columns
from lampc.export.answers import NUMBERS, Answer
from lampc.export.comments import line, within_python
from lampc.export.torch_ops import FUNCTIONS, say
from lampc.ir.graph import Graph, Node, Value
from lampc.ir.leaves import Constant, Input, Parameter, Setting, State
from lampc.ops.activations import Sigmoid
from lampc.passes.dce import remove_dead
from lampc.passes.fuse import fuse
from lampc.passes.rewrite import subgraph
from lampc.passes.simplify import simplify

if TYPE_CHECKING:
    import torch

    from lampc.compile import Program
    from lampc.runtime.model import Model
    from lampc.table.schema import Schema


Normal = Sequence[Any]
"""A mean and a deviation, each a list of numbers in the shape of a sample."""


def source(program: Program, name: str = "Network", weights: str = "", normal: Normal | None = None,
           unit: Normal | None = None, schema: Schema | None = None, answer: Answer = NUMBERS) -> str:  # fmt: skip
    """A file that holds an ``nn.Module`` for the program's network, and, where a file of weights is named, ``load()``.

    ``normal``: the mean and the deviation by which features, best float64, are normalised first. ``unit``: the mean and the
    deviation of targets that were standardised, by which predictions, float64 then, are brought into the targets' unit.
    ``schema``: that of the table whose raw rows the file takes, by ``from_columns`` and ``predict``; ``answer``: what a
    prediction says of its target. Its ``state_dict`` has lampc's names. In training it drops out, draws and normalises as
    lampc does.

    Raises:
        LampError: if an op of it has no form in PyTorch source.
    """
    graph = remove_dead(fuse(simplify(subgraph(program.simplified, {"prediction": program.simplified.outputs["prediction"]}))))
    lines, used = _forward(program, graph)
    dtype = "torch.float64" if program.elaborated.dtype == "f64" else "torch.float32"
    if normal is not None:
        lines.insert(
            0, f"        x = ((x.double() - self.mean) / self.deviation).to({dtype})  # as the features of the training"
        )
    if unit is not None:
        lines[-1] = f"{lines[-1]}.double() * self.target_deviation + self.target_mean  # in the targets' own unit"
    like = any("self.like" in text for text in lines)
    functions = [LAYER.replace("DTYPE", dtype), *(text for ops, text in FUNCTIONS.values() if used & {*ops})]
    quoted = "\n".join(f"    {text}".rstrip() for text in within_python(program.source.text.strip()).splitlines())
    shapes = [", ".join(["n", *map(str, type.sample)]) for type in (program.elaborated.input_type, program.evaluated_type)]
    loading = LOAD.format(name=name, weights=weights).splitlines() if weights else []
    imports, constants, reading = _of_rows(program, schema, answer, dtype, bool(weights)) if schema else ([], [], [])
    return "\n".join([
        f'"""Written by lampc {__version__} from:', "", quoted, '"""', "", *imports, "import torch",
        "import torch.nn.functional as F", "from torch import Tensor, nn", "", *constants,
        *["\n" + text.strip("\n") + "\n" for text in functions], "",
        f"class {name}(nn.Module):", f'    """From samples [{shapes[0]}] to [{shapes[1]}]."""', "",
        "    def __init__(self) -> None:", "        super().__init__()", *_declarations(program, graph, dtype, like),
        *_constants(normal, ("mean", "deviation")), *_constants(unit, ("target_mean", "target_deviation")), "",
        "    def forward(self, x: Tensor) -> Tensor:", *lines, *loading, *["\n\n" + text.strip("\n") for text in reading], "",
    ])  # fmt: skip


def _of_rows(program: Program, schema: Schema, answer: Answer, dtype: str,
             loaded: bool) -> tuple[list[str], list[str], list[str]]:  # fmt: skip
    """What a file imports, its constants, and the functions that take raw rows."""
    elaborated = program.elaborated
    either = isinstance(elaborated.graph[elaborated.graph.outputs["prediction"].node].op, Sigmoid)
    read = torch_columns.reading(schema, dtype, elaborated.input_type.sample, bool(elaborated.input_below))
    constants = [*torch_columns.constants(schema), *torch_answers.constants(schema, answer, either)]
    imports = [f"import {module}" for module in torch_columns.imports(schema)]
    return [*imports, ""], [*constants, ""], [*read, *torch_answers.answering(schema, answer, either, loaded)]


LOAD = '''

def load(path={weights!r}):
    """The network with its trained weights, for prediction."""
    from safetensors.torch import load_file

    network = {name}()
    network.load_state_dict(load_file(path))
    return network.eval()
'''
LAYER = '''
def layer(**tensors):
    """A layer's parameters by their shapes, and, given as tensors, what it keeps beside them."""
    module = nn.Module()
    for name, value in tensors.items():
        if isinstance(value, nn.Module):
            module.add_module(name, value)
        elif isinstance(value, Tensor):
            module.register_buffer(name, value)
        else:
            module.register_parameter(name, nn.Parameter(torch.zeros(value, dtype=DTYPE)))
    return module
'''


def _declarations(program: Program, graph: Graph, dtype: str, like: bool) -> list[str]:
    """Parameters and buffers under lampc's names, a line for each layer."""
    tree: OrderedDict[str, Any] = OrderedDict()
    for label, parameter in program.parameters.items():
        dims = parameter.type.dims(1)
        _place(tree, _attribute(label), f"({', '.join(map(str, dims))}{',' * (len(dims) == 1)})")
    for node in graph:
        if isinstance(node.op, State):
            make = {0.0: "zeros", 1.0: "ones"}[node.op.value]
            _place(
                tree, _attribute(node.op.label), f"torch.{make}({', '.join(map(str, node.types[0].dims(1)))}, dtype={dtype})"
            )
    lines = [f"        self.{name} = {_layer(members)}" for name, members in tree.items()]
    lines += [f"        self.{_identifier(n.op.label)} = {n.op.value!r}" for n in graph if isinstance(n.op, Setting)]
    lines += [f'        self.register_buffer("like", torch.zeros((), dtype={dtype}), persistent=False)'] if like else []
    return lines


def _constants(normal: Normal | None, names: tuple[str, str]) -> list[str]:
    pairs = zip(names, normal or (), strict=False)
    return [f'        self.register_buffer("{name}", torch.tensor({values}, dtype=torch.float64), persistent=False)'
            for name, values in pairs]  # fmt: skip


def _place(tree: OrderedDict[str, Any], label: str, value: str) -> None:
    *path, last = label.split(".")
    for part in path:
        tree = tree.setdefault(part, OrderedDict())
    tree[last] = value


def _layer(members: Mapping[str, Any]) -> str:
    given = [f"{name}={value if isinstance(value, str) else _layer(value)}" for name, value in members.items()]
    return f"layer({', '.join(given)})"


def _forward(program: Program, graph: Graph) -> tuple[list[str], set[str]]:
    """The body of ``forward``, and the names of the ops in it."""
    texts = {layer.name: layer.text for layer in program.layers}
    names: dict[Value, str] = {}
    numbers: set[Value] = set()
    lines: list[str] = []
    used: set[str] = set()
    shown = ""
    taken = {"x", "self", "torch", "nn", "F", "Tensor", "layer", "len", *FUNCTIONS}
    last = {node.layer: node.id for node in graph if node.layer}
    for node in graph:
        leaf = _leaf(node)
        if leaf is not None:
            names[Value(node.id)] = leaf
            continue
        operands = [names[value] for value in node.operands]
        plain = [i for i, value in enumerate(node.operands) if value in numbers]
        expression = say(node.op, operands, [graph.type(value) for value in node.operands], plain)
        if expression is None:
            raise _unsaid(node)
        used.add(node.op.name)
        if isinstance(node.op, Constant) and not node.op.type.shape:
            names[Value(node.id)] = expression
            numbers.add(Value(node.id))
            continue
        name = _identifier(node.layer or node.op.name)
        if node.layer and last[node.layer] != node.id:
            name += f"_{node.op.name}"
        while name in taken or keyword.iskeyword(name):
            name = _next(name)
        taken.add(name)
        told = line(texts.get(node.layer, ""))
        comment = f"  # {told}" if told and node.layer != shown else ""
        shown = node.layer or shown
        lines.append(f"        {name} = {expression}{comment}")
        names[Value(node.id)] = name
    lines.append(f"        return {names[graph.outputs['prediction']]}")
    return lines, used


def _leaf(node: Node) -> str | None:
    op = node.op
    if isinstance(op, Input):
        return "x"
    if isinstance(op, Parameter | State):
        return f"self.{_attribute(op.label)}"
    return f"self.{_identifier(op.label)}" if isinstance(op, Setting) else None


def _attribute(label: str) -> str:
    """A name that a module may have: one that means something to Python or to PyTorch gets a mark."""
    import torch

    own = ("like", "training", "mean", "deviation", "target_mean", "target_deviation")
    return ".".join(f"{part}_" if keyword.iskeyword(part) or hasattr(torch.nn.Module, part) or part in own else part
                    for part in label.split("."))  # fmt: skip


def _identifier(label: str) -> str:
    return re.sub(r"\W", "_", label)


def _next(name: str) -> str:
    stem, digits = re.fullmatch(r"(.*?_?)(\d*)", name).groups()  # type: ignore[union-attr]
    return f"{stem}{int(digits) + 1}" if digits and stem.endswith("_") else f"{name}_2"


def _unsaid(node: Node) -> LampError:
    problems = Problems()
    where = f" of `{node.layer}`" if node.layer else ""
    problems.report("E811", f"`{node.op.name}`{where} has no form in PyTorch source", node.spans[0] if node.spans else None)
    return LampError(problems.errors)


def to_torch(model: Model) -> torch.nn.Module:
    """The module that ``source`` writes, with the model's weights and running statistics; it trains under autograd.

    Raises:
        LampError: if an op of the network has no form in PyTorch source.
    """
    from lampc.runtime.weights import plain_weights

    space: dict[str, Any] = {}
    exec(compile(source(model.program), "<lampc>", "exec"), space)
    module: torch.nn.Module = space["Network"]()
    module.load_state_dict({_attribute(name): tensor for name, tensor in plain_weights(model).items()})
    for name, tensor in model.storage.settings.items():
        attribute = _identifier(name)
        if hasattr(module, attribute):
            setattr(module, attribute, tensor.item())
    return module
