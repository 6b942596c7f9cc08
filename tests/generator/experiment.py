"""What trains and measures a network, by PyTorch, by scikit-learn, or written out: losses, optimisers, schedules, metrics."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch_optimizers import Lion, Muon

from generator import formulas
from generator.network import Own
from generator.program import Option, Program, Training


def loss(training: Training, values: Mapping[str, Tensor], output: str) -> Tensor:
    """The loss of a minibatch; ``output`` is the last layer's name.

    ``values`` are ``p``, ``y``, ``x``, ``scores``, which the last layer takes, and named ones.
    """
    if training.total is not None:
        return total(training.total, values)
    # Of shares it would be infinite where they are all but 0 and 1.
    stable = (training.loss.choice, output) in (("bce", "sigmoid"), ("crossentropy", "softmax"))
    return plain(training.loss, values["scores" if stable else "p"], values["y"], output)


def total(formula: Any, values: Mapping[str, Any]) -> Any:
    """A formula in which losses are functions of two."""
    if formula.head == "part":
        value, start, stop = formula.operands
        return values[value.head][..., int(start.head) : int(stop.head)]
    if formula.head in LOSSES and formula.operands:
        p, y = (total(operand, values) for operand in formula.operands)
        return LOSSES[formula.head](p, y, Option(formula.head), "")
    if formula.operands:
        return formulas.FUNCTIONS[formula.head](*(total(operand, values) for operand in formula.operands))
    return formulas.evaluate(formula, values)


def plain(option: Option, p: Tensor, y: Tensor, output: str) -> Tensor:
    return LOSSES[option.choice](p, y, option, output)


def _weights(option: Option) -> Tensor | None:
    given = option.get("weights", None)
    return None if given is None else torch.tensor(given, dtype=torch.float64)


def _crossentropy(p: Tensor, y: Tensor, option: Option, output: str) -> Tensor:
    scores = p.movedim(-1, 1)
    targets = y.movedim(-1, 1) if option.get("soft", False) else y
    return F.cross_entropy(scores, targets, _weights(option), ignore_index=option.get("ignore", -100),
                           label_smoothing=option.get("smoothing", 0.0))  # fmt: skip


def _nll(p: Tensor, y: Tensor, option: Option, output: str) -> Tensor:
    return F.nll_loss(p.movedim(-1, 1).contiguous(), y, _weights(option), ignore_index=option.get("ignore", -100))


def _hinge(p: Tensor, y: Tensor, option: Option, output: str) -> Tensor:
    return F.relu(option.get("margin", 1.0) - (2 * y - 1) * p).mean()


def _kl(p: Tensor, y: Tensor, option: Option, output: str) -> Tensor:
    return F.kl_div(p, y, reduction="none", log_target=option.get("logarithms", False)).sum(-1).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Option, str], Tensor]] = {
    "mse": lambda p, y, o, out: F.mse_loss(p, y),
    "mae": lambda p, y, o, out: F.l1_loss(p, y),
    "huber": lambda p, y, o, out: F.huber_loss(p, y, delta=o.get("delta", 1.0)),
    "bce": lambda p, y, o, out: (F.binary_cross_entropy_with_logits if out == "sigmoid" else F.binary_cross_entropy)(
        p, y, _weights(o)
    ),
    "crossentropy": _crossentropy,
    "nll": _nll,
    "hinge": _hinge,
    "kl": _kl,
}


def factor(schedule: Option | None, step: int, steps: int, epoch: int) -> float:
    """What the learning rate is multiplied by at a step of so many, an epoch of so many."""
    if schedule is None or schedule.choice == "constant":
        return 1.0
    get = schedule.get
    if schedule.choice == "step":
        return float(get("gamma", 0.1) ** math.floor(step / (get("every", 10) * epoch)))
    if schedule.choice == "onecycle":
        first = 1 / get("div", 25.0)
        top, last = get("peak", 0.3) * steps - 1, first / get("final_div", 1e4)
        if step <= top:
            return _between(first, 1.0, step / top if top else 0.0)
        return _between(1.0, last, (step - top) / (steps - 1 - top))
    warmup = get("warmup", 0.0) * epoch
    if step < warmup:
        return min(1.0, (step + 1) / warmup)
    done = min(1.0, (step - warmup) / max(steps - warmup, 1.0))
    if schedule.choice == "linear":
        return float(1 + (get("end", 0.0) - 1) * done)
    floor = get("floor", 0.0)
    return float(floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2)


def _between(begin: float, end: float, done: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * done)) / 2


DEFAULTS = {"sgd": 0.01, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 0.01, "adagrad": 0.01, "lion": 1e-4, "muon": 0.02}
"""Learning rates."""


class Optimizers:
    """An optimiser over named parameters, each with the learning rate and the decay that are its own."""

    def __init__(self, option: Option, parameters: Mapping[str, Tensor], own: Mapping[str, Own]) -> None:
        self.clip = option.get("clip", 0.0)
        self.parameters = [p for name, p in parameters.items() if not own[name].frozen]
        plain, matrices = [], []
        for name, p in parameters.items():
            if own[name].frozen:
                continue
            matrix = option.choice == "muon" and p.dim() == 2
            lr = option.get("lr", DEFAULTS[option.choice])
            if option.choice == "muon" and not matrix:
                lr = option.get("lr_vectors", 1e-3)
            lr = lr if own[name].lr is None else own[name].lr
            decays = option.get("decay_all", False) or p.dim() > 1
            default = 0.01 if option.choice == "adamw" else 0.0
            decay = option.get("weight_decay", default) if decays else 0.0
            (matrices if matrix else plain).append({"params": [p], "lr": lr, "weight_decay": decay})
        self.optimizers: list[torch.optim.Optimizer] = [_torch(option, plain)] if plain else []
        if matrices:
            numbers = {"momentum": option.get("momentum", 0.95), "nesterov": option.get("nesterov", True)}
            self.optimizers.append(Muon(matrices, numbers))
        self.rates = [[group["lr"] for group in each.param_groups] for each in self.optimizers]

    def step(self, gradients: list[Tensor | None], share: float) -> None:
        """An update by some gradients, with so much of each learning rate."""
        for p, gradient in zip(self.parameters, gradients, strict=True):
            p.grad = gradient
        known = [p for p in self.parameters if p.grad is not None]
        if self.clip and known:
            torch.nn.utils.clip_grad_norm_(known, self.clip)
        for each, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(each.param_groups, rates, strict=True):
                group["lr"] = rate * share
            each.param_groups, kept = (
                [group for group in each.param_groups if group["params"][0].grad is not None],
                each.param_groups,
            )
            each.step()
            each.param_groups = kept


def _torch(option: Option, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    get, optim = option.get, torch.optim
    betas = (get("beta1", 0.9), get("beta2", 0.999))
    match option.choice:
        case "sgd":
            return optim.SGD(groups, lr=0.1, momentum=get("momentum", 0.0), dampening=get("dampening", 0.0),
                             nesterov=get("nesterov", False))  # fmt: skip
        case "adam":
            return optim.Adam(groups, betas=betas, eps=get("eps", 1e-8), amsgrad=get("amsgrad", False))
        case "adamw" | "muon":
            return optim.AdamW(groups, betas=betas, eps=get("eps", 1e-8), amsgrad=get("amsgrad", False))
        case "rmsprop":
            return optim.RMSprop(groups, alpha=get("alpha", 0.99), eps=get("eps", 1e-8), momentum=get("momentum", 0.0),
                                 centered=get("centered", False))  # fmt: skip
        case "adagrad":
            return optim.Adagrad(groups, lr_decay=get("lr_decay", 0.0), eps=get("eps", 1e-10),
                                 initial_accumulator_value=get("initial", 0.0))  # fmt: skip
        case _:
            return Lion(groups, {"beta1": get("beta1", 0.9), "beta2": get("beta2", 0.99)})


def metric(name: str, p: Tensor, y: Tensor, program: Program, output: str) -> float:
    """A metric by scikit-learn."""
    from sklearn import metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "mae":
            return float(metrics.mean_absolute_error(y.flatten(), p.flatten()))
        if name == "rmse":
            return float(np.mean(np.sqrt(metrics.mean_squared_error(y.flatten(1), p.flatten(1), multioutput="raw_values"))))
        if name == "r2":
            return float(metrics.r2_score(y.flatten(1), p.flatten(1)))
        if y.is_floating_point():
            middle = 0.0 if program.training.loss.choice == "hinge" else 0.5  # margins are on either side of 0
            return _answers(name, (y > 0.5).int(), p, middle)
        rows, labels = p.flatten(0, -2), y.flatten()
        known = labels != program.training.loss.get("ignore", -100)
        rows, labels = rows[known], labels[known]
        logs = rows.log() if output == "softmax" else rows.log_softmax(-1)
        if name == "perplexity":
            return float(F.nll_loss(logs, labels, _weights(program.training.loss)).exp())
        if name == "auc":
            return _auc(logs, labels)
        if name == "logloss":
            return float(metrics.log_loss(labels, logs.exp(), labels=range(logs.shape[1])))
        return _named(name, labels, rows.argmax(-1), "macro")


def _answers(name: str, y: Tensor, p: Tensor, middle: float) -> float:
    """A metric of one answer, yes or no, or of several at once, a column each."""
    from sklearn import metrics

    columns = [(y[..., c].flatten(), p[..., c].flatten()) for c in range(p.shape[-1])]
    if name == "auc":
        known = [metrics.roc_auc_score(*column) for column in columns if len(column[0].unique()) == 2]
        return float(np.mean(known)) if known else 0.5
    if name == "logloss":
        return float(np.mean([metrics.log_loss(*column, labels=[0, 1]) for column in columns]))
    if name == "accuracy":
        return float(metrics.accuracy_score(y.flatten(), (p > middle).flatten().int()))
    if len(columns) == 1:
        return _named(name, y.flatten(), (p > middle).flatten().int(), "binary")
    return _named(name, y, (p > middle).int(), "macro")


def _named(name: str, truth: Tensor, found: Tensor, average: str) -> float:
    """A metric of classes that are found."""
    from sklearn import metrics

    if name in ("accuracy", "balanced_accuracy"):
        return float(getattr(metrics, f"{name}_score")(truth, found))
    return float(getattr(metrics, f"{name}_score")(truth, found, average=average, zero_division=0))


def _auc(logs: Tensor, labels: Tensor) -> float:
    """The mean over classes of each against the rest; for two classes of the second."""
    from sklearn import metrics

    count, known = logs.shape[1], []
    for c in [1] if count == 2 else range(count):
        if 0 < (labels == c).sum() < len(labels):
            rest = [other for other in range(count) if other != c]
            known.append(metrics.roc_auc_score((labels == c).int(), logs[:, c] - logs[:, rest].logsumexp(-1)))
    return float(np.mean(known)) if known else 0.5
