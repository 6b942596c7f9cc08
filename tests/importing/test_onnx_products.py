"""Products of matrices and attention as nodes of ONNX: the samples on either side, turned, and heads side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lampc.diagnostics import LampError
from lampc.importing.onnx import from_onnx

onnx = pytest.importorskip("onnx")

Line = tuple[str, str, str, dict[str, Any]]
"""A node: what it is, its inputs, its output, its options."""


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def model(shape: tuple[int, ...], lines: list[Line], **arrays: Any) -> Any:
    """A model of some nodes, from samples ``x`` to ``y``."""
    from onnx import TensorProto, helper, numpy_helper

    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]  # fmt: skip
    nodes = [helper.make_node(op, inputs.split(), [output], **options) for op, inputs, output, options in lines]
    initial = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)


def agree(proto: Any) -> str:
    """What lampc makes of the model, as text, is what onnx's reference makes of it."""
    from onnx.reference import ReferenceEvaluator

    x = drawn(5, *(dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim[1:]))
    (wanted,) = ReferenceEvaluator(proto).run(None, {"x": x})
    imported = from_onnx(proto)
    found = imported.model()(torch.as_tensor(x)).numpy()
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    return str(imported.text)


TURN: Line = ("Transpose", "x", "t", {"perm": [1, 0]})


@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("bias", ["", " c", " one"])
def test_gemm_with_turned_samples(bias: str, alpha: float) -> None:
    """Turned once before and once by the product, they are what they were."""
    lines: list[Line] = [TURN, ("Gemm", "t w" + bias, "y", {"transA": 1, "alpha": alpha, "beta": 2.0})]
    arrays = {"w": drawn(4, 3), "c": drawn(3), "one": drawn(1)}
    agree(model((4,), lines, **arrays))


@pytest.mark.parametrize("options", [{}, {"transA": 1}, {"transB": 1}, {"transA": 1, "transB": 1, "alpha": 0.5}])
@pytest.mark.parametrize("bias", ["", " c"])
def test_gemm_with_the_samples_second(options: dict[str, Any], bias: str) -> None:
    """``W·xᵀ``, turned back, is a linear layer."""
    second = "x" if options.get("transB") else "t"
    lines: list[Line] = [TURN, ("Gemm", f"w {second}{bias}", "p", options), ("Transpose", "p", "y", {"perm": [1, 0]})]
    weight = drawn(4, 3) if options.get("transA") else drawn(3, 4)
    if options.get("transB"):
        lines = lines[1:]
    agree(model((4,), lines, w=weight, c=drawn(1)))


def test_a_matrix_before_the_samples_goes_over_their_places() -> None:
    agree(model((4, 3), [("MatMul", "w x", "y", {})], w=drawn(5, 4)))


def test_gemm_over_the_samples_is_refused_by_its_name() -> None:
    with pytest.raises(LampError, match=r"E812.*`Gemm` \(node"):
        from_onnx(model((4,), [("Gemm", "x w", "y", {"transA": 1})], w=drawn(5, 3)))


@pytest.mark.parametrize("line", [("Gemm", "x w", "y", {}), ("MatMul", "x w", "y", {}), ("MatMul", "w x", "y", {})])
def test_matrices_that_do_not_fit_are_refused(line: Line) -> None:
    with pytest.raises(LampError, match=r"E812.*values \[.*for 5 features cannot be"):
        from_onnx(model((4, 3) if line[1] == "w x" else (4,), [line], w=drawn(2, 5) if line[1] == "w x" else drawn(5, 2)))


def attention(options: dict[str, Any], widths: tuple[int, int] = (8, 8), inputs: str = "q k v") -> Any:
    """Self-attention with its projections."""
    wide, narrow = widths
    lines: list[Line] = [("MatMul", f"x w{name}", name, {}) for name in "qkv"]
    lines += [("Attention", inputs, "a", options), ("MatMul", "a wo", "y", {})]
    return model((6, 8), lines, wq=drawn(8, wide), wk=drawn(8, narrow), wv=drawn(8, narrow) + 1, wo=drawn(wide, 8))


def test_attention_with_its_heads_side_by_side() -> None:
    assert "attention 2" in agree(attention({"q_num_heads": 2, "kv_num_heads": 2}))
    assert "causal" in agree(attention({"q_num_heads": 4, "kv_num_heads": 4, "is_causal": 1}))
    assert "kv_heads=2" in agree(attention({"q_num_heads": 4, "kv_num_heads": 2, "scale": 0.3}, (8, 4)))


def test_attention_with_its_heads_apart() -> None:
    split = {"q": "Reshape", "k": "Reshape", "v": "Reshape"}
    lines: list[Line] = [("MatMul", f"x w{name}", f"{name}0", {}) for name in split]
    lines += [(op, f"{name}0 apart", f"{name}1", {}) for name, op in split.items()]
    lines += [("Transpose", f"{name}1", name, {"perm": [0, 2, 1, 3]}) for name in split]
    lines += [("Attention", "q k v", "a", {"is_causal": 1}), ("Transpose", "a", "b", {"perm": [0, 2, 1, 3]}),
              ("Reshape", "b whole", "c", {}), ("MatMul", "c wo", "y", {})]  # fmt: skip
    arrays = {f"w{name}": drawn(8, 8) + place for place, name in enumerate("qkvo")}
    agree(model((6, 8), lines, apart=np.array([0, 6, 2, 4]), whole=np.array([0, 6, 8]), **arrays))


def rotated(places: bool, **options: Any) -> Any:
    """Attention whose queries and keys are turned before it."""
    angles = np.arange(6)[:, None] * 500.0 ** (-np.arange(2) / 2)
    waves = [wave(angles).astype(np.float32) for wave in (np.cos, np.sin)]
    cos, sin = waves if places else (wave[None].repeat(5, 0) for wave in waves)
    given = " cos sin" + (" places" if places else "")
    lines: list[Line] = [("MatMul", f"x w{name}", name, {}) for name in "qkv"]
    lines += [("RotaryEmbedding", name + given, f"{name}r", {"num_heads": 2} | options) for name in "qk"]
    lines += [("Attention", "qr kr v", "a", {"q_num_heads": 2, "kv_num_heads": 2}), ("MatMul", "a wo", "y", {})]
    weights = {f"w{name}": drawn(8, 8) + place for place, name in enumerate("qkvo")}
    return model((6, 8), lines, **weights, cos=cos, sin=sin, places=np.arange(6)[None].repeat(5, 0))


@pytest.mark.parametrize("places", [True, False])
def test_rotary_positions(places: bool) -> None:
    assert "rope base=500" in agree(rotated(places))


@pytest.mark.parametrize("option", [{"interleaved": 1}, {"rotary_embedding_dim": 2}, {"num_heads": 3}])
def test_rotary_positions_that_lampc_has_not_are_refused_by_their_name(option: dict[str, Any]) -> None:
    with pytest.raises(LampError, match=r"E812.*`RotaryEmbedding` \(node"):
        from_onnx(rotated(True, **option))


@pytest.mark.parametrize("option", [{"softcap": 2.0}, {"kv_num_heads": 3}, {"q_num_heads": 3}])
def test_attention_that_lampc_has_not_is_refused_by_its_name(option: dict[str, Any]) -> None:
    with pytest.raises(LampError, match=r"E812.*`Attention` \(node"):
        from_onnx(attention({"q_num_heads": 2, "kv_num_heads": 2} | option))
