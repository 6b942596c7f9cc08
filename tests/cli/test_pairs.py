"""Every verb with every two of its options: both count, or the two are refused with a word."""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path

import click
import pytest
from command import Command

from lampc import resources
from lampc.cli import VERBS, cli

GIVEN: dict[str, dict[str, str]] = {
    "new": {"--from": "--from either.csv", "--target": "--target c", "--output": "-o fresh.lamp"},
    "examples": {"--json": ""},
    "check": {"--fix": "", "--diff": "", "--format": "--format concise", "--json": "", "--set": "--set epochs=2"},
    "data": {"--target": "--target a", "--json": "", "--set": "--set repeat=2"},
    "train": {"--runs": "--runs 2", "--seed": "--seed 3", "--device": "--device cpu", "--backend": "--backend torch",
              "--json": "", "--resume": "--resume xor", "--run-dir": "--run-dir runs", "--no-save": "",
              "--log": "--log tensorboard", "--save-every": "--save-every 1", "--quiet": "", "--set": "--set epochs=2"},
    "runs": {"--run-dir": "--run-dir runs", "--json": ""},
    "eval": {"--data": "--data either.csv", "--report": "", "--threshold": "--threshold 0.4", "--json": "", "--last": ""},
    "predict": {"--output": "-o out.csv", "--json": "", "--last": "", "--threshold": "--threshold 0.4",
                "--device": "--device cpu"},
    "sample": {"--prompt": "--prompt The", "--length": "--length 3", "--temperature": "--temperature 0.5", "--seed": "--seed 2",
               "--set": "--set epochs=1"},
    "plot": {"--output": "-o out.svg"},
    "compare": {"--json": ""},
    "sweep": {"--grid": "--grid optimizer.lr=0.01", "--search": "--search optimizer.lr=0.01,0.1", "--trials": "--trials 1",
              "--storage": "--storage study.log", "--study": "--study mine", "--runs": "--runs 2", "--output": "-o swept",
              "--json": "", "--set": "--set epochs=2"},
    "export": {"--to": "--to c", "--output": "-o out.c", "--value": "--value p", "--last": ""},
    "import": {"--output": "-o out.lamp"},
    "graph": {"--dot": "", "--svg": "", "--text": "", "--backward": "", "--output": "-o out.svg", "--set": "--set epochs=2"},
    "ops": {"--stage": "--stage forward", "--batch": "--batch 2", "--json": "", "--native": "", "--llvm": "", "--asm": "",
            "--signal": "", "--set": "--set epochs=2"},
    "explain": {},
}  # fmt: skip
"""Each verb's options, as they are given here. An option that is not here is missing."""
EVERYWHERE = {"--allow-python": "", "--color": "--color never"}
ARGUMENTS = {"check": "xor", "train": "xor", "eval": "either", "predict": "either either.csv",
             "sample": "tiny.lamp", "plot": "disc", "compare": "disc/1 disc/2", "sweep": "xor", "export": "named",
             "import": "net.onnx", "graph": "xor", "ops": "xor", "explain": "E401"}  # fmt: skip
REFUSED = {
    "check": {"--json": "--format --diff"},
    "data": {"--target": "--set --allow-python"},
    "train": {"--no-save": "--resume --run-dir --save-every --log", "--quiet": "--json"},
    "predict": {"--output": "--json"},
    "sweep": {"--grid": "--search --trials --study",
              "--study": "--search --trials --runs --output --json --set --allow-python --color"},
    "graph": {"--dot": "--svg --text --output", "--svg": "--text", "--text": "--output"},
    "ops": {"--native": "--llvm --asm --signal --stage --batch --json", "--llvm": "--asm --signal --stage --batch --json",
            "--asm": "--signal --stage --batch --json", "--signal": "--stage --batch"},
}  # fmt: skip
"""What is not to be given together."""


def refused(verb: str, one: str, other: str) -> bool:
    return any(b in REFUSED.get(verb, {}).get(a, "").split() for a, b in ((one, other), (other, one)))


def options(verb: str) -> dict[str, str]:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    names = [max(param.opts, key=len) for param in command.params if isinstance(param, click.Option)]
    return {name: {**EVERYWHERE, **GIVEN[verb]}[name] or name for name in names}


def wanting(verb: str, words: set[str]) -> str:
    """What a verb needs beside some options, and keeps it short."""
    if verb == "new":  # the example's or the table's, and where it is written
        return (" fresh" if "--output" not in words else "") + (" --from either.csv" if "--from" not in words else "")
    if verb == "data":
        return " either.csv" if "--target" in words else " xor"
    more = " --set epochs=2" if verb in ("sweep", "train") and "--set" not in words else ""
    if verb == "sweep" and not words & {"--grid", "--search"}:
        return f"{more} --search optimizer.lr=0.01,0.1" + (" --trials 1" if "--trials" not in words else "")
    if verb == "sweep" and "--search" in words and "--trials" not in words:
        return f"{more} --trials 1"
    return " --to c" if verb == "export" and not words & {"--to", "--output"} else more


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch, lampc: Command) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)
    monkeypatch.setattr("lampc.cli.sweep._plot", lambda *_: None)
    Path("tiny.lamp").write_text('data text "fables.txt" context=8 stride=4000\nembedding 8\nlinear 50\n'
                                 "loss crossentropy\ntrain epochs=1", encoding="utf-8")  # fmt: skip
    Path("named.lamp").write_text(
        "linear 2->4 xavier; tanh; linear 1 xavier; sigmoid as p\ndata xor\nloss mse\ntrain epochs=1", encoding="utf-8"
    )
    for name in ("fables.txt", "iris.csv"):
        Path(name).write_bytes(resources.path("models", name).read_bytes())
    Path("either.csv").write_text("a,b,c\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 2]}\n" for i in range(40)), encoding="utf-8")
    Path("either.lamp").write_text(
        'data csv "either.csv"\nlinear 2 xavier\nloss crossentropy\ntrain epochs=1', encoding="utf-8"
    )
    for name in ("named.lamp", "either.lamp", "xor"):
        assert lampc("train", name, "-q", "--set", "epochs=1").status == 0
    return folder


@pytest.mark.parametrize("verb", VERBS)
def test_two_options_count_or_are_refused(verb: str, place: Path, lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    if verb == "sweep":
        pytest.importorskip("optuna")
    known, wrong = options(verb), []
    for one, other in itertools.combinations(known, 2):
        Path("fresh.lamp").unlink(missing_ok=True)
        Path("study.log").unlink(missing_ok=True)
        words = f"{verb} {ARGUMENTS.get(verb, '')} {known[one]} {known[other]}{wanting(verb, {one, other})}"
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        done = lampc(*words.split())
        if refused(verb, one, other):
            named = [name for name in (one, other) if name in done.err or known[name].split()[-1] in done.err]
            fine = done.status == 2 and not done.out and named in ([one, other], ["--study"])
        else:
            fine = done.status == 0 or ("--resume" in words and "error[E612]" in done.err)
        if not fine:
            wrong.append((words, done.status, done.err))
    assert not wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("graph xor -o x.png", "x.png: a picture is .svg, .dot, .gv or .txt. Graphviz makes others"),
        ("graph xor --dot -o x.png", "dot -Tpng"),
        ("graph xor -o x.docx", "x.docx: a picture is"),
        ("graph xor --svg -o x.dot", "--svg beside x.dot"),
        ("sweep xor --grid optimizer.lr=0.1,0.2 --trials 3", "--trials beside --grid"),
        ("sweep xor --grid optimizer.lr=0.1 --study x", "--study without --storage"),
        ("sweep xor --grid optimizer.lr=0.1 --set lr=0.2", "`optimizer.lr` is tried, and --set lr=0.2"),
        ("sweep xor --grid runs=1,2 --runs 3", "`runs` is tried, and --runs 3"),
        ("sweep xor --search optimizer.lr=0.1..0.2", "--trials 20"),
        ("sweep xor", "--grid NAME=A,B,…"),
        ("train xor --seed 1 --set seed=2", "--seed beside --set seed: they are one setting"),
        ("train xor --runs 2 --set train.runs=3", "--runs beside --set train.runs"),
        ("train xor --backend torch --set backend=native", "--backend beside --set backend"),
        ("sweep xor --grid optimizer.lr=0.1 --runs 2 --set runs=2", "--runs beside --set runs"),
        ("sample gpt --set epochs=2", "--set beside gpt: it is a run"),
        ("new fresh --from either.csv -o x.lamp", "NAME and -o both name the program"),
        ("new fresh --from iris --target c", "--target and -o are for a table"),
        ("new -o x.lamp", "--target and -o are for a table"),
        ("data xor --target a", "--target beside xor: it is for tables"),
        ("data other.csv --set width=3", "--set beside other.csv: it is for programs"),
        ("data other.csv --allow-python", "--allow-python beside other.csv"),
        ("export disc", "Say what to write: --to torch, onnx, safetensors, c; or an OUT that ends in .py,"),
        ("export disc -o x.pt", "Say what to write"),
        ("export disc --to c -o x.py", "--to c beside x.py, which is to be torch"),
        ("export disc --to safetensors --value p", "--value beside --to safetensors"),
        ("import net.onnx -o x.py", "x.py: the program is a .lamp file"),
        ("import net.onnx -o x.safetensors", "x.safetensors: the program is a .lamp file"),
        ("plot disc -o x.png", "OUT ends in .svg or .html."),
        ("predict disc -o x.csv --json", "--json beside --output: the file's ending says its form"),
        ("ops xor --native --stage forward", "--stage forward beside --native"),
        ("ops xor --llvm --json", "--llvm beside --json: this listing is text"),
        ("ops xor --native --asm", "--native beside --asm"),
        ("ops xor --signal --batch 3", "--signal beside --batch"),
    ],
)
def test_what_would_say_nothing_is_refused(words: str, said: str, place: Path, lampc: Command) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    done = lampc(*words.split())
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("new fresh --from iris --color never", "fresh.lamp"),
        ("new several --from either.csv --target c --target b", "several.lamp"),
        ("new --from either.csv --target b -o made.lamp", "made.lamp"),
        ("graph xor -o x.gv", "x.gv"),
        ("graph xor --dot -o picture", "picture"),
        ("graph xor -o x.txt", "x.txt"),
        ("export disc -o made.c", "made.c"),
        ("export disc -o made.py", "made.py made.safetensors"),
        ("export disc -o weights.safetensors", "weights.safetensors"),
        ("ops xor --native --stage inference", ""),
        ("ops xor --signal --json", ""),
        ("sweep xor --grid optimizer.lr=0.1 --set epochs=2 --storage shared.log --study s --trials 1", "shared.log"),
    ],
)
def test_what_goes_together_is_done(words: str, files: str, place: Path, lampc: Command) -> None:
    if "--storage" in words:
        pytest.importorskip("optuna")
    done = lampc(*words.split())
    assert done.status == 0, done.err
    assert all((place / name).stat().st_size for name in files.split())
