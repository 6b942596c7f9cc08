"""Schedules: what the learning rate is multiplied by at each step, as ops on numbers in the same graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lampc.layers.layer import Arguments
from lampc.layers.signature import Float, Param, Signature
from lampc.ops.arithmetic import Floor, Greater, Maximum, Minimum, Pow, Where
from lampc.ops.exponential import Cos
from lampc.ops.term import Term

CLOCK = ("steps", "steps_per_epoch", "steps_before")
"""The settings that a schedule reads and training sets: its updates, those of an epoch, those that were made before it."""
PASS = "minibatches_per_epoch"
"""The setting by which accumulation knows an epoch's last minibatch."""


@dataclass(frozen=True)
class Progress:
    """Where training is, in scalars: ``step`` counts updates from 0, up to ``total``; ``epoch`` is an epoch's updates."""

    step: Term
    total: Term
    epoch: Term

    def number(self, value: float) -> Term:
        """A number as a term."""
        return self.step.build.constant(self.step.type, value)


@dataclass(frozen=True)
class ScheduleType:
    """A schedule that a ``.lamp`` file may name."""

    name: str
    doc: str
    signature: Signature
    factor: Callable[[Progress, Arguments], Term] | None
    """What the learning rate is multiplied by; None where it stays."""


def _step(at: Progress, arguments: Arguments) -> Term:
    build = at.step.build
    every: float = arguments["every"]
    drops = build(Floor(), at.step / (at.epoch * every))
    return build(Pow(), at.number(arguments["gamma"]), drops)


def _cosine(at: Progress, arguments: Arguments) -> Term:
    """Loshchilov and Hutter 2017, without restarts."""
    floor: float = arguments["floor"]

    def after(done: Term) -> Term:
        return (at.step.build(Cos(), done * math.pi) + 1.0) * ((1.0 - floor) / 2) + floor

    return _warmed(at, arguments, after)


def _linear(at: Progress, arguments: Arguments) -> Term:
    end: float = arguments["end"]
    return _warmed(at, arguments, lambda done: done * (end - 1.0) + 1.0)


def _warmed(at: Progress, arguments: Arguments, after: Callable[[Term], Term]) -> Term:
    """(step + 1)/w while there are w steps of warm-up; then a function of the share that is done of the others."""
    build = at.step.build
    if not arguments["warmup"]:
        return after(build(Minimum(), at.step / at.total, at.number(1.0)))
    warmup = at.epoch * arguments["warmup"]
    rest = build(Maximum(), at.total - warmup, at.number(1.0))
    following = after(build(Minimum(), (at.step - warmup) / rest, at.number(1.0)))
    rising = build(Minimum(), (at.step + 1.0) / warmup, at.number(1.0))
    return build(Where(), build(Greater(), warmup, at.step), rising, following)


def _onecycle(at: Progress, arguments: Arguments) -> Term:
    """Smith and Topin 2018, as torch's OneCycleLR: up to the optimiser's lr and far down, each by half a cosine."""
    build = at.step.build
    first = 1.0 / arguments["div"]
    last = first / arguments["final_div"]
    top = at.total * arguments["peak"] - 1.0

    def between(begin: float, end: float, done: Term) -> Term:
        return (build(Cos(), done * math.pi) + 1.0) * ((begin - end) / 2) + end

    # A rise of no steps has no slope; nothing is taken from it but where the step is 0.
    rising = between(first, 1.0, at.step / build(Maximum(), top, at.number(1e-9)))
    share = (at.step - top) / (at.total - 1.0 - top)
    falling = between(1.0, last, build(Minimum(), share, at.number(1.0)))
    return build(Where(), build(Greater(), at.step, top), falling, rising)


_WARMUP = Param("warmup", Float(0.0), 0.0, "epochs in which lr rises evenly from near 0", positional=False)

_TYPES = (
    ScheduleType("constant", "lr stays as it is", Signature(), None),
    ScheduleType(
        "step",
        "lr is multiplied by gamma every few epochs",
        Signature((Param("every", Float(0.0, open_low=True), 10.0, "epochs between"),
                   Param("gamma", Float(0.0), 0.1, "the factor"))),
        _step,
    ),
    ScheduleType(
        "cosine",
        "lr falls by half a cosine to the end of training",
        Signature((_WARMUP, Param("floor", Float(0.0), 0.0, "where it ends, as a share of lr"))),
        _cosine,
    ),
    ScheduleType(
        "linear",
        "lr goes evenly to the end of training",
        Signature((_WARMUP, Param("end", Float(0.0), 0.0, "where it ends, as a share of lr"))),
        _linear,
    ),
    ScheduleType(
        "onecycle",
        "lr rises by half a cosine from lr/div, and falls by another to lr/div/final_div",
        Signature((Param("peak", Float(0.0, 1.0, open_high=True), 0.3, "the share of the steps before the peak"),
                   Param("div", Float(0.0, open_low=True), 25.0, "how far below lr it begins"),
                   Param("final_div", Float(0.0, open_low=True), 1e4, "how far below its beginning it ends"))),
        _onecycle,
    ),
)  # fmt: skip

SCHEDULES = {declared.name: declared for declared in _TYPES}
"""Every schedule by its name."""
