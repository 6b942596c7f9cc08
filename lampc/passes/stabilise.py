"""Numerically safe forms of what was written plainly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import isclose, log

from lampc.ir.graph import Graph
from lampc.ir.op import Op
from lampc.ir.types import B, Type
from lampc.ops.arithmetic import Add, Mul, Square, Sub
from lampc.ops.exponential import Log
from lampc.ops.term import Build, Term
from lampc.passes.cse import share_common
from lampc.passes.dce import remove_dead
from lampc.passes.formula import evaluate, read
from lampc.passes.guard import guard_branches
from lampc.passes.pattern import Named, Pattern, Scaled, match_root, parts, pattern, scaled
from lampc.passes.rewrite import Site, keep, rewrite
from lampc.passes.simplify import simplify
from lampc.passes.stable_forms import FORMS, Form
from lampc.passes.stable_rules import RULES, Settle

Rule = Callable[[Term, frozenset[object]], Term | None]
"""What takes a term's place, or None; with the rewrites that it is part of, so that none is done within itself."""
Table = Mapping[type[Op], Sequence[Rule]]
"""Rules by the op that they begin at, in the order in which they are tried."""


def stabilise(graph: Graph) -> Graph:
    """Rewrite what overflows, or loses its digits, by the table of stable forms, in predictions and losses alike.

    Before: a forward graph. After: none of the table's left sides is left where the pattern is plain to see, and no
    branch of a ``where`` that is not taken ruins a gradient; each rewrite leaves a note.
    """
    table = _table()
    rewritten = rewrite(share_common(simplify(graph)), lambda site: _rewritten(site, table))
    return guard_branches(remove_dead(rewritten))


def _rewritten(site: Site, table: Table) -> Term | None:
    if type(site.node.op) not in table:
        return None
    (kept,) = keep(site.build, site.node, site.operands)
    return _settled(table, kept)


def _settled(table: Table, term: Term, inside: frozenset[object] = frozenset()) -> Term:
    """The stable form of a term whose operands have theirs."""
    for rule in table.get(type(term.node.op), ()):
        found = rule(term, inside)
        if found is not None and found.type == term.type:
            return found
    return term


@cache
def _table() -> Table:
    """The longest forms first. What is inside a longer one is in its stable form there as well."""
    made: list[tuple[Pattern, Form]] = []
    table: Table = {}
    for form in sorted(FORMS, key=lambda form: _compiled(form, {}).size):
        made.append((_compiled(form, table), form))
        table = _indexed(made)
    return table


_ALIKE: dict[type[Op], tuple[type[Op], ...]] = {Add: (Add, Sub), Square: (Square, Mul)}
"""Ops that patterns do not tell apart."""


def _indexed(made: Sequence[tuple[Pattern, Form]]) -> Table:
    table: dict[type[Op], list[Rule]] = {}
    for wanted, form in sorted(made, key=lambda pair: -pair[0].size):
        assert wanted.op is not None
        kind = type(wanted.op)
        for op in _ALIKE.get(kind, (kind,)):
            table.setdefault(op, []).append(_rule(wanted, form, table))
    for op, other in RULES:
        table.setdefault(op, []).append(partial(_apart, other, table))
    table.setdefault(Log, []).append(partial(_scaled_log, table))
    return table


def _apart(rule: Callable[[Term, Settle], Term | None], table: Table, term: Term, inside: frozenset[object]) -> Term | None:
    return rule(term, partial(_settled, table, inside=inside))


def _compiled(form: Form, table: Table) -> Pattern:
    """A form's left side as a pattern."""
    build = Build(Graph())
    names = {name: build(Named(Type("f64", (B, 4)), name)) for name in "xyz"}
    names |= {name: build(Named(Type("f64", ()), name, number=True)) for name in "cd"}
    whole: list[Term] = []

    def settle(term: Term) -> Term:
        whole[:] = [term]  # the last one is the whole, as it was before a rule was at it
        return _settled(table, term)

    evaluate(read(form.written), build, names, settle)
    return pattern(whole[0])


def _rule(wanted: Pattern, form: Form, table: Table) -> Rule:
    def rule(term: Term, inside: frozenset[object]) -> Term | None:
        found = parts(term)
        for bound in match_root(wanted, found):
            key = (form, frozenset(bound.items()))
            if key in inside:
                continue
            names = {name: value.as_term() if isinstance(value, Scaled) else value for name, value in bound.items()}
            with term.build.at(note=form.note):
                try:
                    made = evaluate(read(form.stable), term.build, names, partial(_settled, table, inside=inside | {key}))
                except (ValueError, ZeroDivisionError):  # a number for which the form does not hold
                    continue
                return made * (found.factor / wanted.factor) if isinstance(made, Term) else None
        return None

    return rule


def _scaled_log(table: Table, term: Term, inside: frozenset[object]) -> Term | None:
    """log(c·x) is log x + log c where log x has a stable form."""
    x = scaled(term.build.term(term.node.operands[0]))
    product = parts(x.term)
    if product.factor != 1.0:  # 2·x times y, too
        whole = term.build(product.op, *(operand.bare for operand in product.operands))
        x = Scaled(x.factor * product.factor, _settled(table, whole, inside))
    if x.number or x.factor <= 0 or isclose(x.factor, 1.0):
        return None
    plain = term.build(Log(), x.term)
    settled = _settled(table, plain, inside)
    if settled.value == plain.value:
        return None
    with term.build.at(note="stable: log(c·x) is log(x) + log(c)"):
        return settled + log(x.factor)
