"""What a shell is offered, by the machinery that shells use."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from command import Command, process

from lampc.cli import VERBS, cli

SHELLS = ("bash", "zsh", "fish")


def offered(line: str) -> list[str]:
    """What may follow a line; its last word, if it does not end in a space, is half written."""
    *words, begun = line.split(" ")
    items = ShellComplete(cli, {}, "lampc", "_LAMPC_COMPLETE").get_completions(words, begun)
    return [item.value if item.type == "plain" else f"<{item.type}>" for item in items]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAMPC_RUNS", raising=False)
    (tmp_path / "mine.lamp").write_text(
        "let width = 8\nlinear 2->width xavier; tanh; linear 1\ndata xor\nloss mse\noptimizer rmsprop\ntrain epochs=1"
    )
    (tmp_path / "wrong.lamp").write_text("let depth = 3\nlinear 2->3; tahn\noptimizer adam lr=")
    return tmp_path


@pytest.fixture
def runs(place: Path, lampc: Command) -> None:
    for name in ("mine.lamp", "mine.lamp", "xor"):
        assert lampc("train", name, "-q", "--set", "epochs=1").status == 0


def test_verbs_and_options() -> None:
    assert offered("") == list(VERBS)
    assert offered("ex") == ["examples", "export", "explain"]
    assert offered("--v") == ["--version"]
    assert {"--set", "--resume", "--quiet", "--help"} <= {*offered("train --")}
    assert offered("train xor --backend ") == ["auto", "torch", "native"]
    assert offered("export x --to o") == ["onnx"]
    assert offered("ops xor --stage f") == ["forward"]
    assert offered("check --color al") == ["always"]
    assert offered("explain e40")[0] == "E401"


def test_programs_and_examples() -> None:
    assert offered("train m") == ["mine.lamp"]
    assert {"mine.lamp", "wrong.lamp", "disc", "gpt"} <= {*offered("check ")}
    assert offered("check mine.lamp w") == ["wrong.lamp", "wine"]
    assert offered("new ir") == offered("new x --from ir") == ["iris"]
    assert offered("ops nothing") == ["<file>"]
    assert offered("data di")[-1] == "<file>" and "disc" in offered("data di")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("verb", ["eval", "predict", "plot", "export", "compare mine/1", "train --resume"])
def test_runs(verb: str, lampc: Command) -> None:
    assert offered(f"{verb} ") == ["mine", "xor", "mine/1", "mine/2", "xor/1"]
    assert offered(f"{verb} mine/") == ["mine/1", "mine/2"]


@pytest.mark.usefixtures("runs")
def test_names_of_runs_and_what_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert offered("runs ") == ["mine", "xor"]
    assert offered("sample m") == ["mine", "mine/1", "mine/2", "mine.lamp"]
    assert offered("sample xo") == ["xor", "xor/1"]
    (tmp_path / "runs").rename(tmp_path / "others")
    assert offered("eval ") == ["<dir>"]
    assert offered("train --run-dir others --resume m") == ["mine", "mine/1", "mine/2"]
    monkeypatch.setenv("LAMPC_RUNS", "others")
    assert offered("eval x") == ["xor", "xor/1"]


@pytest.mark.parametrize("verb", ["train", "ops", "check", "sample"])
def test_settings_are_those_of_the_program_that_is_named(verb: str) -> None:
    mine = offered(f"{verb} mine.lamp --set ")
    assert {"width=", "epochs=", "train.epochs=", "optimizer.lr="} <= {*mine}
    assert "width=" not in offered(f"{verb} xor --set ")
    assert offered(f"{verb} xor --set optimizer.b") == ["optimizer.beta1=", "optimizer.beta2="]
    assert offered(f"{verb} mine.lamp --set optimizer.b") == []
    assert "depth=" in offered(f"{verb} wrong.lamp --set d")
    assert "epochs=" in offered(f"{verb} --set ep")  # no program is named yet
    assert "epochs=" in offered(f"{verb} none.lamp --set ep")


def test_settings_are_tried_and_searched_for_by_name() -> None:
    assert offered("sweep mine.lamp --grid wi") == offered("sweep mine.lamp --search wi") == ["width="]


def test_words_that_a_setting_may_be() -> None:
    assert offered("train xor --set train.backend=") == [f"train.backend={word}" for word in ("auto", "torch", "native")]
    assert offered("train xor --set device=c") == ["device=cpu", "device=cuda"]
    assert offered("train xor --set init=xa") == ["init=xavier", "init=xavier_uniform"]
    assert offered("train xor --set best=r") == ["best=recall", "best=rmse", "best=r2"]
    assert offered("train xor --set epochs=") == offered("train xor --set nothing=") == []


def test_nothing_is_printed_and_nothing_raised(capfd: pytest.CaptureFixture[str], place: Path) -> None:
    (place / "bytes.lamp").write_bytes(b"\xff\xfe\0")
    for line in ("train bytes.lamp --set ", "train . --set ", "eval \0", "train - --set ", "data ", "compare a "):
        offered(line)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_answered(shell: str) -> None:
    source = process("", env={"_LAMPC_COMPLETE": f"{shell}_source"})
    if source.status and shell == "bash":
        pytest.skip("this bash is too old")
    assert "_LAMPC_COMPLETE" in source.out
    words = {"COMP_WORDS": "lampc train mi", "COMP_CWORD": "mi" if shell == "fish" else "2"}
    done = process("", env={"_LAMPC_COMPLETE": f"{shell}_complete", **words})
    assert done.status == 0 and not done.err and "train" not in done.out


def test_bash_completes_a_command_line(place: Path) -> None:
    done = process(cwd=place, env={"_LAMPC_COMPLETE": "bash_complete", "COMP_WORDS": "lampc train mi", "COMP_CWORD": "2"})
    assert done.out.splitlines() == ["plain,mine.lamp"]
