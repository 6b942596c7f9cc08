"""What `-o` writes is whole, or as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from lampc.cli import run

SOURCE = "linear 2->4 xavier; tanh; linear 1\ndata xor\nloss mse\ntrain epochs=1 batch=4\n"


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMPC_RUNS", "runs")
    (tmp_path / "x.lamp").write_text(SOURCE)
    assert run(["train", "x.lamp"]) == 0
    return tmp_path


@pytest.mark.parametrize("ending", ["csv", "jsonl", "npz"])
def test_predictions_are_written_all_or_none(trained: Path, ending: str) -> None:
    """An empty cell in row 1,500: the first thousand have been predicted by then."""
    rows = ["0.5,0.5"] * 1500 + ["0.5,"] + ["0.5,0.5"] * 500
    (trained / "gap.csv").write_text("\n".join(rows))
    assert run(["predict", "x", "gap.csv", "-o", f"out.{ending}"]) == 1
    assert not (trained / f"out.{ending}").exists()
    assert not list(trained.glob(".writing-*"))
    (trained / f"out.{ending}").write_text("before")
    assert run(["predict", "x", "gap.csv", "-o", f"out.{ending}"]) == 1
    assert (trained / f"out.{ending}").read_text() == "before"
    (trained / "whole.csv").write_text("\n".join(rows[:1500]))
    assert run(["predict", "x", "whole.csv", "-o", f"out.{ending}"]) == 0
    assert (trained / f"out.{ending}").stat().st_size > 1000


VERBS = (("predict", "x", "in.csv"), ("graph", "x.lamp"), ("export", "x", "--to", "c"), ("export", "x", "--to", "torch"),
         ("plot", "x"))  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_writes_through_a_link_or_into_a_missing_folder(trained: Path, verb: tuple[str, ...],
                                                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    (trained / "in.csv").write_text("0,1\n")
    (trained / "mine").write_text("precious")
    for ending in ("csv", "svg", "c", "py", "html"):
        (trained / f"link.{ending}").symlink_to(trained / "mine")
    ending = {"predict": "csv", "graph": "svg", "plot": "svg"}.get(verb[0], "c" if verb[-1] == "c" else "py")
    for target in (f"link.{ending}", f"missing/a.{ending}"):
        capsys.readouterr()
        assert run([*verb, "-o", target]) == 1
        assert "error[E003]" in (said := capsys.readouterr().err) or "error[E601]" in said
    assert (trained / "mine").read_text() == "precious"


def test_a_run_is_not_written_through_links(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that somebody else has laid there: the run itself, its lock, its sources, its files lead elsewhere."""
    elsewhere = trained / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("precious")
    kept = trained / "runs" / "x" / "1"
    for name in (".lock", "source", "metrics.jsonl", "config.json", "last.safetensors"):
        was, target = kept / name, elsewhere / ("mine" if name != "source" else "")
        moved = trained / "moved"
        if was.exists():
            was.rename(moved)
        was.symlink_to(target)
        assert run(["train", "x.lamp", "--resume", "x/1", "--set", "epochs=3"]) == 1, name
        was.unlink()
        if moved.exists():
            moved.rename(was)
    (trained / "runs" / "x" / "2").symlink_to(kept)
    assert run(["train", "x.lamp", "--resume", "x/2", "--set", "epochs=3"]) == 1
    assert "is a link" in capsys.readouterr().err
    assert [path.name for path in elsewhere.iterdir()] == ["mine"]
    assert (elsewhere / "mine").read_text() == "precious"
