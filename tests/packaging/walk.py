"""The first ten minutes with lampc, from an empty folder: install a wheel, write a program, mend it, train it, use it.

``python tests/packaging/walk.py WHEEL`` walks through it in a new folder and prints what each step does and how long it
takes. ``--beside`` takes what lampc depends on from the environment that runs this, and installs the wheel alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """\
# Three species of iris, as a newcomer writes it
input 4
Linear(4, 16), relu
Dense(3)

data csv "iris.csv" target=species split=0.8
loss cross_entropy
optimizer Adam learning_rate=0.01
train epoch=30 batch_size=16 shuffle
"""
MENDED = """\
# Three species of iris, as a newcomer writes it
input 4
linear 4->16; relu
linear 3

data csv "iris.csv" target=species split=0.8
loss crossentropy
optimizer adam lr=0.01
train epochs=30 batch=16 shuffle
"""
NEW = "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"
SCRIPT = """\
import numpy
import lampc

run = lampc.load_run("flowers")
rows = numpy.genfromtxt("new.csv", delimiter=",", skip_header=1)
print(run.model().summary())
assert run.predict(rows)["species"] == run.predict("new.csv")["species"] == ["setosa", "virginica"]
"""


@dataclass(frozen=True)
class Step:
    """What a newcomer does, and what is to come of it."""

    title: str
    command: tuple[str, ...] = ()
    status: int = 0
    says: tuple[str, ...] = ()
    does: Callable[[Path], None] | None = None


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8") and None


def _is_mended(folder: Path) -> None:
    assert (folder / "flowers.lamp").read_text(encoding="utf-8") == MENDED


STEPS = (
    Step("what is there", ("lampc", "examples"), says=("disc", "iris")),
    Step("a program to begin with", ("lampc", "new", "flowers", "--from", "iris"), says=("wrote flowers.lamp and iris.csv",)),
    Step("it trains", ("lampc", "train", "flowers"), says=("accuracy",)),
    Step("one's own, with mistakes", does=_write("flowers.lamp", PROGRAM)),
    Step("they are found", ("lampc", "check", "flowers.lamp"), 1, ("5 errors", "`lampc check --fix` mends 5")),
    Step("what would mend them", ("lampc", "check", "--diff", "flowers.lamp"), 1, ("-Dense(3)", "+linear 3")),
    Step("they are mended", ("lampc", "check", "--fix", "flowers.lamp"), says=("flowers.lamp: fine",), does=_is_mended),
    Step("what it computes", ("lampc", "ops", "flowers"), says=("forward", "backward")),
    Step("a picture", ("lampc", "graph", "flowers", "--svg", "-o", "flowers.svg")),
    Step("trained", ("lampc", "train", "flowers"), says=("accuracy",)),
    Step("measured again", ("lampc", "eval", "flowers"), says=("accuracy",)),
    Step("flowers that nobody has named", does=_write("new.csv", NEW)),
    Step("named", ("lampc", "predict", "flowers", "new.csv"), says=("setosa", "virginica")),
    Step("as PyTorch's source", ("lampc", "export", "flowers", "--to", "torch", "-o", "flowers.py")),
    Step("as C", ("lampc", "export", "flowers", "--to", "c", "-o", "flowers.c")),
    Step("from Python", does=_write("use.py", SCRIPT)),
    Step("its own answers", ("python", "use.py")),
)


def walk(wheel: Path, folder: Path, beside: bool) -> list[tuple[str, float]]:
    """Do all steps in a folder that is empty; each step's title and seconds.

    Raises:
        AssertionError: if a step does not what it is to do; with what it said.
    """
    took = [("install", _timed(lambda: _install(wheel, folder, beside)))]
    for step in STEPS:
        took.append((step.title, _timed(lambda step=step: _take(step, folder))))  # type: ignore[misc]
    return took


def _timed(work: Callable[[], None]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def _install(wheel: Path, folder: Path, beside: bool) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    if beside:
        inner = sysconfig.get_path("purelib", vars={"base": str(folder / ".venv"), "platbase": str(folder / ".venv")})
        (Path(inner) / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    command = [str(_program(folder, "python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *(["--no-deps", "--force-reinstall"] if beside else []), str(wheel)], check=True)


def _program(folder: Path, name: str) -> Path:
    return folder / ".venv" / ("Scripts" if os.name == "nt" else "bin") / name


def _take(step: Step, folder: Path) -> None:
    if step.command:
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LAMPC_RUNS")}
        name, *arguments = step.command
        done = subprocess.run([str(_program(folder, name)), *arguments], cwd=folder, env=env, text=True, encoding="utf-8",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
        assert done.returncode == step.status, (step.command, done.returncode, done.stdout)
        for words in step.says:
            assert words in done.stdout, (step.command, words, done.stdout)
    if step.does is not None:
        step.does(folder)


def main() -> None:
    """Walk, and print how long each step took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--beside", action="store_true")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lampc-walk-"))
    try:
        took = walk(asked.wheel.absolute(), folder, asked.beside)
    finally:
        shutil.rmtree(folder)
    for title, seconds in took:
        print(f"{seconds:7.1f} s  {title}")
    print(f"{sum(seconds for _, seconds in took):7.1f} s  together")


if __name__ == "__main__":
    main()
