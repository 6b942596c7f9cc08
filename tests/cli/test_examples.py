"""What comes with lampc: by its name wherever a file is named, listed, and written into a folder to begin with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT, Command
from warm import python

import lampc as package
from lampc import examples

MODELS = ROOT / "models"
OWN = "linear 2->1; sigmoid\ndata xor\nloss bce\ntrain epochs=1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)
    return tmp_path


def test_every_example_is_found_by_its_name(lampc: Command) -> None:
    names = sorted(path.stem for path in MODELS.glob("*.lamp"))
    done = lampc("check", *names)
    assert done.status == 0, done.err
    assert [line.partition(":")[0] for line in done.out.splitlines()] == names


@pytest.mark.parametrize("verb", [("graph",), ("ops",), ("data",), ("sweep", "--grid", "epochs=1,2")], ids=" ".join)
def test_verbs_take_an_example(lampc: Command, verb: tuple[str, ...]) -> None:
    done = lampc(*verb, "xor")
    assert done.status == 0, done.err
    assert done.out


def test_a_run_of_an_example_lies_in_the_users_folder(lampc: Command, folder: Path) -> None:
    assert lampc("train", "iris", "--set", "epochs=2").status == 0
    assert (folder / "runs/iris/1/source/iris.lamp").read_bytes() == (MODELS / "iris.lamp").read_bytes()
    assert not (MODELS / "runs").exists()
    assert lampc("train", "iris", "--resume", "--set", "epochs=3").status == 0
    for verb in (("eval", "iris"), ("export", "iris", "--to", "torch"), ("runs",)):
        done = lampc(*verb)
        assert done.status == 0, done.err
    assert (folder / "iris.py").exists()


def test_without_a_run_its_training_is_suggested(lampc: Command) -> None:
    assert "train first: `lampc train disc`" in lampc("export", "disc", "--to", "c").err
    assert "train first: `lampc train FILE`" in lampc("export", "disk", "--to", "c").err


@pytest.mark.parametrize("name", ["xor", "xor.lamp"])
def test_a_file_of_the_users_wins(lampc: Command, folder: Path, name: str) -> None:
    (folder / name).write_text(OWN)
    assert lampc("check", "xor").out.startswith("xor: fine, 2 layers, 3 parameters")
    assert package.compile.file("xor").layers[0].parameter_count == 3


def test_a_folder_is_no_program(lampc: Command, folder: Path) -> None:
    (folder / "xor").mkdir()
    assert lampc("check", "xor").status == 0
    assert lampc("data", "xor").status == 1  # but data it is, or would be


def test_a_sample_is_of_a_run_or_of_a_program(lampc: Command, folder: Path) -> None:
    (folder / "words.txt").write_text("to be or not to be " * 50)
    (folder / "gpt.lamp").write_text(
        'data text "words.txt" context=4\nembedding 4\nlinear 7 xavier\nloss crossentropy\ntrain epochs=1'
    )
    assert "training 1 epochs" in lampc("sample", "gpt", "--length", 3).err
    assert lampc("train", "gpt").status == 0
    assert "training" not in lampc("sample", "gpt", "--length", 3).err
    assert "there is no run `gpd`" in lampc("sample", "gpd").err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dics", "did you mean `disc`, an example?"),
        ("mien", "did you mean `mine.lamp`?"),
        ("sub/mien.lamp", "did you mean `sub/mine.lamp`?"),
        ("disc.lamp", "`disc` comes with lampc: name it so, or write it here: `lampc new disc`"),
        ("models/disc.lamp", "`disc` comes with lampc: name it so, or write it here: `lampc new disc`"),
        ("x" * 300, "`lampc examples` lists the programs that come with lampc"),
        ("a\0b", None),
        ("../disc", None),
    ],
)
def test_what_is_neither_suggests_the_nearest(lampc: Command, folder: Path, name: str, hint: str | None) -> None:
    (folder / "sub").mkdir()
    for path in ("mine.lamp", "sub/mine.lamp"):
        (folder / path).write_text(OWN)
    done = lampc("check", name)
    assert done.status == 1
    assert "error[E003]: cannot read" in done.err
    assert hint is None or f"= help: {hint}\n" in done.err
    with pytest.raises(package.LampError, match="cannot read"):
        package.compile.file(name)


def test_data_that_is_neither_suggests_the_nearest(lampc: Command) -> None:
    assert "= help: did you mean `iris`, an example?\n" in lampc("data", "irsi").err
    assert "help" not in lampc("data", "irsi.csv").err


def test_a_program_without_a_verb_is_trained(lampc: Command) -> None:
    assert "Did you mean `lampc train disc`?" in lampc("disc").err


def test_a_link_to_nothing_is_the_users(lampc: Command, folder: Path) -> None:
    os.symlink(folder / "nothing", folder / "xor")
    assert "cannot read xor" in lampc("check", "xor").err


def test_examples_lists_each_on_a_line(lampc: Command) -> None:
    lines = lampc("examples").out.splitlines()
    assert [line.split()[0] for line in lines[2:-2]] == examples.names()
    assert {line.split()[0] for line in lines if "lampc[digits]" in line} >= {"digits", "vae", "wine"}
    found = [json.loads(line) for line in lampc("examples", "--json").out.splitlines()]
    assert [row["name"] for row in found] == examples.names()
    assert all(row["about"] and row["expected"] for row in found)
    assert {row["extra"] for row in found} == {None, "digits"}


@pytest.mark.parametrize("name", examples.names())
def test_new_writes_a_program_that_is_fine(lampc: Command, folder: Path, name: str) -> None:
    done = lampc("new", "mine", "--from", name)
    assert (done.status, done.err) == (0, "")
    assert (folder / "mine.lamp").read_bytes() == (MODELS / f"{name}.lamp").read_bytes()
    assert done.out.endswith("next: lampc check mine.lamp, lampc train mine.lamp\n")
    assert lampc("check", "mine.lamp").status == 0
    data = {"iris": {"iris.csv"}, "flats": {"flats.csv"}, "gpt": {"fables.txt"}, "lstm": {"fables.txt"}}.get(name, set())
    assert {path.name for path in folder.iterdir()} == {"mine.lamp", *data}


@pytest.mark.parametrize(
    ("arguments", "written", "like"),
    [
        ((), "disc.lamp", "disc"),
        (("xor",), "xor.lamp", "xor"),
        (("xor.lamp",), "xor.lamp", "xor"),
        (("own",), "own.lamp", "disc"),
        (("--from", "wine"), "wine.lamp", "wine"),
    ],
)
def test_what_new_writes(lampc: Command, folder: Path, arguments: tuple[str, ...], written: str, like: str) -> None:
    assert lampc("new", *arguments).status == 0
    assert (folder / written).read_bytes() == (MODELS / f"{like}.lamp").read_bytes()


def test_new_writes_over_nothing(lampc: Command, folder: Path) -> None:
    (folder / "xor.lamp").write_text("mine")
    done = lampc("new", "xor")
    assert (done.status, (folder / "xor.lamp").read_text()) == (1, "mine")
    assert "error[E003]: xor.lamp is there already, and is not written over" in done.err
    (folder / "iris.csv").write_text("mine")
    done = lampc("new", "iris")
    assert (done.status, (folder / "iris.csv").read_text()) == (1, "mine")
    assert not (folder / "iris.lamp").exists()
    os.symlink(folder / "nothing", folder / "wine.lamp")
    assert lampc("new", "wine").status == 1
    assert not (folder / "nothing").exists()


def test_data_that_is_there_already_serves_two_programs(lampc: Command) -> None:
    assert lampc("new", "one", "--from", "gpt").out.startswith("wrote one.lamp and fables.txt\n")
    assert lampc("new", "two", "--from", "lstm").out.startswith("wrote two.lamp; fables.txt is here already\n")


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "", ".", "..", ".hidden", "a b", "a\nb", "a\\b", "C:x"])
def test_new_writes_into_this_folder_alone(lampc: Command, folder: Path, name: str) -> None:
    if name:
        done = lampc("new", name)
        assert done.status == 2
        assert "is no name" in done.err
        assert not list(folder.iterdir())


def test_an_example_that_there_is_not_suggests_the_nearest(lampc: Command, folder: Path) -> None:
    assert "There is no example `irsi`. Did you mean `iris`?" in lampc("new", "x", "--from", "irsi").err
    assert "There is no example `../xor`." in lampc("new", "x", "--from", "../xor").err
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("train x", ["plain,xenon.lamp", "plain,xor"]),
        ("check a.lamp wi", ["plain,wine"]),
        ("new a --from re", ["plain,residual", "plain,resnet"]),
        ("graph sub/x", ["file,sub/x"]),
    ],
)
def test_names_are_completed(folder: Path, line: str, completed: list[str]) -> None:
    (folder / "xenon.lamp").write_text(OWN)
    words = f"lampc {line}"
    done = subprocess.run(
        [*python(), "-m", "lampc"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "_LAMPC_COMPLETE": "bash_complete", "COMP_WORDS": words,
             "COMP_CWORD": str(len(words.split()) - 1)},
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()) == (0, completed), done.stderr


def test_importing_lampc_is_enough_and_imports_little(folder: Path) -> None:
    script = (
        "import sys, lampc\nassert not {'torch', 'lampc.compile'} & set(sys.modules)\n"
        "print(lampc.compile.file('disc', epochs=1).layers[0].name, dir(lampc))\n"
        "assert all(getattr(lampc, name) for name in dir(lampc))\n"
        "from lampc import *\nassert callable(compile)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"linear1 {sorted([*package.__all__, 'compile', 'nn'])}"
