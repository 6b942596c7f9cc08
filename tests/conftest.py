"""What all tests share: golden files, and one thread, so that runs do not disturb one another."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from golden_files import GOLDEN, Golden

torch.set_num_threads(1)
os.environ["LAMPC_VERIFY"] = "1"  # what each pass promises is held, in subprocesses too

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a script runs in the background; tests send it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew; review the diff")


@pytest.fixture(scope="session", autouse=True)
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled code and runs are kept for the session alone, for subprocesses too."""
    os.environ["LAMPC_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["LAMPC_RUNS"] = str(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with a file below tests/golden, or writes it with --update-golden."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{name} is missing: run pytest --update-golden"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def models() -> Path:
    """The folder of sample experiments."""
    return ROOT / "models"
