"""The wheel alone, in an environment of its own and an empty folder: grammar, error pages and models are inside."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import zipfile
from pathlib import Path

import warm

ROOT = Path(__file__).parents[2]


def run(python: Path | list[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LAMPC_RUNS")}
    command = python if isinstance(python, list) else [str(python)]
    return subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LAMPC_RUNS")}
    return subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_what_is_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"lampc/_resources/grammars/lamp.lark", "lampc/_resources/grammars/lamp.json"} <= set(names)
    assert "lampc/_resources/models/disc.lamp" in names
    assert "lampc/_resources/models/iris.csv" in names
    assert "lampc/_resources/docs/errors/E401.md" in names
    assert "lampc/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


def test_it_is_the_wheel_that_runs(python: Path, tmp_path: Path) -> None:
    done = run(
        python, tmp_path, "-c", "import lampc, lampc.resources as r; print(lampc.__file__, r.path('models', 'disc.lamp'))"
    )
    assert str(ROOT) not in done.stdout
    assert done.returncode == 0, done.stderr


def test_every_verb_works_from_an_empty_folder(python: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text(
        "linear 2->4 xavier; tanh; linear 1; sigmoid\ndata disc train=100\nloss bce\ntrain epochs=2"
    )
    for arguments in (["check", "a.lamp"], ["ops", "a.lamp"], ["graph", "a.lamp", "--svg"], ["explain", "E401"]):
        done = run(python, tmp_path, "-m", "lampc", *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    done = run(python, tmp_path, "-m", "lampc", "train", "a.lamp", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "end"


def test_commands_of_readme_and_tour_work_in_an_empty_folder(python: Path, tmp_path: Path) -> None:
    """`tests/docs` holds what each prints."""
    lampc = rf"\1{shlex.quote(str(python))} -m lampc "
    for page in (ROOT / "README.md", ROOT / "docs" / "tour.md"):
        for command in re.findall(r"^\$ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            if "wrong.lamp" not in command:
                if re.match(r"lampc [^|]*$", command):
                    done = run(warm.python(str(python)), tmp_path, "-m", "lampc", *shlex.split(command)[1:])
                else:
                    done = shell(re.sub(r"(^|\| )lampc ", lampc, command), tmp_path)
                assert done.returncode == 0, (command, done.stderr)
    names = {"flowers.lamp", "iris.csv", "mine.lamp", "runs", "sweep-xor", "xor.lamp"}
    names |= {"flats.csv", "flats.lamp", "price", *(f"price.{ending}" for ending in ("c", "lamp", "onnx", "py", "safetensors"))}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_the_models_are_there_to_train(python: Path, tmp_path: Path) -> None:
    script = (
        "import lampc\nprogram = lampc.compile.file('iris', epochs=2)\nprint(program.model(seed=0).train().test['accuracy'])"
    )
    done = run(python, tmp_path, "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert 0 <= float(done.stdout) <= 1
