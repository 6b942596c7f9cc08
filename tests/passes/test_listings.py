"""Golden listings: what the compiler makes of programs, stage by stage. `pytest --update-golden` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_files import Golden

import lampc.compile
from lampc.cli import run
from lampc.compile import FORWARD, WHOLE, Pass
from lampc.ir.graph import Graph
from lampc.ir.op import Op
from lampc.passes.differentiate import differentiate

PROGRAMS = {
    "disc": "linear 2->25 xavier; tanh; linear 25->1 xavier; sigmoid; loss mse; optimizer sgd lr=0.16",
    "classifier": "linear 4->8 kaiming; relu; dropout 0.5; linear 3; softmax; loss crossentropy; optimizer adam",
    "stable": "linear 4->1; sigmoid; loss bce; optimizer sgd momentum=0.9",
    "formula": "fn swish(x, b=1.7) = x * sigmoid(b * x)\nlinear 2->3 xavier; swish; loss fn(p, y) = mean((p - y)^2)",
    "skips": "linear 2->4 as h; residual { layernorm; linear 4 }; concat { from h | pass }; linear 1; loss huber\n"
    "optimizer adamw clip=1",
}


def lines(graph: Graph) -> str:
    """A graph as text, a node a line."""

    def name(node: int, result: int) -> str:
        op: Op = graph[node].op
        label = getattr(op, "label", "")
        return label or (f"%{node}" if not result else f"%{node}.{result}")

    found = []
    for node in graph:
        operands = ", ".join(name(*operand) for operand in node.operands)
        places = ", ".join(f"{span.line}:{span.source.position(span.start)[1]}" for span in node.spans)
        types = ", ".join(map(str, node.types))
        note = f"  # {node.note}" if node.note else ""
        found.append(f"{name(node.id, 0)} = {node.op}({operands}) : {types}  [{node.stage} {node.layer} {places}]{note}")
    return "\n".join([*found, *(f"{out} -> {name(*value)}" for out, value in graph.outputs.items()), ""])


@pytest.mark.parametrize("name", PROGRAMS)
def test_op_lists(name: str, golden: Golden, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"{name}.lamp"
    file.write_text(PROGRAMS[name])
    assert (
        run(
            [
                "ops",
                str(file),
                *["--stage", "forward", "--stage", "backward", "--stage", "update", "--stage", "inference", "--batch", "10"],
            ]
        )
        == 0
    )
    golden(f"ops/{name}.txt", capsys.readouterr().out)


def test_every_pass_of_a_small_program(golden: Golden) -> None:
    program = lampc.compile.text(PROGRAMS["stable"])
    graph = program.elaborated.graph
    parts = [f"elaborated\n{lines(graph)}"]

    def after(step: Pass) -> None:
        nonlocal graph
        graph = step(graph)
        parts.append(f"{step.__name__}\n{lines(graph)}")

    for step in (*FORWARD, differentiate, *WHOLE):
        after(step)
    golden("passes/stable.txt", "\n".join(parts))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_node_knows_where_it_comes_from(name: str) -> None:
    program = lampc.compile.text(PROGRAMS[name])
    for graph in (program.elaborated.graph, program.whole):
        for _, attributes in graph.nx().nodes(data=True):
            node = attributes["node"]
            assert node.spans or node.stage == "update", node
            assert all(span.text.strip() for span in node.spans)
