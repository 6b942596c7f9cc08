"""Training by several processes, each with a part of every minibatch."""

from __future__ import annotations

from collections.abc import Iterator

from lampc.ir.graph import Graph, Stage, Value
from lampc.ir.keys import Grad, gradients
from lampc.ir.leaves import SCALAR, Setting
from lampc.ops.parallel import AllReduce, Wait
from lampc.ops.shape import Pack, Reshape, Slice
from lampc.ops.term import Build, Term

BUCKET = 4 * 2**20
"""Bytes of gradients that travel together, or more where one is larger: enough for a network to be busy."""
SHARE = "share"
"""The setting that says how much of the minibatch a process has: its gradients count so much."""


def distribute(graph: Graph, bytes: int = BUCKET) -> Graph:
    """Add up the gradients of all processes, a bucket as soon as its last gradient is there.

    Before: outputs ``Grad(label)``, of a process's own samples. After: the same outputs, of all samples; every reduction
    begins right after what it needs, and is waited for after the whole backward list.
    """
    buckets = list(_buckets(graph, bytes))
    last = {max(value.node for _, value in bucket): number for number, bucket in enumerate(buckets)}
    out = Graph()
    build = Build(out)
    moved: dict[Value, Value] = {}
    begun: list[tuple[int, Term]] = []
    share: Term | None = None
    for node in graph:
        same = out.add(node.op, [moved[operand] for operand in node.operands], node.types, node.spans, node.stage, node.layer,
                       node.note)  # fmt: skip
        moved.update({Value(node.id, index): Value(same.id, index) for index in range(len(node.types))})
        if node.id in last:
            number = last[node.id]
            labels = tuple(label for label, _ in buckets[number])
            with build.at(stage=Stage.BACKWARD, layer="parallel"):
                share = share or build(Setting(SCALAR, SHARE, 1.0))
                whole = build(Pack(labels), *(build.term(moved[value]) for _, value in buckets[number]))
                begun.append((number, build(AllReduce(number), whole * share)))
    out.outputs = {name: moved[value] for name, value in graph.outputs.items()}
    with build.at(stage=Stage.BACKWARD, layer="parallel"):
        for number, term in begun:
            whole, start = build(Wait(number), term), 0
            for label, value in buckets[number]:
                type = graph.type(value)
                size = type.elements(1)
                part = build(Slice(0, start, start + size), whole) if size < whole.type.elements(1) else whole
                out.outputs[Grad(label)] = build(Reshape(type.shape), part).value
                start += size
    return out


def _buckets(graph: Graph, most: int) -> Iterator[list[tuple[str, Value]]]:
    """The gradients in the order in which they are made, so many bytes together."""
    made = sorted(gradients(graph.outputs).items(), key=lambda item: (item[1].node, item[0]))
    bucket: list[tuple[str, Value]] = []
    size = 0
    for label, value in made:
        bucket.append((label, value))
        size += graph.type(value).nbytes(1)
        if size >= most:
            yield bucket
            bucket, size = [], 0
    if bucket:
        yield bucket
