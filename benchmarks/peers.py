"""The same training by others. Each function trains once, on given data, and returns seconds and a test accuracy.

What is compiled is compiled before the clock starts: each contender is called once to warm up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class Job:
    """A network and how it is trained."""

    sizes: tuple[int, ...]
    hidden: str
    """``tanh`` or ``relu``."""
    classes: bool
    """Cross-entropy over classes, or squared errors of one sigmoid."""
    lr: float
    momentum: float
    epochs: int
    batch: int

    def steps(self, samples: int) -> int:
        """Minibatches in all."""
        return self.epochs * -(-samples // self.batch)


Array = NDArray[Any]
Data = tuple[Array, Array, Array, Array]
"""Samples and targets to train on, and to test on."""
Train = Callable[[Job, Data, int], tuple[float, float]]


def _torch_network(job: Job) -> nn.Sequential:
    layers: list[nn.Module] = []
    last = len(job.sizes) - 2
    for number, (before, after) in enumerate(pairwise(job.sizes)):
        linear = nn.Linear(before, after)
        gain = 1.0 if number == last else nn.init.calculate_gain(job.hidden)  # type: ignore[arg-type]
        nn.init.xavier_normal_(linear.weight, gain=gain)
        nn.init.zeros_(linear.bias)
        layers.append(linear)
        if number < last:
            layers.append(nn.Tanh() if job.hidden == "tanh" else nn.ReLU())
    return nn.Sequential(*layers, *([] if job.classes else [nn.Sigmoid()]))


def _accuracy(prediction: Array, y: Array, classes: bool) -> float:
    right = prediction.argmax(1) == y if classes else (prediction > 0.5) == (y > 0.5)
    return float(right.mean())


def _torch(job: Job, data: Data, seed: int, wrap: Callable[[Any], Any]) -> tuple[float, float]:
    torch.manual_seed(seed)
    x, y, x_test, y_test = map(torch.as_tensor, data)
    net = _torch_network(job)
    optimizer = torch.optim.SGD(net.parameters(), lr=job.lr, momentum=job.momentum)
    loss = nn.CrossEntropyLoss() if job.classes else nn.MSELoss()

    def forward(samples: Tensor, targets: Tensor) -> Tensor:
        result: Tensor = loss(net(samples), targets)
        return result

    forward = wrap(forward)
    size = len(x) - len(x) % job.batch or len(x)
    forward(x[: job.batch], y[: job.batch]).backward()  # compiled now, if it is
    assert size == len(x), "a partial batch would be compiled for on its own"
    begin = time.perf_counter()
    for _ in range(job.epochs):
        for chosen in torch.randperm(len(x)).split(job.batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            forward(x[chosen], y[chosen]).backward()
            optimizer.step()
    seconds = time.perf_counter() - begin
    with torch.no_grad():
        return seconds, _accuracy(net(x_test).numpy(), y_test.numpy(), job.classes)


def eager(job: Job, data: Data, seed: int) -> tuple[float, float]:
    """Plain PyTorch: modules, autograd, SGD."""
    return _torch(job, data, seed, lambda forward: forward)


def compiled(job: Job, data: Data, seed: int) -> tuple[float, float]:
    """The same through torch.compile."""
    return _torch(job, data, seed, torch.compile)


@cache
def _jax_epoch(job: Job) -> Any:
    """An epoch as one jitted scan over minibatches."""
    import jax
    import jax.numpy as jnp

    act = jnp.tanh if job.hidden == "tanh" else jax.nn.relu

    def predict(params: Any, x: Any) -> Any:
        for w, b in params[:-1]:
            x = act(x @ w + b)
        w, b = params[-1]
        return x @ w + b if job.classes else jax.nn.sigmoid(x @ w + b)

    def loss(params: Any, x: Any, y: Any) -> Any:
        p = predict(params, x)
        if job.classes:
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(p), y[:, None], axis=1))
        return jnp.mean((p - y) ** 2)

    def step(carry: Any, minibatch: Any) -> tuple[Any, None]:
        params, velocity = carry
        grads = jax.grad(loss)(params, *minibatch)
        velocity = jax.tree.map(lambda v, g: job.momentum * v + g, velocity, grads)
        params = jax.tree.map(lambda p, v: p - job.lr * v, params, velocity)
        return (params, velocity), None

    def epoch(carry: Any, x: Any, y: Any, key: Any) -> Any:
        order = jax.random.permutation(key, len(x)).reshape(-1, job.batch)
        return jax.lax.scan(step, carry, (x[order], y[order]))[0]

    def run(carry: Any, x: Any, y: Any, keys: Any) -> Any:
        return jax.lax.scan(lambda c, key: (epoch(c, x, y, key), None), carry, keys)[0]

    return jax.jit(run), jax.jit(jax.vmap(run)), predict


def _jax_start(job: Job, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    params = []
    for number, (before, after) in enumerate(pairwise(job.sizes)):
        gain = 1.0 if number == len(job.sizes) - 2 else nn.init.calculate_gain(job.hidden)  # type: ignore[arg-type]
        spread = gain * (2 / (before + after)) ** 0.5
        params.append((rng.normal(0, spread, (before, after)).astype(np.float32), np.zeros(after, np.float32)))
    return params, [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]


def jax_scan(job: Job, data: Data, seed: int) -> tuple[float, float]:
    """JAX: the whole training jitted, a scan over epochs of scans over minibatches."""
    import jax

    run, _, predict = _jax_epoch(job)
    keys = jax.random.split(jax.random.key(seed), job.epochs)
    start = _jax_start(job, seed)
    run.lower(start, *data[:2], keys).compile()
    jax.block_until_ready(run(start, *data[:2], keys)) if job.epochs <= 2 else None
    begin = time.perf_counter()
    params, _ = jax.block_until_ready(run(start, *data[:2], keys))
    seconds = time.perf_counter() - begin
    return seconds, _accuracy(np.asarray(predict(params, data[2])), data[3], job.classes)


def jax_vmap(job: Job, data: Sequence[Data], seeds: Sequence[int]) -> tuple[float, float]:
    """Many JAX runs at once, vmapped."""
    import jax

    _, run, predict = _jax_epoch(job)
    keys = jax.numpy.stack([jax.random.split(jax.random.key(seed), job.epochs) for seed in seeds])
    start = jax.tree.map(lambda *parts: np.stack(parts), *[_jax_start(job, seed) for seed in seeds])
    x, y = (np.stack([one[part] for one in data]) for part in (0, 1))
    jax.block_until_ready(run(start, x, y, keys))
    begin = time.perf_counter()
    params, _ = jax.block_until_ready(run(start, x, y, keys))
    seconds = time.perf_counter() - begin
    every = [jax.tree.map(lambda p, i=index: p[i], params) for index in range(len(seeds))]
    found = [_accuracy(np.asarray(predict(p, one[2])), one[3], job.classes) for p, one in zip(every, data, strict=True)]
    return seconds, float(np.mean(found))


def sklearn(job: Job, data: Data, seed: int) -> tuple[float, float]:
    """Scikit-learn's MLP: a regressor with an identity output where there are no classes."""
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPClassifier if job.classes else MLPRegressor
    model = kind(hidden_layer_sizes=job.sizes[1:-1], activation=job.hidden, solver="sgd", learning_rate_init=job.lr,
                 momentum=job.momentum, nesterovs_momentum=False, alpha=0.0, batch_size=job.batch, max_iter=job.epochs,
                 tol=0.0, n_iter_no_change=job.epochs + 1, random_state=seed)  # fmt: skip
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(data[0], data[1] if job.classes else data[1][:, 0])
    seconds = time.perf_counter() - begin
    found = model.predict(data[2])
    right = found == data[3] if job.classes else (found > 0.5) == (data[3][:, 0] > 0.5)
    return seconds, float(np.mean(right))
