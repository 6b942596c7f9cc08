"""Optimisers: from a parameter, its gradient and a state to the next ones, elementwise, in ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lampc.layers.layer import Arguments
from lampc.layers.signature import Flag, Float, Param, Signature
from lampc.ops.arithmetic import Pow, Sqrt, Square
from lampc.ops.term import Term


@dataclass(frozen=True)
class Step:
    """What an update rule works on. ``state(name)`` is a tensor like ``p``, ``settings`` are scalars, ``t`` counts from 1."""

    p: Term
    g: Term
    state: Callable[[str], Term]
    settings: Mapping[str, Term]
    t: Callable[[], Term]
    arguments: Arguments


@dataclass(frozen=True)
class OptimizerType:
    """An optimiser that a ``.lamp`` file may name."""

    name: str
    doc: str
    signature: Signature
    update: Callable[[Step], tuple[Term, dict[str, Term]]]
    """The next parameter, and the next states."""


def _sgd(step: Step) -> tuple[Term, dict[str, Term]]:
    """As torch.optim.SGD: v ← μv + g, v = g at first; p ← p - lr·v, or with Nesterov p - lr·(g + μv)."""
    arguments, settings = step.arguments, step.settings
    p, g = step.p, step.g
    if arguments["weight_decay"]:
        g = g + p * settings["weight_decay"]
    if not arguments["momentum"]:
        return p - g * settings["lr"], {}
    # A velocity that begins at 0 makes the first one g, as torch does.
    velocity = g + step.state("velocity") * settings["momentum"]
    direction = g + velocity * settings["momentum"] if arguments["nesterov"] else velocity
    return p - direction * settings["lr"], {"velocity": velocity}


def _moments(step: Step, g: Term) -> tuple[Term, dict[str, Term]]:
    """The direction m̂/(√v̂ + ε) of Kingma and Ba 2015, algorithm 1, and the moments."""
    beta1, beta2 = step.settings["beta1"], step.settings["beta2"]
    build = g.build
    m = step.state("m") * beta1 + g * (1.0 - beta1)
    v = step.state("v") * beta2 + build(Square(), g) * (1.0 - beta2)
    t = step.t()
    unbiased1 = 1.0 - build(Pow(), beta1, t)
    unbiased2 = build(Sqrt(), 1.0 - build(Pow(), beta2, t))
    denominator = build(Sqrt(), v) / unbiased2 + step.settings["eps"]
    return (m / denominator) / unbiased1, {"m": m, "v": v}


def _adam(step: Step) -> tuple[Term, dict[str, Term]]:
    g = step.g
    if step.arguments["weight_decay"]:
        g = g + step.p * step.settings["weight_decay"]
    direction, states = _moments(step, g)
    return step.p - direction * step.settings["lr"], states


def _adamw(step: Step) -> tuple[Term, dict[str, Term]]:
    """Loshchilov and Hutter 2019: the decay acts on the parameter, not through the gradient."""
    direction, states = _moments(step, step.g)
    lr = step.settings["lr"]
    p = step.p
    if step.arguments["weight_decay"]:
        p = p - p * (step.settings["weight_decay"] * lr)
    return p - direction * lr, states


def _lr(default: float) -> Param:
    return Param("lr", Float(0.0), default, "the learning rate")


_CLIP = Param("clip", Float(0.0), 0.0, "the greatest norm of the whole gradient; 0: none")
_BETAS = (
    Param("beta1", Float(0.0, 1.0, open_high=True), 0.9, "the first moment's decay"),
    Param("beta2", Float(0.0, 1.0, open_high=True), 0.999, "the second moment's decay"),
    Param("eps", Float(0.0), 1e-8, "added to the root"),
)


def _decay(default: float) -> Param:
    return Param("weight_decay", Float(0.0), default, "the pull towards 0")


_TYPES = (
    OptimizerType(
        "sgd",
        "p ← p - lr·g, with momentum v ← μv + g",
        Signature((_lr(0.01), Param("momentum", Float(0.0), 0.0, "μ"),
                   Param("nesterov", Flag(), False, "look ahead along v"), _decay(0.0), _CLIP)),
        _sgd,
    ),
    OptimizerType("adam", "Adam, with weight_decay added to the gradient",
                  Signature((_lr(1e-3), *_BETAS, _decay(0.0), _CLIP)), _adam),
    OptimizerType("adamw", "Adam with decoupled weight decay",
                  Signature((_lr(1e-3), *_BETAS, _decay(1e-2), _CLIP)), _adamw),
)  # fmt: skip

OPTIMIZERS = {declared.name: declared for declared in _TYPES}
"""Every optimiser by its name."""
