"""Exit status, and what goes where: 0 fine, 1 the program is wrong, 2 wrong usage or a fault, 130 interrupted."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT, Command, process
from warm import python

import lampc.cli

GOOD = "linear 2->3 xavier; tanh; linear 1; sigmoid\n"
BAD = "linear 2->3; tahn; linear 4->1\n"


@pytest.mark.parametrize("verb", [["check"], ["ops"], ["graph"], ["graph", "--dot"], ["graph", "--svg"]])
def test_fine_is_0_and_wrong_is_1(verb: list[str], lampc: Command, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.lamp", tmp_path / "bad.lamp"
    good.write_text(GOOD)
    bad.write_text(BAD)
    assert lampc(*verb, good).status == 0
    done = lampc(*verb, bad)
    assert (done.status, done.out) == (1, "")
    assert f"{bad}:1:14: error[E201]" in done.err


@pytest.mark.parametrize("verb", ["check", "ops", "graph", "train"])
def test_a_file_that_is_not_there(verb: str, lampc: Command, tmp_path: Path) -> None:
    for file in (tmp_path / "none.lamp", tmp_path):
        done = lampc(verb, file)
        assert done.status == 1
        assert "error[E003]: cannot read" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "Did you mean `lampc check`?"),
        (["models/disc.lamp"], "Did you mean `lampc train models/disc.lamp`?"),
        (["check", "--sett", "a=1"], "--set"),
        (["ops", "--stage", "sideways"], "sideways"),
        (["ops", "--batch", "0"], "--batch"),
        (["train", "--runs", "none"], "--runs"),
        (["train", "--device", "tpu"], "tpu"),
        (["graph", "a.lamp", "b.lamp"], "b.lamp"),
        (["explain", "E999"], "There is no code `E999`"),
        ([], "Usage"),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], words: str, lampc: Command) -> None:
    done = lampc(*arguments)
    assert done.status == 2
    assert words in done.err + done.out
    assert "Traceback" not in done.err


def test_a_fault_of_ours_is_2_and_says_so(lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("lampc.compile.parse", fails)
    done = lampc("check", stdin=GOOD)
    assert done.status == 2
    assert "error[E900]: a fault in lampc: ZeroDivisionError: by zero" in done.err
    assert "Traceback" not in done.err


def test_standard_input_by_a_dash_or_nothing(lampc: Command) -> None:
    assert lampc("check", stdin=GOOD).out == "-: fine, 4 layers, 13 parameters, 1 warning\n"
    assert lampc("check", "-", stdin=GOOD).status == 0
    assert "affine" in lampc("ops", "-", stdin=GOOD).out
    assert "linear1" in lampc("graph", stdin=GOOD).out
    assert "<stdin>:1:14: error[E201]" in lampc("check", stdin=BAD).err
    assert lampc("check", stdin=b"\xff\xfe").status == 1


def test_several_files_are_all_checked(lampc: Command, tmp_path: Path) -> None:
    files = []
    for index, text in enumerate((GOOD, BAD, BAD, GOOD)):
        files.append(tmp_path / f"{index}.lamp")
        files[-1].write_text(text)
    done = lampc("check", *files)
    assert done.status == 1
    assert done.out.count("fine") == 2
    assert done.err.count("error[E201]") == 2
    assert "2 errors in 2 of 4 files" in done.err


@pytest.mark.parametrize("verb", ["check", "ops", "graph"])
def test_a_warning_is_printed_and_fine(verb: str, lampc: Command) -> None:
    done = lampc(verb, stdin="linear 2->3; tanh")
    assert done.status == 0
    assert "warning[W401]" in done.err


def test_colour_is_asked_for_or_the_terminals(lampc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in lampc("check", stdin=BAD).err
    assert "\x1b[" in lampc("check", "--color", "always", stdin=BAD).err
    assert "\x1b[" not in lampc("check", "--color", "never", stdin=BAD).err
    monkeypatch.setattr("lampc.cli.report.wants_color", lambda *_: False)
    assert "\x1b[" not in lampc("check", stdin=BAD).err


def test_no_color_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from lampc.cli.report import wants_color

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_color("auto", Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color("auto", Terminal())
    assert wants_color("always", Terminal())


def test_an_output_that_cannot_be_written(lampc: Command, tmp_path: Path) -> None:
    done = lampc("graph", "-o", tmp_path / "no" / "such" / "folder.svg", stdin=GOOD)
    assert done.status == 1
    assert "error[E003]: cannot write" in done.err


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
@pytest.mark.parametrize("as_json", [True, False])
def test_ctrl_c_is_130_and_keeps_what_was_said(as_json: bool) -> None:
    arguments = [sys.executable, "-m", "lampc", "train", "models/disc.lamp", "--set", "epochs=1000000", *["--json"] * as_json]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        while "epoch" not in line or "start" in line:
            line = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert len(err.splitlines()) == (1 if as_json else 2)
    if as_json:
        assert out.splitlines()[-1].startswith('{"event": "end"')


@pytest.mark.skipif(os.name == "nt", reason="a POSIX pipe")
def test_a_reader_that_leaves_early_is_no_fault() -> None:
    command = f"{sys.executable} -m lampc ops models/digits.lamp | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_and_the_function_are_one_command_line() -> None:
    done = process("--version")
    assert done.out.startswith("lampc, version ")
    assert done.status == 0
    with pytest.raises(SystemExit) as exit:
        lampc.cli.main(["check", "models/none.lamp"])
    assert exit.value.code == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a full device, and streams that are closed, are Linux's here")
@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("ops models/disc.lamp >&-", 0, ""),
        ("check models/disc.lamp >&- 2>&-", 0, ""),
        ("check none.lamp <&- >&-", 1, "error[E003]: cannot read"),
        ("ops models/disc.lamp >/dev/full", 1, "error[E003]: the output cannot be written: No space left on device"),
        ("--help >/dev/full", 1, "error[E003]: the output cannot be written"),
        ("ops models/disc.lamp >/dev/full 2>/dev/full", 1, ""),
    ],
)
def test_streams_that_are_closed_or_full(arguments: str, status: int, said: str) -> None:
    done = subprocess.run(["sh", "-c", f"{sys.executable} -m lampc {arguments}"], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == status
    assert said in done.stderr if said else not done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there a folder in use cannot be removed")
def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "x.lamp").write_text(GOOD)
    (tmp_path / "gone").mkdir()
    started = shlex.join(python())
    command = f"cd gone; rmdir ../gone; {started} -m lampc check {tmp_path / 'x.lamp'}; {started} -m lampc data x"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
                          text=True, timeout=120, check=False)  # fmt: skip
    assert "fine" in done.stdout and "E900" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("missing", "code"), [("lark", "E508"), ("lampc.passes", "E900")])
def test_a_package_that_is_missing(missing: str, code: str, tmp_path: Path) -> None:
    """What lampc cannot do without is named; a module of its own is a fault."""
    script = f"import sys\nsys.modules[{missing!r}] = None\nfrom lampc.cli import run\nrun(['check', {str(tmp_path / 'x')!r}])"
    (tmp_path / "x").write_text(GOOD)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert f"error[{code}]" in done.stderr and missing in done.stderr and "Traceback" not in done.stderr


def test_warnings_are_said_even_where_they_are_to_be_errors(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,y\n" + "1,2\n3,4\n" * 5)
    (tmp_path / "y.csv").write_text("a,other\n1,2\n")
    (tmp_path / "x.lamp").write_text('data csv "x.csv"; linear 1; loss mse; optimizer sgd; train epochs=1')
    command = [sys.executable, "-m", "lampc"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning"}
    for verb in (["train", "x.lamp"], ["predict", "x", "y.csv"]):
        done = subprocess.run([*command, *verb], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
                              check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert "new columns, which are not looked at: other" in done.stderr
