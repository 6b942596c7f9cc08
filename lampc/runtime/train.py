"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from lampc.data import DataError, Dataset
from lampc.diagnostics import LampError, Problems
from lampc.layers.schedules import CLOCK
from lampc.runtime.backend import Runner
from lampc.runtime.executor import Executor
from lampc.runtime.history import Epoch, History
from lampc.runtime.loader import DataLoader
from lampc.runtime.threads import one_thread_if_small

if TYPE_CHECKING:
    from lampc.compile import Program
    from lampc.runtime.model import Model


class OnEpoch(Protocol):
    """Told after every epoch."""

    def __call__(self, epoch: Epoch, /) -> object: ...


def train(model: Model, loader: Any = None, epochs: int | None = None, evaluate: bool = True,
          on_epoch: OnEpoch | None = None, data: Dataset | None = None, every: float = 0.0) -> History:  # fmt: skip
    """Train a model from where its parameters are, and measure it on the program's data.

    Args:
        model: Changed in place.
        loader: What to train on; the program's own data where left out.
        epochs: How often to go over it; as the program says where left out.
        evaluate: Whether to measure held-out data on the way, not only at the end.
        on_epoch: Told of each epoch.
        every: At least so many seconds from one measurement to the next; 0: after each epoch. Where it is more, several
            epochs may run without a break, and ``on_epoch`` is told of them together.
        data: The program's data, if it has been loaded already.

    Raises:
        LampError: if there is no loss or nothing to train on, or once the loss is no longer a number.
    """
    program = model.program
    settings = program.experiment.train
    _check(program, loader)
    if loader is None or data is not None or program.experiment.data is not None:
        data = data if data is not None else load_data(program, model.seed)
    if loader is None:
        assert data is not None
        loader = DataLoader(data.train, settings.batch, settings.shuffle, seed=model.seed)
    epochs = settings.epochs if epochs is None else epochs
    every = every if evaluate else math.inf
    if epochs < 1:
        raise _error("E703", f"{epochs} epochs: there is nothing to train")
    _wind(model, loader, epochs)
    native = model.native("loss")
    if native is not None:
        try:
            return _epochs(model, _native(model, native, loader, on_epoch is not None), epochs, every, on_epoch, data)
        finally:
            native.sync()
    batches = _tensor_batches(model, loader) if isinstance(loader, DataLoader) else None

    def torch_epoch(first: int, count: int) -> list[tuple[float, int]]:
        return [_epoch(model, batches() if batches else _foreign_batches(model, loader), first)]

    size = loader.batch if isinstance(loader, DataLoader) else settings.batch
    with one_thread_if_small(program.training, size):
        return _epochs(model, torch_epoch, epochs, every, on_epoch, data)


def _wind(model: Model, loader: Any, epochs: int) -> None:
    """Tell the schedule, if there is one, how many steps there will be."""
    if not any(name in model.storage.settings for name in CLOCK):
        return
    try:
        steps = len(loader)
    except TypeError:
        raise _error("E703", "the schedule needs the number of steps, and the loader has no length",
                     "pass a loader with a length, or leave `schedule` out") from None  # fmt: skip
    before = model.storage.states["t"].item()
    model.storage.set(dict(zip(CLOCK, (float(epochs * steps), float(steps), before), strict=True)))


Run = Callable[[int, int], list[tuple[float, int]]]
"""Trains for some epochs: given the first's number and at most how many, the mean loss of a sample and the steps of each."""

_SPELL = 0.1
"""Seconds of epochs that run without a break, where nobody asks for more breaks; Ctrl-C waits so long."""


def _epochs(model: Model, run: Run, epochs: int, every: float, on_epoch: OnEpoch | None, data: Dataset | None) -> History:
    history = History(model.seed)
    held_out = model.samples(data.test.x, data.test.y) if data is not None and len(data.test) else None
    at_once, measured_at = 1, -math.inf
    while len(history) < epochs:
        start = time.perf_counter()
        with torch.no_grad():
            found = run(len(history) + 1, min(at_once, epochs - len(history)))
        now = time.perf_counter()
        seconds = (now - start) / len(found)
        if not found[0][1]:
            raise _error("E603", "the loader gave no minibatches")
        if every > 0:  # as many epochs as fit between two breaks, but not many more than have been timed
            at_once = max(1, min(4 * len(found), int(min(every, _SPELL) / max(seconds, 1e-9))))
        last = len(history) + len(found) == epochs
        due = last or (every < math.inf and now - measured_at >= every)
        measured = model.evaluate(*held_out) if held_out is not None and due else {}
        measured_at = now if due else measured_at
        for index, (loss, steps) in enumerate(found):
            history.steps += steps
            history.seconds += seconds
            tests = measured if index == len(found) - 1 else {}
            history.epochs.append(Epoch(len(history) + 1, loss, seconds, tests))
            if on_epoch is not None:
                on_epoch(history.epochs[-1])
    history.test = history.epochs[-1].test
    if data is not None:
        history.train = model.evaluate(data.train.x, data.train.y)
        part = data.test if len(data.test) else data.train
        history.tables = model.tables(part.x, part.y)
    return history


def load_data(program: Program, seed: int | None = None) -> Dataset:
    """The data that the program names, as drawn or split by a seed; the file's own where left out.

    Raises:
        LampError: if it names none, or they cannot be had.
    """
    data = program.experiment.data
    if data is None:
        raise _error("E501", "the program has no `data`", "add a statement such as `data disc train=1000 test=1000`")
    try:
        request = data.request if seed is None else replace(data.request, seed=seed)
        return data.source.load(request)
    except DataError as error:
        problems = Problems()
        problems.report(error.code, str(error), data.span, fixes=error.fixes)
        raise LampError(problems.errors) from None


def _native(model: Model, native: Runner, loader: Any, watched: bool) -> Run:
    """Epochs as machine code; of a loader that is not ours, each minibatch.

    ``watched``: somebody may look at the parameters, or change them, between two calls.
    """
    if not isinstance(loader, DataLoader) or loader.dataset is not None:
        return lambda first, _: [_native_minibatches(model, native, loader, first)]
    x, y = model.samples(loader.x, loader.y)
    x, y = x.contiguous(), y.contiguous()
    native.begin(loader.batch)

    def run(first: int, count: int) -> list[tuple[float, int]]:
        orders = loader.orders(count)
        if watched:
            native.begin(loader.batch)
        totals, failed = native.train(x, y, orders, loader.batch)
        if failed >= 0 or watched:
            native.sync()
        if failed >= 0:
            epoch, start = divmod(failed, len(x))
            chosen = orders[epoch, start : start + loader.batch]
            raise LampError(_nonfinite_at(model, x[chosen], y[chosen], first + epoch, start // loader.batch + 1))
        return [(total / len(x), len(loader)) for total in totals]

    return run


def _native_minibatches(model: Model, native: Runner, loader: Iterable[Any], number: int) -> tuple[float, int]:
    total, samples, steps = 0.0, 0, 0
    for x, y in _pairs(model, loader):
        native.begin(len(x))
        losses, failed = native.train(x, y, None, len(x))
        native.sync()
        steps += 1
        if failed >= 0:
            raise LampError(_nonfinite_at(model, x, y, number, steps))
        total += losses[0]
        samples += len(x)
    return total / max(1, samples), steps


def _nonfinite_at(model: Model, x: Tensor, y: Tensor, epoch: int, step: int) -> tuple[Any, ...]:
    """Run a minibatch again by the op list, to find the op."""
    executor = model.executor(model.program.training, len(x))
    executor.fill(x, y)
    for kernel in executor.forward:
        kernel()
    return _nonfinite(model, executor, executor.outputs["loss"].item(), epoch, step)


Batch = tuple[Executor, Tensor, Tensor]
"""An executor of the right size, and the samples and targets to copy into it."""


def _tensor_batches(model: Model, loader: DataLoader) -> Callable[[], Iterator[Batch]] | None:
    """A maker of minibatches from tensors: each epoch gathers the samples in order once, then goes over views."""
    if loader.dataset is not None:
        return None
    x, y = model.samples(loader.x, loader.y)
    if loader.shuffle:
        shuffled_x, shuffled_y = torch.empty_like(x), torch.empty_like(y)
    else:
        shuffled_x, shuffled_y = x, y
    routine = model.program.training
    chunks = zip(torch.split(shuffled_x, loader.batch), torch.split(shuffled_y, loader.batch), strict=True)
    batches = [(model.executor(routine, len(part)), part, target) for part, target in chunks]

    def epoch() -> Iterator[Batch]:
        order = loader.order()
        if order is not None:
            order = order.to(model.device)
            torch.index_select(x, 0, order, out=shuffled_x)
            torch.index_select(y, 0, order, out=shuffled_y)
        return iter(batches)

    return epoch


def _foreign_batches(model: Model, loader: Iterable[Any]) -> Iterator[Batch]:
    """Minibatches from a torch loader or any other source of pairs."""
    for x, y in _pairs(model, loader):
        yield model.executor(model.program.training, len(x)), x, y


def _pairs(model: Model, loader: Iterable[Any]) -> Iterator[tuple[Tensor, Tensor]]:
    """A loader's minibatches, checked; empty ones are left out."""
    for pair in loader:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise _error("E605", "a loader gives pairs (x, y)")
        x, y = model.samples(*pair)
        if len(x):
            yield x, y


def _epoch(model: Model, batches: Iterator[Batch], number: int) -> tuple[float, int]:
    """One pass: the mean loss of a sample, and the steps taken."""
    if model.device.type != "cpu":
        return _epoch_apart(model, batches, number)
    total, samples, steps = 0.0, 0, 0
    for executor, x, y in batches:
        executor.fill(x, y)
        for kernel in executor.forward:
            kernel()
        loss = executor.outputs["loss"].item()
        steps += 1
        if not math.isfinite(loss):
            raise LampError(_nonfinite(model, executor, loss, number, steps))
        for kernel in executor.backward:
            kernel()
        for kernel in executor.update:
            kernel()
        model.random.number += 1
        total += loss * executor.batch
        samples += executor.batch
    return total / max(1, samples), steps


def _epoch_apart(model: Model, batches: Iterator[Batch], number: int) -> tuple[float, int]:
    """One pass on a device that runs apart: the loss stays there until the end, so that nothing waits for it."""
    total = torch.zeros((), dtype=torch.float64, device=model.device)
    samples = steps = 0
    executor = None
    for executor, x, y in batches:
        executor.fill(x, y)
        for kernel in executor.step:
            kernel()
        model.random.number += 1
        total.add_(executor.outputs["loss"], alpha=executor.batch)
        samples += executor.batch
        steps += 1
    mean = total.item() / max(1, samples)
    if executor is not None and not math.isfinite(mean):
        raise LampError(_nonfinite(model, executor, mean, number, steps))
    return mean, steps


def _nonfinite(model: Model, executor: Executor, loss: float, epoch: int, step: int) -> tuple[Any, ...]:
    """Say where the first number that is none came from, by running the forward list again on the same minibatch."""
    problems = Problems()
    found = executor.first_nonfinite()
    fixes = ["lower the learning rate", "or bound the gradient: `clip=1`"]
    where = f"epoch {epoch}, step {step}"
    train_span = model.program.experiment.train.span
    if isinstance(found, str):
        spans = {name: layer.span for layer in model.program.layers for name, _ in layer.parameters}
        if found in ("x", "y"):
            message, fixes = f"{where}: the loss is {loss}: `{found}` holds a number that is none", ["check the data"]
        else:
            message = f"{where}: the loss is {loss}: the update before it had made `{found}` infinite or NaN"
        problems.report("E701", message, spans.get(found, train_span), fixes=fixes)
    elif found is not None:
        name = f"`{found.op.name}`" + (f" of {found.layer}" if found.layer else "")
        span = found.spans[0] if found.spans else train_span
        problems.report("E701", f"{where}: the loss is {loss}: {name} was the first op to make infinity or NaN", span,
                        "here", fixes=fixes)  # fmt: skip
    else:
        problems.report("E701", f"{where}: the loss is {loss}", train_span, fixes=fixes)
    return problems.errors


def _check(program: Program, loader: Any) -> None:
    if "loss" not in program.whole.outputs:
        raise _error("E501", "the program has no `loss`", "add a statement such as `loss mse`")
    if loader is None and program.experiment.data is None:
        raise _error("E501", "the program has no `data`", "add a statement such as `data disc train=1000 test=1000`",
                     "or pass a loader: `model.train(loader)`")  # fmt: skip


def _error(code: str, message: str, *fixes: str) -> LampError:
    problems = Problems()
    problems.report(code, message, None, fixes=fixes)
    return LampError(problems.errors)
