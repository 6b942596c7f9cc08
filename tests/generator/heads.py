"""The end of a program: its last layers, its loss, and what trains it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from generator import formulas
from generator.formulas import call, number
from generator.layers import maybe
from generator.program import Formula, Option, Statement, Training

if TYPE_CHECKING:
    from generator.draw import _Draft

ANSWERS = ("accuracy", "f1", "auc", "precision", "recall", "logloss")
"""Metrics of classes, of one answer or of several at once."""


def head(draft: _Draft, x: Tensor) -> tuple[list[Statement], Training]:
    """The last layers for a loss, and the experiment."""
    rng, shape = draft.rng, tuple(x.shape[1:])
    last: list[Statement] = []
    if x[0].numel() > 64 or len(shape) > 3:
        last.append(
            Statement("flatten")
            if rng.random() < 0.5 or len(shape) == 1
            else Statement("mean", (("axes", list(range(2, len(shape) + 1))),))
        )
    kind = rng.choice(["numbers", "numbers", "formula", "total", "yes", "classes", "classes", "soft", "kl", "several"])
    total: Formula | None = None
    metrics: tuple[str, ...] = ()
    if kind == "several":
        return _several(draft, [*last, *([Statement("flatten")] if not last and len(shape) > 1 else [])])
    if kind in ("numbers", "formula", "total"):
        if last or rng.random() < 0.7:
            last.append(_linear(rng.choice([1, 2, 3, 4, 8, 16, 17])))
        metrics = tuple(rng.sample(["mae", "rmse", "r2"], rng.randint(0, 3)))
        loss, total = _of_numbers(rng, kind, draft)
        if kind == "total":
            metrics = ()
    elif kind == "yes":
        last += [_linear(rng.choice([1, 1, 1, 3])), Statement("sigmoid")]
        outs = last[-2].get("sizes")
        loss = Option("bce", tuple(maybe(rng, 0.3, weights=[0.5 + i for i in range(outs)]).items()))
        one = outs == 1
        flat = len(shape) == 1 or bool(last[:-2])
        known = (*ANSWERS, "balanced_accuracy") if one else ANSWERS if flat else ("mae",)
        metrics = tuple(rng.sample(known, rng.randint(1, min(3, len(known)))))
    else:
        classes = rng.choice([2, 3, 4, 8, 15, 17])
        last.append(_linear(classes))
        loss, end = _of_classes(rng, kind, classes)
        last += [Statement(end)] if end else []
        if kind == "classes":
            metrics = tuple(rng.sample((*ANSWERS, "balanced_accuracy", "perplexity"), rng.randint(0, 4)))
    return last, Training(loss, total, optimizer(rng), schedule(rng), metrics, training(rng))


def _several(draft: _Draft, last: list[Statement]) -> tuple[list[Statement], Training]:
    """Several values of one body, each with a loss and a part of the targets."""
    rng, shared = draft.rng, draft.label()
    last += [_linear(rng.choice([3, 8])), Statement("tanh", label=shared)]
    parts, total, start = [], None, 0
    for _ in range(rng.randint(2, 3)):
        name, size, label = rng.choice(["mse", "mae", "huber", "bce", "hinge"]), rng.choice([1, 2, 3]), draft.label()
        end = Statement("sigmoid" if name == "bce" else "pass", label=label)
        last += [Statement("from", (("label", shared),)), _linear(size), end]
        loss = call("*", number(rng.choice([0.5, 1.0, 3.0])), call(name, Formula(label), _part(start, start + size)))
        total = loss if total is None else call("+", total, loss)
        parts.append((name, size))
        start += size
    return last, Training(Option("total"), total, optimizer(rng), schedule(rng), (), training(rng), tuple(parts))


def _part(start: int, stop: int) -> Formula:
    """Some numbers of each target."""
    return call("part", Formula("y"), Formula(start), Formula(stop))


def _linear(out: int) -> Statement:
    return Statement("linear", (("sizes", out),))


def _of_numbers(rng: random.Random, kind: str, draft: _Draft) -> tuple[Option, Formula | None]:
    p, y = Formula("p"), Formula("y")
    if kind == "formula":
        error = call("-", p, y)
        form = rng.choice([call("^", error, number(2.0)), call("abs", error), formulas.draw(rng, ("p", "y"))])
        return Option("fn(p, y)"), call(rng.choice(["mean", "mean", "sum"]), form)
    if kind == "total":
        first = call(rng.choice(["mse", "mae", "huber"]), p, y)
        weight = number(rng.choice([0.5, 2.0, 64.0]))
        known = list(draft.net.labels)
        if known and rng.random() < 0.7:
            value = Formula(rng.choice(known))
            return Option("total"), call("+", first, call("*", weight, call("mean", call("^", value, number(2.0)))))
        return Option("total"), call("*", weight, first)
    name = rng.choice(["mse", "mae", "huber", "hinge"])
    options: dict[str, Any] = {}
    if name == "huber":
        options = maybe(rng, 0.6, delta=rng.choice([0.3, 2.0]))
    if name == "hinge":
        options = maybe(rng, 0.6, margin=rng.choice([0.5, 2.0]))
    return Option(name, tuple(options.items())), None


def _of_classes(rng: random.Random, kind: str, classes: int) -> tuple[Option, str]:
    if kind == "kl":
        return Option("kl", tuple(maybe(rng, 0.4, logarithms=True).items())), "logsoftmax"
    weights = maybe(rng, 0.3, weights=[0.5 + index % 3 for index in range(classes)])
    smooth = maybe(rng, 0.3, smoothing=0.1)
    if kind == "soft":
        return Option("crossentropy", (*smooth.items(), *weights.items(), ("soft", True))), rng.choice(
            ["", "softmax", "logsoftmax"]
        )
    ignore = maybe(rng, 0.3, ignore=rng.choice([-1, 0, classes - 1]))
    if rng.random() < 0.3:
        return Option("nll", (*weights.items(), *ignore.items())), "logsoftmax"
    return Option("crossentropy", (*smooth.items(), *weights.items(), *ignore.items())), rng.choice(
        ["", "softmax", "logsoftmax"]
    )


def optimizer(rng: random.Random) -> Option:
    """An optimiser with some of its options."""
    name = rng.choice(["sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "muon"])
    found: dict[str, Any] = maybe(rng, 0.7, lr=rng.choice([0.003, 0.01, 0.05]))
    found |= maybe(rng, 0.3, weight_decay=rng.choice([0.0, 0.1])) | maybe(rng, 0.2, decay_all=True)
    found |= maybe(rng, 0.25, clip=rng.choice([0.1, 1.0]))
    if name in ("adam", "adamw", "muon"):
        found |= maybe(rng, 0.3, beta1=0.8) | maybe(rng, 0.3, beta2=0.95) | maybe(rng, 0.3, eps=1e-3)
    if name in ("adam", "adamw"):
        found |= maybe(rng, 0.3, amsgrad=True)
    if name == "sgd":
        found |= maybe(rng, 0.5, momentum=0.9)
        if "momentum" in found:
            found |= {"nesterov": True} if rng.random() < 0.4 else maybe(rng, 0.4, dampening=0.3)
    if name == "rmsprop":
        found |= maybe(rng, 0.3, alpha=0.9) | maybe(rng, 0.3, eps=1e-3) | maybe(rng, 0.3, momentum=0.8)
        found |= maybe(rng, 0.3, centered=True)
    if name == "adagrad":
        found |= maybe(rng, 0.3, lr_decay=0.1) | maybe(rng, 0.3, initial=0.2) | maybe(rng, 0.3, eps=1e-3)
    if name == "lion":
        found |= maybe(rng, 0.3, beta1=0.8) | maybe(rng, 0.3, beta2=0.9)
    if name == "muon":
        found |= maybe(rng, 0.3, momentum=0.8) | maybe(rng, 0.3, nesterov=False) | maybe(rng, 0.3, lr_vectors=0.02)
    return Option(name, tuple(found.items()))


def schedule(rng: random.Random) -> Option | None:
    """A schedule, or none."""
    name = rng.choice(["", "", "constant", "step", "cosine", "linear", "onecycle"])
    if not name:
        return None
    found: dict[str, Any] = {}
    if name == "step":
        found = maybe(rng, 0.8, every=rng.choice([0.5, 1.0])) | maybe(rng, 0.5, gamma=0.5)
    if name in ("cosine", "linear"):
        found = maybe(rng, 0.5, warmup=rng.choice([0.5, 1.0])) | maybe(
            rng, 0.4, **{"floor" if name == "cosine" else "end": 0.1}
        )
    if name == "onecycle":
        found = maybe(rng, 0.5, peak=0.5) | maybe(rng, 0.4, div=10.0) | maybe(rng, 0.4, final_div=100.0)
    return Option(name, tuple(found.items()))


def training(rng: random.Random) -> tuple[tuple[str, Any], ...]:
    """The options of ``train``."""
    found = {"precision": "f64", **maybe(rng, 0.2, accumulate=rng.choice([2, 3])), **maybe(rng, 0.2, recompute=True)}
    return tuple(found.items())


def target(training: Training, prediction: Tensor, seed: int) -> Tensor:
    """Targets for predictions, as the loss takes them."""
    generator = torch.Generator().manual_seed(seed + 2)
    loss, shape = training.loss, prediction.shape
    if training.parts:
        pieces = [(name, (len(prediction), size)) for name, size in training.parts]
        return torch.cat([_numbers(name, size, generator) for name, size in pieces], 1)
    if loss.choice in ("crossentropy", "nll") and not loss.get("soft", False):
        labels = torch.randint(0, shape[-1], shape[:-1], generator=generator)
        ignore = loss.get("ignore", None)
        if ignore is not None:
            hidden = torch.rand(labels.shape, generator=generator) < 0.3
            labels = torch.where(hidden, ignore, labels)
            labels.reshape(len(labels), -1)[:, 0] = 1 if ignore == 0 else 0  # so that every sample counts
        return labels
    if loss.choice in ("bce", "hinge"):
        return _numbers(loss.choice, shape, generator)
    noise = _numbers("", shape, generator)
    if loss.choice == "kl" or loss.get("soft", False):
        return torch.log_softmax(noise, -1) if loss.get("logarithms", False) else torch.softmax(noise, -1)
    return noise


def _numbers(loss: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Zeros and ones for the losses that take those."""
    if loss in ("bce", "hinge"):
        return torch.randint(0, 2, shape, generator=generator).double()
    return torch.randn(shape, generator=generator, dtype=torch.float64)
