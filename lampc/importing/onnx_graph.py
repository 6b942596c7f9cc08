"""Goes over the nodes of an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lampc.importing.arithmetic import Tracked, shifted
from lampc.importing.attention import Scores, reshaped
from lampc.importing.onnx_layers import attributes
from lampc.importing.onnx_nodes import NODES
from lampc.importing.text import Imported, NoLayer, Writer, refused
from lampc.importing.values import MOST, SAMPLES, Move, Value, begin, finish

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHAPE = 64
"""Numbers of what may say a shape; larger constants are weights, of which only the shape counts."""

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
    out: Writer = field(default_factory=lambda: Writer(SAMPLES))
    known: dict[str, Any] = field(default_factory=dict)
    """Arrays that do not depend on the samples."""
    values: dict[str, Tracked] = field(default_factory=dict)
    above: dict[str, tuple[Value, float]] = field(default_factory=dict)
    """Where a value is greater than a number."""
    whole: set[str] = field(default_factory=set)
    """Values that are whole numbers."""

    def read(self) -> Imported:
        """The network."""
        from onnx import numpy_helper

        graph = self.model.graph
        self.versions = {entry.domain: entry.version for entry in self.model.opset_import}
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

    def _needed(self, last: str) -> list[Any]:
        """The nodes that the output depends on."""
        wanted, found = {last}, []
        for node in reversed(self.model.graph.node):
            if wanted.intersection(node.output):
                found.append(node)
                wanted.update(node.input)
        return found[::-1]

    def _input(self, value: Any, nodes: list[Any]) -> int:
        """Begin the program; which axis is that of the samples: the one that is not known, or the first."""
        from onnx import TensorProto

        shape = tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim)
        free = [axis for axis, number in enumerate(shape) if number is None]
        if len(shape) < 2 or len(free) > 1:
            raise refused(f"the input's shape is {list(shape)}: all but one axis must be known")
        below = None
        if value.type.tensor_type.elem_type in (TensorProto.INT64, TensorProto.INT32):
            tables = [self.known[n.input[0]] for n in nodes if n.op_type == "Gather" and value.name == n.input[1]]
            below = min((len(table) for table in tables), default=0)
            self.whole.add(value.name)
        axis = free[0] if free else 0
        self.out.samples = shape[axis] or SAMPLES
        self.values[value.name] = begin(self.out, [number or SAMPLES for number in shape], axis, below)
        return axis

    def _node(self, node: Any) -> None:
        inputs = [name for name in node.input if name]
        if node.op_type == "Shape":
            import numpy as np

            ends = {"start": 0, "end": None, **attributes(node)}
            self.known[node.output[0]] = np.asarray(self.shape(node.input[0])[ends["start"] : ends["end"]], dtype=np.int64)
        elif all(name in self.known for name in inputs):
            self._small(node)
            self.known.update(zip(node.output, self._evaluated(node, {}), strict=False))
        elif node.op_type == "Greater" and node.input[1] in self.known and self.known[node.input[1]].size == 1:
            self.above[node.output[0]] = (self.value(node), float(self.known[node.input[1]].reshape(-1)[0]))
        elif node.op_type in MOVES or self._picks(node):
            self._move(node)
        else:
            say = NODES.get(node.op_type)
            try:
                value = say(self, node) if say is not None else None
            except NoLayer:
                value = None
            if value is None:
                raise refused(f"`{node.op_type}` (node `{self.name(node)}`) has no layer here, or not with these options")
            self.values[node.output[0]] = value
        if node.op_type in MOVES and node.input[0] in self.whole:
            self.whole.add(node.output[0])

    def _picks(self, node: Any) -> bool:
        """Whether a node takes known places of a value."""
        return node.op_type == "Gather" and node.input[0] in self.values and node.input[1] in self.known

    def _move(self, node: Any) -> None:
        """The node is run on the positions of its input's numbers."""
        value = self.values.get(node.input[0])
        if isinstance(value, Scores):
            mould = self._evaluated(node, {node.input[0]: _filled(value.shape)})[0]
            self.values[node.output[0]] = reshaped(value, mould.shape)
            return
        if value is None or any(name in self.values for name in node.input[1:]):
            raise refused(f"`{node.op_type}` (node `{self.name(node)}`) moves numbers by numbers that depend on the samples")
        for place, name in enumerate(node.output):
            self.values[name] = shifted(value, self._mover(node, place))

    def _mover(self, node: Any, place: int) -> Move:
        def how(index: NDArray[Any]) -> NDArray[Any]:
            moved: NDArray[Any] = self._evaluated(node, {node.input[0]: index})[place]
            return moved

        return how

    def _evaluated(self, node: Any, given: Mapping[str, Any]) -> list[Any]:
        """What a node makes of arrays."""
        from onnx.reference import ReferenceEvaluator

        arrays = {name: given[name] if name in given else self.known[name] for name in node.input if name}
        try:
            return list(ReferenceEvaluator(node, opsets=self.versions).run(None, arrays))
        except (RuntimeError, NotImplementedError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise refused(
                f"`{node.op_type}` (node `{self.name(node)}`) cannot be worked out: {str(error).split(chr(10))[0]}"
            ) from None

    @staticmethod
    def name(node: Any) -> str:
        """What people know a node by."""
        return str(node.name or node.output[0])

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a value, or an array."""
        return tuple(self.known[name].shape) if name in self.known else self.values[name].shape

    def _small(self, node: Any) -> None:
        """See that a constant is no larger than ``MOST``, as far as that can be told without making it."""
        import math

        from lampc.diagnostics import LampError

        try:
            count = math.prod(self._inferred(node))
        except LampError:
            return
        if count > MOST:
            raise refused(f"`{node.op_type}` (node `{self.name(node)}`) would make a constant of more than {MOST:,} numbers")

    def sample(self, node: Any) -> tuple[int, ...]:
        """The shape of a node's first output, less the samples."""
        return self._inferred(node)[1:]

    def _inferred(self, node: Any) -> tuple[int, ...]:
        from onnx import TensorProto, checker, defs, helper, numpy_helper, shape_inference

        kinds = {name: TensorProto.INT64 if name in self.whole else TensorProto.FLOAT for name in node.input}
        types = {
            name: helper.make_tensor_type_proto(kind, self.shape(name)) for name, kind in kinds.items() if name in self.values
        }
        known = {name: self.known[name] for name in node.input if name in self.known}
        types |= {name: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                  for name, array in known.items()}  # fmt: skip
        arrays = {name: numpy_helper.from_array(array, name) for name, array in known.items() if array.size <= _SHAPE}
        try:
            schema = defs.get_schema(node.op_type, self.versions.get(node.domain, 1), node.domain)
            found = shape_inference.infer_node_outputs(schema, node, types, arrays, opset_imports=list(self.model.opset_import))
            dims = [dim.dim_value for dim in found[node.output[0]].tensor_type.shape.dim]
        except (
            RuntimeError,
            KeyError,
            ValueError,
            shape_inference.InferenceError,
            defs.SchemaError,
            checker.ValidationError,
        ) as error:
            raise refused(f"`{node.op_type}` (node `{self.name(node)}`): {str(error).split(chr(10))[0]}") from None
        return tuple(dims)

    def value(self, node: Any, number: int = 0) -> Value:
        """An input that depends on the samples."""
        value = self.values.get(node.input[number])
        if not isinstance(value, Value):
            raise refused(f"`{node.op_type}` (node `{self.name(node)}`) takes `{node.input[number]}`, which is not understood")
        return value

    def either(self, node: Any, number: int) -> Any:
        """An input of any kind."""
        name = node.input[number]
        if name not in self.values and name not in self.known:
            raise refused(f"`{node.op_type}` (node `{self.name(node)}`) takes `{name}`, which is not understood")
        return self.values[name] if name in self.values else self.known[name]

    def given(self, node: Any, number: int) -> NDArray[Any] | None:
        """An input that is known, if there is one."""
        if len(node.input) <= number or not node.input[number]:
            return None
        if node.input[number] not in self.known:
            raise refused(
                f"`{node.op_type}` (node `{self.name(node)}`) takes `{node.input[number]}`, which depends on the samples"
            )
        found: NDArray[Any] = self.known[node.input[number]]
        return found


def _filled(shape: tuple[int, ...]) -> NDArray[Any]:
    import numpy as np

    return np.zeros(shape, dtype=np.int64)
