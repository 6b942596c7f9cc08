"""The automaton that is kept beside the grammar does what one does that is made of the grammar now, and no other is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lark import Lark

from lampc import resources
from lampc.syntax import automaton
from lampc.syntax.build import Build


def moves(lark: Lark) -> dict[str, dict[str, Any]]:
    """What is done in every state at each token, the states named by the shortest way to them: their numbers mean nothing."""
    table = lark.parser.parser._parse_table  # type: ignore[attr-defined]
    start = table.start_states["start"]
    names = {start: ""}
    waiting = [start]
    for state in waiting:
        for token, (_, target) in sorted(table.states[state].items()):
            if isinstance(target, int) and target not in names:
                names[target] = f"{names[state]} {token}"
                waiting.append(target)
    return {
        name: {
            token: names.get(to, str(to)) if isinstance(to, int) else str(to) for token, (_, to) in table.states[state].items()
        }
        for state, name in names.items()
    }


def test_it_is_the_grammars(request: pytest.FixtureRequest) -> None:
    """Written anew by ``pytest --update-golden`` after a change of the grammar, or of Lark."""
    if request.config.getoption("--update-golden") and automaton.kept() is None:
        resources.path(*automaton.KEPT).write_text(automaton.written(), encoding="utf-8")
    assert automaton.kept() is not None, "it is of another grammar, or another Lark: run pytest --update-golden tests/syntax"
    read, made = automaton.parser(Build()), automaton.made(Build())
    assert len(moves(made)) > 100
    assert moves(read) == moves(made)
    assert {(t.name, str(t.pattern), t.priority) for t in read.terminals} == {
        (t.name, str(t.pattern), t.priority) for t in made.terminals
    }
    assert set(read.lexer_conf.ignore) == set(made.lexer_conf.ignore)


@pytest.mark.parametrize("what", ["lark", "grammar", "damaged", "missing"])
def test_another_one_is_not_used(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = resources.text(*automaton.KEPT)
    if what != "missing":
        changed = whole[:-100] if what == "damaged" else json.dumps(json.loads(whole) | {what: "another"})
        (tmp_path / "lamp.json").write_text(changed, encoding="utf-8")
    beside = resources.path
    monkeypatch.setattr(resources, "path", lambda *parts: tmp_path / "lamp.json" if parts == automaton.KEPT else beside(*parts))
    assert automaton.kept() is None
    assert list(automaton.parser(Build()).lex("tanh"))
