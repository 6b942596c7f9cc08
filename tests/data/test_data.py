"""Data: read strictly, split by a seed, normalised on what is trained on; whatever is wrong is named with its place."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lampc
import lampc.compile
from lampc.data import Dataset

TABLE = "a,b,kind\n1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n9,10,cat\n"


def load(folder: Path, statement: str, network: str = "linear 3; loss crossentropy", **settings: Any) -> Dataset:
    return lampc.compile.text(f"{statement}\n{network}", folder=folder, **settings).data()


def wrong(folder: Path, statement: str, network: str = "linear 3; loss crossentropy", **settings: Any) -> lampc.Diagnostic:
    with pytest.raises(lampc.LampError) as caught:
        load(folder, statement, network, **settings)
    found = caught.value.diagnostics[0]
    assert found.labels, "the statement is shown"
    return found


class TestDisc:
    def test_half_of_the_square_is_inside(self) -> None:
        data = load(Path(), "data disc train=20000 test=10", "linear 1; loss mse").train
        assert data.x.shape == (20000, 2)
        assert data.y.shape == (20000, 1)
        assert set(np.unique(data.y)) == {0.0, 1.0}
        assert 0 <= data.x.min() <= data.x.max() <= 1
        inside = np.hypot(*(data.x - 0.5).T) <= 1 / math.sqrt(2 * math.pi)
        assert np.array_equal(data.y[:, 0] == 0, inside)
        assert abs(inside.mean() - 0.5) < 0.02

    def test_a_seed_draws_the_points(self) -> None:
        program = lampc.compile.text("data disc; linear 1; loss mse")
        assert np.array_equal(program.data(1).train.x, program.data(1).train.x)
        assert not np.array_equal(program.data(1).train.x, program.data(2).train.x)
        assert not np.array_equal(program.data(1).train.x, program.data(1).test.x)

    def test_xor(self) -> None:
        data = load(Path(), "data xor repeat=3", "linear 1; loss mse")
        assert data.train.x.shape == (12, 2)
        assert data.test.y.ravel().tolist() == [0, 1, 1, 0]


class TestCsv:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "t.csv").write_text(TABLE)
        return tmp_path

    def test_text_names_classes_and_numbers_are_features(self, folder: Path) -> None:
        data = load(folder, 'data csv "t.csv" split=0.6 normalize=off')
        assert data.description.classes == ("cat", "dog")
        assert (data.train.x.shape, data.test.x.shape) == ((3, 2), (2, 2))
        every = sorted([*zip(*data.train.x.T, data.train.y, strict=True), *zip(*data.test.x.T, data.test.y, strict=True)])
        assert every == [(1, 2, 0), (3, 4, 1), (5, 6, 0), (7, 8, 1), (9, 10, 0)]

    def test_numbers_are_standardised_unless_that_is_taken_back(self, folder: Path) -> None:
        plain, found = (load(folder, f'data csv "t.csv" split=0.6{off}') for off in (" normalize=off", ""))
        mean, deviation = plain.train.x.mean(0), plain.train.x.std(0)
        np.testing.assert_allclose(found.train.x, (plain.train.x - mean) / deviation, atol=1e-12)
        np.testing.assert_allclose(found.test.x, (plain.test.x - mean) / deviation, atol=1e-12)

    def test_any_column_may_be_the_target(self, folder: Path) -> None:
        (folder / "n.csv").write_text("a,b,c\n1,2,3\n4,5,6\n7,9,9\n")
        data = load(folder, 'data csv "n.csv" target=a split=0.7', "linear 1; loss mse")
        assert data.description.classes is None
        assert data.unit is not None
        assert sorted(data.unit.own(np.concatenate([data.train.y, data.test.y])).ravel().tolist()) == [1, 4, 7]
        classes = load(folder, 'data csv "n.csv" target=c classes split=1')
        assert classes.description.classes == ("3", "6", "9")

    def test_normalisation_is_fitted_on_the_training_part(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        rows = "\n".join(f"{a},{b},5,{c}" for a, b, c in zip(rng.normal(7, 3, 50), rng.random(50), rng.random(50), strict=True))
        (tmp_path / "t.csv").write_text(f"a,b,same,y\n{rows}\n")
        plain = load(tmp_path, 'data csv "t.csv" split=0.5 normalize=off', "linear 1; loss mse")
        data = load(tmp_path, 'data csv "t.csv" split=0.5', "linear 1; loss mse")
        np.testing.assert_allclose(data.train.x.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(data.train.x.std(0), 1)
        assert data.description.columns == ("a", "b"), "a constant column is left out"
        mean, std = plain.train.x.mean(0), plain.train.x.std(0)
        np.testing.assert_allclose(data.test.x, (plain.test.x - mean) / std)
        assert np.array_equal(data.train.y, plain.train.y)

    def test_a_column_that_is_constant_where_one_trains_becomes_0(self, tmp_path: Path) -> None:
        """It is no column of one value, for the test part has others; what is there of a spread is rounding alone."""
        rows = "\n".join(f"{0.1 if i < 40 else i},{i % 7},{i % 5},{'train' if i < 40 else 'test'}" for i in range(50))
        (tmp_path / "t.csv").write_text(f"same,b,y,part\n{rows}\n")
        data = load(tmp_path, 'data csv "t.csv" target=y split=part', "linear 1; loss mse")
        np.testing.assert_allclose(data.train.x[:, 0], np.zeros(40), atol=1e-12)
        assert np.isfinite(data.test.x).all()

    def test_a_seed_splits(self, folder: Path) -> None:
        program = lampc.compile.text('data csv "t.csv" split=0.6\nlinear 2; loss crossentropy', folder=folder)
        orders = {tuple(program.data(seed).train.x[:, 0]) for seed in range(8)}
        assert len(orders) > 3
        assert np.array_equal(program.data(3).train.x, program.data(3).train.x)

    def test_quotes_delimiters_marks_and_line_ends(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbfa;"b c";kind\r\n1; 2 ;"x;y"\r\n3;4e-1;z\r\n\r\n5;6;z\r\n')
        for delimiter in (' delimiter=";"', ""):
            data = load(tmp_path, f'data csv "t.csv"{delimiter} split=1 normalize=off')
            assert data.description.classes == ("x;y", "z")
            assert sorted(data.train.x.ravel().tolist()) == [0.4, 1, 2, 3, 5, 6]
            assert len(data.test) == 0
            assert data.schema is not None
            said = 'cells are divided by semicolons: delimiter=";"'
            assert (said in data.schema.notes) == (not delimiter), "what is found is said, what is asked for is known"

    @pytest.mark.parametrize(
        ("text", "code", "words"),
        [
            ("", "E603", "empty"),
            ("a,b,kind\n", "E603", "no rows"),
            ("a,b,kind\n1,2,c\n3,d\n", "E602", "line 3 has 2"),
            ('a,b,kind\n1,2,"c\n', "E601", "line 2: a quote"),
            ('a,b,kind\n1,2,"c\n3,4,d\n5,6,c\n', "E601", "line 2: a quote"),
            ("kind\nc\nd\n", "E601", "no feature column"),
            ("a,b,kind\n1,2,c\n", "E603", "leave no test data of 1 rows"),
            ("a,b,kind\n1,2,\n3,4,\n", "E603", "the target `kind` holds nothing"),
            ("a,kind\nnan,c\n,d\n", "E601", "no feature column beside the target (`a`: all missing)"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_place(self, text: str, code: str, words: str, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text(text)
        found = wrong(tmp_path, 'data csv "t.csv"')
        assert found.code == code
        assert words in found.message

    @pytest.mark.parametrize(
        ("text", "names", "note"),
        [
            ("5,2,3\n4,5,6\n", ("column1", "column2"), "the first line is a row"),
            ("1,2,3\n4,5,6\n", ("1", "2"), "the first line, which is numbers, names the columns: header=off"),
            ("a,a,kind\n1,2,3\n4,5,6\n", ("a", "a_2"), "several columns have one name; the later are called `a_2`"),
            ("a,,kind\n1,2,3\n4,5,6\n", ("a", "column2"), "a column without a name is called `column2`"),
        ],
    )
    def test_a_header_that_is_none_is_told_of(self, text: str, names: tuple[str, ...], note: str, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text(text)
        found = load(tmp_path, 'data csv "t.csv" split=1', "linear 1; loss mse")
        assert found.description.columns == names
        assert found.schema is not None
        assert any(said.startswith(note) for said in found.schema.notes)

    GAPS = pytest.mark.parametrize(
        ("cell", "place"),
        [
            ("3,,d", "line 12, column `b`: the cell is missing"),
            ("3,nan,d", "line 12, column `b`: the cell is missing"),
            ("3,-inf,d", "line 12, column `b`: the cell is missing"),
            ("3,4,", "line 12, column `kind`: the cell is missing"),
        ],
    )
    """A cell that is missing in one of 12 rows, and where it is."""

    @GAPS
    def test_a_missing_cell_is_filled_and_counted_or_the_row_left_out(self, cell: str, place: str, tmp_path: Path) -> None:
        rows = [f"{i % 3},{i * i},{'cd'[i % 2]}" for i in range(11)]
        rows.insert(10, cell)
        (tmp_path / "t.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
        found = load(tmp_path, 'data csv "t.csv" split=1 normalize=off')
        assert found.schema is not None
        if "kind" in place:
            assert found.schema.targets[0].missing == 1
            assert len(found.train) == 11
            return
        assert found.schema.columns[1].missing == 1
        assert found.description.columns == ("a", "b", "b missing")
        filled = found.train.x[found.train.x[:, 2] == 1]
        mean = sum(i * i for i in range(11)) / 11
        np.testing.assert_allclose(filled, [[3, mean, 1]])

    @GAPS
    def test_a_missing_cell_is_a_mistake_where_that_is_said(self, cell: str, place: str, tmp_path: Path) -> None:
        rows = [f"{i % 3},{i * i},{'cd'[i % 2]}" for i in range(11)]
        rows.insert(10, cell)
        (tmp_path / "t.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
        found = wrong(tmp_path, 'data csv "t.csv" split=1 missing=refuse')
        assert found.code == "E602"
        assert found.message == place
        assert found.fixes

    def test_words_among_numbers_are_named_with_their_places(self, tmp_path: Path) -> None:
        rows = [f"{i % 5},{i * 7 % 30}.5,{'cd'[i % 2]}" for i in range(40)]
        (tmp_path / "t.csv").write_text("\n".join(["a,b,kind", *rows, "3,x,d", "3,1_000,d"]) + "\n")
        found = wrong(tmp_path, 'data csv "t.csv"')
        assert found.code == "E602"
        assert found.message == "line 42, 43, column `b`: `x` is not a number, nor is `1_000`"
        assert found.fixes[0].endswith("`column b number`")
        mended = load(tmp_path, 'data csv "t.csv"\ncolumn b number')
        assert mended.description.columns == ("a", "b", "b missing")

    def test_bytes_that_are_no_utf_8_are_read_and_told_of_or_refused(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_bytes(b"a,b,kind\n1,2,c\n\xff,4,d\n1,3,c\n")
        found = load(tmp_path, 'data csv "t.csv" split=1')
        assert found.description.columns == ("a=1", "a=ÿ", "b")
        assert found.schema is not None
        assert 'the text is not UTF-8: encoding="cp1252"' in found.schema.notes
        assert "line 3" in wrong(tmp_path, 'data csv "t.csv" encoding="utf-8"').message

    def test_files_and_columns_that_are_not_there(self, folder: Path) -> None:
        assert "no such file" in wrong(folder, 'data csv "u.csv"').message
        assert "not a file" in wrong(folder, 'data csv "."').message
        assert wrong(folder, 'data csv "t.csv" target=knd').fixes == ("did you mean `kind`?",)

    def test_labels_beyond_the_networks_outputs_are_refused_before_the_run(self, folder: Path) -> None:
        (folder / "many.csv").write_text("a,k\n" + "\n".join(f"{i},c{i % 5}" for i in range(30)))
        found = wrong(folder, 'data csv "many.csv"', "linear 3; loss crossentropy")
        assert "5" in found.message
        assert len(found.labels) == 2


class TestNpz:
    def save(self, folder: Path, **arrays: Any) -> None:
        np.savez(folder / "t.npz", **arrays)

    def test_numbers_and_labels(self, tmp_path: Path) -> None:
        x = np.arange(20.0).reshape(10, 2)
        self.save(tmp_path, x=x, y=np.arange(10) % 3)
        data = load(tmp_path, 'data npz "t.npz" split=0.5')
        assert data.description.classes == ("0", "1", "2")
        assert data.train.y.dtype == np.int64
        self.save(tmp_path, x=x.astype(np.float32), y=x[:, :1])
        assert load(tmp_path, 'data npz "t.npz"', "linear 1; loss mse").train.y.shape == (8, 1)

    def test_a_split_of_ones_own(self, tmp_path: Path) -> None:
        x = np.ones((4, 2))
        self.save(tmp_path, x_train=x, y_train=np.ones((4, 1)), x_test=2 * x[:1], y_test=np.ones((1, 1)))
        data = load(tmp_path, 'data npz "t.npz"', "linear 1; loss mse")
        assert (len(data.train), len(data.test)) == (4, 1)

    @pytest.mark.parametrize(
        ("arrays", "code", "words"),
        [
            ({"x": [[1.0, math.nan], [1, 1]], "y": [0, 1]}, "E602", "row 0, column 1"),
            ({"x": [[1.0, 2.0], [math.inf, 1]], "y": [0, 1]}, "E602", "row 1, column 0"),
            ({"x": [["a", "b"]], "y": [0]}, "E602", "not numbers"),
            ({"x": [[1.0], [2.0]], "y": [0, -1]}, "E604", "label -1 in row 1"),
            ({"x": [[1.0], [2.0]], "y": [0.5, 1.5]}, "E605", "(N, 1)"),
            ({"x": [[1.0], [2.0]], "y": [0, 1, 1]}, "E605", "3"),
            ({"x": 3.0, "y": [0]}, "E605", "one number"),
            ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, "E603", "no samples"),
            ({"z": [1.0]}, "E601", "x"),
            ({"x": np.array([[1], [2, 3]], dtype=object), "y": [0, 1]}, "E601", "cannot read"),
        ],
    )
    def test_what_is_wrong_is_named(self, arrays: dict[str, Any], code: str, words: str, tmp_path: Path) -> None:
        self.save(tmp_path, **arrays)
        found = wrong(tmp_path, 'data npz "t.npz"')
        assert found.code == code
        assert words in found.message

    @pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"some text", b"\x80\x04}."])
    def test_damaged_archives(self, raw: bytes, tmp_path: Path) -> None:
        (tmp_path / "t.npz").write_bytes(raw)
        assert wrong(tmp_path, 'data npz "t.npz"').code == "E601"

    def test_one_array_alone(self, tmp_path: Path) -> None:
        with (tmp_path / "t.npz").open("wb") as file:
            np.save(file, np.ones(3))
        assert "one array" in wrong(tmp_path, 'data npz "t.npz"').message


class TestDigits:
    def test_images_or_rows(self) -> None:
        pytest.importorskip("sklearn")
        data = load(Path(), "data digits split=0.8", "linear 10; loss crossentropy")
        assert data.train.x.shape == (1438, 64)
        assert (data.train.x.min(), data.train.x.max()) == (0.0, 1.0)
        assert data.description.train == 1438
        assert load(Path(), "data digits image", "flatten; linear 10; loss crossentropy").test.x.shape == (359, 1, 8, 8)

    def test_without_the_package_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        program = lampc.compile.text("data digits; linear 10; loss crossentropy")
        with pytest.raises(lampc.LampError) as caught:
            program.data()
        found = caught.value.diagnostics[0]
        assert found.code == "E508"
        assert "lampc[digits]" in found.fixes[0]


class TestPython:
    @pytest.fixture
    def module(self, tmp_path: Path) -> str:
        name = f"data_{abs(hash(str(tmp_path)))}"
        (tmp_path / f"{name}.py").write_text(
            "import numpy as np\n"
            "def two(): return np.ones((10, 2)), np.zeros((10, 1))\n"
            "def four(): return [[1.0]] * 3, [[1.0]] * 3, [[1.0]], [[1.0]]\n"
            "def fails(): raise OSError('no disk')\n"
            "def one(): return 5\n"
        )
        return name

    def test_only_when_permitted(self, module: str, tmp_path: Path) -> None:
        found = wrong(tmp_path, f'data python "{module}:two"', "linear 1; loss mse")
        assert found.code == "E507"
        assert module not in sys.modules

    def test_two_or_four_arrays(self, module: str, tmp_path: Path) -> None:
        assert len(load(tmp_path, f'data python "{module}:two"', "linear 1; loss mse", allow_python=True).train) == 8
        assert len(load(tmp_path, f'data python "{module}:four"', "linear 1; loss mse", allow_python=True).test) == 1

    @pytest.mark.parametrize(
        ("function", "words"),
        [("fails", "no disk"), ("one", "returned int"), ("none", "AttributeError"), ("a b", "no function")],
    )
    def test_whatever_the_function_does(self, function: str, words: str, module: str, tmp_path: Path) -> None:
        found = wrong(tmp_path, f'data python "{module}:{function}"', "linear 1; loss mse", allow_python=True)
        assert found.code == "E601"
        assert words in found.message


class TestUpFront:
    """What does not fit the network is found before anything runs."""

    @pytest.mark.parametrize(
        ("source", "code"),
        [
            ("data disc; linear 2; loss mse", "E402"),
            ("data disc; linear 2; loss crossentropy", "E503"),
            ('data csv "iris.csv"; linear 3; loss mse', "E503"),
            ("data disc train=0; linear 1; loss mse", "E305"),
            ("data disc; linear 1; loss bce", "W402"),
        ],
    )
    def test_targets(self, source: str, code: str, models: Path) -> None:
        try:
            found = lampc.compile.text(source, folder=models).warnings
        except lampc.LampError as error:
            found = error.diagnostics
        assert found[0].code[0] == code[0]
