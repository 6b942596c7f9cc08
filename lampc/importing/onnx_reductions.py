"""What ONNX nodes become that make one number of many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lampc.importing import arithmetic, layers
from lampc.importing.arithmetic import Tracked
from lampc.importing.onnx_node import Node
from lampc.importing.text import need
from lampc.importing.values import Value, joined, move

if TYPE_CHECKING:
    from lampc.importing.onnx_graph import Reader


def _axes(reader: Reader, node: Node, value: Value) -> list[int]:
    """Those that it goes over: an option or an input, and where there is neither all, or none."""
    named = reader.given(node, 1)
    listed = node["axes"] if named is None else [int(axis) for axis in named.reshape(-1)]
    if listed:
        rank = len(value.shape)
        need(all(-rank <= axis < rank for axis in listed))
        return sorted({axis % rank for axis in listed})
    return [] if node["noop_with_empty_axes"] else list(range(len(value.shape)))


def _reduction(kind: str, before: str = "", after: str = "") -> Callable[[Reader, Node], Tracked]:
    """A layer over axes, with a formula of each number before it, and one of each that it makes."""

    def say(reader: Reader, node: Node) -> Tracked:
        value = reader.value(node)
        axes, keep = _axes(reader, node, value), bool(node["keepdims"])
        if before:
            value = arithmetic.formula(reader.out, value, before)
        found = layers.reduced(reader.out, value, kind, axes, keep) if axes else value
        return arithmetic.formula(reader.out, found, after) if after else found

    return say


def _least(reader: Reader, node: Node) -> Tracked:
    """What is greatest of the negative numbers, negative."""
    return _reduction("max", "-x", "-x")(reader, node)


def _logsumexp(reader: Reader, node: Node) -> Tracked:
    """Of numbers less the greatest of them, which is added at the end."""
    value = reader.value(node)
    axes, keep = _axes(reader, node, value), bool(node["keepdims"])
    if not axes:
        return value
    top = layers.reduced(reader.out, value, "max", axes, keep=True)
    below = joined(reader.out, "sum", (value, arithmetic.formula(reader.out, top, "-x")))
    rest = layers.reduced(reader.out, arithmetic.formula(reader.out, below, "exp(x)"), "sum", axes, keep=True)
    found = joined(reader.out, "sum", (top, arithmetic.formula(reader.out, rest, "log(x)")))
    shape = tuple(count for axis, count in enumerate(found.shape) if axis not in axes)
    return found if keep else move(found, lambda index: index.reshape(shape))


REDUCTIONS: Mapping[str, Callable[[Reader, Node], Tracked]] = {
    "ReduceMean": _reduction("mean"), "ReduceSum": _reduction("sum"), "ReduceMax": _reduction("max"), "ReduceMin": _least,
    "ReduceL1": _reduction("sum", "abs(x)"), "ReduceL2": _reduction("sum", "x * x", "sqrt(x)"),
    "ReduceSumSquare": _reduction("sum", "x * x"), "ReduceLogSum": _reduction("sum", after="log(x)"),
    "ReduceLogSumExp": _logsumexp,
}  # fmt: skip
"""Nodes that go over axes."""
