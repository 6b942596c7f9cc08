"""A run's folder may be somebody else's: whatever its JSON says, it is used, or a diagnostic says what is wrong."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lampc.cli import run

PROGRAM = """input 4
linear 4->6 xavier; tanh; dropout 0.1
linear 6->3 xavier
data csv "iris.csv" target=species split=0.8 validation=0.2 normalize
loss crossentropy
optimizer adam lr=0.01
train epochs=3 batch=16 shuffle
metrics accuracy confusion
"""
MODELS = Path(__file__).parents[2] / "models"
VERBS = (("runs",), ("eval", "x"), ("predict", "x", "new.csv"), ("compare", "x", "y"), ("plot", "x"), ("sample", "x/1"),
         ("export", "x", "--to", "c"), ("train", "--resume", "x/1", "--set", "train.epochs=4"))  # fmt: skip
DELETED = object()
VALUES: tuple[Any, ...] = (DELETED, None, -1, 1e400, 0, 2**62, 10**300, "x" * 10**6, "x" * 300, "a\0b", "../../../etc/passwd",
                           [], {}, [[]], {"a": {}}, float("nan"), True, "\x1b[2J")  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one seed, stopped nowhere, and one of two seeds beside it."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copy(MODELS / "iris.csv", folder)
    (folder / "new.csv").write_text("sepal_length,sepal_width,petal_length,petal_width\n5,3,1,0.2\n")
    (folder / "x.lamp").write_text(PROGRAM)
    (folder / "y.lamp").write_text(PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LAMPC_RUNS", "runs")
        for name, more in (("x", ()), ("y", ("--runs", "2"))):
            assert run(["train", f"{name}.lamp", "--backend", "torch", *more]) == 0
    return folder


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each field of a piece of JSON is; of a list the first item alone."""
    yield before
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))[:1] if isinstance(value, list) else []
    for key, part in items:
        yield from paths(part, (*before, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same with another value at a place, or none."""
    if not path:
        return None if new is DELETED else new
    found = copy.deepcopy(value)
    place = found
    for key in path[:-1]:
        place = place[key]
    if new is DELETED:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return found


def sealed(raw: bytes, about: str) -> bytes:
    """A checkpoint that says something else of itself, with a digest that agrees."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"] = {"digest": "0" * 64, "lampc": about}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    made = bytearray(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    found = re.search(rb'"digest":"(0{64})"', made)
    assert found is not None
    made[found.start(1) : found.end(1)] = hashlib.sha256(made).hexdigest().encode()
    return bytes(made)


def about_of(raw: bytes) -> Any:
    return json.loads(json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]["lampc"])


def used(folder: Path, capsys: pytest.CaptureFixture[str], verbs: tuple[tuple[str, ...], ...] = VERBS) -> set[str]:
    """Use a run in every way; the codes of what was said."""
    codes: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LAMPC_RUNS", "runs")
        for verb in verbs:
            patch.setattr(sys, "stdin", io.StringIO(""))
            status = run(list(verb))
            said = capsys.readouterr().err
            assert status in (0, 1), (verb, said)
            assert "E900" not in said, (verb, said)
            assert (status == 0) or "error[E" in said, (verb, said)
            assert len(said) < 20_000, verb
            codes |= set(re.findall(r"error\[(E\d+)\]", said))
    return codes


def mutations(folder: Path, name: str, most: int) -> Iterator[tuple[str, bytes]]:
    """A file of a run with each field, one after another, made something else, in so many ways."""
    raw = (folder / name).read_bytes()
    if name.endswith(".safetensors"):
        about, write = about_of(raw), lambda found: sealed(raw, json.dumps(found))
    elif name.endswith(".jsonl"):
        first, *rest = raw.splitlines(keepends=True)
        about, write = json.loads(first), lambda found: json.dumps(found).encode() + b"\n" + b"".join(rest)
    else:
        about, write = json.loads(raw), lambda found: json.dumps(found).encode()
    write_it: Callable[[Any], bytes] = write
    drawn = random.Random(name)
    for path in paths(about):
        for value in drawn.sample(VALUES, most) if path else VALUES:
            yield f"{path} {value!r:.30}", write_it(changed(about, path, value))


FILES = ("config.json", "summary.json", "metrics.jsonl", "last.safetensors", "best.safetensors")


def test_a_measure_that_is_none_is_drawn_around(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seeds of which one has no number, or one too large to square, in an epoch."""
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    path = folder / "runs" / "y" / "1" / "metrics.jsonl"
    first, *rest = path.read_text().splitlines()
    for value in (float("nan"), float("inf"), 1e300, 1.7e308):
        path.write_text("\n".join([json.dumps({**json.loads(first), "loss": value}), *rest, ""]))
        assert used(folder, capsys, (("plot", "y"), ("runs",))) == set()
        assert "nan" not in (folder / "runs" / "y" / "1" / "curves.svg").read_text()


EACH = {"config.json": VERBS, "summary.json": (VERBS[0], VERBS[3], VERBS[4]), "metrics.jsonl": (VERBS[0], VERBS[4], VERBS[7]),
        "last.safetensors": (VERBS[1], VERBS[7]), "best.safetensors": (VERBS[1], VERBS[4], VERBS[7])}  # fmt: skip


@pytest.mark.parametrize("seeds", ["x", "y"])
@pytest.mark.parametrize("name", FILES)
def test_every_field_may_be_anything(kept: Path, tmp_path: Path, name: str, seeds: str,
                                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    every_field(kept, tmp_path, name, seeds, capsys, 3)


@pytest.mark.long
@pytest.mark.parametrize("seeds", ["x", "y"])
@pytest.mark.parametrize("name", FILES)
def test_every_field_may_be_anything_at_all(kept: Path, tmp_path: Path, name: str, seeds: str,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    every_field(kept, tmp_path, name, seeds, capsys, len(VALUES))


def every_field(kept: Path, tmp_path: Path, name: str, seeds: str, capsys: pytest.CaptureFixture[str], most: int) -> None:
    codes: set[str] = set()
    verbs = tuple(tuple(word.replace("x/1", f"{seeds}/1") if word != "x" else seeds for word in verb) for verb in EACH[name])
    drawn, folder = random.Random(seeds), tmp_path / "kept"
    whole = {path.relative_to(kept): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    shutil.copytree(kept, folder)
    for what, content in mutations(kept / "runs" / seeds / "1", name, most):
        (folder / "runs" / seeds / "1" / name).write_bytes(content)
        try:
            codes |= used(folder, capsys, (drawn.choice(verbs),))
        except AssertionError as error:
            raise AssertionError(what) from error
        restore(folder, whole)
    assert "E611" in codes


def restore(folder: Path, whole: dict[Path, bytes]) -> None:
    """Have a folder as it was, by what is different: to remove and copy it all would be most of the time."""
    folders = {parent for path in whole for parent in path.parents}
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder)
        if path.is_symlink() or path.is_file():
            if name not in whole:
                path.unlink()
        elif name not in folders:
            path.rmdir()
    for name, content in whole.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


DEEP = (b"[" * 10**5 + b"]" * 10**5, b'{"a":' * 10**5 + b"1" + b"}" * 10**5, b"9" * 10**5, b"\xff\xfe", b"", b"null", b"{}",
        b"[]", b'"\\ud800"')  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_such_json(kept: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    raw = (kept / "runs" / "x" / "1" / name).read_bytes()
    drawn = random.Random(name)
    contents = [*DEEP, *(raw[: drawn.randrange(len(raw))] for _ in range(4))]
    if name.endswith(".safetensors"):
        contents += [sealed(raw, text.decode()) for text in DEEP if text.isascii()]
    if name.endswith(".jsonl"):
        contents += [text + b"\n" + raw for text in DEEP]
    for number, content in enumerate(contents):
        folder = tmp_path / str(number)
        shutil.copytree(kept, folder)
        (folder / "runs" / "x" / "1" / name).write_bytes(content)
        used(folder, capsys, EACH[name])
        shutil.rmtree(folder)


def test_a_place_where_no_training_can_have_been(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More samples than there are, sums of another loss, a later epoch; and a run of which every seed has diverged."""
    folder = tmp_path / "run"
    shutil.copytree(kept, folder)
    path = folder / "runs" / "x" / "1" / "last.safetensors"
    raw = path.read_bytes()
    about = about_of(raw)
    for more in ({"done": 10**9}, {"done": 16, "sums": [1.0, 2.0, 3.0]}, {"epoch": 2, "done": 97}, {"epoch": 2**62}):
        path.write_bytes(sealed(raw, json.dumps({**about, "progress": {**about["progress"], **more}})))
        assert used(folder, capsys, (VERBS[7],)) == {"E611"}, more
    path.write_bytes(
        sealed(raw, json.dumps({**about, "progress": {**about["progress"], "epoch": 1, "done": 16, "sums": [1.0]}}))
    )
    assert used(folder, capsys, (VERBS[7],)) <= {"E611"}
    (folder / "runs" / "x" / "1" / "best.safetensors").unlink()
    ended = {"seed": 0, "steps": 1, "seconds": 1.0, "train": {}, "validation": {}, "test": {}, "ended": "", "tables": {},
             "diverged": {"epoch": 1, "step": 1, "layer": ""}}  # fmt: skip
    path.write_bytes(sealed(raw, json.dumps({"format": 1, "best": None, "ended": [ended]})))
    assert used(folder, capsys, (VERBS[1], VERBS[4])) == {"E701"}
