"""Parameters that are updated in different ways: decayed or not, at a learning rate of their own, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import lampc
import lampc.compile
from lampc.ir.keys import gradients
from lampc.passes.optimise import groups_of

Options = dict[str, object]

NETWORK = """
linear 3->6 xavier {first}
layernorm
tanh
linear 6->4 xavier {second}
prelu {third}
linear 4->2 xavier
loss mse
optimizer {optimizer}
"""
WEIGHTS = ("linear1.weight", "linear2.weight", "linear3.weight")


def program_of(optimizer: str, first: str = "", second: str = "", third: str = "") -> lampc.compile.Program:
    return lampc.compile.text(
        NETWORK.format(optimizer=optimizer, first=first, second=second, third=third), precision="f64", batch=8
    )


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(5)
    return [
        (
            torch.randn(8, 3, generator=generator, dtype=torch.float64),
            torch.randn(8, 2, generator=generator, dtype=torch.float64),
        )
        for _ in range(25)
    ]


def loss_of(p: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    x = F.linear(x, p["linear1.weight"], p["linear1.bias"])
    x = torch.tanh(F.layer_norm(x, (6,), p["layernorm1.weight"], p["layernorm1.bias"]))
    x = F.linear(x, p["linear2.weight"], p["linear2.bias"])
    x = torch.where(x > 0, x, p["prelu1.slope"] * x)
    return F.mse_loss(F.linear(x, p["linear3.weight"], p["linear3.bias"]), y)


def agrees(
    program: lampc.compile.Program,
    backend: str,
    make: Callable[[list[Options]], torch.optim.Optimizer],
    options: Callable[[str], Options | None],
    clip: float = 0.0,
) -> None:
    """Against torch, where ``options`` gives each parameter's own options, None where it is frozen."""
    model = program.model(seed=2, backend=backend)
    p = {name: value.detach().clone() for name, value in model.parameters.items()}
    trained = [name for name in p if options(name) is not None]
    optimizer = make([{"params": [p[name].requires_grad_()], **(options(name) or {})} for name in trained])
    data = batches()
    for x, y in data:
        optimizer.zero_grad()
        loss_of(p, x, y).backward()  # type: ignore[no-untyped-call]
        if clip:
            torch.nn.utils.clip_grad_norm_([p[name] for name in trained], clip)
        optimizer.step()
    model.train(data, epochs=1)
    for name, value in model.parameters.items():
        torch.testing.assert_close(
            value, p[name].detach(), rtol=1e-12, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}"
        )


def undecayed(name: str) -> Options:
    return {} if name in WEIGHTS else {"weight_decay": 0.0}


both = pytest.mark.parametrize("backend", ["torch", "native"])


@both
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_only_weights_decay(backend: str, clip: float) -> None:
    sgd = program_of(f"sgd lr=0.1 momentum=0.9 weight_decay=0.2 clip={clip}")
    agrees(sgd, backend, lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, weight_decay=0.2), undecayed, clip)
    adamw = program_of(f"adamw lr=0.02 weight_decay=0.2 amsgrad clip={clip}")
    agrees(adamw, backend, lambda groups: torch.optim.AdamW(groups, 0.02, weight_decay=0.2, amsgrad=True), undecayed, clip)


@both
def test_all_decay_where_asked(backend: str) -> None:
    program = program_of("rmsprop lr=0.01 weight_decay=0.2 decay_all")
    agrees(program, backend, lambda groups: torch.optim.RMSprop(groups, lr=0.01, weight_decay=0.2), lambda _: {})


@both
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_layers_have_learning_rates_of_their_own(backend: str, clip: float) -> None:
    program = program_of(f"adam lr=0.01 weight_decay=0.1 clip={clip}", first="lr=0.05", second="lr=0.003", third="lr=0.05")
    rates = {"linear1": 0.05, "linear2": 0.003, "prelu1": 0.05}

    def options(name: str) -> Options:
        return {"lr": rates.get(name.split(".")[0], 0.01), **undecayed(name)}

    agrees(program, backend, lambda groups: torch.optim.Adam(groups, lr=0.01, weight_decay=0.1), options, clip)


@both
@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_frozen_layers_stay_and_take_no_part_in_the_norm(backend: str, clip: float) -> None:
    program = program_of(f"sgd lr=0.1 momentum=0.5 clip={clip}", first="freeze", third="freeze")
    assert not [label for label in gradients(program.whole.outputs) if label.startswith(("linear1", "prelu1"))]
    agrees(program, backend, lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.5),
           lambda name: None if name.startswith(("linear1", "prelu1")) else {}, clip)  # fmt: skip


@both
def test_where_all_is_frozen_nothing_moves(backend: str) -> None:
    model = lampc.compile.text("linear 3->2 freeze; loss mse").model(backend=backend)
    before = model.parameters["linear1.weight"].clone()
    history = model.train([(torch.ones(4, 3), torch.ones(4, 2))], epochs=2)
    assert history[0].loss == history[1].loss
    assert torch.equal(model.parameters["linear1.weight"], before)


def test_what_is_below_frozen_layers_still_learns() -> None:
    model = lampc.compile.text("linear 3->2; tanh; linear 1 freeze; loss mse; optimizer sgd").model()
    before = {name: p.clone() for name, p in model.parameters.items()}
    model.train([(torch.ones(4, 3), torch.ones(4, 1))], epochs=2)
    changed = [name for name, p in model.parameters.items() if not torch.equal(p, before[name])]
    assert changed == ["linear1.weight", "linear1.bias"]


def test_one_group_where_all_are_alike() -> None:
    for optimizer in ("sgd", "adam", "adamw weight_decay=0", "adamw decay_all"):
        written = lampc.compile.text(f"linear 3->2; loss mse; optimizer {optimizer}")
        assert len(groups_of(list(written.parameters.values()), written.experiment.optimizer.arguments)) == 1
        assert "parameters:" not in str(written.update)


@both
def test_a_groups_learning_rate_changes_without_compiling(backend: str) -> None:
    program = lampc.compile.text("linear 3->2 lr=0.5; tanh; linear 1; loss mse; optimizer sgd lr=0.1")
    model = program.model(backend=backend)
    model.set(**{"lr=0.5": 0.0})
    before = {name: p.clone() for name, p in model.parameters.items()}
    model.train([(torch.ones(4, 3), torch.ones(4, 1))], epochs=1)
    same = [name for name, p in model.parameters.items() if torch.equal(p, before[name])]
    assert same == ["linear1.weight", "linear1.bias"]
    with pytest.raises(lampc.LampError, match="E305"):
        model.set(**{"lr=0.5": -1.0})


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("linear 2->3 lr=-1", "E305"),
        ("linear 2->3 lr=fast", "E304"),
        ("linear 2->3 0.1", "E302"),
        ("linear 2->3 freeze=2", "E304"),
        ("linear 2->3; tanh freeze", "E302"),
        ("linear 2->3; tanh lr=0.1", "E303"),
    ],
)
def test_what_makes_no_sense_is_refused(source: str, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(source)
    assert [found.code for found in caught.value.diagnostics] == [code]
