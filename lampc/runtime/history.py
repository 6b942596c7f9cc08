"""What a training run leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lampc.diagnostics import failure

if TYPE_CHECKING:
    from lampc.runtime.course import Best


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data."""

    epoch: int
    """From 1."""
    loss: float
    """The mean loss of the pass, while the parameters moved."""
    seconds: float
    """Training alone, without evaluation."""
    test: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on held-out data afterwards."""


@dataclass
class History(Sequence[Epoch]):
    """The epochs in order, and what the run measured at its end."""

    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    """Training alone, without evaluation."""
    train: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on the training data at the end."""
    test: dict[str, float] = field(default_factory=dict)
    """Loss and metrics on held-out data at the end."""
    best: Best | None = None
    """The epoch that is the best by what ``train best=`` names, with its weights."""
    tables: dict[str, list[list[float]]] = field(default_factory=dict)
    """Metrics that are tables, such as confusion, on held-out data at the end, or on the training data where none are."""

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, index: Any) -> Any:
        return self.epochs[index]

    @property
    def us_per_step(self) -> float:
        """Microseconds a step."""
        return 1e6 * self.seconds / self.steps if self.steps else 0.0

    def _repr_html_(self) -> str:
        """What notebooks show: the curves."""
        from lampc.draw.chart import Line, lines

        numbers = [epoch.epoch for epoch in self.epochs]
        measured = [epoch for epoch in self.epochs if epoch.test]
        names = list(measured[-1].test) if measured else []
        tests = {n: Line("test", [e.epoch for e in measured if n in e.test], [e.test[n] for e in measured if n in e.test])
                 for n in names}  # fmt: skip
        losses = [Line("train", numbers, [epoch.loss for epoch in self.epochs]), *([tests["loss"]] if "loss" in tests else [])]
        charts = [lines("loss", losses, ("epoch", ""))]
        charts += [lines(name, [line], ("epoch", "")) for name, line in tests.items() if name != "loss"]
        return f'<div style="display:flex;flex-wrap:wrap;gap:1rem">{"".join(charts)}</div>'

    def plot(self) -> Any:
        """The curves as a matplotlib figure.

        Raises:
            LampError: if matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise failure("E508", "plotting needs matplotlib", 'pip install "lampc[plot]"') from None
        measured = [epoch for epoch in self.epochs if epoch.test]
        names = [name for name in (measured[-1].test if measured else {}) if name != "loss"]
        figure = Figure(figsize=(5 * (1 + bool(names)), 3.5), layout="constrained")
        axes = figure.subplots(1, 1 + bool(names), squeeze=False)[0]
        axes[0].plot([epoch.epoch for epoch in self.epochs], [epoch.loss for epoch in self.epochs], label="train")
        numbers = [epoch.epoch for epoch in measured]
        if measured:
            axes[0].plot(numbers, [epoch.test["loss"] for epoch in measured], label="test")
        axes[0].set(xlabel="epoch", ylabel="loss")
        axes[0].legend()
        if names:
            for name in names:
                axes[1].plot(numbers, [epoch.test[name] for epoch in measured], label=f"test {name}")
            axes[1].set(xlabel="epoch")
            axes[1].legend()
        return figure
