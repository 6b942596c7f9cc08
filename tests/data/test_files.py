"""Parquet files and folders of images: what comes in, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lampc.compile
from lampc.data import SOURCES, DataError, Dataset, Request


def load(kind: str, folder: Path, **arguments: object) -> Dataset:
    source = SOURCES[kind]
    request = Request({**source.signature.defaults, **arguments}, folder, 0)
    found = source.load(request)
    assert source.describe(request) == found.description
    return found


def refused(kind: str, folder: Path, **arguments: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load(kind, folder, **arguments)
    return caught.value


class TestParquet:
    @pytest.fixture
    def write(self, tmp_path: Path) -> Any:
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        return lambda columns: parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")

    def test_classes_are_named_by_text(self, write: Any, tmp_path: Path) -> None:
        write({"a": [2, 1, 3, 4], "kind": ["y", "x", "x", "z"], "b": [1.5, 0.5, 2.5, 3.5]})
        found = load("parquet", tmp_path, path="t.parquet", target=("kind",), split=1.0, normalize=False)
        assert found.description.classes == ("x", "y", "z")
        rows = {tuple(x): int(y) for x, y in zip(found.train.x, found.train.y, strict=True)}
        assert rows == {(1.0, 0.5): 0, (2.0, 1.5): 1, (3.0, 2.5): 0, (4.0, 3.5): 2}

    def test_numbers_are_a_target_unless_they_are_said_to_be_classes(self, write: Any, tmp_path: Path) -> None:
        write({"a": [1.0, 2.0, 3.0], "y": [10, 20, 10]})
        assert sorted(load("parquet", tmp_path, path="t.parquet", split=1.0).train.y.ravel()) == [10.0, 10.0, 20.0]
        assert load("parquet", tmp_path, path="t.parquet", split=1.0, classes=True).description.classes == ("10", "20")

    @pytest.mark.parametrize(
        ("columns", "code", "says"),
        [
            ({"a": [1.0, None, 3.0], "y": [1, 2, 3]}, "E602", "row 1 (from 0), column `a`"),
            ({"a": [1.0, 2.0, float("inf")], "y": [1, 2, 3]}, "E602", "row 2 (from 0), column `a`"),
            ({"a": [1.0, 2.0, 3.0], "y": ["x", None, "y"]}, "E602", "row 1 (from 0), column `y`"),
            ({"a": [1.0, 2.0, 3.0], "y": ["x", " ", "y"]}, "E602", "row 1 (from 0), column `y`"),
            ({"y": [1, 2, 3]}, "E601", "no feature"),
            ({"a": ["p", "q", "r"], "y": [1, 2, 3]}, "E601", "`a`: all different"),
            ({"a": [[1], [2], [3]], "y": [1, 2, 3]}, "E601", "`a`: holds list"),
        ],
    )
    def test_bad_cells_are_named(self, write: Any, tmp_path: Path, columns: dict[str, Any], code: str, says: str) -> None:
        write(columns)
        error = refused("parquet", tmp_path, path="t.parquet", target=("y",), missing="refuse", split=1.0)
        assert error.code == code
        assert says in str(error)

    def test_missing_cells_are_filled_and_rows_without_a_target_left_out(self, write: Any, tmp_path: Path) -> None:
        write({"a": [1.0, None, 3.0, float("inf"), 9.0], "town": ["p", "q", "p", None, "q"], "y": ["x", "y", "y", "x", None]})
        found = load("parquet", tmp_path, path="t.parquet", target=("y",), split=1.0, normalize=False)
        assert found.schema is not None
        assert found.description.columns == ("a", "a missing", "town=p", "town=q", "town missing")
        rows = {tuple(x): int(y) for x, y in zip(found.train.x, found.train.y, strict=True)}
        assert rows == {(1, 0, 1, 0, 0): 0, (2, 1, 0, 1, 0): 1, (3, 0, 1, 0, 0): 1, (2, 1, 0, 0, 1): 0}
        assert [column.missing for column in found.schema.columns] == [2, 1]
        assert found.schema.targets[0].missing == 1

    def test_an_index_of_pandas_is_no_column(self, write: Any, tmp_path: Path) -> None:
        write({"a": [1.0, 2.0], "kind": ["x", "y"], "__index_level_0__": [0, 1]})
        assert load("parquet", tmp_path, path="t.parquet", split=1.0).description.classes == ("x", "y")

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        pytest.importorskip("pyarrow")
        (tmp_path / "t.parquet").write_bytes(b"no such thing")
        assert refused("parquet", tmp_path, path="t.parquet").code == "E601"
        assert refused("parquet", tmp_path, path="missing.parquet").code == "E601"

    def test_a_wrong_target_names_the_near_one(self, write: Any, tmp_path: Path) -> None:
        write({"a": [1.0, 2.0], "kind": ["x", "y"]})
        assert "kind" in refused("parquet", tmp_path, path="t.parquet", target=("kin",)).fixes[0]


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        image = pytest.importorskip("PIL.Image")
        for name, color in (("dark", 0), ("light", 255)):
            (tmp_path / "photos" / name).mkdir(parents=True)
            for index in range(6):
                pixels = np.full((10, 8, 3), abs(color - 10 * index), np.uint8)
                image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
        return tmp_path

    def test_subfolders_are_classes(self, folder: Path) -> None:
        found = load("images", folder, path="photos", size=(5, 4), split=1.0)
        assert found.description.classes == ("dark", "light")
        assert found.train.x.shape == (12, 3, 5, 4)
        for x, y in zip(found.train.x, found.train.y, strict=True):
            assert (x.mean() > 0.5) == (y == 1)
        assert 0 <= found.train.x.min() <= found.train.x.max() <= 1

    def test_a_network_learns_from_them(self, folder: Path) -> None:
        source = """
        data images "photos" size=8x8 gray split=0.5
        conv 4 3; tanh; globalpool; linear 2 xavier
        loss crossentropy
        optimizer adam lr=0.1
        train epochs=60 batch=6
        """
        assert lampc.compile.text(source, folder=folder).model(seed=0).train().test["accuracy"] == 1.0

    def test_what_is_no_image_is_named(self, folder: Path) -> None:
        (folder / "photos" / "dark" / "x.png").write_bytes(b"\x89PNG no")
        error = refused("images", folder, path="photos")
        assert error.code == "E601"
        assert "dark/x.png" in str(error)

    def test_sixteen_bits_are_not_cut(self, folder: Path) -> None:
        image = pytest.importorskip("PIL.Image")
        image.fromarray(np.full((8, 8), 32768, np.uint16)).save(folder / "photos" / "dark" / "deep.png")
        found = load("images", folder, path="photos", size=(4, 4), gray=True, split=1.0)
        assert any(abs(x.mean() - 0.5) < 1e-3 and x.std() < 1e-6 for x in found.train.x)

    def test_other_files_and_circles_are_refused(self, folder: Path) -> None:
        (folder / "photos" / "dark" / "notes.txt").write_text("no image")
        assert "notes.txt" in str(refused("images", folder, path="photos"))
        (folder / "photos" / "dark" / "notes.txt").unlink()
        (folder / "photos" / "dark" / "round.png").symlink_to(folder / "photos" / "dark" / "round.png")
        assert refused("images", folder, path="photos").code == "E601"

    def test_empty_folders_links_and_paths_outside_are_refused(self, folder: Path) -> None:
        assert refused("images", folder / "photos" / "dark", path="..").code == "E601"
        assert refused("images", folder, path="photos/dark").code == "E603"
        assert refused("images", folder, path="missing").code == "E601"
        assert refused("images", folder, path="photos", size=(3,)).code == "E305"
        (folder / "photos" / "none").mkdir()
        assert refused("images", folder, path="photos").code == "E603"
        (folder / "secret.png").write_bytes((folder / "photos" / "dark" / "0.png").read_bytes())
        (folder / "photos" / "none" / "link.png").symlink_to(folder / "secret.png")
        assert "leads out" in str(refused("images", folder, path="photos"))
