"""Minibatches: which samples, in which order."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import Dataset, TensorDataset

import lampc
import lampc.compile
from lampc.data import Split

X = torch.arange(23 * 2, dtype=torch.float32).reshape(23, 2)
Y = torch.arange(23, dtype=torch.float32).reshape(23, 1)


def rows(loader: lampc.DataLoader) -> list[int]:
    """The samples of one pass, known by their targets; each target must come with its own sample."""
    seen = []
    for x, y in loader:
        torch.testing.assert_close(x[:, 0], 2 * y[:, 0], check_dtype=False)
        seen += [int(v) for v in y[:, 0]]
    return seen


@pytest.mark.parametrize("batch", [1, 5, 22, 23, 24, 1000])
def test_the_last_partial_batch_is_kept(batch: int) -> None:
    loader = lampc.DataLoader((X, Y), batch=batch)
    sizes = [len(x) for x, _ in loader]
    assert len(loader) == len(sizes)
    assert sum(sizes) == 23
    assert all(size == batch for size in sizes[:-1])
    assert 1 <= sizes[-1] <= batch
    assert rows(loader) == list(range(23))


def test_shuffling_permutes_and_each_pass_has_its_own_order() -> None:
    loader = lampc.DataLoader((X, Y), batch=5, shuffle=True)
    passes = [rows(loader) for _ in range(4)]
    assert all(sorted(order) == list(range(23)) for order in passes)
    assert len({tuple(order) for order in passes}) == 4


def test_the_order_is_the_seeds() -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = lampc.DataLoader((X, Y), batch=4, shuffle=True, seed=seed)
        return [rows(loader) for _ in range(3)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_the_order_does_not_depend_on_the_batch_or_on_torchs_own_generator() -> None:
    torch.manual_seed(1)
    first = rows(lampc.DataLoader((X, Y), batch=4, shuffle=True, seed=9))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert rows(lampc.DataLoader((X, Y), batch=23, shuffle=True, seed=9)) == first
    assert torch.equal(torch.get_rng_state(), state)


def test_arrays_lists_splits_and_datasets_are_taken() -> None:
    class Pairs(Dataset[tuple[list[float], float]]):
        def __len__(self) -> int:
            return 23

        def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
            return X[index], Y[index]

    for data in (
        (X.numpy(), Y.numpy()),
        (X.tolist(), Y.tolist()),
        Split(X.double().numpy(), Y.double().numpy()),
        TensorDataset(X, Y),
        Pairs(),
    ):
        for shuffle in (False, True):
            loader = lampc.DataLoader(data, batch=5, shuffle=shuffle, seed=4)
            wanted = rows(lampc.DataLoader((X, Y), batch=5, shuffle=shuffle, seed=4))
            assert rows(loader) == wanted


def test_a_shuffled_pass_leaves_the_data_alone() -> None:
    x = X.clone()
    list(lampc.DataLoader((x, Y), batch=5, shuffle=True))
    assert torch.equal(x, X)


@pytest.mark.parametrize(
    ("x", "y", "code"),
    [(X, Y[:5], "E605"), (X[:0], Y[:0], "E603"), (torch.tensor(1.0), torch.tensor(2.0), "E605")],
)
def test_samples_without_targets_are_refused(x: torch.Tensor, y: torch.Tensor, code: str) -> None:
    with pytest.raises(lampc.LampError) as caught:
        lampc.DataLoader((x, y))
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_has_at_least_one_sample(batch: int) -> None:
    with pytest.raises(lampc.LampError):
        lampc.DataLoader((X, Y), batch=batch)


PROGRAM = "linear 2->4 xavier; tanh; linear 1; loss mse; optimizer sgd lr=1e-3"


def test_a_model_trains_on_any_loader_of_pairs_alike() -> None:
    program = lampc.compile.text(PROGRAM)
    split = Split(X.double().numpy(), Y.double().numpy())
    loaders = {
        "lampc": lampc.DataLoader((X, Y), batch=5),
        "lampc of a dataset": lampc.DataLoader(TensorDataset(X, Y), batch=5),
        "lampc of a split": lampc.DataLoader(split, batch=5),
        "torch": TorchLoader(TensorDataset(X, Y), batch_size=5),
        "list": list(lampc.DataLoader((X, Y), batch=5)),
        "lists in arrays": [[np.asarray(x), np.asarray(y)] for x, y in lampc.DataLoader((X, Y), batch=5)],
    }
    trained = {}
    for name, loader in loaders.items():
        model = program.model(seed=0)
        history = model.train(loader, epochs=3)
        assert history.steps == 15
        assert len(history) == 3
        trained[name] = model.parameters
    for name, parameters in trained.items():
        for label, p in parameters.items():
            assert torch.equal(p, trained["lampc"][label]), name


def test_a_model_trains_on_a_shuffled_torch_loader() -> None:
    def loss(seed: int) -> float:
        model = lampc.compile.text(PROGRAM).model(seed=0)
        generator = torch.Generator().manual_seed(seed)
        loader = TorchLoader(TensorDataset(X, Y), batch_size=5, shuffle=True, generator=generator)
        return float(model.train(loader, epochs=2)[-1].loss)

    assert loss(1) == loss(1)
    assert loss(1) != loss(2)


@pytest.mark.parametrize("loader", [[], [1], [(X,)], [(X, Y, Y)], [(X[:0], Y[:0])]], ids=str)
def test_a_loader_that_gives_no_pairs_is_refused(loader: object) -> None:
    with pytest.raises(lampc.LampError):
        lampc.compile.text(PROGRAM).model().train(loader, epochs=1)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_batch_beyond_the_data_is_all_of_it(backend: str) -> None:
    source = "linear 2->300; tanh; linear 1\ndata disc train=10 test=7 validation=3\nloss mse\noptimizer adam\n"

    def weights(batch: int) -> list[torch.Tensor]:
        program = lampc.compile.text(f"{source}train epochs=4 batch={batch} shuffle\nschedule cosine")
        model = program.model(backend=backend)
        model.train()
        model(np.zeros((3, 2)))
        return list(model.parameters.values())

    for mine, theirs in zip(weights(10**9), weights(10), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: lampc.DataLoader(None), "not a NoneType"),
        (lambda: lampc.DataLoader("abc"), "not a str"),
        (lambda: lampc.DataLoader((X, Y, X[:, 0].abs(), Y)), "not a tuple of 4"),
        (lambda: lampc.DataLoader((X, Y), shuffle="maybe"), "True or False is wanted, not 'maybe'"),
        (lambda: lampc.SGD(None), "not a NoneType"),
        (lambda: lampc.SGD(["w"]), "not a str"),
        (lambda: lampc.SGD([X], lr="fast"), "`lr`"),
        (lambda: lampc.SGD([X], lr=-1), "below 0"),
    ],
)
def test_what_is_of_the_wrong_type_is_said(wrong: Callable[[], object], said: str) -> None:
    with pytest.raises(lampc.LampError, match=re.escape(said)):
        wrong()


XOR = lampc.compile.text("linear 2->1; sigmoid\ndata xor\nloss mse\ntrain epochs=1")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: XOR.train_many(None), "whole numbers are wanted, `range(8)`, not 'None'"),
        (lambda: XOR.train_many(3), "whole numbers are wanted, `range(8)`, not '3'"),
        (lambda: XOR.train_many([0, "x"]), "a whole number is wanted, not 'x'"),
        (lambda: XOR.to_torch(None), "not a NoneType"),
    ],
)
def test_what_a_program_is_given(wrong: Callable[[], object], said: str) -> None:
    with pytest.raises(lampc.LampError, match=re.escape(said)):
        wrong()
