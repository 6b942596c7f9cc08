"""Every write goes through `lampc.files`: whole or not at all, through no link, onto no device."""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lampc import files

PACKAGE = Path(__file__).parents[2] / "lampc"
WRITES = {"write_text", "write_bytes", "mkdir", "makedirs", "unlink", "rmdir", "touch", "symlink_to", "hardlink_to", "rename",
          "chmod", "replace", "truncate", "mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryDirectory"}  # fmt: skip
"""Calls that change the disk, whatever they are called on; `replace` where it is `os.replace`."""
TO_A_FILE = {"savez", "savez_compressed", "savefig", "write_table", "save_file", "to_csv", "to_parquet", "imsave", "tofile"}
"""Libraries' calls that take a path or an open file: an open one, from `files.writing` or in memory."""


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a"
    files.write(path, b"one")
    path.chmod(0o600)
    with contextlib.suppress(ZeroDivisionError), files.writing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"one"
    files.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("way", [files.write, files.append])
def test_no_link_device_or_pipe_is_written_to(tmp_path: Path, way: files.write) -> None:  # type: ignore[valid-type]
    (tmp_path / "mine").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "made")
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "link", tmp_path / "dangling", tmp_path / "pipe", Path("/dev/null"), tmp_path, tmp_path / "a\0b"):
        with pytest.raises((OSError, ValueError)):
            way(name, b"x")  # type: ignore[misc]
    assert (tmp_path / "mine").read_bytes() == b"precious"
    assert not (tmp_path / "made").exists()
    assert sorted(os.listdir(tmp_path)) == ["dangling", "link", "mine", "pipe"]


def test_nothing_is_added_to_a_file_that_has_another_name_too(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"precious")
    os.link(tmp_path / "mine", tmp_path / "metrics.jsonl")
    with pytest.raises(OSError, match="no file of its own"):
        files.append(tmp_path / "metrics.jsonl", b"x")
    files.write(tmp_path / "metrics.jsonl", b"y")  # its own from now on
    assert (tmp_path / "mine").read_bytes() == b"precious"


def test_folders_of_a_run_are_no_links(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "source").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="is a link"):
        files.folder(tmp_path / "run" / "source" / "deep", tmp_path / "run")
    assert not any((tmp_path / "elsewhere").iterdir())


def test_a_pipe_or_a_huge_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 100)
    with pytest.raises(OSError, match="not a file"):
        files.read(tmp_path / "pipe")
    with pytest.raises(OSError, match="are the most"):
        files.read(tmp_path / "large", 99)


def test_the_package_writes_in_no_other_way() -> None:
    found = [f"{path.relative_to(PACKAGE)}:{line}" for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "files.py"
             for line in writes(ast.parse(path.read_text()))]  # fmt: skip
    assert found == []


LINES = ("open(p, 'w')", "p.open(mode='ab')", "io.open(p, 'r+')", "p.write_text('')", "os.open(p, os.O_RDWR)",
         "np.savez(p, a=a)", "figure.savefig('a.svg')", "os.replace(a, b)", "p.unlink()", "shutil.move(a, b)")  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_write_would_be_seen(line: str) -> None:
    assert list(writes(ast.parse(line))) == [1]


def writes(tree: ast.AST) -> Iterator[int]:
    """The lines of a module that write to a file by themselves."""
    opened: set[str] = set()
    """Names of files that may be filled: opened by the gate, passed on, or in memory."""
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and ast.unparse(node.context_expr).startswith("files.writing("):
            opened.add(ast.unparse(node.optional_vars) if node.optional_vars else "")
        if isinstance(node, ast.arg) and node.annotation is not None and ast.unparse(node.annotation) == "IO[bytes]":
            opened.add(node.arg)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("io.BytesIO(", "files.scratch(")):
            opened.update(ast.unparse(target) for target in node.targets)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node, opened):
            yield node.lineno


def _writes(call: ast.Call, opened: set[str]) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    if name.startswith("files."):
        return False
    if last == "open":
        texts = [a.value for a in (*call.args, *(k.value for k in call.keywords)) if isinstance(a, ast.Constant)]
        modes = [t for t in texts if isinstance(t, str) and 0 < len(t) <= 3 and set(t) <= set("rwxabt+")]
        return any(set(mode) & set("wxa+") for mode in modes) or (name == "os.open" and "os.devnull" not in ast.unparse(call))
    if last in TO_A_FILE:
        return not any(ast.unparse(argument) in opened for argument in call.args)
    return name.startswith("shutil.") or (last in WRITES and (last != "replace" or name == "os.replace"))
