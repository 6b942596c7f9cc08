"""The wheel, and an environment that has nothing of lampc but it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation: the build backend is a dependency of the tests, and nothing need be downloaded.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; what it depends on is the outer environment's."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    found = subprocess.run([sys.executable, "-c", "import site; print(site.getsitepackages()[0])"],
                           check=True, capture_output=True, text=True).stdout.strip()  # fmt: skip
    inner = next(folder.glob("lib*/python*/site-packages")) if os.name != "nt" else folder / "Lib" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(inner)
    # Of the outer environment everything but an editable lampc, whose finder `.pth` files are not run here.
    (inner / "outer.pth").write_text(found + "\n")
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
