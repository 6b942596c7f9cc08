"""The wheel's metadata, as a package index reads it, with the repository's address and without."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from trove_classifiers import classifiers

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://example.org/lampc"


def wheel(folder: Path, repository: str) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LAMPC_REPOSITORY": repository})
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["", REPOSITORY], ids=["no address", "an address"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, wheel(tmp_path_factory.mktemp("wheel"), request.param)


def metadata(built: Path) -> Metadata:
    """Checked by every rule of the standard."""
    with zipfile.ZipFile(built) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(name), validate=True)


def test_what_it_says(built: tuple[str, Path]) -> None:
    repository, path = built
    found = metadata(path)
    assert found.license_expression == "Apache-2.0"
    assert found.license_files == ["LICENSE"]
    assert found.author == "the lampc authors"
    assert not found.dynamic
    assert set(found.classifiers or ()) <= classifiers
    assert bool(found.project_urls) == bool(repository)
    assert all(url.startswith(REPOSITORY) for url in (found.project_urls or {}).values())


def test_the_licence_is_inside(built: tuple[str, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
        text = archive.read(name).decode()
    assert text == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "the lampc authors" in text


def test_every_link_and_picture_of_its_page_leads_somewhere(built: tuple[str, Path]) -> None:
    repository, path = built
    page = metadata(path).description or ""
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", page)
    for picture, target in links:
        assert target.startswith("https://"), target
        inside = re.fullmatch(rf"{REPOSITORY}/{'raw' if picture else 'blob'}/HEAD/([^#]*)(#.*)?", target)
        assert inside is None or (ROOT / inside[1]).exists(), target
    assert bool([picture for picture, _ in links if picture]) == bool(repository)


def test_of_its_page_nothing_else_is_changed(built: tuple[str, Path]) -> None:
    written = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = metadata(built[1]).description or ""
    fence = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
    assert fence.findall(shown) == fence.findall(written)
    assert len(shown.splitlines()) == len(written.splitlines())


def test_twine_has_nothing_to_say(built: tuple[str, Path]) -> None:
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", str(built[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout
