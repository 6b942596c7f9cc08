"""The options of a loss inside of a formula: they mean what they mean in a statement of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import lampc
import lampc.compile

SAMPLES = 2600
X = torch.from_numpy(np.random.default_rng(0).normal(size=(SAMPLES, 4)))
LABELS = torch.from_numpy(np.random.default_rng(1).integers(0, 3, SAMPLES))
SHARES = torch.softmax(X[:, :3] @ torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), 1)

CASES = [
    ("crossentropy", "smoothing=0.1", "pass", LABELS),
    ("crossentropy", "0.2", "pass", LABELS),  # by its place
    ("crossentropy", "weights=[1, 5, 0.5]", "pass", LABELS),
    ("crossentropy", "ignore=2", "pass", LABELS),
    ("crossentropy", "weights=[1, 5, 0.5] ignore=1 smoothing=0.1", "softmax", LABELS),
    ("crossentropy", "soft", "pass", SHARES),
    ("crossentropy", "soft=on smoothing=0.3", "pass", SHARES),
    ("nll", "weights=[2, 1, 1] ignore=0", "logsoftmax", LABELS),
    ("huber", "delta=0.25", "pass", X[:, :3]),
    ("bce", "weights=[1, 2, 3]", "sigmoid", SHARES),
    ("hinge", "margin=0.5", "pass", (X[:, :3] > 0).double()),
    ("kl", "logarithms", "logsoftmax", SHARES.log()),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize(("loss", "options", "end", "y"), CASES, ids=[f"{loss} {options}" for loss, options, _, _ in CASES])
def test_they_are_those_of_the_plain_loss(loss: str, options: str, end: str, y: torch.Tensor, backend: str) -> None:
    network = f"input 4; linear 3 xavier; {end} as h; train precision=f64"
    inside = ", ".join(["", *options.replace(", ", ",").split()])
    plain = lampc.compile.text(f"{network}; loss {loss} {options}").model(seed=0, backend=backend)
    summed = lampc.compile.text(f"{network}; loss total = 2 * {loss}(h, y{inside}) - {loss}(h, y{inside})")
    model = summed.model(seed=0, backend=backend)
    assert model.evaluate(X, y)["loss"] == pytest.approx(plain.evaluate(X, y)["loss"], rel=1e-12)
    first, wanted = plain.gradients(X[:50], y[:50])
    second, found = model.gradients(X[:50], y[:50])
    torch.testing.assert_close(second, first, rtol=1e-12, atol=1e-14)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "code", "place", "said"),
    [
        ("crossentropy(h, y, smothing=0.1)", "E303", "smothing", "has no option `smothing`"),
        ("crossentropy(h, y, smoothing=1.5)", "E305", "smoothing=1.5", "1.5 is not between 0 and 1"),
        ("crossentropy(h, y, smoothing=soft)", "E304", "smoothing=soft", "`smoothing`"),
        ("crossentropy(h, y, weights=[1, 2])", "E503", "crossentropy(h, y, weights=[1, 2])", "there are 2 weights"),
        ("crossentropy(h, y, smoothing=0.1, smoothing=0.2)", "E306", "smoothing=0.2", "twice"),
        ("crossentropy(h, y, hard)", "E302", "hard", "does not take `hard`"),
        ("crossentropy(h, y, soft, ignore=1)", "E503", "crossentropy(h, y, soft, ignore=1)", "with `soft` there are none"),
        ("mse(p, p, weights=[1])", "E303", "weights", "has no option `weights`"),
        ("kl(h, logarithms=on)", "E303", "kl(h, logarithms=on)", "`kl` of one value"),
        ("mean(h, axis=1)", "E303", "axis=1", "losses alone take options"),
        ("twice(p, by=3)", "E303", "by=3", "losses alone take options"),
    ],
)
def test_they_are_checked_as_in_the_plain_loss(call: str, code: str, place: str, said: str) -> None:
    source = f"fn twice(a, by=2) = mean(a) * by\ninput 4; linear 4 xavier as h; linear 1 xavier; loss total = {call}"
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    found = caught.value.diagnostics[0]
    assert found.code == code, str(caught.value)
    assert found.labels[0].span.text == place
    assert said in found.message + " ".join(found.fixes)


def test_a_constant_and_a_functions_parameter_may_be_an_option() -> None:
    network = "let s = 0.3\nfn smooth(a, b, by) = crossentropy(a, b, smoothing=by)\ninput 4; linear 3 xavier as h; "
    losses = [
        "total = smooth(h, y, 0.3) + 0 * crossentropy(h, y)",
        "total = crossentropy(h, y, smoothing=s)",
        "crossentropy smoothing=0.3",
    ]
    models = [lampc.compile.text(f"{network}loss {loss}").model(seed=0) for loss in losses]
    values = [model.evaluate(X.float(), LABELS)["loss"] for model in models]
    assert values[:2] == [pytest.approx(values[2], rel=1e-6)] * 2


def test_a_label_that_one_loss_ignores_is_no_mistake_and_is_not_measured() -> None:
    text = "input 4; linear 3 xavier as h; train precision=f64; metrics h.accuracy; loss total = crossentropy(h, y, ignore=-1)"
    model = lampc.compile.text(text).model(seed=0)
    y = LABELS.clone()
    y[::2] = -1
    right = (model(X[1::2]).argmax(1) == y[1::2]).double().mean().item()
    assert model.evaluate(X, y)["h.accuracy"] == pytest.approx(right)
    y[0] = -2
    with pytest.raises(lampc.LampError, match="label -2 in row 0"):
        model.evaluate(X, y)


def test_labels_of_places_are_taken_where_a_loss_in_a_formula_ignores_some(tmp_path: Path) -> None:
    x = np.arange(60).reshape(20, 3) % 7
    np.savez(tmp_path / "a.npz", x=x, y=np.where(x == 0, -1, x % 3))
    text = 'input 3 int<7>; embedding 4; linear 3 as s; data npz "a.npz"; loss total = crossentropy(s, y, ignore=-1)'
    assert lampc.compile.text(text, folder=tmp_path).data().description.classes == ("0", "1", "2")


def test_an_error_in_a_formula_stands_at_the_call_that_made_it() -> None:
    text = "input 4; linear 1 xavier as h; loss total = mse(h, part(y, 0, 1)) + mean(log(part(y, 1, 2)))"
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(text).model(seed=0).train([(X.float(), X[:, :2].float())], epochs=1)
    found = caught.value.diagnostics[0]
    assert (found.code, found.labels[0].span.text) == ("E701", "log(part(y, 1, 2))")
