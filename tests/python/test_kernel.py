"""Cells in a real kernel, as a notebook runs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CELLS = (
    "%load_ext lampc.jupyter",
    "%%lamp net --train\nlinear 2->64 xavier; relu; linear 64->64; relu; linear 1 xavier; sigmoid\n"
    "data disc train=300000 test=100\nloss mse\ntrain epochs=2 batch=10",
    "%%lamp net\nlinear 2->3; tahn",
    "import lampc\nlampc.compile.text('linear 2->3; tahn')",
    "%%lamp net --trian\nlinear 2->3",
)


@pytest.mark.filterwarnings("ignore")
def test_what_cells_show(monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    import nbformat

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    updates: list[str] = []

    class Client(nbclient.NotebookClient):  # type: ignore[misc, name-defined]
        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            if msg["msg_type"] == "update_display_data":
                updates.append(msg["content"]["data"]["text/plain"])
            return super().process_message(msg, cell, cell_index)

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    Client(book, timeout=120, allow_errors=True, kernel_name="python3").execute()
    loaded, trained, wrong, raised, misused = (cell.outputs for cell in book.cells)
    assert not loaded
    assert updates[0] == "compiling …"
    assert sum("epoch 1/2  loss" in text for text in updates) >= 2  # on the way, in one place
    assert [output.output_type for output in trained] == ["display_data", "execute_result"]
    assert trained[0].data["text/plain"].startswith("100 %  epoch 2/2  loss ")
    assert "<svg " in trained[1].data["text/html"]
    assert wrong[0].traceback[0] == "<cell>:1:14: error[E201]: there is no layer `tahn`"
    assert raised[0].traceback[0] == "line 2: lampc.compile.text('linear 2->3; tahn')"
    assert "= help: did you mean `tanh`?" in raised[0].traceback[-1]
    assert "did you mean --train?" in str(misused)
