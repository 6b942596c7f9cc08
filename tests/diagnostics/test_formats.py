"""Diagnostics as other programs read them: one line each, GitHub's commands, SARIF."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from lampc.compile import examine
from lampc.diagnostics import Diagnostic, Label, Problems, Severity
from lampc.diagnostics.formats import concise, github
from lampc.diagnostics.sarif import sarif
from lampc.elaborate.given import Given
from lampc.source import Source, Span

TEXT = "# größe 🙂\nlinear 2->24; tanh\nlinear 25->1; sigmoud\n"
NAME = "net of, a: b%.lamp"


def found() -> tuple[Diagnostic, ...]:
    problems = Problems()
    examine(Source(NAME, TEXT), Given(), problems)
    return problems.sorted()


def test_a_line() -> None:
    assert [concise(one) for one in found()] == [
        f"{NAME}:3:1: error[E401]: `linear` takes 25, but its input has 24",
        f"{NAME}:3:15: error[E201]: there is no layer `sigmoud`",
    ]
    placeless = Diagnostic("E003", Severity.ERROR, "cannot\n\x1b[2Jread")
    assert concise(placeless).startswith("error[E003]: cannot")
    assert "\n" not in concise(placeless)
    assert "\x1b" not in concise(placeless)


def workflow_command(line: str) -> tuple[str, dict[str, str], str]:
    """A command as GitHub's runner reads it."""
    kind, properties, message = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups()  # type: ignore[union-attr]
    given = dict(part.split("=", 1) for part in properties.split(","))
    return kind, {name: unquote(value) for name, value in given.items()}, unquote(message)


def test_a_workflow_command() -> None:
    kind, given, message = workflow_command(github(found()[1]))
    assert kind == "error"
    place = {"file": NAME, "line": "3", "endLine": "3", "col": "15", "endColumn": "22"}
    assert given == {**place, "title": "lampc E201"}
    assert message == "there is no layer `sigmoud`\nhelp: did you mean `sigmoid`?"


def test_a_workflow_command_of_several_lines_or_of_no_place() -> None:
    source = Source("a.lamp", "a\nb\nc")
    wide = Diagnostic("W402", Severity.WARNING, "100 %", (Label(Span(source, 0, 3)),))
    assert workflow_command(github(wide)) == (
        "warning", {"file": "a.lamp", "line": "1", "endLine": "2", "title": "lampc W402"}, "100 %",
    )  # fmt: skip
    assert github(Diagnostic("E003", Severity.ERROR, "gone")) == "::error title=lampc E003::gone"


def cut(region: dict[str, int]) -> str:
    """What a reader of SARIF takes a region for, by its lines and columns."""
    lines = TEXT.splitlines(keepends=True)
    assert region["startLine"] == region["endLine"]
    by_columns = lines[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
    assert by_columns == TEXT[region["charOffset"] : region["charOffset"] + region["charLength"]]
    return by_columns


def test_sarif() -> None:
    log = sarif(found(), "1.2.3")
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("lampc", "1.2.3")
    mismatch, unknown = run["results"]
    assert [driver["rules"][result["ruleIndex"]]["id"] for result in run["results"]] == ["E401", "E201"]
    assert [result["level"] for result in run["results"]] == ["error", "error"]
    (place,) = mismatch["locations"]
    assert cut(place["physicalLocation"]["region"]) == "linear 25->1"
    assert unquote(place["physicalLocation"]["artifactLocation"]["uri"]) == NAME
    (also,) = mismatch["relatedLocations"]
    assert cut(also["physicalLocation"]["region"]) == "linear 2->24"
    assert also["message"]["text"] == "makes 24"
    assert "fixes" not in mismatch
    (fix,) = unknown["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    assert cut(replacement["deletedRegion"]) == "sigmoud"
    assert replacement["insertedContent"]["text"] == "sigmoid"


@pytest.mark.parametrize("name", ["a b.lamp", "sub/ä.lamp", "/tmp/a.lamp"])
def test_a_files_address(name: str) -> None:
    where = Diagnostic("E003", Severity.ERROR, "x", (Label(Span(Source(name, "ab"), 0, 1)),))
    (result,) = sarif([where], "1")["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri).removeprefix("file://") == Path(name).as_posix()
    assert " " not in uri
    assert uri.isascii()
