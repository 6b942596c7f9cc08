"""What is said of a table together: each pair trains, or is refused with a line that mends it."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

import lampc.compile
from lampc.cli import run as command

END = "linear 8 kaiming; relu; linear {} xavier{}\nloss {}\n"
TARGETS = {
    "target=[a, b]": END.format(2, "; sigmoid", "bce"),
    "target=[n, m]": END.format(2, "", "mse"),
    "target=kind": END.format(2, "; softmax", "crossentropy weights=balanced"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dice = random.Random(3)
    lines = ["review,age,town,when,w,who,t,part,a,b,n,m,kind"]
    for i in range(80):
        review = " ".join(dice.choice(["good", "bad", "fine", "film", "plot"]) for _ in range(6)) + f" {i}"
        lines.append(
            f"{review},{'' if i % 7 == 0 else dice.randint(18, 90)},{dice.choice(['Bern', 'Köln', ''])},"
            f"{dice.randint(1, 28):02}/{dice.randint(1, 12):02}/2020,{dice.random() + 0.1:.3f},p{dice.randint(0, 20)},"
            f"{2000 + i},{dice.choice(['train'] * 4 + ['validation', 'test'])},{dice.choice('01')},{dice.choice('01')},"
            f"{dice.gauss(5, 2):.2f},{dice.gauss(500, 20):.2f},{dice.choice('pq')}"
        )
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


DATE = 'column when date written="%d/%m/%Y" parts=[year, month]\n'


@pytest.mark.parametrize(("data", "lines", "train"), [
    ("weight=w split=[0.6, 0.2, 0.2] drop=[t, part]", DATE, ""),
    ("group=who validation=0.2 weight=w missing=median", "column town category most=1 embed=2\n", ""),
    ("time=t only=[age, town, when]", DATE, "folds=3"),
    ("split=part missing=own", "column town embed=3\n", ""),
    ("weight=w only=[review]", "column review text length=20\nembedding 4; globalpool mean\n", "folds=3"),
    ("group=who stratify=off normalize=off", "", "folds=3"),
])  # fmt: skip
@pytest.mark.parametrize("target", TARGETS)
def test_options_of_a_table_go_together(
    folder: Path, target: str, data: str, lines: str, train: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "t.lamp").write_text(f'data csv "t.csv" {target} {data}\n{lines}{TARGETS[target]}train epochs=1 batch=16 {train}')
    runs = folder / "runs"
    assert command(["train", str(folder / "t.lamp"), "--run-dir", str(runs)]) == 0, capsys.readouterr().err
    capsys.readouterr()
    for arguments in (["eval"], ["predict", str(folder / "t.csv")]):
        assert command([arguments[0], str(runs / "t" / "1"), *arguments[1:]]) == 0, capsys.readouterr().err
        assert "nan" not in capsys.readouterr().out.lower()


@pytest.mark.parametrize("name", ["age", "let", "my age", "größe", "x,y", "1st", "as", "missing"])
def test_what_mends_missing_cells_can_be_pasted_whatever_the_column_is_called(tmp_path: Path, name: str) -> None:
    rows = "".join(f"{'' if i == 5 else i * 7 % 31},{i * 3 % 13},{'ab'[i % 2]}\n" for i in range(30))
    (tmp_path / "t.csv").write_text(f'"{name}",z,y\n{rows}', encoding="utf-8")
    data, rest = 'data csv "t.csv" missing=refuse', "linear 2 xavier\nloss crossentropy"
    with pytest.raises(lampc.LampError) as caught:
        lampc.compile.text(f"{data}\n{rest}", folder=tmp_path)
    mends = re.findall(r"= help: .*: `(.*)`$", str(caught.value), re.MULTILINE)
    assert [mend.split()[0].partition("=")[0] for mend in mends] == ["column", "drop"]
    for mend in mends:
        option, line = (f" {mend}", "") if mend.startswith("drop") else ("", f"{mend}\n")
        lampc.compile.text(f"{data}{option}\n{line}{rest}", folder=tmp_path)
