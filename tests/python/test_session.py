"""Sessions: layers of one's own that nothing else in the process sees."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import lampc
import lampc.compile
from lampc.layers.custom import OWN
from lampc.layers.layer import Construct
from lampc.ops.term import Term


def times(factor: float, name: str = "scaled") -> Callable[..., Term]:
    def scaled(make: Construct, x: Term, more: float = 1.0) -> Term:
        """So many times x."""
        return x * factor * more

    scaled.__name__ = name
    return scaled


def test_layers_of_the_same_name_are_each_sessions_own() -> None:
    two, three = lampc.Session(times(2.0)), lampc.Session(times(3.0))
    x = torch.ones(1, 3)
    assert two.text("input 3; scaled").model()(x).tolist() == [[2.0] * 3]
    assert three.text("input 3; scaled more=2").model()(x).tolist() == [[6.0] * 3]
    assert [d.code for d in lampc.Session().check("input 3; scaled")] == ["E201"]
    with pytest.raises(lampc.LampError, match="there is no layer `scaled`"):
        lampc.compile.text("input 3; scaled")


def test_what_the_process_declares_is_in_no_session() -> None:
    lampc.layer(times(5.0, "fivefold"))
    try:
        assert lampc.compile.text("input 3; fivefold").model()(torch.ones(1, 3)).tolist() == [[5.0] * 3]
        assert [d.code for d in lampc.Session().check("input 3; fivefold")] == ["E201"]
    finally:
        OWN.pop("fivefold")


def test_a_program_keeps_the_layers_it_was_compiled_with(tmp_path: Path) -> None:
    """Declared again, a layer of the name takes something else; a model's settings are checked by what it was made of."""

    def old(make: Construct, x: Term, rate: float = 0.5) -> Term:
        return x * make.setting("rate", rate)

    def new(make: Construct, x: Term) -> Term:
        return x

    old.__name__ = new.__name__ = "rated"
    try:
        lampc.layer(old)
        model = lampc.compile.text("input 3; rated 0.25").model()
        lampc.layer(new)
        assert model.program.setting("rated1.rate").name == "rate"
    finally:
        OWN.pop("rated", None)


def test_sessions_side_by_side_do_not_mix() -> None:
    def one(index: int) -> bool:
        session = lampc.Session(times(float(index)))
        return all(
            session.text("input 2; scaled").model(backend="torch")(torch.ones(1, 2)).tolist() == [[float(index)] * 2]
            for _ in range(20)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(1, 9)))


def test_a_session_compiles_files_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "net.lamp").write_text("let n = 2\ninput n; scaled; linear 1 xavier\n")
    session = lampc.Session(times(2.0))
    assert session.file(tmp_path / "net.lamp", n=4).elaborated.input_type.sample == (4,)
    found = session.check("input 2; scaled mroe=2; linear 1 xavier")
    assert [d.code for d in found] == ["E303"]
    for functions in ((times(1.0, "tanh"),), (times(1.0), times(2.0)), (lambda make, x: x,)):
        with pytest.raises(ValueError, match=r"."):
            lampc.Session(*functions)
