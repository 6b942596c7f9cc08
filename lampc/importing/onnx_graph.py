"""Goes over the nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import LampError
from lampc.importing.arithmetic import Tracked, shifted
from lampc.importing.attention import Scores, reshaped
from lampc.importing.onnx_node import FLOATS, STANDARD, Node
from lampc.importing.onnx_nodes import NODES
from lampc.importing.text import Imported, NoLayer, Writer, refused
from lampc.importing.values import MOST, SAMPLES, Move, Value, begin, finish

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHAPE = 64
"""Numbers of what may say a shape; larger constants are weights, of which only the shape counts."""

DRAWN = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "ImageDecoder",
         "RegexFullMatch")  # fmt: skip
"""Nodes that are not run: what they make is no constant, or they read what is no array."""

MOVES = (
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Split",
    "Expand",
    "Identity",
    "DepthToSpace",
    "SpaceToDepth",
    "Tile",
)
"""Nodes that move their first input's numbers about."""


@dataclass
class Reader:
    """Goes over the nodes of a graph, in their order, for those that its output needs."""

    model: Any
    samples: int = SAMPLES
    """How many there are in the example, where the model takes any number."""
    out: Writer = field(default_factory=lambda: Writer(SAMPLES))
    known: dict[str, Any] = field(default_factory=dict)
    """Arrays that do not depend on the samples."""
    values: dict[str, Tracked] = field(default_factory=dict)
    above: dict[str, tuple[Value, float]] = field(default_factory=dict)
    """Where a value is greater than a number."""
    whole: set[str] = field(default_factory=set)
    """Values that are whole numbers."""
    counted: bool = False
    """Whether a node asks for a shape, in which that number may be."""

    def read(self) -> Imported:
        """The network."""
        from onnx import numpy_helper

        graph = self.model.graph
        self.versions = {entry.domain: entry.version for entry in self.model.opset_import}
        self.own = {(function.domain, function.name) for function in self.model.functions}
        self.known = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in self.known]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise refused(f"the model has {len(inputs)} inputs and {len(graph.output)} outputs, and one of each is wanted")
        last = graph.output[0].name
        nodes = self._needed(last)
        axis = self._input(inputs[0], nodes)
        for node in nodes:
            self._node(node)
        if last not in self.values:
            raise refused("what the model gives does not depend on its input")
        return finish(self.out, self.values[last], axis)

    def _needed(self, last: str) -> list[Node]:
        """The nodes that the output depends on."""
        wanted, found = {last}, []
        for number, proto in reversed(list(enumerate(self.model.graph.node))):
            if wanted.intersection(proto.output):
                found.append(Node(proto, self.versions, number))
                wanted.update(proto.input)
        self.wanted = wanted - {""}
        return found[::-1]

    def _input(self, value: Any, nodes: list[Node]) -> int:
        """Begin the program; which axis is that of the samples: the one that is not known, or the first."""
        from onnx import TensorProto

        shape = tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim)
        free = [axis for axis, number in enumerate(shape) if number is None]
        if len(shape) < 2 or len(free) > 1:
            raise refused(f"the input's shape is {list(shape)}: all but one axis must be known")
        below = None
        kind = value.type.tensor_type.elem_type
        if kind not in (TensorProto.INT64, TensorProto.INT32, *FLOATS):
            raise refused(f"the input holds {TensorProto.DataType.Name(kind).lower()}, and numbers are wanted")
        if kind in (TensorProto.INT64, TensorProto.INT32):
            tables = [self.known[n.inputs[0]] for n in nodes if n.op == "Gather" and value.name == n.inputs[1]]
            below = min((len(table) for table in tables), default=0)
            self.whole.add(value.name)
        axis = free[0] if free else 0
        self.out.samples = shape[axis] or self.samples
        self.counted = bool(free) and any(node.op == "Shape" for node in nodes)
        self.values[value.name] = begin(self.out, [number or self.samples for number in shape], axis, below)
        return axis

    def _node(self, node: Node) -> None:
        if node.proto.domain not in STANDARD or (node.proto.domain, node.op) in self.own or node.schema is None:
            raise refused(f"{node} is no operator of onnx's own")
        inputs = [name for name in node.inputs if name]
        if node.op == "Shape":
            import numpy as np

            start, end = node["start"], node["end"]
            self.known[node.outputs[0]] = np.asarray(self.shape(node.input(0))[start:end], dtype=np.int64)
        elif all(name in self.known for name in inputs):
            self._constant(node)
        elif node.op == "Greater" and node.inputs[1] in self.known and self.known[node.inputs[1]].size == 1:
            self.above[node.outputs[0]] = (self.value(node), float(self.known[node.input(1)].reshape(-1)[0]))
        elif node.op in MOVES or self._picks(node):
            self._move(node)
        else:
            self._layer(node)
        node.check()
        for name in node.outputs:
            if name in self.wanted and name not in self.values and name not in self.known and name not in self.above:
                raise refused(f"{node} gives `{name}`, which is used, and has no counterpart here")
        if node.op in MOVES and node.inputs[0] in self.whole:
            self.whole.add(node.outputs[0])

    def _layer(self, node: Node) -> None:
        say = NODES.get(node.op)
        try:
            value = say(self, node) if say is not None else None
        except NoLayer:
            value = None
        except LampError as error:
            raise _named(error, node) from None
        if value is None:
            raise refused(f"{node} has no layer here, or not with these options")
        self._as_described(node, value)
        self.values[node.outputs[0]] = value

    def _as_described(self, node: Node, value: Tracked) -> None:
        """See that a value has as many axes as onnx says, if it says: later nodes count them.

        A constant of more axes than the value, say, puts new ones before that of the samples.
        """
        try:
            shape = self._inferred(node)
        except LampError:
            return
        if shape and len(shape) != len(value.shape):
            raise refused(f"{node} makes values of {len(shape)} axes, and its layer of {len(value.shape)}")

    def _constant(self, node: Node) -> None:
        """What does not depend on the samples is worked out, unless it is drawn, or says what is to be done."""
        if node.op in DRAWN or any(attribute.HasField("g") or attribute.graphs for attribute in node.proto.attribute):
            raise refused(f"{node} is drawn, or holds a graph of its own")
        if node.op == "Dropout" and node.given(2) and self.known[node.inputs[2]].any():
            raise refused(f"{node} is drawn")
        self._small(node)
        self.known.update(zip(node.outputs, self._evaluated(node, {}), strict=False))

    def _picks(self, node: Node) -> bool:
        """Whether a node takes known places of a value."""
        return node.op == "Gather" and node.inputs[0] in self.values and node.inputs[1] in self.known

    def _move(self, node: Node) -> None:
        """The node is run on the positions of its input's numbers."""
        value = self.values.get(node.inputs[0])
        if value is None or any(name in self.values for name in node.inputs[1:]):
            raise refused(f"{node} moves numbers by numbers that depend on the samples")
        self._small(node)
        if isinstance(value, Scores):
            mould = self._evaluated(node, {node.inputs[0]: _filled(value.shape)})[0]
            self.values[node.outputs[0]] = reshaped(value, mould.shape)
            return
        for place, name in enumerate(node.outputs):
            if name:
                self.values[name] = shifted(value, self._mover(node, place))

    def _mover(self, node: Node, place: int) -> Move:
        def how(index: NDArray[Any]) -> NDArray[Any]:
            moved: NDArray[Any] = self._evaluated(node, {node.inputs[0]: index})[place]
            return moved

        return how

    def _evaluated(self, node: Node, given: Mapping[str, Any]) -> list[Any]:
        """What a node makes of arrays."""
        import numpy as np
        from onnx.reference import ReferenceEvaluator

        node.read_all()
        arrays = {name: given[name] if name in given else self.known[name] for name in node.inputs if name}
        try:
            if node.op == "Unsqueeze" and "axes" in node:  # the old form, which onnx's own evaluator does not run
                return [np.expand_dims(arrays[node.inputs[0]], tuple(node["axes"]))]
            return list(ReferenceEvaluator(node.proto, opsets=self.versions).run(None, arrays))
        except (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
            raise refused(f"{node} cannot be worked out: {str(error).split(chr(10))[0]}") from None

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a value, or an array."""
        return tuple(self.known[name].shape) if name in self.known else self.values[name].shape

    def _small(self, node: Node) -> None:
        """See that a constant is no larger than ``MOST``, as far as that can be told without making it."""
        import math

        try:
            count = math.prod(self._inferred(node))
        except LampError:
            return
        if count > MOST:
            raise refused(f"{node} would make a constant of more than {MOST:,} numbers")

    def sample(self, node: Node) -> tuple[int, ...]:
        """The shape of a node's first output, less the samples."""
        return self._inferred(node)[1:]

    def _inferred(self, node: Node) -> tuple[int, ...]:
        from onnx import TensorProto, checker, defs, helper, numpy_helper, shape_inference

        kinds = {name: TensorProto.INT64 if name in self.whole else TensorProto.FLOAT for name in node.inputs}
        types = {
            name: helper.make_tensor_type_proto(kind, self.shape(name)) for name, kind in kinds.items() if name in self.values
        }
        known = {name: self.known[name] for name in node.inputs if name in self.known}
        types |= {name: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                  for name, array in known.items()}  # fmt: skip
        arrays = {name: numpy_helper.from_array(array, name) for name, array in known.items() if array.size <= _SHAPE}
        try:
            found = shape_inference.infer_node_outputs(
                node.schema, node.proto, types, arrays, opset_imports=list(self.model.opset_import)
            )
            dims = [dim.dim_value for dim in found[node.outputs[0]].tensor_type.shape.dim]
        except (
            RuntimeError,
            KeyError,
            ValueError,
            shape_inference.InferenceError,
            defs.SchemaError,
            checker.ValidationError,
        ) as error:
            raise refused(f"{node}: {str(error).split(chr(10))[0]}") from None
        return tuple(dims)

    def value(self, node: Node, number: int = 0) -> Value:
        """An input that depends on the samples."""
        value = self.either(node, number)
        if not isinstance(value, Value):
            raise refused(f"{node} takes `{node.inputs[number]}`, which is not understood")
        return value

    def either(self, node: Node, number: int) -> Any:
        """An input of any kind."""
        name = node.input(number)
        if name not in self.values and name not in self.known:
            raise refused(f"{node} takes `{name}`, which is not understood")
        return self.values[name] if name in self.values else self.known[name]

    def given(self, node: Node, number: int) -> NDArray[Any] | None:
        """An input that is known, if there is one."""
        if not node.given(number):
            return None
        name = node.input(number)
        if name not in self.known:
            raise refused(f"{node} takes `{name}`, which depends on the samples")
        found: NDArray[Any] = self.known[name]
        return found


def _named(error: LampError, node: Node) -> LampError:
    """A refusal that says of which node it is."""
    message = error.diagnostics[0].message
    return error if f"`{node.op}`" in message else refused(f"{node}: {message}", *error.diagnostics[0].fixes)


def _filled(shape: tuple[int, ...]) -> NDArray[Any]:
    import numpy as np

    return np.zeros(shape, dtype=np.int64)
