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
from lampc.passes.differentiate import differentiate
from lampc.passes.lower import lower
from lampc.runtime.executor import Executor, run

LOSSES = {
    "MSELoss": "mse", "L1Loss": "mae", "HuberLoss": "huber", "SmoothL1Loss": "huber", "BCELoss": "bce",
    "BCEWithLogitsLoss": "bce", "KLDivLoss": "kl", "NLLLoss": "nll", "CrossEntropyLoss": "crossentropy",
}  # fmt: skip
CLASSES = ("NLLLoss", "CrossEntropyLoss")


def outside(name: str, options: dict[str, Any], inputs: list[Tensor]) -> str:
    """Why a sample is about something that the language leaves out; empty if it is not."""
    if options.get("reduction") == "none":
        return "a loss is one number"
    if options.get("weight") is not None or options.get("pos_weight") is not None:
        return "no weights of elements or classes"
    if options.get("ignore_index", -100) != -100:
        return "no ignored class"
    if options.get("log_target"):
        return "targets are probabilities"
    if name in CLASSES and inputs[1].is_floating_point():
        return "targets are class labels"
    return ""


def samples() -> Iterator[tuple[str, Any, dict[str, Any], list[Tensor]]]:
    for info in module_db:
        name = info.name.split(".")[-1]
        if name in LOSSES:
            torch.manual_seed(0)
            for given in info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=True):
                yield name, info.module_cls, dict(given.constructor_input.kwargs), list(given.forward_input.args)


def translate(name: str, options: dict[str, Any], p: Tensor, y: Tensor) -> tuple[str, Tensor, Tensor, float]:
    """The program, its samples, its targets, and what its loss is to be multiplied by."""
    loss, factor, reduction = LOSSES[name], 1.0, options.get("reduction", "mean")
    if name in CLASSES:
        p, y = (p.unsqueeze(0), y.unsqueeze(0)) if p.dim() == 1 else (p.movedim(1, -1), y)
        factor = y.numel() if reduction == "sum" else 1.0
        if options.get("label_smoothing"):
            loss += f" smoothing={options['label_smoothing']}"
    elif p.dim() < 2:
        p, y = p.reshape(-1, 1), y.reshape(-1, 1)
    if name == "KLDivLoss":
        rows = p.numel() / p.shape[-1]
        factor = {"sum": rows, "batchmean": rows / len(p), "mean": 1 / p.shape[-1]}[reduction]
    elif name not in CLASSES:
        factor = p.numel() if reduction == "sum" else 1.0
    layer = "sigmoid" if name == "BCEWithLogitsLoss" else "pass"
    # Where the prediction is the log-probabilities themselves, `nll` picks them; `crossentropy` takes logits.
    written = f"loss total = {factor!r} * {loss}(p, y)" if " " not in loss else f"loss {loss}"
    return (
        f"input {'x'.join(map(str, p.shape[1:]))}\n{layer}\n{written}\ntrain precision=f64",
        p,
        y,
        factor if " " in loss else 1.0,
    )


@pytest.mark.filterwarnings("ignore:reduction")
def test_every_sample_of_torchs_losses(capsys: pytest.CaptureFixture[str]) -> None:
    covered, left_out = 0, []
    for name, cls, options, (p, y, *_) in samples():
        reason = outside(name, options, [p, y])
        if reason:
            left_out.append(f"{name}: {reason}")
            continue
        leaf = p.clone().requires_grad_()
        wanted = cls(**options)(leaf, y)
        (gradient,) = torch.autograd.grad(wanted, [leaf])
        source, x, target, factor = translate(name, options, p, y)
        program = lampc.compile.text(source)
        whole = run_passes(differentiate(program.simplified, inputs=True), WHOLE)
        executor = Executor(lower(whole), len(x), program.model().storage)
        executor.fill(x, target)
        run(executor.forward)
        run(executor.backward)
        found = factor * executor.outputs["loss"]
        found_gradient = factor * executor.outputs["grad x"]
        moved = found_gradient.movedim(-1, 1) if name in CLASSES and p.dim() > 1 else found_gradient
        torch.testing.assert_close(found, wanted.detach(), rtol=1e-10, atol=1e-10, equal_nan=True, msg=source)
        torch.testing.assert_close(moved.reshape(p.shape), gradient, rtol=1e-10, atol=1e-10, equal_nan=True, msg=source)
        covered += 1
    with capsys.disabled():
        print(f"\ntorch's losses: {covered} covered / {covered} in scope")
        for line in sorted(set(left_out)):
            print(f"  {line} ({left_out.count(line)}, out of scope)")
    assert covered >= 59
