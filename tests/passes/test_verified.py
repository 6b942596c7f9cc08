"""``LAMPC_VERIFY=1`` holds every pass to what it promises: a pass that breaks its word is named."""

from __future__ import annotations

import pytest

import lampc.compile
from lampc.ir.graph import Graph
from lampc.ir.leaves import Input
from lampc.ir.types import B, Coefficient, Type
from lampc.ir.verify import Invalid
from lampc.ops.arithmetic import Scale, Sub
from lampc.ops.shape import Reshape
from lampc.ops.term import Build, Term
from lampc.passes.simplify import simplify
from lampc.passes.verified import checked

X = Type("f32", (B, 6))


def built(*names: str) -> tuple[Graph, Build, Term]:
    graph = Graph()
    build = Build(graph)
    return graph, build, build(Input(X, "x"))


def twice_scaled() -> Graph:
    graph, build, x = built()
    graph.outputs["prediction"] = build(Scale(Coefficient(3.0)), build(Scale(Coefficient(2.0)), x)).value
    return graph


def twice_reshaped() -> Graph:
    graph, build, x = built()
    graph.outputs["prediction"] = build(Reshape((B, 6)), build(Reshape((B, 2, 3)), x)).value
    return graph


def dead() -> Graph:
    graph, build, x = built()
    build(Scale(Coefficient(2.0)), x)
    graph.outputs["prediction"] = x.value
    return graph


def doubled() -> Graph:
    graph, build, x = built()
    graph.outputs["prediction"] = build(Sub(), *(build(Scale(Coefficient(2.0)), x) for _ in range(2))).value
    return graph


BROKEN = {"simplify": [twice_scaled, twice_reshaped], "remove_dead": [dead], "share_common": [doubled]}


@pytest.mark.parametrize(("name", "graph"), [(name, make()) for name, makers in BROKEN.items() for make in makers])
def test_a_broken_promise_is_named(name: str, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match=f"after {name}: "):
        checked(name, graph)
    monkeypatch.delenv("LAMPC_VERIFY")
    assert checked(name, graph) is graph


def test_a_rule_may_make_what_a_rule_is_for() -> None:
    """0 - 2·x is -1·(2·x), a scale of a scale, and then -2·x."""
    graph, build, x = built()
    graph.outputs["prediction"] = build(Sub(), build.constant(X, 0.0), build(Scale(Coefficient(2.0)), x)).value
    found = checked("simplify", simplify(graph))
    assert found[found.outputs["prediction"].node].op == Scale(Coefficient(-2.0))


def test_a_pass_that_lies_is_found_while_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    def remove_dead(graph: Graph) -> Graph:
        graph = graph.copy()
        Build(graph)(Input(X, "nothing"))
        return graph

    monkeypatch.setattr("lampc.compile.FORWARD", (*lampc.compile.FORWARD, remove_dead))
    with pytest.raises(Invalid, match="after remove_dead"):
        lampc.compile.text("linear 2->3")
