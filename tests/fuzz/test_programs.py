"""Whatever is typed, the outcome is a program, or diagnostics with places. Never anything else."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lampc.compile
from lampc.diagnostics import LampError
from lampc.diagnostics.codes import TITLES
from lampc.diagnostics.render import render

MODELS = Path(__file__).parents[2] / "models"
CORPUS = [path.read_text(encoding="utf-8") for path in sorted(MODELS.glob("*.lamp"))] + [
    "input 1x4x4; flatten; linear ->8 lecun bias=uniform(-0.1, 0.1); mish; linear 3; logsoftmax\n"
    "loss crossentropy smoothing=0.1",
    "let n = 3\nlet w = 2^n\nblock b(c, k=1) { linear c->k*c xavier(gain=1.5); prelu; layernorm eps=1e-3; linear ->c }\n"
    "linear 2->w as h; b w; b w k=2; sum { from h | pass | tanh }; loss huber delta=0.5; optimizer adamw lr=1e-3",
    "linear 4->8 \\\n  xavier; concat { pass | softsign; linear 8->2 | relu } # joined\n"
    "repeat 3 { residual { linear ->12; gelu tanh } }",
    "fn f(x, a=0.5) = where(x > a, max(x, 0), min(a*x, sin(x)^3))\n"
    "linear 3->3; f; f 0.1; f a=2; hardtanh low=-2; elu alpha=0.1",
    "input 2; linear 2->2 orthogonal; product { sigmoid | tanh | pass }; loss fn(p, y) = sum(abs(p - y)) / 4; metrics mae r2",
]

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
quietly = settings(deadline=None, derandomize=True, suppress_health_check=SLOW)


def outcome(source: str | bytes) -> str:
    """Compile, and check what came of it."""
    try:
        program = lampc.compile.text(source, folder=MODELS)
    except LampError as error:
        assert error.diagnostics
        found = error.diagnostics
    else:
        assert str(program.inference) is not None
        found = program.warnings
    for diagnostic in found:
        assert diagnostic.code in TITLES
        assert diagnostic.code != "E900"
        assert diagnostic.message
        for label in diagnostic.labels:
            span = label.span
            assert 0 <= span.start <= span.end <= len(span.source.text), diagnostic
        assert diagnostic.labels, diagnostic
        assert render(diagnostic)
        json.dumps(diagnostic.json())
    return found[0].code if found else ""


@st.composite
def sizes(draw: st.DrawFn) -> str:
    number = st.sampled_from(["2", "3", "8", "25", "w", "2*w", "0", "-1", "2.5", "w-w", "2^40", "1/0", "zz", "99999999999"])
    return draw(
        st.one_of(
            st.builds("{}->{}".format, number, number),
            st.builds("->{}".format, number),
            number,
            st.just(""),
            st.just("3x3"),
            st.just("xavier"),
        )
    )


names = st.sampled_from(
    ["linear"] * 6
    + ["tanh", "relu", "sigmoid", "softmax", "layernorm", "dropout 0.1", "flatten", "prelu", "gelu tanh", "pass", "from h"]
    + ["swish", "cell 3", "linaer", "Dense", "nn.ReLU", "Conv2d", "...", "lstm", "", "input 2", "loss mse", "metrics accuracy"]
)
options = st.sampled_from(
    ["", "", "", "xavier", "bias=off", "bias=zeros", "kaiming(gain=2)", "zeros zeros", "gain=", "x=1", "as h", "["]
)


@st.composite
def statements(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 9))
    if kind < 7 or not depth:
        name = draw(names)
        return f"{name} {draw(sizes()) if name == 'linear' else ''} {draw(options) if kind < 4 else ''}"
    combinator = draw(
        st.sampled_from(["repeat 2", "repeat 0", "residual", "sum", "product", "concat", "concat axis=2", "repeat", "tanh"])
    )
    inner = st.lists(statements(depth=depth - 1), max_size=3).map("; ".join)
    branches = draw(st.lists(inner, min_size=1, max_size=3))
    closing = draw(st.sampled_from(["}", "}", "}", "} as h", "", "}}"]))
    return f"{combinator} {{ {' | '.join(branches)} {closing}"


heads = st.sampled_from(
    ["", "", "let w = 4\n", "let w = 2*\n", "let w = 4\nlet w = 5\n", "fn swish(x) = x * sigmoid(x)\n",
     "fn swish(x) = swish(x)\n", "fn swish(x) = y\n",
     "block cell(n, m=2) { linear ->n xavier; tanh }\n", "block cell(n) { cell n }\n", 'use "nothing.lamp"\n']
)  # fmt: skip
tails = st.sampled_from(
    ["", "\ndata disc", "\ndata disc train=0", "\nloss mse", "\nloss bce\ndata disc", "\nloss crossentropy",
     "\nloss nothing", "\nloss fn(p, y) = mean(abs(p - y))", "\nloss fn(p) = p", "\noptimizer adam lr=-1",
     "\noptimizer sgd momentum=0.9 nesterov", '\ndata csv "iris.csv"\nloss crossentropy',
     "\ntrain epochs=0 batch=1e9", "\ndata digits\nloss crossentropy\nmetrics r2"]
)  # fmt: skip


@settings(quietly, max_examples=900)
@given(head=heads, body=st.lists(statements(), max_size=6), tail=tails, separator=st.sampled_from(["; ", "\n", "\r\n"]))
def test_programs_with_mistakes(head: str, body: list[str], tail: str, separator: str) -> None:
    outcome(head + separator.join(body) + tail)


@pytest.mark.parametrize("block", range(8))
def test_mutated_programs(block: int) -> None:
    """Characters and words deleted, doubled, swapped and put in where they do not belong: 1,000 programs."""
    rng = random.Random(block)
    codes = set()
    for _ in range(125):
        text = rng.choice(CORPUS)
        for _ in range(rng.randint(1, 4)):
            text = mutate(text, rng)
        codes.add(outcome(text))
    assert len(codes) > 5, "the mutations find many kinds of mistakes"


def mutate(text: str, rng: random.Random) -> str:
    if not text:
        return rng.choice(CORPUS)
    a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    b = min(b, a + 12)
    words = ["linear", "2->3", "{", "}", "|", ";", "\n", "(", ")", "=", "as x", "...", "x", "1e999", "0", "-", '"', "#", "\t",
             "é", "\0", "repeat 3 {", "from", "let", "fn", "block", "use", "1x2", "^", "inf", "int<3>", "[1, 2]",
             "\\\n", "%", "'"]  # fmt: skip
    kind = rng.randrange(6)
    if kind == 0:
        return text[:a] + text[b:]
    if kind == 1:
        return text[:b] + text[a:b] + text[b:]
    if kind == 2:
        return text[:a] + rng.choice(words) + text[a:]
    if kind == 3:
        return text[:a] + f" {rng.choice(words)} " + text[b:]
    if kind == 4:
        lines = text.split("\n")
        rng.shuffle(lines)
        return "\n".join(lines)
    other = rng.choice(CORPUS)
    return text[:a] + other[rng.randrange(len(other)) :]


@settings(quietly, max_examples=300)
@given(st.text(max_size=200))
def test_any_text(source: str) -> None:
    outcome(source)


@settings(quietly, max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes(source: bytes) -> None:
    outcome(source)


@settings(quietly, max_examples=200)
@given(st.text(alphabet='ab12.;{}|()[]<>=->+*/^"#\\\n ,x', max_size=120))
def test_any_punctuation(source: str) -> None:
    outcome("linear 2->3\n" + source)


@settings(quietly, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(
            ["w", "lr", "optimizer.lr", "epochs", "batch", "seed", "precision", "shuffle", "data.train", "nothing", ""]
        ),
        st.one_of(
            st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.none(), st.lists(st.integers(), max_size=2)
        ),
        max_size=3,
    )
)
def test_any_settings(given_settings: dict[str, object]) -> None:
    source = "let w = 4\nlinear 2->w xavier; tanh; linear 1; sigmoid\ndata disc\nloss mse\noptimizer sgd"
    try:
        lampc.compile.text(source, **given_settings)  # type: ignore[arg-type]
    except LampError as error:
        assert all(render(diagnostic) and diagnostic.labels for diagnostic in error.diagnostics)
