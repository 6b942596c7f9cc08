"""What `--json` prints is what docs/schemas say, line by line; and all that they say is printed somewhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click import Context
from command import ROOT, Command
from documented import FOLDER, Validator, parts, points, schema, shown

from lampc.advice.signal.site import RULES
from lampc.cli import VERBS, cli, run
from lampc.ops.matmul import MatMul

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a training is ended by a signal of POSIX's")
PRINTING = sorted(path.stem for path in FOLDER.glob("*.json"))
PROGRAMS = {
    "kinds": """linear 2->8 xavier; tanh; linear 3 xavier
data csv "kinds.csv"
loss crossentropy weights=[1, 2, 1]
metrics accuracy confusion
optimizer adam lr=0.01
schedule cosine
train epochs=2 batch=8 shuffle
""",
    "numbers": """linear 2->8 kaiming; relu; linear 1
data csv "numbers.csv" validation=0.5 split=1
loss mse
metrics mae
optimizer sgd lr=0.001
train epochs=2 batch=8 best=loss
""",
    "either": """linear 2->8 xavier; tanh; linear 2 xavier
data csv "either.csv" validation=0.4
loss crossentropy
train epochs=2 batch=8
""",
    "marks": """linear 2 xavier; sigmoid
data csv "marks.csv" target=[m, n]
loss bce
train epochs=1
""",
    "two": """linear 2->6 xavier; tanh as h
linear 3 xavier as kind
from h; linear 1 xavier
data csv "kinds.csv"
loss total = crossentropy(kind, y)
train epochs=1
""",
    "lost": "repeat 4 { linear 64->64 normal; relu }\nlinear 10 xavier\ndata digits split=0.8\nloss crossentropy\n"
            "optimizer sgd lr=0.01\ntrain epochs=1 batch=32 shuffle",
    "photos": 'flatten; linear 2 xavier\ndata images "photos" size=4x4 split=0.5\nloss crossentropy\ntrain epochs=1',
    "beyond": 'linear 2->1 xavier\ndata npz "beyond.npz"\nloss mse\noptimizer sgd lr=0.001\ntrain epochs=1',
    "words": "input 9 int<50>; embedding 16; linear 50 xavier\nloss crossentropy",
    "flat": "linear 20->64 normal(4); tanh; linear 3 normal(4)\nloss crossentropy",
    "wrong": "linear 2->24 xavier; tahn\nlinear 25->1\n",
    "warned": "linear 2->3; tanh",
    "noted": 'linear 2->1\ndata csv "numbers.csv"\nloss mse\ntrain best=loss',
}  # fmt: skip


def write(folder: Path) -> None:
    """Programs and data."""
    from PIL import Image

    for name, text in PROGRAMS.items():
        (folder / f"{name}.lamp").write_text(text)
    rows = [(index % 7 / 7, index % 5 / 5) for index in range(30)]
    (folder / "kinds.csv").write_text("a,b,kind\n" + "".join(f"{a},{b},{'xyz'[i % 3]}\n" for i, (a, b) in enumerate(rows)))
    (folder / "numbers.csv").write_text("a,b,y\n" + "".join(f"{a},{b},{a - b}\n" for a, b in rows))
    (folder / "either.csv").write_text("a,b,kind\n" + "".join(f"{a},{b},{'xy'[a > b]}\n" for a, b in rows))
    (folder / "marks.csv").write_text("a,b,m,n\n" + "".join(f"{a},{b},{int(a > b)},{int(a < 0.5)}\n" for a, b in rows))
    (folder / "far.csv").write_text("a,b,y\n" + "".join(f"{a},{b},{1e30 if not i else a}\n" for i, (a, b) in enumerate(rows)))
    (folder / "odd.csv").write_text(
        '"=a\n",,id,when,paid,same,c\n1,x,7,31.1.2020,yes,0,1e308\n2,,5,1.2.2020,no,0,1e308\n,\u202ey,9,,no,0,2\n,x,8,,,0,1\n'
    )
    (folder / "some.txt").write_text("a\n\n\u202eb\n")
    x = np.array(rows)
    y = x[:, :1]
    np.savez(folder / "beyond.npz", x_train=x, y_train=y, x_test=x, y_test=np.full_like(y, 1e30))
    np.savez(folder / "endless.npz", x=np.array([[3e38, -3e38]] * 5), y=np.ones((5, 1)))
    np.savez(folder / "odd.npz", a=np.zeros((0, 2)), b=np.full((3, 2), np.nan), c=np.array([True, False]), d=np.float64(1))
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(4):
            Image.new("RGB", (4, 4 + index), (60 * index, 0, 0)).save(folder / "photos" / name / f"{index}.png")


TRAINED: dict[str, tuple[str, int]] = {
    "classes": ("train kinds.lamp --json", 0),
    "numbers, chosen by a validation part": ("train numbers.lamp --json", 0),
    "seeds, each with its validation part": ("train numbers.lamp --json --runs 3 --set optimizer.lr=0.01", 0),
    "two values that the loss compares": ("train two.lamp --json --backend torch", 0),
    "two classes": ("train either.lamp --json", 0),
    "several labels": ("train marks.lamp --json", 0),
    "nothing kept": ("train kinds.lamp --json --no-save", 0),
    "seeds, of which some diverge": ("train lost.lamp --json --runs 6", 0),
    "folds, each with its validation part": ("train numbers.lamp --json --set folds=3 --set optimizer.lr=0.01", 0),
    "other folds of the same": ("train numbers.lamp --json --set folds=3 --set optimizer.lr=0.001", 0),
    "folds, of which some diverge": ("train lost.lamp --json --runs 2 --set folds=3", 0),
    "a seed that diverges": ("train numbers.lamp --json --set lr=1e30", 1),
    "pictures": ("train photos.lamp --json", 0),
    "a test part beyond all numbers": ("train beyond.lamp --json", 0),
    "a program that is wrong": ("train wrong.lamp --json", 1),
    "a program that is wrong, and warned of": ("train noted.lamp --json --set optimizer.lr=-1", 1),
    "a program without data": ("train words.lamp --json", 1),
    "going on": ("train --resume kinds --json --set epochs=4", 0),
    "another setting": ("train kinds.lamp --json --set shuffle=off --set epochs=3 --set seed=4", 0),
}
"""Commands that train, and their status."""

LOOKED_AT = {
    "findings": ("check --json wrong.lamp warned.lamp noted.lamp none.lamp kinds.lamp", 1),
    "a setting that there is not": ("check --json --set lr=a --set none=1 kinds.lamp", 1),
    "what is left": ("check --json --fix wrong.lamp", 1),
    "train and test": ("eval kinds --json", 0),
    "a validation part": ("eval numbers/1 --json --last", 0),
    "a report of classes": ("eval kinds --report --json", 0),
    "a report of numbers": ("eval numbers/1 --report --json", 0),
    "a report of numbers that are none": ("eval beyond --data endless.npz --report --json", 0),
    "a report of several labels": ("eval marks --report --json", 0),
    "a report of pictures": ("eval photos --report --json", 0),
    "a threshold chosen by f1": ("eval either --threshold f1 --report --json", 0),
    "a threshold chosen by balanced accuracy": ("eval either --threshold balanced_accuracy --json", 0),
    "a threshold chosen by accuracy": ("eval either --threshold accuracy --json", 0),
    "a threshold that is given": ("eval either --threshold 0.4 --json", 0),
    "another file": ("eval numbers/1 --data far.csv --json", 0),
    "a class": ("predict kinds kinds.csv --json", 0),
    "a number": ("predict numbers/1 numbers.csv --json", 0),
    "values by name": ("predict two kinds.csv --json", 0),
    "files": ("predict photos photos/cat --json", 0),
    "a number that is none": ("predict beyond - --json < 3e38 -3e38", 0),
    "lists": ("ops --json kinds.lamp", 0),
    "a prediction": ("ops --json --stage inference --batch 3 kinds.lamp", 0),
    "computed again": ("ops --json lost.lamp --set recompute=on", 0),
    "several processes": ("ops --json kinds.lamp --set workers=2", 0),
    "without data": ("ops --json flat.lamp", 0),
    "signal": ("ops --json --signal kinds.lamp", 0),
    "signal of ranges left": ("ops --json --signal flat.lamp", 0),
    "signal of units at 0": ("ops --json --signal numbers.lamp", 0),
    "signal of words": ("ops --json --signal words.lamp", 0),
    "a grid": ("sweep numbers.lamp --json --grid optimizer.lr=0.01,1e30", 0),
    "folds": ("sweep lost.lamp --json --runs 2 --set folds=3 --grid batch=32", 0),
    "words": ("sweep kinds.lamp --json --runs 2 --grid shuffle=on,off", 0),
    "no test part": ("sweep numbers.lamp --json --set validation=0 --grid epochs=1", 0),
    "a search": ("sweep numbers.lamp --json --search optimizer.lr=0.001..0.1:log --trials 2", 0),
    "a search among what is no program": ("sweep kinds.lamp --json --search loss.smoothing=2,3 --trials 2", 1),
    "a test part beyond all numbers, swept": ("sweep beyond.lamp --json --grid lr=0.01", 0),
    "a table": ("data kinds.csv --json", 0),
    "an odd table": ("data odd.csv --json", 0),
    "odd arrays": ("data odd.npz --json", 0),
    "folders": ("data photos --json", 0),
    "what a program has": ("data kinds.lamp --json", 0),
    "a text": ("data some.txt --json", 0),
    "examples": ("examples --json", 0),
    "other programs": ("compare kinds/1 numbers/1 --json", 0),
    "the same program": ("compare kinds/1 kinds/2 --json", 0),
    "the same folds": ("compare numbers/3 numbers/4 --json", 0),
    "one that has not ended": ("compare kinds/1 numbers/6 --json", 0),
    "runs": ("runs --json", 0),
    "runs of a name": ("runs kinds --json", 0),
}
"""Commands that look at programs, at data, and at what has been trained."""


class Told:
    """What each verb has printed so far."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.lines: dict[str, list[Any]] = {verb: [] for verb in PRINTING}
        self._patch = patch

    def call(self, command: str) -> tuple[int, str]:
        """Run a verb; its status and what it said."""
        words, _, given = command.partition(" < ")
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8"))
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            status = run(words.split())
        self.take(words, out.getvalue())
        return status, err.getvalue()

    def take(self, command: str, out: str) -> None:
        """Lines that are JSON and nothing else."""
        self.lines[command.split()[0]] += [json.loads(line, parse_constant=_refuse) for line in out.splitlines()]

    def interrupt(self) -> None:
        """Begin a training, and end it by Ctrl-C."""
        command = "train numbers.lamp --json --set epochs=1000000"
        with subprocess.Popen([sys.executable, "-m", "lampc", *command.split()], cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}) as going:  # fmt: skip
            assert going.stdout is not None
            first = [going.stdout.readline() for _ in range(5)]
            going.send_signal(signal.SIGINT)
            rest, _ = going.communicate(timeout=60)
        assert going.returncode == 130
        self.take(command, "".join(first) + rest)

    def choose_what_is_infinite(self) -> None:
        """Train on a table in which one target is too large, from a seed that has it in the validation part."""
        for seed in range(20):
            status, _ = self.call(f"train numbers.lamp --json --set path=far.csv --seed {seed}")
            if status == 0 and self.lines["train"][-1]["best"]["value"] is None:
                return
        raise AssertionError("no seed has it there")

    def follow_no_products(self) -> None:
        """Ask how numbers spread through an op that says nothing of it, as if it were somebody else's."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(RULES, MatMul)
            assert self.call("ops --json --signal words.lamp")[0] == 0

    def bring(self, run: str) -> None:
        """Let a run be of another machine."""
        path = self.folder / "runs" / run / "config.json"
        config = json.loads(path.read_text())
        config["versions"]["platform"] = "another"
        path.write_text(json.dumps(config))


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Any]]]:
    """The lines of each verb, of all situations."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("json")
        patch.chdir(folder)
        patch.setenv("LAMPC_RUNS", "runs")
        write(folder)
        told = Told(folder, patch)
        for situations in (TRAINED, LOOKED_AT):
            for name, (command, wanted) in situations.items():
                status, err = told.call(command)
                assert status == wanted, f"{name}: {err}"
            if situations is TRAINED:
                told.interrupt()
                told.choose_what_is_infinite()
                told.bring("kinds/2")
                told.follow_no_products()
        yield told.lines


def test_each_verb_that_prints_json_has_a_schema() -> None:
    verbs = [verb for verb in VERBS if any("--json" in option.opts for option in cli.get_command(Context(cli), verb).params)]
    assert sorted(verbs) == PRINTING


@pytest.mark.parametrize("verb", PRINTING)
def test_a_schema_is_one_and_describes_every_field(verb: str) -> None:
    whole = schema(verb)
    Validator.check_schema(whole)
    assert whole["$schema"] == Validator.META_SCHEMA["$id"]
    assert whole["title"].startswith(f"lampc {verb} --json: ")
    for at, part in parts(whole):
        assert part.get("description") or "$ref" in part, at
        assert "type" in part or "$ref" in part or "oneOf" in part or "const" in part, at
        if "properties" in part:
            assert part["additionalProperties"] is False, at
            assert set(part["required"]) <= set(part["properties"]), at


@pytest.mark.parametrize("verb", PRINTING)
def test_what_is_printed_is_documented(verb: str, printed: dict[str, list[Any]]) -> None:
    judge = Validator(schema(verb))
    for line in printed[verb]:
        wrong = [f"{error.json_path}: {error.message}" for error in judge.iter_errors(line)]
        assert not wrong, f"{wrong}: {json.dumps(line)[:2000]}"


@pytest.mark.parametrize("verb", PRINTING)
def test_what_is_documented_is_printed(verb: str, printed: dict[str, list[Any]]) -> None:
    whole = schema(verb)
    assert points(verb) - {point for line in printed[verb] for point in shown(whole, line)} == set()


@pytest.mark.parametrize(("rank", "events"), [("0", 1), ("1", 0)])
def test_of_processes_that_train_together_the_first_says_what_is_wrong(
    rank: str, events: int, lampc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    done = lampc("train", "--json", stdin=PROGRAMS["wrong"])
    assert done.status == 1
    assert [json.loads(line)["event"] for line in done.out.splitlines()] == ["error"] * events


def test_an_interrupted_training_says_where_to_go_on(printed: dict[str, list[Any]]) -> None:
    (end,) = [line for line in printed["train"] if "directory" in line and "best" not in line]
    assert end["directory"] == "runs/numbers/6"
    assert next(run["state"] for run in printed["runs"] if run["run"] == "numbers/6") == "stopped"
