"""The source is of every Python that is promised, on whichever the tests run."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OLDEST = tuple(map(int, PROJECT["project"]["requires-python"].removeprefix(">=").split(".")))
FILES = [*sorted((ROOT / "lampc").rglob("*.py")), ROOT / "hatch_build.py"]
GONE = {
    *("asynchat", "asyncore", "binhex", "distutils", "imp", "smtpd"),  # by 3.12
    *(
        "aifc",
        "audioop",
        "cgi",
        "cgitb",
        "chunk",
        "crypt",
        "imghdr",
        "lib2to3",
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
    ),  # by 3.13
    *("ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
}
"""Modules of the standard library that some of them do not have any more."""
NEW = {"annotationlib": (3, 14), "compression": (3, 14), "concurrent.interpreters": (3, 14)}
"""Modules that only later ones have: imported where the version has been asked for."""


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_it_is_read_by_the_oldest_without_a_warning_of_the_newest(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of escapes, of `is` with a literal, of leaving `finally`: 3.12 and 3.14 warn
        tree = ast.parse(text, str(path), feature_version=OLDEST)
        compile(text, str(path), "exec", dont_inherit=True)
    assert not re.search(r"^\s*except [\w.]+, ", text, re.MULTILINE)  # without brackets it is 3.14's
    names = imported(tree)
    assert not GONE & {name.partition(".")[0] for name in names}
    assert not NEW.keys() & names or "sys.version_info >= (3, 14)" in text


def test_the_checkers_are_told_the_oldest() -> None:
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{OLDEST[0]}{OLDEST[1]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == f"{OLDEST[0]}.{OLDEST[1]}"
    assert sys.version_info >= OLDEST


def bare_texts(tree: ast.Module) -> list[int]:
    """The lines where a text is read or written in whatever encoding the system likes."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = (
                function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
            )
            words = [
                part.value for part in [*node.args, *(word.value for word in node.keywords)] if isinstance(part, ast.Constant)
            ]
            named = "encoding" in {word.arg for word in node.keywords}
            binary = any(isinstance(word, str) and re.fullmatch("[rwax+]*b[rwax+]*", word) for word in words)
            help = ast.unparse(function) == "formatter.write_text"  # click's
            opens = name == "open" and not (isinstance(function, ast.Attribute) and node.args[:1] and not words)
            if not help and (name in ("read_text", "write_text", "TextIOWrapper") or opens) and not (named or binary):
                lines.append(node.lineno)
    return lines


OPENERS = {"lampc/data/images.py", "lampc/data/overview.py", "lampc/data/rows.py", "lampc/data/table.py", "lampc/files.py"}
"""Where ``open`` is not Python's own, of a picture, of an archive's member, or takes flags or a mode that it is given."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_text_names_its_encoding(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [text.splitlines()[line - 1] for line in bare_texts(ast.parse(text))]
    name = path.relative_to(ROOT).as_posix()
    assert all("open(" in line and name in OPENERS for line in found), found


def test_one_that_does_not_is_found() -> None:
    source = "open('a')\nopen('a', 'rb')\nopen('a', encoding='utf-8')\np.read_text()\np.write_text('x')\np.open(newline='')\n"
    assert bare_texts(ast.parse(source)) == [1, 4, 5, 6]
