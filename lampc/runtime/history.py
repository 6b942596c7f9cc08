"""What a training run leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from lampc.diagnostics import Diagnostic, LampError, failure
from lampc.runtime.turns import Turn

if TYPE_CHECKING:
    from lampc.runtime.course import Best


@dataclass(frozen=True, repr=False)
class Epoch:
    """One pass over the training data."""

    epoch: int
    """From 1."""
    loss: float
    """The mean loss of the pass, while the parameters moved."""
    seconds: float
    """Training alone, without evaluation."""
    test: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on the test part afterwards, to look at; where there is a validation part, that alone is measured."""
    validation: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on the validation part afterwards."""
    warnings: tuple[Diagnostic, ...] = field(default=(), repr=False, compare=False)
    """What was seen then that will not mend itself; see ``lampc/runtime/watch.py``."""

    @property
    def held_out(self) -> dict[str, float]:
        """What was measured on data that is not trained on."""
        return self.validation or self.test

    def __str__(self) -> str:
        return f"epoch {self.epoch}: {self._measures}"

    def __repr__(self) -> str:
        return f"<Epoch {self.epoch}: {self._measures}>"

    @property
    def _measures(self) -> str:
        return _measures(self.loss, self.validation, self.test)


@dataclass(frozen=True)
class Part:
    """How far an epoch has come that is still under way."""

    epoch: int
    """From 1."""
    done: int
    """Samples that have been trained on."""
    samples: int
    """Of the whole epoch."""
    loss: float
    """The mean loss of these samples, while the parameters moved."""

    def __str__(self) -> str:
        return f"epoch {self.epoch}, {self.done:,} of {self.samples:,} samples: loss {self.loss:.4g}"


@dataclass(frozen=True)
class Divergence:
    """Where the loss was no longer a number."""

    epoch: int
    """From 1."""
    step: int
    """Of the epoch, from 1."""
    layer: str
    """The first one that made no number; empty where none did."""
    diagnostics: tuple[Diagnostic, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        return f"epoch {self.epoch}, step {self.step}" + (f" ({self.layer})" if self.layer else "")

    def json(self) -> dict[str, Any]:
        """The place."""
        return {"epoch": self.epoch, "step": self.step, "layer": self.layer}


class Diverged(LampError):
    """The loss is no longer a number."""

    def __init__(self, where: Divergence) -> None:
        super().__init__(where.diagnostics)
        self.where = where
        self.before: list[tuple[float, int]] = []
        """The mean loss and the steps of each epoch that ended before it in the same spell."""


@dataclass(repr=False)
class History(Sequence[Epoch]):
    """The epochs in order, and what the run measured at its end."""

    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    """Training alone, without evaluation."""
    train: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on the training part, in the epoch that is chosen, or else at the end; so too of the other parts."""
    validation: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    best: Best | None = None
    """The epoch that is chosen by what ``train best=`` names, with its weights; None where there is no validation part."""
    ended: str = ""
    """Why training ended before its last epoch: ``patience``, ``asked``, by who is told of the epochs, or ``interrupted``."""
    diverged: Divergence | None = None
    """Where the loss was no longer a number; then nothing is measured at the end."""
    tables: dict[str, list[list[float]]] = field(default_factory=dict)
    """Metrics that are tables, such as confusion, on the test part, or on the training part where there is none."""
    fold: tuple[int, int] | None = None
    """Of a cross-validation: which fold was the test part, from 0, of how many."""

    @property
    def turn(self) -> Turn:
        """What it is a training of."""
        return Turn(self.seed, self.fold)

    def __len__(self) -> int:
        return len(self.epochs)

    @overload
    def __getitem__(self, index: int) -> Epoch: ...

    @overload
    def __getitem__(self, index: slice) -> list[Epoch]: ...

    def __getitem__(self, index: int | slice) -> Epoch | list[Epoch]:
        return self.epochs[index]

    @property
    def us_per_step(self) -> float:
        """Microseconds a step, in training alone."""
        return 1e6 * self.seconds / self.steps if self.steps else 0.0

    def __repr__(self) -> str:
        count = f"{len(self)} epoch{'s' * (len(self) != 1)}"
        end = f", diverged in {self.diverged}" if self.diverged is not None else ""
        if self.epochs:
            last = self.epochs[-1]
            end = f": {_measures(last.loss, self.validation or last.validation, self.test or last.test)}{end}"
        return f"<History of {count}, {self.turn}{end}>"

    def _repr_html_(self) -> str:
        """What notebooks show: the curves."""
        from lampc.draw.chart import Line, lines

        numbers = [epoch.epoch for epoch in self.epochs]
        found = {name: Line(self._part, list(by_epoch), list(by_epoch.values())) for name, by_epoch in self._curves.items()}
        losses = [Line("train", numbers, [epoch.loss for epoch in self.epochs]), *([found["loss"]] if "loss" in found else [])]
        charts = [lines("loss", losses, ("epoch", ""))]
        charts += [lines(name, [line], ("epoch", "")) for name, line in found.items() if name != "loss"]
        return f'<div style="display:flex;flex-wrap:wrap;gap:1rem">{"".join(charts)}</div>'

    @property
    def _part(self) -> str:
        """The part that the epochs were measured on."""
        return "validation" if any(epoch.validation for epoch in self.epochs) else "test"

    @property
    def _curves(self) -> dict[str, dict[int, float]]:
        """Each measure of that part, by epoch."""
        found: dict[str, dict[int, float]] = {}
        for epoch in self.epochs:
            for name, value in epoch.held_out.items():
                found.setdefault(name, {})[epoch.epoch] = value
        return found

    def plot(self) -> Any:
        """The curves as a matplotlib figure.

        Raises:
            LampError: if matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise failure("E508", "plotting needs matplotlib", 'pip install "lampc[plot]"') from None
        curves = self._curves
        names = [name for name in curves if name != "loss"]
        figure = Figure(figsize=(5 * (1 + bool(names)), 3.5), layout="constrained")
        axes = figure.subplots(1, 1 + bool(names), squeeze=False)[0]
        axes[0].plot([epoch.epoch for epoch in self.epochs], [epoch.loss for epoch in self.epochs], label="train")
        if "loss" in curves:
            axes[0].plot(*_points(curves["loss"]), label=self._part)
        axes[0].set(xlabel="epoch", ylabel="loss")
        axes[0].legend()
        if names:
            for name in names:
                axes[1].plot(*_points(curves[name]), label=f"{self._part} {name}")
            axes[1].set(xlabel="epoch")
            axes[1].legend()
        return figure


def _measures(loss: float, validation: dict[str, float], test: dict[str, float]) -> str:
    """A loss, and what was measured of the parts that are held out, in a line."""
    parts = {"": {"loss": loss}, "validation ": validation, "test ": test}
    shown = [part + ", ".join(f"{name} {value:.4g}" for name, value in found.items()) for part, found in parts.items() if found]
    return "; ".join(shown)


def _points(curve: dict[int, float]) -> tuple[list[int], list[float]]:
    return list(curve), list(curve.values())
