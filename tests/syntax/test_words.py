"""The tables of words are those of the language, and what is said of strange text is quick and never fails."""

from __future__ import annotations

import random
import time

import pytest

from lampc.data import SOURCES
from lampc.elaborate.composition import COMBINATORS
from lampc.elaborate.definitions import EXPERIMENT
from lampc.elaborate.foreign import judge
from lampc.layers import LAYERS
from lampc.layers.initialisers import INITIALISERS
from lampc.layers.losses import LOSSES
from lampc.layers.metrics import METRICS
from lampc.layers.optimizers import OPTIMIZERS
from lampc.layers.schedules import SCHEDULES
from lampc.syntax import elsewhere, words
from lampc.syntax.rephrase import said

KINDS = {
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "metrics": METRICS,
    "schedule": SCHEDULES,
    "data": SOURCES,
    "init": INITIALISERS,
}


def test_words_are_of_the_language() -> None:
    assert set(LAYERS) >= words.HEADS
    assert set(COMBINATORS) >= words.BODIES
    assert set(EXPERIMENT) == words.EXPERIMENT
    for name, kind in elsewhere.BEGINNINGS.items():
        assert name in KINDS[kind], name
    assert set(elsewhere.METRICS.values()) <= set(METRICS)


def test_no_word_of_others_is_ours_already() -> None:
    """A name that the language has is not explained as another's, but for a second name of the same layer."""
    known = {*LAYERS, *COMBINATORS, *EXPERIMENT}
    assert {name for name, ours in elsewhere.NAMES.items() if name in known and name != ours} <= {"convtranspose2d"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("linear 2 to 25", "linear 2->25"),
        ("dense 64 relu", "linear 64; relu"),
        ("linear in=2 out=25", "linear 2->25"),
        ("relu(linear(64, 32))", "linear 64->32; relu"),
        ("train for 10 epochs", "train epochs=10"),
        ("optimizer adam learning rate 0.01", "optimizer adam lr=0.01"),
        ("optimizer adam betas=(0.9, 0.99)", "optimizer adam beta1=0.9 beta2=0.99"),
        ("data my iris.csv target=kind", 'data csv "my iris.csv" target=kind'),
        ("concat a b", "concat { from a | from b }"),
        ("train epochs=1,000", "train epochs=1000"),
        ("optimizer sgd lr=0,001", "optimizer sgd lr=0.001"),
        ("dropout 50%", "dropout 0.5"),
        ("fn square(x) = x**2", "fn square(x) = x^2"),
        ("const width = 8", "let width = 8"),
        ("1. linear 2->8", "linear 2->8"),
        ("linear 2->8", None),
        ("slice 0 - 1", None),
    ],
)
def test_statements_in_our_words(theirs: str, ours: str | None) -> None:
    assert said(theirs) == ours


def test_what_is_shown_is_held_to_what_statements_take() -> None:
    holds = judge(LAYERS)
    assert holds("linear 2->8; tanh", frozenset())
    assert not holds("linear 2 to 8", frozenset())
    assert not holds("cell 8", frozenset())
    assert holds("cell 8", frozenset({"cell"}))
    assert not holds("train lr=0.1", frozenset())
    assert not holds("repeat 3", frozenset())


def test_strange_text_is_no_fault() -> None:
    """Whatever stands in a statement, something is said of it or nothing, and at once."""
    draw = random.Random(5)
    pieces = [*"()[]{},=:*-@$%.x", "linear", "2", "->", ":=", "**", "--", "1e", "data", "train", "epochs", "relu", "for", "in",
              "range", '"', "'", "“", "→", "3x3", "50%", "1_0", "fn", "let", "as", "concat", "repeat", "betas", "optimizer",
              "0,1", "conv", "csv", "a.csv"]  # fmt: skip
    started = time.perf_counter()
    for _ in range(3000):
        said(" ".join(draw.choices(pieces, k=draw.randrange(12))))
    for sign in ("(", "-", "=", "a ", "1 ", "[", "2->", "x=", "' ", "a.csv ", "data "):
        said(sign * (2000 // len(sign)))
        said("data " + sign * (1900 // len(sign)))
        said("let " + sign * (1900 // len(sign)))
    assert time.perf_counter() - started < 20
