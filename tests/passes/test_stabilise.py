"""What was written plainly is computed safely, far out too, and the listing says so."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import lampc.compile

FAR = torch.tensor([[-1000.0], [-50.0], [0.0], [50.0], [1000.0]])


def identity(source: str, size: int) -> lampc.compile.Program:
    return lampc.compile.text(f"linear {size}->{size} constant(0)\n{source}")


def test_sigmoid_and_bce() -> None:
    program = identity("sigmoid; loss bce", 1)
    assert any("softplus" in i.note for i in program.forward)
    model = program.model()
    model.parameters["linear1.weight"].fill_(1.0)
    for y in (torch.zeros(5, 1), torch.ones(5, 1)):
        loss, gradients = model.gradients(FAR, y)
        z = FAR.clone().requires_grad_()
        wanted = F.binary_cross_entropy_with_logits(z, y)
        torch.testing.assert_close(loss, wanted.detach())
        torch.testing.assert_close(gradients["linear1.bias"], torch.autograd.grad(wanted, z)[0].sum(0))


@pytest.mark.parametrize("output", ["", "softmax;", "logsoftmax;"])
def test_softmax_and_crossentropy(output: str) -> None:
    program = identity(f"{output} loss crossentropy", 3)
    if output == "softmax;":
        assert any("log_softmax" in i.note for i in program.forward)
    model = program.model()
    model.parameters["linear1.weight"].copy_(torch.eye(3))
    x = torch.tensor([[1000.0, -1000.0, 0.0], [0.0, 0.0, 500.0]])
    y = torch.tensor([1, 0])
    loss, gradients = model.gradients(x, y)
    z = x.clone().requires_grad_()
    wanted = F.cross_entropy(z, y)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradients["linear1.bias"], torch.autograd.grad(wanted, z)[0].sum(0))


def test_logarithms_in_a_formula() -> None:
    source = "sigmoid; loss fn(p, y) = -mean(y * log(p) + (1 - y) * log(1 - p))"
    program = identity(source, 1)
    assert sum("stable" in i.note for i in program.forward) >= 2
    model = program.model()
    model.parameters["linear1.weight"].fill_(1.0)
    y = torch.full((5, 1), 0.25)
    torch.testing.assert_close(model.loss(FAR, y), F.binary_cross_entropy_with_logits(FAR, y))


def test_without_the_pattern_nothing_is_noted() -> None:
    assert not any(i.note for i in identity("tanh; loss mse", 2).forward)


# In programs -----------------------------------------------------------------------------------------------------------


def bent(formula: str, x: float, backend: str = "torch", more: str = "") -> tuple[float, float]:
    """A formula's value at a number, and its slope there."""
    program = lampc.compile.text(f"{more}\nfn f(x) = {formula}\ninput 1; bias; f; loss fn(p, y) = sum(p)")
    model = program.model(backend=backend)
    at = torch.tensor([[x]])
    _, gradients = model.gradients(at, torch.zeros(1, 1))
    return model(at).item(), gradients["bias1.bias"].item()


FORMULAS = [
    ("log(exp(x) + 1)", 100.0, 100.0, 1.0),
    ("log(1/(1+exp(-x)))", -100.0, -100.0, 1.0),
    ("3*exp(x)/(exp(x)+1)", 100.0, 3.0, 0.0),
    ("1 - sigmoid(2*x)", 10.0, 2.0611536e-9, -4.1223073e-9),
    ("(exp(2*x)-exp(-2*x))/(exp(-2*x)+exp(2*x))", -100.0, -1.0, 0.0),
    ("log((exp(x)+exp(-x))/2)", 100.0, 99.306853, 1.0),
    ("x/(1+exp(-x))", -90.0, 0.0, 0.0),
    ("x*tanh(log(1+exp(x)))", 100.0, 100.0, 1.0),
    ("exp(x) - 1", 1e-6, 1.0000005e-6, 1.000001),
    ("-log(1-x)", 1e-6, 1.0000005e-6, 1.000001),
    ("1 - cos(x)", 1e-4, 5e-9, 1e-4),
    ("sqrt(1+x) - 1", 1e-4, 4.9998750e-5, 0.499975),
    ("1 - tanh(x)*tanh(x)", 8.0, 4.5014050e-7, -9.0028081e-7),
    ("1 - tanh(x)^2", 1e-4, 1.0, -2e-4),
    ("log(x*x)", 1e30, 138.15511, 2e-30),
    ("log(x^4)", -1e-30, -276.31021, -4e30),
    ("log(x^3)", 1e-30, -207.23266, 3e30),
    ("sqrt(x*x)", -1e30, 1e30, -1.0),
    ("log(exp(x)*2)", 200.0, 200.693147, 1.0),
    ("exp(x)/exp(x-1)", 200.0, 2.7182818, 0.0),
    ("log(2^x)", 500.0, 346.57359, 0.69314718),
    ("(1 + exp(-x))^(-1)", -200.0, 0.0, 0.0),
    ("log(4*sigmoid(x)*(1 - sigmoid(x)))", 200.0, -198.61371, -1.0),
    ("5*exp(x)/(2 + 3*exp(x))", 200.0, 1.6666667, 0.0),
    ("log((1 + exp(x))^2)", 200.0, 400.0, 2.0),
    ("log((1 + exp(x))^(-3))", 200.0, -600.0, -3.0),
    ("log(exp(x)^2)", -200.0, -400.0, 2.0),
    ("(1 + x^2)^0.5 - 1", 1e-4, 5e-9, 1e-4),
    ("0.5*log((1 + tanh(x))/(1 - tanh(x)))", 90.0, 90.0, 1.0),
    ("log(sigmoid(x)) - log(1 - sigmoid(x))", 1e-6, 1e-6, 1.0),
    ("log(e^abs(x) - 1)", -200.0, 200.0, -1.0),
    ("log(3/x)", 2.0, 0.40546511, -0.5),
    ("exp(x)*(log(1 + x) - 0.5)", 1.0, 0.52502847, 1.8841694),
    ("where(x > 0, log(x), 0)", 0.0, 0.0, 0.0),
    ("where(x > 0, sqrt(x), x)", 0.0, 0.0, 1.0),
    ("where(x > 0, x, exp(-x) - 1)", 100.0, 100.0, 1.0),
    ("where(x > 0, 1/x, 0) + where(x > 0, log(x), 2*x)", 0.0, 0.0, 2.0),
    ("where(x > 1, where(x > 2, log(x - 1), 0), 3*x)", 1.0, 3.0, 3.0),
    ("sqrt(max(x, 0))", -1.0, 0.0, 0.0),
    ("min(0, 0 - sqrt(x))", 4.0, -2.0, -0.25),
]  # fmt: skip


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize(("formula", "x", "value", "slope"), FORMULAS)
def test_a_layers_formula(formula: str, x: float, value: float, slope: float, backend: str) -> None:
    found = bent(formula, x, backend)
    torch.testing.assert_close(torch.tensor(found), torch.tensor([value, slope]), rtol=2e-6, atol=1e-30)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_a_loss_and_functions_that_call_functions(backend: str) -> None:
    program = lampc.compile.text("""
        fn soft(x) = log(1 + exp(x))
        fn margin(p, y) = (1 - 2*y)*p
        input 1; bias; loss fn(p, y) = mean(soft(margin(p, y)))
    """)
    model = program.model(backend=backend)
    x, y = torch.tensor([[100.0], [-100.0]]), torch.tensor([[0.0], [1.0]])
    loss, gradients = model.gradients(x, y)
    assert loss.item() == 100.0
    assert gradients["bias1.bias"].item() == 0.0
    assert any(i.note == "stable: log(c + d·exp(x)) is log(c) + softplus(x + log(d / c))" for i in program.forward)


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_nothing_counted_no_times(backend: str) -> None:
    """x·log x at 0, and cross-entropies of predictions that are exactly 0 or 1."""
    value, slope = bent("x*log(x)", 0.0, backend)
    assert value == 0.0
    assert -104 < slope < -80
    assert bent("x*log(x)", 2.0, backend)[1] == pytest.approx(1.6931472)
    program = lampc.compile.text("input 1; bias; loss fn(p, y) = -mean(y*log(p) + (1 - y)*log(1 - p))")
    model = program.model(backend=backend)
    loss, gradients = model.gradients(torch.tensor([[0.0], [1.0], [0.5]]), torch.tensor([[0.0], [1.0], [1.0]]))
    assert loss.item() == pytest.approx(0.2310491)
    # 1/(1 - p) - 1/p, each counted by its share: 1 and -1 and -2.
    assert gradients["bias1.bias"].item() == pytest.approx(-2 / 3)


DIVERGENCES = [
    ("softmax", "sum(y*log(y/p))"),
    ("logsoftmax", "sum(y*log(y/exp(p)))"),
    ("logsoftmax", "sum(y*(log(y) - p))"),
    ("sigmoid", "sum(y*log(y/p) + (1-y)*log((1-y)/(1-p))) / 2"),
]


@pytest.mark.parametrize("backend", ["torch", "native"])
@pytest.mark.parametrize(("output", "formula"), DIVERGENCES)
def test_divergences_by_hand(output: str, formula: str, backend: str) -> None:
    """Of a target of zeros and ones, however sure a prediction is: scores of 300 and 0, or, of sigmoids, 300 and -300."""
    model = lampc.compile.text(f"input 2; scale; {output}; loss fn(p, y) = {formula}").model(backend=backend)
    scores = torch.tensor([[300.0, -300.0 if output == "sigmoid" else 0.0]])
    loss, gradients = model.gradients(scores, torch.tensor([[0.0, 1.0]]))
    assert loss.item() == 300.0
    assert gradients["scale1.weight"].isfinite().all()


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_a_likelihood_whose_variance_is_an_exponential(backend: str) -> None:
    model = lampc.compile.text("input 1; bias; loss fn(p, y) = mean(p + (y - p)^2/exp(p))").model(backend=backend)
    loss, gradients = model.gradients(torch.tensor([[200.0]]), torch.zeros(1, 1))
    assert (loss.item(), gradients["bias1.bias"].item()) == (200.0, 1.0)


@pytest.mark.parametrize("formula", ["exp(x)/sum(exp(x))", "exp(log(exp(x)/sum(exp(x))))"])
def test_softmax_by_hand(formula: str) -> None:
    model = lampc.compile.text(f"fn f(x) = {formula}\ninput 3; bias; f; loss mse").model()
    x, y = torch.tensor([[1000.0, 999.0, -1000.0], [3.0, 3.0, 3.0]]), torch.zeros(2, 3)
    loss, gradients = model.gradients(x, y)
    z = x.clone().requires_grad_()
    wanted = F.mse_loss(z.softmax(-1), y)
    torch.testing.assert_close(model(x), z.softmax(-1).detach(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(loss, wanted.detach())
    torch.testing.assert_close(gradients["bias1.bias"], torch.autograd.grad(wanted, z)[0].sum(0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("shape", "backend"), [("4", "torch"), ("4", "native"), ("2x3", "torch")])
@pytest.mark.parametrize(("formula", "judge"), [
    ("log(sum(exp(x)))", lambda z: z.flatten(1).logsumexp(1)),
    ("log(mean(exp(x)))", lambda z: z.flatten(1).logsumexp(1) - torch.tensor(float(z[0].numel())).log()),
])  # fmt: skip
def test_the_logarithm_of_a_sum_of_exponentials(formula: str, judge, shape: str, backend: str) -> None:  # type: ignore[no-untyped-def]
    program = lampc.compile.text(f"fn f(x) = x + {formula}\ninput {shape}; bias; f; loss fn(p, y) = sum(p)")
    model = program.model(backend=backend)
    sizes = (2, *program.elaborated.input_type.sample)
    x = torch.linspace(-500, 1000, 2 * torch.Size(sizes[1:]).numel()).reshape(sizes)
    _, gradients = model.gradients(x, torch.zeros(sizes))
    z = x.clone().requires_grad_()
    wanted = z + judge(z).reshape(2, *(1 for _ in sizes[1:]))
    torch.testing.assert_close(model(x), wanted.detach())
    torch.testing.assert_close(gradients["bias1.bias"].sum(), torch.autograd.grad(wanted.sum(), z)[0].sum())


def test_a_loss_over_everything() -> None:
    """In a loss a sum goes over the minibatch as well."""
    model = lampc.compile.text("input 2; bias; loss fn(p, y) = log(sum(exp(p)))").model()
    x = torch.tensor([[500.0, 499.0], [-10.0, 500.0]])
    torch.testing.assert_close(model.loss(x, torch.zeros(2, 2)), x.flatten().logsumexp(0))


def test_numbers_of_a_program_are_safe_too() -> None:
    """Constants are worked out before there is a graph."""
    program = lampc.compile.text("let a = 1000\nfn f(x) = x*softplus(a) + sigmoid(-a) + silu(-a)\ninput 1; f")
    assert program.model()(torch.ones(1, 1)).item() == 1000.0


def test_what_a_branch_guards_costs_a_prediction_nothing() -> None:
    program = lampc.compile.text("fn f(x) = where(x > 0, log(x), 0)\ninput 3; f; linear 1; loss mse")
    for routine in (program.training, program.evaluation, program.predicting):
        assert not any(instruction.op.name == "guard" for instruction in routine.instructions)
