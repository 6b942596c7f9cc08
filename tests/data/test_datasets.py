"""PyTorch's datasets as data, read as strictly as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

import lampc.compile
from lampc.diagnostics import LampError

MODULE = """
import torch
from torch.utils.data import Dataset, TensorDataset

class Pairs(Dataset):
    def __init__(self, pairs): self.pairs = pairs
    def __len__(self): return len(self.pairs)
    def __getitem__(self, i): return self.pairs[i]

x = torch.arange(20.0).reshape(10, 2)
def numbers(): return TensorDataset(x, x.sum(1, keepdim=True))
def labels(): return Pairs([(row, int(row.sum() > 15)) for row in x])
def two(): return numbers(), TensorDataset(x[:3] + 1, x[:3].sum(1, keepdim=True))
def uneven(): return Pairs([(torch.zeros(2), 0), (torch.zeros(3), 0)])
def alone(): return Pairs([torch.zeros(2)])
def holes(): return TensorDataset(torch.tensor([[0.0, float("nan")]] * 4), torch.zeros(4, 1))
def empty(): return Pairs([])
"""


def program(folder: Path, function: str, loss: str = "mse", width: int = 1) -> lampc.compile.Program:
    (folder / "torchdata.py").write_text(MODULE)
    source = f'linear {width}\ndata python "torchdata:{function}" split=0.7\nloss {loss}\ntrain epochs=1 batch=2'
    return lampc.compile.text(source, folder=folder, allow_python=True)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "torchdata", raising=False)


def test_numbers_and_labels(tmp_path: Path) -> None:
    data = program(tmp_path, "numbers").data()
    assert (len(data.train), len(data.test)) == (7, 3)
    assert data.description.input == (2,)
    compiled = program(tmp_path, "labels", "crossentropy", 2)
    assert compiled.data().description.classes == ("0", "1")
    assert compiled.model().train().steps == 4


def test_a_pair_is_training_and_test_data(tmp_path: Path) -> None:
    data = program(tmp_path, "two").data()
    assert (len(data.train), len(data.test)) == (10, 3)
    assert data.test.x[:].tolist()[0] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("uneven", "sample 1 .* has shape"),
        ("alone", "sample 0 .* is no pair"),
        ("holes", "x has nan in row"),
        ("empty", "no samples"),
    ],
)
def test_what_cannot_be_trained_on_is_named(function: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LampError, match=message):
        program(tmp_path, function)
