"""A program with parameters: it predicts, gives gradients, and trains."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lampc.data.rows import Rows
from lampc.diagnostics import failure
from lampc.elaborate.settings import number
from lampc.ir.keys import Grad
from lampc.ir.program import Routine
from lampc.layers.schedules import CLOCK, PASS
from lampc.layers.signature import Refused
from lampc.runtime.asked import SEEDS, whole
from lampc.runtime.chunks import CHUNK, STORED
from lampc.runtime.device import device_of
from lampc.runtime.executor import run
from lampc.runtime.loader import weighing
from lampc.runtime.machine import Machine, exclusive
from lampc.runtime.measure import measure
from lampc.runtime.storage import DTYPES, read_weights
from lampc.runtime.summary import Summary, summary
from lampc.runtime.weights import Loaded, duplicate, load_state, plain_weights

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.data import Dataset
    from lampc.runtime.history import Epoch, History, Part


class Model(Machine):
    """Parameters and what can be done with them. ``parameters`` are real tensors, to read and to write in place.

    Samples, targets and predictions are such as the network is trained on, as ``program.data()`` has them. Where those
    targets are standardised, ``unit`` says by what, once training has begun: ``model.unit.own(model(x))`` are predictions in
    the targets' own unit, and what ``evaluate`` and ``train`` tell is in it. Before, it is None.

    Any number of threads may call one model; each waits for its turn. While one trains, others have theirs between two
    spells of it, a few times a second.
    """

    def __init__(self, program: Program, seed: int | None = None, device: str | None = None,
                 backend: str | None = None) -> None:  # fmt: skip
        if "loss" in program.whole.outputs:
            program.check_gradients()
        super().__init__(program, seed, device, backend)
        elaborated = program.elaborated
        self._begin = read_weights(elaborated.weights, elaborated.kept) if elaborated.weights is not None else None
        self.reset(self.seed)

    @property
    def parameters(self) -> OrderedDict[str, Tensor]:
        """Parameters by name, in the order in which they were declared: ``linear1.weight`` [out, in], …"""
        return self.storage.by_name

    @exclusive
    def reset(self, seed: int) -> None:
        """Begin anew from a seed, and with the weights of ``train weights=``, if there are such.

        Raises:
            LampError: if it is no seed.
        """
        self.seed = seed = whole("seed", seed, most=SEEDS)
        self.unit = None
        self.storage.initialise(self.program.parameters, seed)
        if self._begin is not None:
            self.storage.fill(self._begin)
        self.random.seed(seed)

    @exclusive
    def set(self, **settings: float) -> None:
        """Change the optimiser's numbers, such as ``lr``, and layers', such as ``dropout1.rate``, without recompiling.

        Raises:
            LampError: if there is no such setting, or it does not take the value; then none is changed.
        """
        for name, value in settings.items():
            known = [label for label in self.storage.settings if label not in (*CLOCK, PASS)]
            if name not in known:
                raise failure("E801", f"there is no setting `{name}`", f"there are {', '.join(known)}")
            try:
                self.program.setting(name).kind.convert(number(value))
            except Refused as refused:
                raise failure(refused.code, f"`{name}`: {refused}") from None
        self.storage.set(settings)

    @exclusive
    def state_dict(self) -> OrderedDict[str, Tensor]:
        """A copy of the weights by name: parameters, ``linear1.weight`` [out, in], and what layers keep, such as running means.

        It has the names that ``lampc.nn.Lamp`` and PyTorch source have. The optimiser's state is in ``save`` alone.
        """
        self._sync()
        return OrderedDict((name, tensor.detach().clone()) for name, tensor in plain_weights(self).items())

    @exclusive
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Loaded:
        """Take the weights of ``state_dict`` by name, tensors or arrays of the same shapes, [out, in] and so on; all or none.

        The optimiser's state stays. With ``strict=False`` names may differ; the answer says which.

        Raises:
            LampError: if a shape differs, or, where ``strict``, a name is missing or unknown.
        """
        found = load_state(self, state_dict, strict)
        self._current = None
        return found

    @exclusive
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that it is into one safetensors file: its program's text, weights, the optimiser's state, random numbers.

        ``lampc.load(path)`` makes the model again, and training goes on as it would have; ``program.load(path)`` gives
        the weights to a program of the same network.

        Raises:
            LampError: if the file cannot be written; then an older one is as it was.
        """
        from lampc.runs.saved import save

        self._sync()
        save(self, path)

    @exclusive
    def to(self, device: str | torch.device) -> Model:
        """Move to a device, ``cpu``, ``cuda`` or ``cuda:1``, with gradients and the optimiser's state; the model itself.

        ``parameters`` are other tensors from then on.

        Raises:
            LampError: if there is no such device, or the backend that was asked for does not run there.
        """
        place = device_of(str(device))
        if place != self.device:
            self._sync()
            other = Model(self.program, self.seed, str(place), self.wanted)  # whatever may fail has not changed anything
            duplicate(self, other)
            self._become(other)
        return self

    def summary(self) -> Summary:
        """The layers as a table, as ``lampc train`` prints it: each one's output, the shape of a sample, and its parameters."""
        return summary(self.program)

    @exclusive
    def __deepcopy__(self, memo: object) -> Model:
        """Another model that goes on as this one would; the program, which nothing changes, is shared."""
        self._sync()
        other = Model(self.program, self.seed, str(self.device), self.wanted)
        duplicate(self, other)
        if self._runner is not None:
            other.share(self._runner.threads)
        return other

    @exclusive
    def __reduce__(self) -> tuple[Any, ...]:
        """As a pickle has it: the bytes of ``save``, in which nothing is code."""
        from lampc.runs.saved import encode, unpickled

        self._sync()
        return unpickled, (encode(self), str(self.device), self.wanted, str(self.program.elaborated.given.folder.absolute()))

    def __repr__(self) -> str:
        where = "" if self.device.type == "cpu" else f" on {self.device}"
        return f"<Model of {self.program.outline}, {self.backend.name}{where}, seed {self.seed}>"

    @torch.no_grad()
    @exclusive
    def __call__(self, x: Any) -> Tensor:
        """Predictions [n, …] for samples ``x`` [n, …sample], without dropout: the network's own numbers, whatever ``unit`` is.

        Raises:
            LampError: if the samples are not such as the network takes.
        """
        if isinstance(x, Rows):
            return torch.cat([self(x[start : start + STORED]) for start in range(0, len(x), STORED)])
        x = self._input(x)
        runner = self.native("prediction")
        return runner.predict(x) if runner is not None else self._predict(self.program.predicting, x)

    @torch.no_grad()
    @exclusive
    def value(self, label: str, x: Any) -> Tensor:
        """A value that the file names with `as`, [n, …] for samples ``x`` [n, …sample], as in prediction: a code, say.

        Of a name in the copies of a body, ``h[2]`` is the second value. What nothing trains is as it began.

        Raises:
            LampError: if there is none of that name, or the samples are not such as the network takes.
        """
        labels = self.program.elaborated.labels
        if not isinstance(label, str) or label not in labels:
            copies = sum(name.startswith(f"{label}[") for name in labels)
            if copies:
                raise failure("E203", f"`{label}` names {copies} values, one in each copy of a body",
                              f"say which: `{label}[1]` to `{label}[{copies}]`, in the order of the file")  # fmt: skip
            known = ", ".join(labels)
            raise failure("E203", f"the file names no value `{label}`", f"there are {known}" if known else "name one with `as`")
        routine = self.program.valued(label)
        self.storage.complete(routine, self.seed, self._begin or {})
        return self._predict(routine, self._input(x))

    def _predict(self, routine: Routine, x: Tensor) -> Tensor:
        parts = []
        for chunk in torch.split(x, CHUNK):
            executor = self.executor(routine, len(chunk))
            executor.fill(chunk)
            run(executor.forward)
            parts.append(executor.outputs["prediction"].clone())
        type = routine.slots[routine.outputs["prediction"]].type
        return torch.cat(parts) if parts else torch.empty((0, *type.sample), dtype=DTYPES[type.dtype], device=self.device)

    @torch.no_grad()
    @exclusive
    def forward(self, x: Any) -> Tensor:
        """Predictions [n, …] for a minibatch ``x`` [n, …sample] as in training: with dropout.

        Raises:
            LampError: if the samples are not such as the network takes.
        """
        x = self._input(x)
        executor = self.executor(self.program.training, len(x))
        executor.fill(x)
        run(executor.predict)
        self.random.number += 1
        return executor.outputs["prediction"].clone()

    @torch.no_grad()
    @exclusive
    def loss(self, x: Any, y: Any, weight: Any = None) -> Tensor:
        """The loss of a minibatch, x [n, …sample] and y [n, …target] or labels [n]: a tensor [] without axes; of the network's
        own numbers, whatever ``unit`` is.

        With ``weight`` [n], numbers of 0 and more, each sample counts as much as it weighs: Σ w·l / Σ w.

        ``backward()`` then differentiates it.

        Raises:
            LampError: if there is no loss, or samples, targets or weights are not such as it takes.
        """
        self._needs_loss()
        x = self._input(x)
        batch = self.minibatch(x, y, None if weight is None else weighing(weight, len(x), scaled=False))
        executor = self.executor(self.weighed(batch.w).training, len(x))
        executor.fill(*batch)
        run(executor.forward)
        self.random.number += 1
        self._current, self._asked = executor, get_ident()
        return executor.outputs["loss"].clone()

    @torch.no_grad()
    @exclusive
    def backward(self) -> None:
        """Add the gradients of the last ``loss(x, y)`` to each parameter's ``grad``, which has the parameter's shape.

        Raises:
            RuntimeError: if this thread has not just called that.
        """
        executor = self._current
        if executor is None or self._asked != get_ident():
            raise RuntimeError("call model.loss(x, y) before model.backward(), with no other call between, in any thread")
        run(executor.backward)
        self._current = None
        for name, parameter in self.parameters.items():
            gradient = executor.outputs.get(Grad(name))
            if gradient is None:
                continue
            if parameter.grad is None:
                parameter.grad = gradient.clone()
            else:
                parameter.grad.add_(gradient)

    @torch.no_grad()
    @exclusive
    def gradients(self, x: Any, y: Any, weight: Any = None) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss [] of a minibatch, x [n, …sample], y [n, …target], and each gradient, of its parameter's shape.

        ``weight`` [n] as in ``loss``.

        Raises:
            LampError: if there is no loss, or samples, targets or weights are not such as it takes.
        """
        loss = self.loss(x, y, weight)
        executor, self._current = self._current, None
        assert executor is not None
        run(executor.backward)
        gradients = {}
        for name, parameter in self.parameters.items():
            gradient = executor.outputs.get(Grad(name))
            gradients[name] = torch.zeros_like(parameter) if gradient is None else gradient.clone()
        return loss, gradients

    @torch.no_grad()
    @exclusive
    def evaluate(self, x: Any, y: Any, weight: Any = None) -> dict[str, float]:
        """The loss and the program's metrics on samples ``x`` [n, …sample] with targets ``y`` [n, …target] or labels [n].

        They are measured as if they were one minibatch, without dropout; accuracy is a share, from 0 to 1. Where the model has
        a ``unit``, ``y`` is standardised, and what is answered is in that unit. With ``weight`` [n] each sample counts in the
        loss as much as it weighs; in metrics all count alike.

        Raises:
            LampError: if there is nothing to measure, no sample, or none but such as the loss ignores; or samples or targets
                are not such as the network takes.
        """
        return self.measured(x, y, weight=weight)[0]

    @torch.no_grad()
    @exclusive
    def measured(self, x: Any, y: Any, known: bool = False,
                 weight: Any = None) -> tuple[dict[str, float], dict[str, list[list[float]]]]:  # fmt: skip
        """What ``evaluate`` and ``tables`` give, of one pass over samples ``x`` [n, …sample] and targets ``y`` [n, …target].

        ``known``: they have been measured before as they are, and are not looked at again.

        Raises:
            LampError: as ``evaluate``.
        """
        self._needs_loss()
        loss, metrics = measure(self, x, y, known, weight)
        numbers = {"loss": loss, **{metric.name: metric.result(state) for metric, state in metrics if not metric.table}}
        return numbers, {metric.name: metric.table(state) for metric, state in metrics if metric.table}

    @torch.no_grad()
    @exclusive
    def tables(self, x: Any, y: Any) -> dict[str, list[list[float]]]:
        """Metrics that are tables, such as confusion [classes, classes], on samples ``x`` [n, …sample], targets ``y`` [n, …].

        Raises:
            LampError: as ``evaluate``, where there are such metrics.
        """
        if not len(x) or not any(metric.table for metric in self.program.metrics):
            return {}
        return self.measured(x, y)[1]

    def train(self, loader: Any = None, epochs: int | None = None, evaluate: bool = True,
              on_epoch: Callable[[Epoch], object] | None = None, data: Dataset | None = None, every: float = 0.0,
              measure: int = 0, watch: bool = True, *, on_part: Callable[[Part], object] | None = None) -> History:  # fmt: skip
        """Train, from where the parameters are; see ``lampc.runtime.train.train``.

        ``loader`` is a ``DataLoader``, a torch one, or anything that goes over pairs of x [n, …sample] and y [n, …target];
        the program's own data where it is left out. ``on_epoch`` is called with each ``Epoch``, and training ends where it
        answers ``False``; ``on_part`` is called a few times a second with a ``Part`` of an epoch that takes longer than that.
        An exception that either of them raises, or Ctrl-C, leaves the model as it has been trained by then.
        ``every`` is the least time between two measurements, in seconds. The logger ``lampc`` is told of each epoch (INFO),
        and of what will not mend itself (WARNING).

        Raises:
            LampError: if there is no loss or no data, or samples or targets are not such as the network takes.
        """
        from lampc.runtime.train import train

        return train(self, loader, epochs, evaluate, on_epoch, data, every, measure=measure, watch=watch,
                     on_part=on_part)  # fmt: skip
