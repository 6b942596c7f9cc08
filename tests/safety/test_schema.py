"""JSON of others is held to a schema, and what does not fit is named by its field."""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path

import pytest

import lampc.compile
from lampc.diagnostics import LampError
from lampc.schema import Unfit, each, flag, listed, maybe, nested, number, parse, plain, record, text, whole

PACKAGE = Path(__file__).parents[2] / "lampc"
SCHEMA = record(
    {"name": text(5), "sizes": listed(whole(1), 1, 3)},
    {"of": maybe(each(number)), "on": flag, "x": nested(number, 2), "any": plain},
)
GOOD = {"name": "a", "sizes": [1, 2], "of": {"b": 1.5}, "on": True, "x": [[1.0], 2], "any": ["a", 1, None, [True]], "later": {}}


def test_what_fits_is_as_it_was() -> None:
    assert parse(json.dumps(GOOD), SCHEMA) == GOOD
    assert parse(json.dumps({"name": "", "sizes": [1]}), SCHEMA) == {"name": "", "sizes": [1]}


WRONG = (
    ({"name": None}, "`name` is 'None', and a text is wanted"),
    ({"name": "a\0"}, "`name` is"),
    ({"name": "long name"}, "`name` is 'long name'"),
    ({"sizes": []}, "`sizes` is"),
    ({"sizes": [1, 0]}, "`sizes[1]` is '0', and a whole number from 1 is wanted"),
    ({"sizes": [True]}, "`sizes[0]` is"),
    ({"sizes": [2**63]}, "`sizes[0]` is"),
    ({"of": {"b": "c"}}, "`of.b` is 'c', and a number is wanted"),
    ({"of": []}, "`of` is '[]', and an object is wanted"),
    ({"on": 1}, "`on` is '1', and true or false is wanted"),
    ({"x": [[[1.0]]]}, "`x[0][0]` is"),
    ({"any": {}}, "`any` is '{}', and an option's value is wanted"),
    ({"any": 10**300}, "`any` is"),
)


@pytest.mark.parametrize(("change", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_field_that_is_wrong_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(Unfit) as caught:
        parse(json.dumps({**GOOD, **change}), SCHEMA)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(Unfit, match="there is no `sizes`"):
        parse('{"name": "a"}', SCHEMA)


@pytest.mark.parametrize("raw", ["", "{", b"\xff", "[" * 10**5, "9" * 10**5, '{"a":' * 10**5, "nul"])
def test_what_is_no_json(raw: str | bytes) -> None:
    with pytest.raises(Unfit, match=r"no JSON|too deeply"):
        parse(raw, SCHEMA)


def test_a_header_of_weights_is_held_to_its_schema(tmp_path: Path) -> None:
    """`train weights=` reads a safetensors file's header before anything else does."""
    for header in (b"[" * 10**5, b"null", b'{"linear1.weight": {}}', b'{"linear1.weight": {"shape": [-1]}}',
                   b'{"a": {"shape": "x"}}', b'{"linear1.weight": {"shape": [1e400]}}', b"\xff"):  # fmt: skip
        (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
        (tmp_path / "x.lamp").write_text('linear 2->1\ndata xor\nloss mse\ntrain epochs=1 weights="w.safetensors"')
        with pytest.raises(LampError) as caught:
            lampc.compile.file(tmp_path / "x.lamp")
        assert caught.value.diagnostics[0].code == "E601"


def test_json_is_read_in_one_way() -> None:
    """Nothing but `lampc.schema` calls `json.loads`, and the importer of archives, which refuses whatever fails in it."""
    reading = []
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load"):
                reading.append(file.name)
    assert set(reading) == {"schema.py", "archive.py"}
