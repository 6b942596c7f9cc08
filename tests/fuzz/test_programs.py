"""Whatever is typed, the outcome is a program, or diagnostics with places. Never anything else."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated_programs import MODELS, outcome, program

import lampc.compile
from lampc.diagnostics import LampError
from lampc.diagnostics.render import render

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


@pytest.mark.parametrize("block", range(8))
def test_mostly_valid_programs(block: int) -> None:
    """2,000 programs with changes of kinds that often leave one; `python tests/mutated_programs.py 100000` tries more."""
    codes = []
    for number in range(250 * block, 250 * block + 250):
        source, given = program(random.Random(number))
        codes.append(outcome(source, given))
    share = codes.count("") / len(codes)
    print(f"{share:.0%} compile")
    assert share > 0.4
    assert len(set(codes)) > 8, "the mutations find many kinds of mistakes"


HOSTILE: list[object] = [
    10**400, -(10**400), 2**53 + 1, math.nan, math.inf, -math.inf, None, "", "\0", "a\0b", "\ud800", "x" * 100_000, "1e999",
    (math.nan,), (10**400,), ("a",), (None,), [], [1], {}, b"x", 1j, object(), np.array([1, 2]), np.float32("nan"),
    np.datetime64("2020"), Path("/x"), Decimal(3), int, range(3),
]  # fmt: skip
NAMES = ["w", "lr", "optimizer.lr", "epochs", "batch", "seed", "precision", "shuffle", "data.train", "weights", "best", "rate"]


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_from_python_is_a_fault(name: str) -> None:
    source = "let w = 4\nlinear 2->w xavier; tanh; dropout 0.1; linear 1; sigmoid\ndata disc\nloss mse\noptimizer sgd"
    for value in HOSTILE:
        assert outcome(source, {name: value}) != "E900"


@pytest.mark.parametrize("value", [np.int64(3), np.int8(3), np.float32(3), np.array(3), torch.tensor(3), np.uint8(3)])
def test_other_libraries_scalars_are_numbers(value: object) -> None:
    made = lampc.compile.text("let w = 4\nlinear 2->w; linear 1\nloss mse", w=value, epochs=value)
    assert (made.layers[0].output_type.sample, made.experiment.train.epochs) == ((3,), 3)


FAULTS = {
    "linear 4->2; loss total = mean(part(y, 0, inf))": "E304",
    "linear 4->2; loss total = mean(part(y, 0, 1.5))": "E304",
    "linear 4->2; loss total = mean(part(p, -inf, 1))": "E304",
    'linear 4->2; loss mse; train weights="\0"': "E601",
    'linear 4->2; loss mse; data npz "\0"': "E601",
    'linear 4->2; loss mse; data parquet "a\0b"': "E601",
    'linear 4->2; use "\0"': "E205",
    "linear 4->2; linear 3->1 tie=zz": "E401",
    "linear 4->2; fn f(x) = x^inf; f; f; loss mse": "",
}


@pytest.mark.parametrize("source", FAULTS)
def test_what_was_a_fault_once(source: str) -> None:
    assert outcome(source) == FAULTS[source]
