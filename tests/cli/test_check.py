"""`lampc check`: mending files, and how findings are printed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from command import Command

WRONG = "linear 2->25, tanh\nDense(1)\nsigmoud\ndata xor\n"
RIGHT = "linear 2->25; tanh\nlinear 1\nsigmoid\ndata xor\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.lamp"
    path.write_text(WRONG)
    return path


def test_what_can_be_mended_is_said(lampc: Command, file: Path) -> None:
    done = lampc("check", file)
    assert done.status == 1
    assert "3 errors; `lampc check --fix` mends 3; `lampc explain CODE` says more" in done.err
    assert file.read_text(encoding="utf-8") == WRONG


def test_a_file_is_mended(lampc: Command, file: Path) -> None:
    done = lampc("check", "--fix", file)
    assert done.status == 0
    assert file.read_text(encoding="utf-8") == RIGHT
    assert f"{file}: fine, 4 layers, 101 parameters" in done.out
    assert f"mended {file}:3:1: error[E201]: there is no layer `sigmoud`; did you mean `sigmoid`?" in done.err
    assert lampc("check", "--fix", file).out == done.out


def test_a_diff_changes_nothing(lampc: Command, file: Path) -> None:
    done = lampc("check", "--diff", file)
    assert done.status == 1
    assert file.read_text(encoding="utf-8") == WRONG
    assert done.out.splitlines()[:2] == [f"--- {file}", f"+++ {file}"]
    patched = subprocess.run(["git", "apply", "-p0", "--unsafe-paths", "--directory", "/", "-"], input=done.out, text=True,
                             cwd=file.parent, capture_output=True, check=False)  # fmt: skip
    assert patched.returncode == 0, patched.stderr
    assert file.read_text(encoding="utf-8") == RIGHT
    again = lampc("check", "--diff", file)
    assert (again.status, again.out) == (0, "")


def test_a_diff_of_a_last_line_without_an_end(lampc: Command, tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text("linear 2->1; sigmoud")
    lines = lampc("check", "--diff", tmp_path / "a.lamp").out.splitlines()
    marks = ["\\ No newline at end of file"]
    assert lines[3:] == ["-linear 2->1; sigmoud", *marks, "+linear 2->1; sigmoid", *marks]


def test_standard_input_is_printed_mended(lampc: Command) -> None:
    done = lampc("check", "--fix", "-", stdin="linear 2->1\r\nsigmoud # \t é\r\n")
    assert (done.status, done.out) == (0, "linear 2->1\r\nsigmoid # \t é\r\n")
    left = lampc("check", "--fix", stdin="linear 2->1; sigmoud; linear 3->1\n")
    assert (left.status, left.out) == (1, "linear 2->1; sigmoid; linear 3->1\n")
    assert "error[E401]" in left.err
    for form in ("concise", "json", "github", "sarif"):
        left = lampc("check", "--fix", "--format", form, stdin="linear 2->1; linear 3->1\n")
        assert left.out == "linear 2->1; linear 3->1\n"
        assert "E401" in left.err


def test_what_is_left_after_mending(lampc: Command, file: Path) -> None:
    file.write_text("linaer 2->24; tanh; linear 25->1\n", encoding="utf-8")
    done = lampc("check", "--fix", "--json", file)
    assert done.status == 1
    assert [json.loads(line)["code"] for line in done.out.splitlines()] == ["E401"]
    assert file.read_text(encoding="utf-8") == "linear 2->24; tanh; linear 25->1\n"


def test_the_file_stays_what_it_was(lampc: Command, tmp_path: Path) -> None:
    """Its mark, its ends of lines, its permissions; and a link stays a link."""
    real = tmp_path / "real.lamp"
    real.write_bytes(b"\xef\xbb\xbf# \xc3\xa9\r\nlinear 2->1\r\nsigmoud\r\n")
    real.chmod(0o640)
    link = tmp_path / "link.lamp"
    link.symlink_to(real)
    assert lampc("check", "--fix", link).status == 0
    assert real.read_bytes() == b"\xef\xbb\xbf# \xc3\xa9\r\nlinear 2->1\r\nsigmoid\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert link.is_symlink()


def test_a_file_that_is_right_is_not_written(lampc: Command, file: Path) -> None:
    file.write_text(RIGHT, encoding="utf-8")
    os.utime(file, (1, 1))
    assert lampc("check", "--fix", file).status == 0
    assert file.stat().st_mtime == 1


def test_a_file_that_cannot_be_written(lampc: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc import files

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write", full)
    other = file.with_name("b.lamp")
    other.write_text(RIGHT)
    done = lampc("check", "--fix", file, other)
    assert done.status == 1
    assert f"cannot write {file}: No space left on device" in done.err
    assert f"{other}: fine" in done.out


def test_several_files_and_one_that_is_missing(lampc: Command, file: Path) -> None:
    other = file.with_name("b.lamp")
    other.write_text("linear 2->1; tnah\n")
    done = lampc("check", "--fix", file, file.with_name("c.lamp"), other)
    assert done.status == 1
    assert "error[E003]" in done.err
    assert (file.read_text(encoding="utf-8"), other.read_text()) == (RIGHT, "linear 2->1; tanh\n")


def test_the_formats(lampc: Command, file: Path) -> None:
    other = file.with_name("b.lamp")
    other.write_text(RIGHT.replace("sigmoid", "sigmoud"))
    lines = {form: lampc("check", "--format", form, file, other) for form in ("concise", "github", "json", "sarif")}
    assert [done.status for done in lines.values()] == [1] * 4
    assert lines["concise"].out.splitlines()[-1] == f"{other}:3:1: error[E201]: there is no layer `sigmoud`"
    assert lines["github"].out.count("::error ") == 4
    assert [json.loads(line)["file"] for line in lines["json"].out.splitlines()] == [str(file)] * 3 + [str(other)]
    (run,) = json.loads(lines["sarif"].out)["runs"]
    assert len(run["results"]) == 4
    assert all(lines[form].err == "" for form in ("github", "json", "sarif"))


def test_a_file_without_mistakes_in_each_format(lampc: Command, file: Path) -> None:
    file.write_text("linear 2->25 xavier; tanh\nlinear 1 xavier; sigmoid\n", encoding="utf-8")
    said = {form: lampc("check", "--format", form, file).out for form in ("text", "concise", "github", "json", "sarif")}
    assert said["text"] == said["concise"] == f"{file}: fine, 4 layers, 101 parameters\n"
    assert said["github"] == said["json"] == ""
    assert json.loads(said["sarif"])["runs"][0]["results"] == []


@pytest.mark.parametrize(
    "arguments",
    [("--json", "--format", "sarif"), ("--diff", "--json"), ("--diff", "--format", "github"), ("--format", "xml")],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], lampc: Command, file: Path) -> None:
    assert lampc("check", *arguments, file).status == 2


def test_what_comes_with_lampc_is_left(lampc: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from lampc.cli import mend
    from lampc.source import Source

    monkeypatch.chdir(tmp_path)
    before = lampc("check", "--fix", "disc")
    assert before.status == 0
    shipped = mend.resources.path("models", "disc.lamp").resolve()
    text = shipped.read_text(encoding="utf-8")
    with pytest.raises(Exception, match="comes with lampc, and is left as it is"):
        mend.write(Source("disc", text, shipped), Source("disc", "linear 2->1\n", shipped))
    assert shipped.read_text(encoding="utf-8") == text
