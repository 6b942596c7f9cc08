"""Commands that need little import little: what they never import is slow to, and whoever looks waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

from lampc.cli import run

TRAINING = {"torch", "llvmlite", "safetensors"}
TABLES = {"pyarrow", "lampc.table.read"}
LANGUAGE = {"lark", "lampc.compile", "lampc.ops"}
SHOWN = {"rich"}
GRAPHS = {"networkx"}

NEVER = {
    "--help": TRAINING | TABLES | LANGUAGE | SHOWN | GRAPHS | {"numpy", "lampc.cli.train"},
    "--version": TRAINING | TABLES | LANGUAGE | SHOWN | GRAPHS | {"numpy"},
    "explain E401": TRAINING | TABLES | LANGUAGE | SHOWN | GRAPHS | {"numpy"},
    "runs": TRAINING | TABLES | LANGUAGE | GRAPHS | {"numpy"},
    "runs --json": TRAINING | TABLES | LANGUAGE | SHOWN | GRAPHS | {"numpy"},
    "compare tiny/1 tiny/2": TRAINING | TABLES | LANGUAGE | SHOWN | GRAPHS | {"numpy"},
    "check disc": TRAINING | TABLES | SHOWN | GRAPHS,
    "check iris": TRAINING | GRAPHS,  # of a table it draws one, by rich
    "ops disc": TRAINING | TABLES | SHOWN | GRAPHS,
    "ops iris --json": TRAINING | SHOWN | GRAPHS,
    "graph disc": TRAINING | TABLES | SHOWN | GRAPHS,
    "graph iris --dot": TRAINING | SHOWN | GRAPHS,
    "graph iris --svg --backward": TRAINING | SHOWN | GRAPHS,
}
"""By command, what it is done without."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two runs are kept."""
    place = tmp_path_factory.mktemp("little")
    (place / "tiny.lamp").write_text("linear 2->3 xavier; tanh; linear 1\ndata disc train=20 test=20\nloss mse\ntrain epochs=1")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("LAMPC_RUNS", raising=False)
        for epochs in (1, 2):
            assert run(["train", "tiny.lamp", "-q", "--set", f"epochs={epochs}"]) == 0
    return place


@pytest.mark.parametrize("command", NEVER)
def test_what_needs_little_imports_little(command: str, folder: Path) -> None:
    script = (
        "import sys\nfrom lampc.cli import run\n"
        f"status = run({command.split()!r})\n"
        f"print('imported:', *sorted({NEVER[command]!r} & set(sys.modules)), file=sys.stderr)\nsys.exit(status)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "LAMPC_RUNS"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.returncode, done.stderr.strip()) == (0, "imported:")
    assert done.stdout
