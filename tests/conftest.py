"""What all tests share: golden files, and one thread, so that runs do not disturb one another."""

from __future__ import annotations

import gc
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

TESTS = Path(__file__).parent
ROOT = TESTS.parent

QUICK = ("diagnostics", "elaborate", "syntax")
"""The folders of `pytest -m quick`: what each stage says of small programs, in less than a minute on two cores."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew; review the diff")


def _part(path: Path) -> str:
    """The part of the tests that a path is in; "" for one outside, and for them all."""
    return path.relative_to(TESTS).parts[0] if TESTS in path.parents else ""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """By `-m quick` other parts' files are not even imported."""
    return True if config.option.markexpr == "quick" and _part(collection_path) not in ("", *QUICK) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is in these folders is quick, unless it is long."""
    for item in items:
        if _part(item.path) in QUICK and item.get_closest_marker("long") is None:
            item.add_marker("quick")


def pytest_collection_finish() -> None:
    """The collector need not look at all that PyTorch and the tests brought: a tenth of the time."""
    gc.collect()
    gc.freeze()


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
