"""Optimisers: from a parameter, its gradient and a state to the next ones, elementwise, in ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lampc.ir.types import Shape
from lampc.layers.layer import Arguments
from lampc.layers.signature import Flag, Float, Param, Signature
from lampc.ops.arithmetic import Greater, Maximum, Pow, Sign, Sqrt, Square
from lampc.ops.matmul import MatMul
from lampc.ops.reduction import Sum
from lampc.ops.shape import Reshape, Transpose
from lampc.ops.term import Term


class States(Protocol):
    """Gives the state of a name, which begins filled with a value."""

    def __call__(self, name: str, value: float = 0.0, /) -> Term: ...


@dataclass(frozen=True)
class Step:
    """What an update rule works on. ``state(name)`` is a tensor like ``p``, ``settings`` are scalars, ``t`` counts from 1."""

    p: Term
    g: Term
    state: States
    settings: Mapping[str, Term]
    t: Callable[[], Term]
    arguments: Arguments
    shape: Shape | None = None
    """The matrix that ``p`` holds row by row, for optimisers that go by matrices."""


@dataclass(frozen=True)
class OptimizerType:
    """An optimiser that a ``.lamp`` file may name."""

    name: str
    doc: str
    signature: Signature
    update: Callable[[Step], tuple[Term, dict[str, Term]]]
    """The next parameter, and the next states."""
    by_matrix: bool = False
    """Whether weights of two axes are updated one by one, with their shape."""


def _decayed(step: Step) -> Term:
    """The gradient with the decay added."""
    return step.g + step.p * step.settings["weight_decay"] if step.arguments["weight_decay"] else step.g


def _sgd(step: Step) -> tuple[Term, dict[str, Term]]:
    """As torch.optim.SGD: v ← μv + (1 - dampening)·g, v = g at first; p ← p - lr·v, or with Nesterov p - lr·(g + μv)."""
    arguments, settings = step.arguments, step.settings
    p, g = step.p, _decayed(step)
    if not arguments["momentum"]:
        return p - g * settings["lr"], {}
    # A velocity that begins at 0 makes the first one g, as torch does; that one is not dampened.
    share = g
    if arguments["dampening"]:
        t = step.t()
        later = g.build(Greater(), t, g.build.constant(t.type, 1.0))
        share = g * (1.0 - settings["dampening"] * later)
    velocity = share + step.state("velocity") * settings["momentum"]
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
    states = {"m": m, "v": v}
    if step.arguments.get("amsgrad"):  # Reddi, Kale and Kumar 2018: the greatest v so far
        v = states["vmax"] = build(Maximum(), step.state("vmax"), v)
    denominator = build(Sqrt(), v) / unbiased2 + step.settings["eps"]
    return (m / denominator) / unbiased1, states


def _adam(step: Step) -> tuple[Term, dict[str, Term]]:
    direction, states = _moments(step, _decayed(step))
    return step.p - direction * step.settings["lr"], states


def _adamw(step: Step) -> tuple[Term, dict[str, Term]]:
    """Loshchilov and Hutter 2019: the decay acts on the parameter, not through the gradient."""
    direction, states = _moments(step, step.g)
    return _shrunk(step) - direction * step.settings["lr"], states


def _shrunk(step: Step, lr: str = "lr") -> Term:
    """The parameter after a decay that does not go through the gradient, at the rate of the parameter's steps."""
    p = step.p
    return p - p * (step.settings["weight_decay"] * step.settings[lr]) if step.arguments["weight_decay"] else p


def _rmsprop(step: Step) -> tuple[Term, dict[str, Term]]:
    """Hinton's, as torch.optim.RMSprop; ``centered`` as Graves 2013: the variance instead of the mean square."""
    arguments, settings = step.arguments, step.settings
    g = _decayed(step)
    build = g.build
    alpha = settings["alpha"]
    square = step.state("square") * alpha + build(Square(), g) * (1.0 - alpha)
    states, size = {"square": square}, square
    if arguments["centered"]:
        mean = states["mean"] = step.state("mean") * alpha + g * (1.0 - alpha)
        size = square - build(Square(), mean)
    direction = g / (build(Sqrt(), size) + settings["eps"])
    if arguments["momentum"]:
        direction = states["velocity"] = direction + step.state("velocity") * settings["momentum"]
    return step.p - direction * settings["lr"], states


def _adagrad(step: Step) -> tuple[Term, dict[str, Term]]:
    """Duchi, Hazan and Singer 2011, as torch.optim.Adagrad."""
    g, lr = _decayed(step), step.settings["lr"]
    build = g.build
    if step.arguments["lr_decay"]:
        lr = lr / ((step.t() - 1.0) * step.settings["lr_decay"] + 1.0)
    total = step.state("total", step.arguments["initial"]) + build(Square(), g)
    return step.p - g / (build(Sqrt(), total) + step.settings["eps"]) * lr, {"total": total}


def _lion(step: Step) -> tuple[Term, dict[str, Term]]:
    """Chen et al. 2023, program 1: the sign of a mean of momentum and gradient, which decay apart from each other."""
    beta1, beta2 = step.settings["beta1"], step.settings["beta2"]
    g, m = step.g, step.state("m")
    direction = g.build(Sign(), m * beta1 + g * (1.0 - beta1))
    return _shrunk(step) - direction * step.settings["lr"], {"m": m * beta2 + g * (1.0 - beta2)}


_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def _muon(step: Step) -> tuple[Term, dict[str, Term]]:
    """Jordan et al. 2024: momentum made orthogonal by five Newton-Schulz steps; what is no matrix goes by Adam."""
    if step.shape is None:
        direction, states = _moments(step, step.g)
        return _shrunk(step, "lr_vectors") - direction * step.settings["lr_vectors"], states
    build, settings = step.g.build, step.settings
    momentum = settings["momentum"]
    m = step.state("m") * momentum + step.g * (1.0 - momentum)
    ahead = m * momentum + step.g * (1.0 - momentum) if step.arguments["nesterov"] else m
    norm = build(Sqrt(), build(Sum((0,)), build(Square(), ahead)))
    x = build(Reshape(step.shape), ahead / build(Maximum(), norm, build.constant(norm.type, 1e-7)))
    rows, cols = step.shape
    assert isinstance(rows, int)
    assert isinstance(cols, int)
    x = build(Transpose((1, 0)), x) if rows > cols else x
    a, b, c = _NEWTON_SCHULZ
    for _ in range(5):
        gram = build(MatMul(transposed=True), x, x)
        x = x * a + build(MatMul(), gram * b + build(MatMul(), gram, gram) * c, x)
    x = build(Transpose((1, 0)), x) if rows > cols else x
    flat = build(Reshape(step.p.type.shape), x) * math.sqrt(max(1.0, rows / cols))
    return _shrunk(step) - flat * settings["lr"], {"m": m}


def _lr(default: float) -> Param:
    return Param("lr", Float(0.0), default, "the learning rate")


_CLIP = Param("clip", Float(0.0), 0.0, "the greatest norm of the whole gradient; 0: none")
_BETAS = (
    Param("beta1", Float(0.0, 1.0, open_high=True), 0.9, "the first moment's decay"),
    Param("beta2", Float(0.0, 1.0, open_high=True), 0.999, "the second moment's decay"),
    Param("eps", Float(0.0), 1e-8, "added to the root"),
)
_AMSGRAD = Param("amsgrad", Flag(), False, "divide by the greatest second moment so far")


def _decay(default: float) -> tuple[Param, Param]:
    return (Param("weight_decay", Float(0.0), default, "the pull of weights (two axes or more) towards 0"),
            Param("decay_all", Flag(), False, "let it pull biases and scales too"))  # fmt: skip


_TYPES = (
    OptimizerType(
        "sgd",
        "p ← p - lr·g, with momentum v ← μv + g",
        Signature((_lr(0.01), Param("momentum", Float(0.0), 0.0, "μ"),
                   Param("nesterov", Flag(), False, "look ahead along v"), *_decay(0.0), _CLIP,
                   Param("dampening", Float(), 0.0, "how much less of g goes into v"))),
        _sgd,
    ),
    OptimizerType("adam", "Adam, with weight_decay added to the gradient",
                  Signature((_lr(1e-3), *_BETAS, *_decay(0.0), _CLIP, _AMSGRAD)), _adam),
    OptimizerType("adamw", "Adam with decoupled weight decay",
                  Signature((_lr(1e-3), *_BETAS, *_decay(1e-2), _CLIP, _AMSGRAD)), _adamw),
    OptimizerType(
        "rmsprop",
        "g divided by the root of a running mean of g²",
        Signature((_lr(0.01), Param("alpha", Float(0.0, 1.0), 0.99, "the mean's decay"),
                   Param("eps", Float(0.0), 1e-8, "added to the root"), Param("momentum", Float(0.0), 0.0, "μ"),
                   Param("centered", Flag(), False, "divide by the deviation from the mean of g"), *_decay(0.0), _CLIP)),
        _rmsprop,
    ),
    OptimizerType(
        "adagrad",
        "g divided by the root of the sum of all g²",
        Signature((_lr(0.01), Param("lr_decay", Float(0.0), 0.0, "lr is divided by 1 + (t - 1)·lr_decay"),
                   Param("eps", Float(0.0), 1e-10, "added to the root"),
                   Param("initial", Float(0.0), 0.0, "what the sum begins with"), *_decay(0.0), _CLIP)),
        _adagrad,
    ),
    OptimizerType(
        "lion",
        "the sign of a mean of momentum and g, with decoupled weight decay",
        Signature((_lr(1e-4), Param("beta1", Float(0.0, 1.0, open_high=True), 0.9, "the momentum's share of the mean"),
                   Param("beta2", Float(0.0, 1.0, open_high=True), 0.99, "the momentum's decay"), *_decay(0.0), _CLIP)),
        _lion,
    ),
    OptimizerType(
        "muon",
        "matrices move along orthogonalised momentum (Jordan et al. 2024), all else by Adam",
        Signature((_lr(0.02), Param("momentum", Float(0.0, 1.0, open_high=True), 0.95, "the momentum's decay"),
                   Param("nesterov", Flag(), True, "look ahead along it"), *_decay(0.0), _CLIP,
                   Param("lr_vectors", Float(0.0), 1e-3, "the learning rate of what is no matrix", positional=False), *_BETAS)),
        _muon,
        by_matrix=True,
    ),
)  # fmt: skip

OPTIMIZERS = {declared.name: declared for declared in _TYPES}
"""Every optimiser by its name."""
