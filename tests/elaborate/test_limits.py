"""However copies are asked for, they are counted as they are made, and a network that is too large is refused at once."""

from __future__ import annotations

import pytest

import lampc.compile
from lampc import limits
from lampc.ir.budget import Budget, TooLarge

HUGE = 2**31


def doubling(inner: str) -> str:
    """Blocks of which each calls the one before it twice, 2⁵⁹ times in all."""
    return f"block b0 {{ {inner} }}\n" + "".join(f"block b{i} {{ b{i - 1}; b{i - 1} }}\n" for i in range(1, 60))


FUNCTIONS = "fn f0(x) = x\n" + "".join(f"fn f{i}(x) = f{i - 1}(f{i - 1}(x))\n" for i in range(1, 60))
SEARCH = "block b0(n) { relu }\n" + "".join(
    f"block b{i}(n) {{ sum {{ b{i - 1} 2*n | b{i - 1} 2*n + 1 }} }}\n" for i in range(1, 40)
)


def codes(source: str) -> list[str]:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    assert all(found.labels for found in caught.value.diagnostics)
    return [found.code for found in caught.value.diagnostics]


@pytest.mark.parametrize(
    "source",
    [
        "linear 4->8; repeat times=50000000 { tanh }",
        f"input 2; repeat {HUGE} {{ pass }}",
        f"input 2; repeat {HUGE} {{ let a = 1 }}",
        f"let n = {HUGE}; block b(n) {{ repeat n {{ tanh }} }}; input 2; b n",
        "input 2; repeat 60000 { repeat 60000 { pass } }",
        "input 2; repeat 400 { repeat 400 { linear 2 } }",
        "input 4x8; lstm 4 layers=1000000",
        f"input 4x8; gru 4 layers={HUGE} direction=both",
        f"input 4x8; rnn 4 layers={HUGE}",
        doubling("pass") + "input 2; b59",
        FUNCTIONS + "input 2; f59",
        FUNCTIONS + "fn g(x) = x*f59(2); input 2; g",
        FUNCTIONS + "fn g(x) = x*f9(2); input 2; repeat 90000 { g }",
        FUNCTIONS + "linear 2->1; loss total = mean(f59(p))",
    ],
)
def test_copies_beyond_the_limit(source: str) -> None:
    assert codes(source) == ["E406"]


def test_the_place_is_where_the_copies_are_asked_for() -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text("linear 4->8\nrepeat times=50000000 { tanh }")
    assert caught.value.diagnostics[0].labels[0].span.text == "repeat times=50000000"


def test_a_mistake_in_copies_is_said_once() -> None:
    assert codes(f"linear 4->8; repeat {HUGE} {{ tanh foo=1 }}") == ["E303"]
    assert codes("input 4; repeat 30 { linear 4->8 }") == ["E401"]


def test_what_is_only_looked_at_has_a_limit_of_its_own() -> None:
    lampc.compile.text(doubling("pass") + "input 2; tanh")
    assert "E406" in codes(SEARCH + "b39 1; linear 3")


def test_more_than_one_mistake_in_a_layer() -> None:
    assert codes("linear 4->2; linear 3->1 tie=zz") == ["E401"]


def test_depth_once_all_is_expanded() -> None:
    nested = "".join(f"block b{i} {{ {'residual {' * 50} b{i + 1} {'}' * 50} }}\n" for i in range(60))
    assert codes(nested + "block b60 { tanh }\ninput 2; b0") == ["E107"]
    chain = "fn f0(x) = x\n" + "".join(f"fn f{i}(x) = {'1 + (' * 50}f{i - 1}(x){')' * 50}\n" for i in range(1, 100))
    assert codes(chain + "input 2; f99") == ["E107"]


def test_a_mean_of_a_value_that_is_used_again_and_again() -> None:
    double = "fn d(x) = x + x\nlinear 2->1; loss fn(p, y) = mean(" + "d(" * 40 + "mean(p)" + ")" * 41
    assert lampc.compile.text(double).forward


def test_a_budget_counts_and_sees_ahead() -> None:
    budget = Budget(limit=10)
    made = []
    for number in budget.copies(5, None):
        budget.operation(None)
        budget.operation(None)
        made.append(number)
    assert (made, budget.spent) == ([0, 1, 2, 3, 4], (10, 0))
    with pytest.raises(TooLarge):
        budget.operation(None)
    ahead = Budget(limit=10)
    copies = ahead.copies(limits.SIZE, None)
    next(copies)
    ahead.step(None)
    with pytest.raises(TooLarge):
        next(copies)
