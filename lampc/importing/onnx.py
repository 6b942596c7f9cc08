"""ONNX models as programs: layer by layer, or, where lampc has written the model, as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lampc.diagnostics import LampError
from lampc.importing.text import Imported, Writer, refused

MOST = 2_000_000_000
"""Bytes of a file that is read."""


def from_onnx(model: Any) -> Imported:
    """A network from an ONNX file, or from a model in memory.

    Nothing that the model names is opened: weights in other files are refused.

    Raises:
        LampError: if onnx is not installed, the model is none, or a node of it has no layer.
    """
    try:
        import onnx
    except ImportError:
        raise _needs("reading ONNX needs a package of that name", "onnx") from None
    if isinstance(model, str | Path):
        model = _read(Path(model))
    outside = [tensor.name for tensor in model.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise refused(f"the weights of `{outside[0]}` are in another file, which is not opened", "save the model in one file")
    written = {prop.key: prop.value for prop in model.metadata_props}.get("lampc.network")
    if written is not None:
        found = _own(written, model)
        if found is not None:
            return found
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError) as error:
        raise refused(f"the model is none: {str(error).splitlines()[0]}") from None
    return _Reader(inferred).read()


def from_torch_export(program: Any) -> Imported:
    """A network from what ``torch.export.export`` gives of a module in ``eval()``, its batch axis dynamic, by way of ONNX.

    It is a program in memory: to load one from a file is to trust it.

    Raises:
        LampError: if onnx or onnxscript is not installed, or an op of it has no layer.
    """
    import torch

    try:
        import onnxscript  # noqa: F401

        made = torch.onnx.export(program, verbose=False)
    except ImportError:
        raise _needs("importing from PyTorch needs onnxscript", "onnx") from None
    assert made is not None
    return from_onnx(made.model_proto)


def _read(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    from lampc.runs import durable

    try:
        if path.stat().st_size > MOST:
            raise refused(f"{path} is larger than {MOST:,} bytes")
        model = onnx.load_model_from_string(durable.read(path))
        onnx.checker.check_model(model)
        return model
    except OSError as error:
        raise refused(f"cannot read {path}: {error.strerror or error}") from None
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise refused(f"{path} is no ONNX model: {str(error).splitlines()[0]}") from None


def _own(text: str, model: Any) -> Imported | None:
    """What lampc has written: the text that it has kept beside the graph, if the weights fit it."""
    from onnx import numpy_helper

    import lampc.compile
    from lampc.runs.state import weights

    try:
        wanted = {name.removeprefix("state."): t for name, t in weights(lampc.compile.text(text).model()).items()}
    except LampError:
        return None
    given = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    if any(name not in given or given[name].shape != tuple(tensor.shape) for name, tensor in wanted.items()):
        return None
    return Imported(text, {name: given[name].copy() for name in wanted})


@dataclass
class _Reader:
    """Goes over the nodes of a graph, in their order."""

    model: Any
    out: Writer = field(default_factory=Writer)
    known: dict[str, Any] = field(default_factory=dict)
    """Arrays that do not depend on the input."""
    values: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    turned: dict[str, int] = field(default_factory=dict)
    """Values whose first axis is time, for a recurrent node, or as one has made them."""
    counted: dict[str, float | None] = field(default_factory=dict)
    """What depends on the number of samples alone: shapes, and tensors full of one number."""

    def read(self) -> Imported:
        from onnx import numpy_helper

        graph = self.model.graph
        self.known = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
        for value in (*graph.input, *graph.value_info, *graph.output):
            self.shapes[value.name] = tuple(dim.dim_value or None for dim in value.type.tensor_type.shape.dim)
        inputs = [value for value in graph.input if value.name not in self.known]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise refused(f"the model has {len(inputs)} inputs and {len(graph.output)} outputs, and one of each is wanted")
        self._input(inputs[0])
        for node in graph.node:
            self._node(node)
        last = graph.output[0].name
        if last not in self.values:
            raise refused("what the model gives does not depend on its input")
        if self.values[last] != len(self.out.statements) - 1:
            self.out.add(self.values[last], "pass")
        return self.out.finish()

    def _input(self, value: Any) -> None:
        from onnx import TensorProto

        shape = self.shapes[value.name]
        if len(shape) < 2 or None in shape[1:]:
            raise refused(f"the input's shape is {list(shape)}: all but the first axis must be known")
        kind = ""
        if value.type.tensor_type.elem_type in (TensorProto.INT64, TensorProto.INT32):
            tables = [
                self.known[n.input[0]] for n in self.model.graph.node if n.op_type == "Gather" and n.input[1] == value.name
            ]
            if not tables:
                raise refused("the input holds whole numbers, and nothing says below what they stay")
            kind = f" int<{len(tables[0])}>"
        self.values[value.name] = self.out.add(None, f"input {'x'.join(map(str, shape[1:]))}{kind}")

    def _node(self, node: Any) -> None:
        inputs = [name for name in node.input if name]
        if node.op_type != "Shape" and all(name in self.known for name in inputs):
            self._fold(node)
            return
        if node.op_type == "Shape" or all(name in self.known or name in self.counted for name in inputs):
            first = self.known.get(inputs[0])
            same = first is not None and first.size > 0 and bool((first == first.flat[0]).all())
            self.counted[node.output[0]] = float(first.flat[0]) if same and first is not None else self.counted.get(inputs[0])
            return
        if self._recurrent(node):
            return
        say = LAYERS.get(node.op_type)
        value = say(self, node) if say is not None else None
        if value is None:
            listed = ", ".join(sorted(LAYERS))
            raise refused(f"`{node.op_type}` (node `{node.name or node.output[0]}`) has no layer here", f"there are {listed}")
        self.values[node.output[0]] = value

    def _fold(self, node: Any) -> None:
        """What does not depend on the input is worked out."""
        from onnx.reference import ReferenceEvaluator

        try:
            results = ReferenceEvaluator(node).run(None, {name: self.known[name] for name in node.input if name})
        except (RuntimeError, NotImplementedError, TypeError) as error:
            raise refused(f"`{node.op_type}` of constants cannot be worked out: {str(error).splitlines()[0]}") from None
        self.known.update(zip(node.output, results, strict=False))

    def _recurrent(self, node: Any) -> bool:
        """A recurrent node, or what brings time to the front before one and back after it; whether it was such."""
        first = node.input[0]
        if node.op_type == "Transpose" and first in self.values and list(_attributes(node).get("perm", [])) == [1, 0, 2]:
            self.turned[node.output[0]] = self.values[first]
        elif first not in self.turned:
            return False
        elif node.op_type in _GATES:
            self.turned[node.output[0]] = _recurrence(self, node, self.turned[first])
        elif node.op_type == "Transpose" and list(_attributes(node).get("perm", [])) == [1, 0, 2]:
            self.values[node.output[0]] = self.turned[first]
        elif node.op_type in ("Squeeze", "Reshape", "Transpose"):  # [T, directions, N, H] to [T, N, directions·H]
            self.turned[node.output[0]] = self.turned[first]
        else:
            raise refused(
                f"`{node.op_type}` (node `{node.name or node.output[0]}`) goes over a sequence whose first axis is time"
            )
        return True

    def one(self, node: Any) -> int:
        """The value that a node's first input is."""
        name = node.input[0]
        if name not in self.values:
            raise refused(f"`{node.op_type}` (node `{node.name or node.output[0]}`) takes `{name}`, which is not understood")
        return self.values[name]

    def sample(self, name: str) -> tuple[int, ...]:
        """A value's shape, less the batch axis."""
        shape = self.shapes.get(name, ())
        if len(shape) < 1 or any(not isinstance(dim, int) for dim in shape[1:]):
            raise refused(f"the shape of `{name}` is not known: {list(shape)}")
        return tuple(int(dim) for dim in shape[1:])


_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Where ONNX has the gates that lampc wants in order: input, forget, cell, output; reset, update, new."""


def _recurrence(reader: _Reader, node: Any, value: int) -> int:
    """A layer of one kind; its weights are gate by gate."""
    options, kind, order = _attributes(node), node.op_type, _GATES[node.op_type]
    given = [reader.known.get(name) if name else None for name in node.input]
    states = [name for name in node.input[4:] if name]
    plain = all(
        reader.counted.get(name, 1.0) == 0.0 or (name in reader.known and not reader.known[name].any()) for name in states
    )
    activation = [word.decode().lower() for word in options.get("activations", [])]
    wrong = options.get("clip") or options.get("layout") or (kind == "GRU" and not options.get("linear_before_reset"))
    if given[1] is None or given[2] is None or not plain or wrong or (kind != "RNN" and activation):
        raise refused(
            f"`{kind}` (node `{node.name or node.output[0]}`) begins with a state, or has options, without a counterpart"
        )
    direction = {b"forward": "forward", b"reverse": "backward", b"bidirectional": "both"}[options.get("direction", b"forward")]
    size, bias = int(options["hidden_size"]), given[3] if len(given) > 3 else None
    weights = {}
    for number, name in enumerate({"forward": ("",), "backward": ("_reverse",), "both": ("", "_reverse")}[direction]):
        parts = {"weight_ih": given[1][number], "weight_hh": given[2][number]}
        if bias is not None:
            parts |= dict(zip(("bias_ih", "bias_hh"), bias[number].reshape(2, -1), strict=True))
        for label, array in parts.items():
            gates = array.reshape(len(order), size, *array.shape[1:])[list(order)]
            weights[f"{label}_l0{name}"] = gates.reshape(array.shape).copy()
    text = f"{kind.lower()} {size}" + (f" direction={direction}" if direction != "forward" else "")
    text += f" activation={activation[0]}" if kind == "RNN" and activation and activation[0] != "tanh" else ""
    return reader.out.add(value, text + ("" if bias is not None else " bias=off"), **weights)


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _size(values: Any) -> str:
    """``3`` or ``3x2``."""
    values = [int(value) for value in values]
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def _plain(text: str) -> Callable[[_Reader, Any], int]:
    return lambda reader, node: reader.out.add(reader.one(node), text)


def _same(reader: _Reader, node: Any) -> int:
    return reader.one(node)


def _formula(formula: str, **defaults: float) -> Callable[[_Reader, Any], int]:
    def say(reader: _Reader, node: Any) -> int:
        given = {name: _attributes(node).get(name, value) for name, value in defaults.items()}
        return reader.out.add(
            reader.one(node), reader.out.function(formula.format(**{k: repr(float(v)) for k, v in given.items()}))
        )

    return say


def _gemm(reader: _Reader, node: Any) -> int | None:
    options = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0, **_attributes(node)}
    if options["alpha"] != 1.0 or options["transA"] or node.input[1] not in reader.known:
        return None
    weight = reader.known[node.input[1]]
    weight = weight if options["transB"] else weight.T
    if len(node.input) > 2 and node.input[2]:
        bias = reader.known[node.input[2]].reshape(-1) * options["beta"]
        return reader.out.add(reader.one(node), f"linear {weight.shape[0]}", weight=weight, bias=bias)
    return reader.out.add(reader.one(node), f"linear {weight.shape[0]} bias=off", weight=weight)


def _matmul(reader: _Reader, node: Any) -> int | None:
    if node.input[1] not in reader.known or reader.known[node.input[1]].ndim != 2:
        return None
    weight = reader.known[node.input[1]].T
    return reader.out.add(reader.one(node), f"linear {weight.shape[0]} bias=off", weight=weight)


def _add(reader: _Reader, node: Any) -> int | None:
    return _binary(reader, node, "sum", "x + {}", "bias")


def _mul(reader: _Reader, node: Any) -> int | None:
    return _binary(reader, node, "product", "x * {}", "scale")


def _binary(reader: _Reader, node: Any, join: str, formula: str, layer: str) -> int | None:
    """Two values; a value and a number; or a value and a number for each feature."""
    fixed = [name for name in node.input if name in reader.known]
    if not fixed:
        shapes = [reader.sample(name) for name in node.input]
        if shapes[0] != shapes[1]:
            raise refused(f"`{node.op_type}` of {shapes[0]} and {shapes[1]}: nothing is broadcast here")
        return reader.out.join(join, [reader.values[name] for name in node.input])
    (value,) = (reader.values[name] for name in node.input if name not in reader.known)
    given = reader.known[fixed[0]]
    if given.size == 1:
        return reader.out.add(value, reader.out.function(formula.format(repr(float(given.reshape(-1)[0])))))
    last = reader.out.statements[-1]
    if layer == "bias" and value == len(reader.out.statements) - 1 and last.text.endswith(" bias=off") and not last.label \
            and last.text.split()[-3] == "linear" and given.ndim == 1:  # fmt: skip
        last.text = last.text.removesuffix(" bias=off")
        last.weights = {**last.weights, "bias": given}
        return value
    if given.shape[-1:] == reader.sample(node.output[0])[-1:] and given.size == given.shape[-1]:
        return reader.out.add(value, layer, **{"weight" if layer == "scale" else "bias": given.reshape(-1)})
    return None


def _sub(reader: _Reader, node: Any) -> int | None:
    fixed = [name in reader.known for name in node.input]
    if any(fixed):
        number = reader.known[node.input[fixed.index(True)]]
        value = reader.values[node.input[fixed.index(False)]]
        if number.size != 1:
            return None
        text = repr(float(number.reshape(-1)[0]))
        return reader.out.add(value, reader.out.function(f"x - {text}" if fixed[1] else f"{text} - x"))
    negative = reader.out.add(reader.values[node.input[1]], reader.out.function("-x"))
    return reader.out.join("sum", [reader.values[node.input[0]], negative])


def _div(reader: _Reader, node: Any) -> int | None:
    number = reader.known.get(node.input[1])
    if number is None or number.size != 1:
        return None
    return reader.out.add(reader.one(node), reader.out.function(f"x / {float(number.reshape(-1)[0])!r}"))


def _pow(reader: _Reader, node: Any) -> int | None:
    number = reader.known.get(node.input[1])
    if number is None or number.size != 1:
        return None
    return reader.out.add(reader.one(node), reader.out.function(f"x ^ {float(number.reshape(-1)[0])!r}"))


def _conv(reader: _Reader, node: Any) -> int | None:
    options, weight = _attributes(node), reader.known.get(node.input[1])
    if weight is None or options.get("auto_pad", b"NOTSET") != b"NOTSET":
        return None
    axes, groups = weight.ndim - 2, int(options.get("group", 1))
    turned = node.op_type == "ConvTranspose"
    pads = list(options.get("pads", [0] * 2 * axes))
    value = reader.one(node)
    if pads[:axes] != pads[axes:]:
        raise refused(f"a window is padded by {pads[:axes]} before and {pads[axes:]} after, and not alike")
    made = weight.shape[1] * groups if turned else weight.shape[0]
    text = f"{'convtranspose' if turned else 'conv'}{'' if axes == 2 else f'{axes}d'} {made} {_size(weight.shape[2:])}"
    for name, ours, plain in (("strides", "stride", 1), ("dilations", "dilation", 1), ("output_padding", "output_padding", 0)):
        if set(options.get(name, [plain])) != {plain}:
            text += f" {ours}={_size(options[name])}"
    text += f" padding={_size(pads[:axes])}" if any(pads) else ""
    text += f" groups={groups}" if groups > 1 else ""
    if len(node.input) > 2 and node.input[2]:
        return reader.out.add(value, text, weight=weight, bias=reader.known[node.input[2]])
    return reader.out.add(value, f"{text} bias=off", weight=weight)


def _pool(reader: _Reader, node: Any) -> int | None:
    options = _attributes(node)
    axes = len(options["kernel_shape"])
    pads = list(options.get("pads", [0] * 2 * axes))
    if pads[:axes] != pads[axes:] or options.get("auto_pad", b"NOTSET") != b"NOTSET" or len(node.output) > 1:
        return None
    kernel, strides = list(options["kernel_shape"]), list(options.get("strides", [1] * axes))
    text = f"{'maxpool' if node.op_type == 'MaxPool' else 'avgpool'} {_size(kernel)}"
    text += f" stride={_size(strides)}" if strides != kernel else ""
    text += f" padding={_size(pads[:axes])}" if any(pads) else ""
    text += " ceil" if options.get("ceil_mode") else ""
    if node.op_type == "MaxPool":
        text += f" dilation={_size(options['dilations'])}" if set(options.get("dilations", [1])) != {1} else ""
    elif any(pads) and not options.get("count_include_pad"):
        text += " padded=off"
    return reader.out.add(reader.one(node), text)


def _globalpool(reader: _Reader, node: Any) -> int:
    """Axes of one place are kept, as ONNX keeps them."""
    rank = len(reader.sample(node.input[0])) - 1
    kind = "max" if node.op_type == "GlobalMaxPool" else "mean"
    return reader.out.add(reader.one(node), f"globalpool {kind} to={'x'.join(['1'] * rank)}")


def _batchnorm(reader: _Reader, node: Any) -> int:
    weight, bias, mean, variance = (reader.known[name] for name in node.input[1:5])
    text = f"batchnorm eps={_attributes(node).get('epsilon', 1e-5)!r}"
    return reader.out.add(reader.one(node), text, weight=weight, bias=bias, running_mean=mean, running_var=variance)


def _layernorm(reader: _Reader, node: Any) -> int | None:
    options = _attributes(node)
    rank = len(reader.sample(node.input[0])) + 1
    if options.get("axis", -1) not in (-1, rank - 1):
        return None
    weight, *bias = (reader.known[name] for name in node.input[1:] if name)
    text = f"layernorm eps={options.get('epsilon', 1e-5)!r}"
    if bias:
        return reader.out.add(reader.one(node), text, weight=weight, bias=bias[0])
    return reader.out.add(reader.one(node), f"{text} bias=off", weight=weight)


def _instancenorm(reader: _Reader, node: Any) -> int:
    weight, bias = (reader.known[name] for name in node.input[1:3])
    text = f"instancenorm affine=on eps={_attributes(node).get('epsilon', 1e-5)!r}"
    return reader.out.add(reader.one(node), text, weight=weight, bias=bias)


def _gather(reader: _Reader, node: Any) -> int | None:
    table = reader.known.get(node.input[0])
    if table is None or table.ndim != 2 or _attributes(node).get("axis", 0) != 0:
        return None
    return reader.out.add(reader.values[node.input[1]], f"embedding {table.shape[1]}", weight=table)


def _reshape(reader: _Reader, node: Any) -> int:
    shape, before = reader.sample(node.output[0]), reader.sample(node.input[0])
    if shape == before:
        return reader.one(node)
    return reader.out.add(reader.one(node), "flatten" if len(shape) == 1 else f"reshape {'x'.join(map(str, shape))}")


def _transpose(reader: _Reader, node: Any) -> int | None:
    order = list(_attributes(node).get("perm", []))
    if not order or order[0] != 0:
        return None
    return reader.out.add(reader.one(node), f"transpose {'x'.join(map(str, order[1:]))}" if len(order) > 2 else "pass")


def _concat(reader: _Reader, node: Any) -> int | None:
    axis, rank = _attributes(node)["axis"], len(reader.sample(node.output[0])) + 1
    if any(name not in reader.values for name in node.input):
        return None
    return reader.out.join("concat", [reader.values[name] for name in node.input], f" axis={axis % rank}")


def _slice(reader: _Reader, node: Any) -> int | None:
    given = [reader.known.get(name) if name else None for name in node.input[1:]]
    if any(array is None or array.size != 1 for array in given[:3]) or (
        len(given) > 3 and given[3] is not None and int(given[3][0]) != 1
    ):
        return None
    size = reader.sample(node.input[0])
    start, stop, axis = (int(array.reshape(-1)[0]) for array in given[:3] if array is not None)
    axis = axis % (len(size) + 1)
    if axis == 0:
        return None
    start, stop = (min(end, size[axis - 1]) if end >= 0 else end + size[axis - 1] for end in (start, stop))
    return reader.out.add(reader.one(node), f"slice {start} {stop} axis={axis}")


def _reduce(kind: str) -> Callable[[_Reader, Any], int | None]:
    def say(reader: _Reader, node: Any) -> int | None:
        options = _attributes(node)
        given = reader.known.get(node.input[1]) if len(node.input) > 1 else options.get("axes")
        if given is None:
            return None
        rank = len(reader.sample(node.input[0])) + 1
        axes = sorted(int(axis) % rank for axis in given)
        if axes[0] == 0:
            return None
        value = reader.out.add(reader.one(node), f"{kind} {'x'.join(map(str, axes))}")
        return _reshape_to(reader, value, node) if options.get("keepdims", 1) else value

    return say


def _reshape_to(reader: _Reader, value: int, node: Any) -> int:
    return reader.out.add(value, f"reshape {'x'.join(map(str, reader.sample(node.output[0])))}")


def _softmax(reader: _Reader, node: Any) -> int | None:
    rank = len(reader.sample(node.input[0])) + 1
    if _attributes(node).get("axis", -1) not in (-1, rank - 1):
        return None
    return reader.out.add(reader.one(node), "softmax" if node.op_type == "Softmax" else "logsoftmax")


def _clip(reader: _Reader, node: Any) -> int | None:
    ends = [reader.known.get(name) if name else None for name in node.input[1:3]]
    if len(ends) < 2 or ends[0] is None or ends[1] is None:
        return None
    low, high = (float(end.reshape(-1)[0]) for end in ends if end is not None)
    return reader.out.add(reader.one(node), f"hardtanh low={low!r} high={high!r}")


def _resize(reader: _Reader, node: Any) -> int | None:
    options = _attributes(node)
    before, after = reader.sample(node.input[0]), reader.sample(node.output[0])
    mode, how = options.get("mode", b"nearest"), options.get("coordinate_transformation_mode", b"half_pixel")
    factors = [b // a for a, b in zip(before[1:], after[1:], strict=True)]
    if any(a * f != b for a, f, b in zip(before[1:], factors, after[1:], strict=True)) or before[0] != after[0]:
        return None
    if (mode, how) not in ((b"nearest", b"asymmetric"), (b"linear", b"half_pixel"), (b"linear", b"pytorch_half_pixel")):
        return None
    return reader.out.add(reader.one(node), f"upsample {_size(factors)}{' linear' if mode == b'linear' else ''}")


def _gelu(reader: _Reader, node: Any) -> int:
    kind = _attributes(node).get("approximate", b"none").decode()
    return reader.out.add(reader.one(node), "gelu" if kind == "none" else f"gelu {kind}")


def _sloped(text: str, name: str, plain: float) -> Callable[[_Reader, Any], int]:
    return lambda reader, node: reader.out.add(reader.one(node), f"{text} {_attributes(node).get(name, plain)!r}")


LAYERS: Mapping[str, Callable[[_Reader, Any], int | None]] = {
    "Gemm": _gemm, "MatMul": _matmul, "Add": _add, "Mul": _mul, "Sub": _sub, "Div": _div, "Pow": _pow, "Conv": _conv,
    "ConvTranspose": _conv, "MaxPool": _pool, "AveragePool": _pool, "GlobalAveragePool": _globalpool,
    "GlobalMaxPool": _globalpool, "BatchNormalization": _batchnorm, "LayerNormalization": _layernorm,
    "InstanceNormalization": _instancenorm, "Gather": _gather, "Reshape": _reshape, "Flatten": _reshape, "Squeeze": _reshape,
    "Unsqueeze": _reshape, "Transpose": _transpose, "Concat": _concat, "Slice": _slice, "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"), "ReduceMax": _reduce("max"), "Softmax": _softmax, "LogSoftmax": _softmax, "Clip": _clip,
    "Resize": _resize, "Gelu": _gelu, "LeakyRelu": _sloped("leakyrelu", "alpha", 0.01), "Elu": _sloped("elu", "alpha", 1.0),
    "Identity": _same, "Dropout": _same, "Cast": _same,
    **{name: _plain(text) for name, text in {
        "Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign",
        "Mish": "mish", "Selu": "selu"}.items()},
    **{name: _formula(text) for name, text in {
        "Exp": "exp(x)", "Log": "log(x)", "Sqrt": "sqrt(x)", "Abs": "abs(x)", "Neg": "-x", "Reciprocal": "1 / x",
        "HardSwish": "x * min(6, max(0, x + 3)) / 6"}.items()},
    "HardSigmoid": _formula("max(0, min(1, {alpha} * x + {beta}))", alpha=0.2, beta=0.5),
}  # fmt: skip
"""What each kind of node becomes; None where its options have no counterpart."""


def _needs(message: str, extra: str) -> LampError:
    from lampc.diagnostics import Problems

    problems = Problems()
    problems.report("E508", message, None, fixes=[f'pip install "lampc[{extra}]"'])
    return LampError(problems.errors)
