"""PyTorch's reference cases of losses: each as a `.lamp` program whose prediction is its input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing._internal.common_modules import module_db

import lampc.compile
from lampc.compile import WHOLE, run_passes
from lampc.ir.keys import Grad
from lampc.passes.differentiate import differentiate
from lampc.passes.lower import lower
from lampc.runtime.executor import Executor, run

LOSSES = {
    "MSELoss": "mse", "L1Loss": "mae", "HuberLoss": "huber", "SmoothL1Loss": "huber", "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce", "KLDivLoss": "kl", "NLLLoss": "nll", "CrossEntropyLoss": "crossentropy",
    "HingeEmbeddingLoss": "fn(p, y) = mean(where(y > 0, p, max(0, {margin} - p)))",
    "SoftMarginLoss": "fn(p, y) = mean(log(1 + exp(-y * p)))",
    "PoissonNLLLoss": "fn(p, y) = mean({poisson})",
}  # fmt: skip
CLASSES = ("NLLLoss", "CrossEntropyLoss")
Options = dict[str, Any]


def samples() -> Iterator[tuple[str, Any, Options, Tensor, Tensor]]:
    for info in module_db:
        name = info.name.split(".")[-1]
        if name in LOSSES:
            torch.manual_seed(0)
            for given in info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=True):
                p, y = given.forward_input.args
                yield name, info.module_cls, dict(given.constructor_input.kwargs), p, y


def rows_last(name: str, p: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Prediction and target as lampc has them: samples first, classes last, at least one axis each."""
    if name not in CLASSES:
        return (p, y) if p.dim() > 1 else (p.reshape(-1, 1), y.reshape(-1, 1))
    if p.dim() == 1:
        return p.unsqueeze(0), y.unsqueeze(0)
    return p.movedim(1, -1), y.movedim(1, -1) if y.is_floating_point() else y


def written(name: str, options: Options, y: Tensor) -> str:
    """The loss statement."""
    text = LOSSES[name].format(margin=options.get("margin", 1.0), poisson=_poisson(options))
    weight = options.get("weight")
    if weight is not None and weight.dim():
        text += f" weights=[{', '.join(f'{float(number)!r}' for number in weight)}]"
    if name in CLASSES and y.is_floating_point():
        text += " soft"
    elif options.get("ignore_index") is not None:
        text += f" ignore={options['ignore_index']}"
    if options.get("label_smoothing"):
        text += f" smoothing={options['label_smoothing']}"
    return text + (" logarithms" if options.get("log_target") else "")


def _poisson(options: Options) -> str:
    term = "exp(p) - y * p" if options.get("log_input", True) else f"p - y * log(p + {options.get('eps', 1e-8)!r})"
    stirling = "where(y > 1, y * log(max(y, 1)) - y + 0.5 * log(6.283185307179586 * max(y, 1)), 0)"
    return f"{term} + {stirling}" if options.get("full") else term


def factor(name: str, options: Options, reduction: str, p: Tensor, y: Tensor) -> float:
    """What torch's reduction makes of the mean that lampc takes."""
    weight = options.get("weight")
    scale = float(weight) if weight is not None and not weight.dim() else 1.0
    if name == "KLDivLoss":
        rows = p.numel() // p.shape[-1]
        return {"sum": rows, "none": rows, "batchmean": rows / len(p), "mean": 1 / p.shape[-1]}[reduction]
    if reduction == "mean":
        return scale
    if name not in CLASSES:
        return scale * p.numel()
    if y.is_floating_point():
        return p.numel() / p.shape[-1]
    counted = y[y != options.get("ignore_index", -100)]
    return float((torch.ones(p.shape[-1], dtype=p.dtype) if weight is None else weight)[counted].sum())


def measure(name: str, options: Options, reduction: str, p: Tensor, y: Tensor, executors: dict[str, Executor]
            ) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The loss and its gradient, both as torch reduces them."""
    times = factor(name, options, reduction, p, y)
    layer = "sigmoid" if name == "BCEWithLogitsLoss" else "pass"
    source = f"input {'x'.join(map(str, p.shape[1:]))}\n{layer}\nloss {written(name, options, y)}\ntrain precision=f64"
    key = f"{source}\n{len(p)}"
    if key not in executors:
        program = lampc.compile.text(source)
        whole = run_passes(differentiate(program.simplified, inputs=True), WHOLE)
        executors[key] = Executor(lower(whole), len(p), program.model().storage)
    executor = executors[key]
    executor.fill(p, y)
    run(executor.forward)
    run(executor.backward)
    return times * executor.outputs["loss"], times * executor.outputs[Grad("x")]


def element_by_element(name: str, options: Options, p: Tensor, y: Tensor, executors: dict[str, Executor]
                       ) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Where nothing is reduced, each element (each row, for classes) is a minibatch of its own."""
    width = p.shape[-1] if name in CLASSES else 1
    rows, targets = p.reshape(-1, width), y.reshape(-1, *((width,) if y.dim() == p.dim() else ()))
    each = [measure(name, options, "none", rows[i : i + 1], targets[i : i + 1], executors) for i in range(len(rows))]
    shape = p.shape[:-1] if name in CLASSES else p.shape
    return torch.stack([loss for loss, _ in each]).reshape(shape), torch.stack([grad for _, grad in each]).reshape(p.shape)


@pytest.mark.filterwarnings("ignore:reduction")
def test_every_sample_of_torchs_losses(capsys: pytest.CaptureFixture[str]) -> None:
    covered = 0
    for name, cls, options, p, y in samples():
        leaf = p.clone().requires_grad_()
        wanted = cls(**options)(leaf, y)
        (gradient,) = torch.autograd.grad(wanted.sum(), [leaf])
        prediction, target = rows_last(name, p, y)
        reduction = options.get("reduction", "mean")
        executors: dict[str, Executor] = {}
        if reduction == "none":
            found, found_gradient = element_by_element(name, options, prediction, target, executors)
        else:
            found, found_gradient = measure(name, options, reduction, prediction, target, executors)
        moved = found_gradient.movedim(-1, 1) if name in CLASSES and p.dim() > 1 else found_gradient
        case = f"{name} {options} {tuple(p.shape)}"
        if name in CLASSES:
            wanted = wanted.nan_to_num(0.0)  # torch's mean of nothing; lampc's is 0, so that training goes on
        found = found.reshape(wanted.shape)
        torch.testing.assert_close(found, wanted.detach(), rtol=1e-10, atol=1e-10, equal_nan=True, msg=case)
        torch.testing.assert_close(moved.reshape(p.shape), gradient, rtol=1e-10, atol=1e-10, equal_nan=True, msg=case)
        covered += 1
    with capsys.disabled():
        print(f"\ntorch's losses: {covered} covered / {covered} in scope")
    assert covered >= 201
