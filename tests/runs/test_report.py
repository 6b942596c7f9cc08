"""The report of a run: one page that stands alone, and shows what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lampc.cli import run as lampc
from lampc.draw.chart import Line, lines, png, ticks
from lampc.runs.load import load
from lampc.runs.report import report

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """The ids of a page's sections and figures, and its tags, counted."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.circles: dict[str, int] = {}
        self._group = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("section", "figure"):
            self.ids.append(given.get("id") or "")
        if tag == "g":
            self._group = given.get("class") or ""
        if tag == "circle":
            self.circles[self._group] = self.circles.get(self._group, 0) + 1
        self.addresses += [given[name] or "" for name in ("src", "href", "xlink:href") if name in given]
        self.open.append(tag)


def trained(model: str, folder: Path, *more: str) -> str:
    arguments = ["train", str(ROOT / "models" / f"{model}.lamp"), "--run-dir", str(folder), *more]
    assert lampc(arguments) == 0
    return (folder / model / "1" / "report.html").read_text()


def test_a_classifier_of_points(tmp_path: Path) -> None:
    """The seed's picture: which points of the plane are taken for which, those that are right in green, wrong in red."""
    text = trained("disc", tmp_path)
    page = Page(text)
    assert page.ids == ["summary", "curves", "loss", "accuracy", "errors", "confusion", "boundary", "roc",
                        "calibration", "network", "norms", "weights", "gradients", "program", "settings"]  # fmt: skip
    assert page.circles["correct"] + page.circles["wrong"] == 1000
    assert page.circles["correct"] > 900
    right = [int(n) for n in re.findall(r'font-size="10" fill="#\w+">(\d+)</text>', text)]
    assert sum(right) == 1000
    assert right[0] + right[3] == page.circles["correct"]
    assert "%1 = affine(x, linear1.weight, linear1.bias)" in text


def test_it_fetches_nothing(tmp_path: Path) -> None:
    text = trained("disc", tmp_path, "--set", "train.epochs=2")
    assert all(address.startswith("data:image/png;base64,") for address in Page(text).addresses)
    assert "<script" not in text
    assert "@import" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_numbers_have_residuals_and_several_runs_a_band(tmp_path: Path) -> None:
    text = trained("diabetes", tmp_path, "--set", "train.epochs=3", "--runs", "3")
    page = Page(text)
    assert "residuals" in page.ids
    assert page.circles["samples"] == 133
    assert text.count("mean ± std") >= 3
    assert text.count("<polygon") >= 3


@pytest.mark.parametrize("model", ["digits_cnn", "vae", "iris", "denoise"])
def test_every_kind_of_network_has_a_page(model: str, tmp_path: Path) -> None:
    page = Page(trained(model, tmp_path, "--set", "train.epochs=1"))
    assert {"summary", "curves", "network", "program", "settings"} <= set(page.ids)


def test_plot_draws_it_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained("disc", tmp_path, "--set", "train.epochs=2")
    path = tmp_path / "disc" / "1"
    (path / "report.html").unlink()
    capsys.readouterr()
    assert lampc(["plot", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {path / 'curves.svg'}", f"wrote {path / 'report.html'}"]
    assert lampc(["plot", str(path), "-o", str(tmp_path / "c.svg")]) == 0
    assert (tmp_path / "c.svg").read_text() == (path / "curves.svg").read_text()
    assert report(load(path)) == (path / "report.html").read_text()


def test_what_the_user_wrote_is_no_markup(tmp_path: Path) -> None:
    (tmp_path / "a.lamp").write_text('# <script>alert(1)</script> & "quotes"\nlinear 2->1\ndata xor\nloss mse\ntrain epochs=1')
    assert lampc(["train", str(tmp_path / "a.lamp"), "--run-dir", str(tmp_path)]) == 0
    assert "<script" not in (tmp_path / "a" / "1" / "report.html").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_browser_shows_it(tmp_path: Path) -> None:
    trained("disc", tmp_path, "--set", "train.epochs=20")
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
               f"file://{tmp_path / 'disc' / '1' / 'report.html'}"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    page = Page(done.stdout)
    assert {"curves", "boundary", "confusion", "network", "norms", "program"} <= set(page.ids)
    assert page.circles["correct"] + page.circles["wrong"] == 1000


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert ticks(-3.0, 97.0) == [0, 20, 40, 60, 80]
    for low, high in ((0.0312, 0.0313), (1e-9, 2e-9), (-1e6, 1e6), (5.0, 5.1)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 6
        assert low - 1e-9 * abs(low) <= found[0] < found[-1] <= high + 1e-9 * abs(high)


def test_a_chart_of_nothing_and_of_no_numbers_is_a_chart() -> None:
    for curves in ([], [Line("a", [1], [2.0])], [Line("a", [1, 2], [float("nan"), 1.0])]):
        assert lines("title", curves, ("x", "y")).startswith("<svg ")


def test_pictures_are_png() -> None:
    import base64
    import io

    from PIL import Image

    raw = base64.b64decode(png([[(1, 2, 3), (4, 5, 6)], [(7, 8, 9), (10, 11, 12)]]).partition(",")[2])
    image = Image.open(io.BytesIO(raw))
    assert [image.getpixel(at) for at in ((0, 0), (1, 0), (0, 1))] == [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
