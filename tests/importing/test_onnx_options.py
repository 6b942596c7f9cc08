"""What a node of ONNX says is carried, as onnxruntime has it, or refused: never dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lampc.diagnostics import LampError
from lampc.importing.onnx import from_onnx

onnx = pytest.importorskip("onnx")

IMAGE, ROWS = (2, 5, 6), (3, 4)
DRAWN = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return DRAWN.standard_normal(shape).astype(np.float32)


def model(op: str, shape: tuple[int, ...], constants: tuple[Any, ...] = (), opset: int = 20, **options: Any) -> Any:
    """A model of one node, whose first input holds two samples; None stands for an input that is left out."""
    from onnx import TensorProto, helper, numpy_helper

    names = ["x", *("" if array is None else f"c{place}" for place, array in enumerate(constants))]
    arrays = [numpy_helper.from_array(array, f"c{place}") for place, array in enumerate(constants) if array is not None]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]  # fmt: skip
    graph = helper.make_graph([helper.make_node(op, names, ["y"], **options)], "g", ends[:1], ends[1:], arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


CARRIED = {
    "celu, alpha below 0": model("Celu", ROWS, alpha=-1.5),
    "selu": model("Selu", ROWS, alpha=2.0, gamma=3.0),
    "conv, same": model("Conv", IMAGE, (drawn(3, 2, 3, 3),), auto_pad="SAME_LOWER", strides=[2, 2]),
    "conv, valid": model("Conv", IMAGE, (drawn(3, 2, 3, 3),), auto_pad="VALID"),
    "conv, uneven ends": model("Conv", IMAGE, (drawn(3, 2, 3, 3), drawn(3)), pads=[0, 1, 2, 0]),
    "transposed to a size": model("ConvTranspose", IMAGE, (drawn(2, 3, 3, 3),), strides=[2, 2], output_shape=[10, 12]),
    "maxpool, same": model("MaxPool", IMAGE, kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
    "maxpool, uneven ends": model("MaxPool", IMAGE, kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
    "avgpool, dilated": model("AveragePool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2]),
    "avgpool, same": model("AveragePool", IMAGE, kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
    **{f"{op}, a last window beyond the places": model(op, (2, 6, 4), kernel_shape=[1, 2], strides=[3, 3], ceil_mode=1)
       for op in ("AveragePool", "MaxPool")},
    "resize, on the bound between two places": model(
        "Resize", (1, 4), (None, np.array([1, 1, 0.6], np.float32)), mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="pytorch_half_pixel"),
    "lppool": model("LpPool", IMAGE, kernel_shape=[2, 2], p=3),
    "lrn": model("LRN", (5, 3, 3), size=3, alpha=0.5, beta=0.7, bias=2.0),
    "gemm": model("Gemm", (4,), (drawn(3, 4), drawn(3)), alpha=0.5, beta=2.0, transB=1),
    "prelu, one slope": model("PRelu", ROWS, (drawn(1),)),
    "prelu, of channels": model("PRelu", IMAGE, (drawn(2, 1, 1),)),
    "softmax": model("Softmax", ROWS, axis=1),
    "softmax, old": model("Softmax", ROWS, opset=11, axis=1),
    "logsoftmax": model("LogSoftmax", IMAGE, axis=2),
    "groupnorm, by groups": model("GroupNormalization", (4, 3), (drawn(2), drawn(2)), 18, num_groups=2, epsilon=0.1),
    "slice, stepped": model("Slice", (7, 3), tuple(np.array([number]) for number in (1, 7, 1, 2))),
    "slice, backwards": model("Slice", (4, 3), tuple(np.array([number]) for number in (3, -9, 1, -1))),
    "unsqueeze, old": model("Unsqueeze", ROWS, opset=11, axes=[2]),
    "squeeze, old": model("Squeeze", (3, 1, 4), opset=11, axes=[2]),
    "clip, old": model("Clip", ROWS, opset=6, min=-0.5, max=0.25),
    "reduced": model("ReduceL2", ROWS, (np.array([2]),), keepdims=0),
    "logsumexp": model("ReduceLogSumExp", ROWS, (np.array([1]),)),
    "layernorm over two axes": model("LayerNormalization", ROWS, (drawn(3, 4),), axis=1),
    **{f"resize, {mode}, {rounded}, {place}": model(
        "Resize", (1, 4, 4), (None, np.array([1, 1, 2, 2], np.float32)), mode=mode, nearest_mode=rounded,
        coordinate_transformation_mode=place)
       for mode, rounded in (("nearest", "floor"), ("nearest", "ceil"), ("nearest", "round_prefer_ceil"),
                             ("linear", "round_prefer_floor"), ("cubic", "round_prefer_floor"))
       for place in ("asymmetric", "half_pixel", "align_corners")},
}  # fmt: skip

REFUSED = {
    "an lstm's coupled gates": (
        model("LSTM", ROWS, (drawn(1, 8, 4), drawn(1, 8, 2)), hidden_size=2, input_forget=1), "LSTM"),
    "ends that go round": (model("Pad", (2, 3), (np.array([0, 0, 1, 0, 0, 2]),), mode="wrap"), "wrap|Pad|places"),
    "a product with turned samples": (model("Gemm", (4,), (drawn(2, 3),), transA=1), "Gemm"),
    "ends that are dilated": (
        model("MaxPool", IMAGE, kernel_shape=[2, 2], dilations=[2, 2], auto_pad="SAME_UPPER"), "MaxPool"),
    "ends of steps that leave places out": (
        model("AveragePool", IMAGE, kernel_shape=[1, 1], strides=[3, 3], auto_pad="SAME_LOWER"), "AveragePool"),
    "a window larger than the image": (
        model("MaxPool", IMAGE, kernel_shape=[3, 3], dilations=[1, 3], strides=[1, 2], ceil_mode=1), "MaxPool"),
    "transposed to more than there is": (
        model("ConvTranspose", IMAGE, (drawn(2, 3, 1, 1),), strides=[3, 3], auto_pad="SAME_UPPER"), "ConvTranspose"),
    "shares beyond the ends of one place": (
        model("Resize", (1, 4), (None, np.array([1, 1, 2], np.float32)), exclude_outside=1), "Resize"),
    "a slope of more axes": (model("PRelu", ROWS, (drawn(1, 1, 1, 1),)), "PRelu"),
    "steps of 0": (model("Conv", IMAGE, (drawn(3, 2, 3, 3),), strides=[0, 0]), "Conv"),
    "steps too large to be": (model("Conv", IMAGE, (drawn(3, 2, 3, 3),), strides=[2**62, 1]), "Conv"),
    "negative ends": (model("Conv", IMAGE, (drawn(3, 2, 3, 3),), pads=[-5, -5, -5, -5]), "Conv"),
    "no groups": (model("Conv", IMAGE, (drawn(3, 2, 3, 3),), group=0), "Conv"),
    "ends of another kind": (model("Conv", IMAGE, (drawn(3, 2, 3, 3),), auto_pad="HACK"), "Conv"),
    "an option that no operator has": (model("Relu", ROWS, turbo=3), "`Relu` .* has turbo=3, which has no counterpart here"),
}  # fmt: skip


@pytest.mark.parametrize("name", CARRIED)
def test_options_are_carried(name: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    proto = CARRIED[name]
    x = drawn(2, *(dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim[1:]))
    (wanted,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})
    found = from_onnx(proto).model()(torch.as_tensor(x)).numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", REFUSED)
def test_options_without_a_counterpart_are_refused(name: str) -> None:
    proto, message = REFUSED[name]
    with pytest.raises(LampError, match=message) as caught:
        from_onnx(proto)
    assert caught.value.diagnostics[0].code == "E812"
