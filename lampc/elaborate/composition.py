"""Composition: what ``repeat``, ``residual``, ``sum``, ``product``, ``concat``, ``pass`` and ``from`` make of bodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lampc.diagnostics.edits import instead, line_end, removed
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.scope import Flow, Scope
from lampc.ir.op import ShapeError
from lampc.layers.signature import Int, Param, Signature
from lampc.ops.arithmetic import Mul
from lampc.ops.shape import Concat, Reshape
from lampc.ops.term import Term
from lampc.source import Span
from lampc.syntax import tree
from lampc.syntax.indented import indented, laid_out
from lampc.syntax.strangers import stranger

if TYPE_CHECKING:
    from lampc.elaborate.network import Network


@dataclass(frozen=True)
class Combinator:
    """A statement that composes others."""

    name: str
    doc: str
    """One line for the reference."""
    example: str
    """A program that uses it, on one line."""
    apply: Callable[[Network, tree.Layer, Flow, Scope], Flow]
    """What it makes of the value that reaches it."""


Join = Callable[[list[Term]], Term]
"""How the ends of branches become one value."""

REPEAT = Signature((Param("times", Int(0), doc="how many copies, as in `repeat 3 { … }`"),))
STACK = Signature((Param("axis", Int(1, 16), 1, "the new axis of a sample, from 1"),))
CONCAT = Signature((Param("axis", Int(1, 16), 1, "the axis of a sample that grows, from 1"),))


def _branches(network: Network, statement: tree.Layer, bound: object, most: int | None = None) -> tuple[tree.Body, ...] | None:
    """The statement's branches; None, which has been reported, where there are none, too many, or empty ones.

    ``bound`` is None where the whole statement is to be written anew.
    """
    name = statement.name.name
    branches = statement.branches
    if not branches:
        if bound is not None:
            _no_body(network, statement)
        return None
    if most is not None and len(branches) > most:
        network.problems.report("E308", f"`{name}` has one branch", branches[1].span, "a second one",
                                fixes=["`sum { … | … }` joins several"])  # fmt: skip
    empty = [branch for branch in branches if not branch.statements]
    for branch in empty:
        network.problems.report("E207", f"a branch of `{name}` is empty", branch.span,
                                fixes=["write `pass` for a branch that keeps its input"])  # fmt: skip
    return None if empty else branches[:most]


def _no_body(network: Network, statement: tree.Layer) -> None:
    """Report a missing body; lines that stand further in are what was meant."""
    head, name = statement.head, statement.name.name
    _, end = head.source.ends(head.source.position(head.end)[0])
    alone = not head.source.text[head.end : end].strip()
    body = indented(head.source, head.start, head.end) if alone else None
    if body is None:
        shown = f"{head.phrase} {{ … }}"
        example = COMBINATORS[name].example.partition("; ")[2] or COMBINATORS[name].example
        network.problems.report("E308", f"`{name}` needs `{{ … }}`", head,
                                fixes=[f"put what belongs to it in braces, `{shown}`, as in `{example}`"])  # fmt: skip
        return
    whole = Span(head.source, head.start, body.end)
    text = laid_out(body.statements, head.source.position(head.start)[1] - 1, line_end(head.source))
    network.problems.report("E308", f"`{name}` needs `{{ … }}`", head, fixes=[f"write `{'; '.join(body.statements)}`"],
                            edits=() if "#" in whole.text else instead(whole, text))  # fmt: skip


def repeat(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """So many copies of the body in sequence, each with its own parameters; none leaves the value as it is."""
    arguments = network.bind(statement, REPEAT, scope)
    branches = _branches(network, statement, arguments, most=1)
    if branches is None:
        return None
    times = arguments["times"] if arguments else 1
    assert isinstance(times, int)
    if times == 0:
        network.look_at(branches[0].statements, scope)
    wrong = len(network.problems.errors)
    groups = network.group(f"repeat {times}", statement.head, times)
    for group, _ in zip(groups, network.budget.copies(times, statement.head), strict=True):
        x = network.body(branches[0].statements, x, scope.inner(group))
        if len(network.problems.errors) > wrong:
            break  # the other copies would say the same
    return x


def residual(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The input and what the body makes of it, added."""
    branches = _branches(network, statement, network.bind(statement, Signature(), scope), most=1)
    if branches is None:
        return x
    (group,) = network.group("residual", statement.head, 1)
    out = network.body(branches[0].statements, x, scope.inner(group))
    if x is None or out is None:
        return out if x is None else x
    if out.type != x.type:
        producer = network.producer(out)
        network.problems.report("E404", f"`residual` adds its input to its result, but {x.type} became {out.type}",
                                statement.head, also=[(producer, f"makes {out.type}")] if producer else [],
                                fixes=[f"let the branch end in the size it began with{_ending(x)}"])  # fmt: skip
        return x
    return _join(network, statement, [x, out], lambda terms: terms[0] + terms[1], scope)


def _ending(x: Term) -> str:
    size = x.type.sample[0] if len(x.type.sample) == 1 else None
    return "" if size is None else f", `linear {size}`"


def add(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The branches on the same input, added."""
    bound = network.bind(statement, Signature(), scope)

    def total(terms: list[Term]) -> Term:
        return sum(terms[1:], start=terms[0])

    return _elementwise(network, statement, x, scope, total, bound)


def multiply(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The branches on the same input, multiplied."""
    bound = network.bind(statement, Signature(), scope)

    def result(terms: list[Term]) -> Term:
        out = terms[0]
        for term in terms[1:]:
            out = network.build(Mul(), out, term)
        return out

    return _elementwise(network, statement, x, scope, result, bound)


def _elementwise(network: Network, statement: tree.Layer, x: Flow, scope: Scope, join: Join, bound: object) -> Flow:
    ends = _parallel(network, statement, x, scope, bound)
    if ends is None:
        return None
    first, span = ends[0]
    for end, place in ends[1:]:
        if end.type != first.type:
            producers = (network.producer(end), network.producer(first))
            network.problems.report("E404", f"the branches of `{statement.name.name}` make {first.type} and {end.type}",
                                    producers[0] or place, f"makes {end.type}",
                                    also=[(producers[1] or span, f"makes {first.type}")],
                                    fixes=["let all branches end in one shape, or join them with `concat`"])  # fmt: skip
            return first
    return _join(network, statement, [end for end, _ in ends], join, scope)


def concat(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The branches on the same input, side by side along an axis."""
    arguments = network.bind(statement, CONCAT, scope)
    ends = _parallel(network, statement, x, scope, arguments)
    if ends is None or arguments is None:
        return None
    axis = arguments["axis"]
    assert isinstance(axis, int)
    try:
        return _join(network, statement, [end for end, _ in ends], lambda terms: network.build(Concat(axis), *terms), scope)
    except ShapeError as error:
        end, place = ends[error.operand]
        also = [(network.producer(ends[0][0]) or ends[0][1], f"makes {ends[0][0].type}")] if error.operand else []
        network.problems.report("E404", f"`concat` cannot join its branches: {error}", network.producer(end) or place,
                                f"makes {end.type}", also=also)  # fmt: skip
        return None


def stack(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The branches on the same input, one behind another along a new axis."""
    arguments = network.bind(statement, STACK, scope)
    if arguments is None:
        return None
    if statement.branches is not None and len(statement.branches) < 2:
        network.problems.report("E308", "`stack` joins two branches or more", statement.head)
        return None
    axis = arguments["axis"]
    assert isinstance(axis, int)

    def join(terms: list[Term]) -> Term:
        shape = terms[0].type.shape
        if axis > len(shape):
            raise ShapeError(f"has no axis {axis}: its branches make {terms[0].type}", code="E402")
        wider = (*shape[:axis], 1, *shape[axis:])
        return network.build(Concat(axis), *(network.build(Reshape(wider), term) for term in terms))

    try:
        return _elementwise(network, statement, x, scope, join, arguments)
    except ShapeError as error:
        network.problems.report(error.code, f"`stack` {error}", statement.head)
        return None


def _parallel(network: Network, statement: tree.Layer, x: Flow, scope: Scope, bound: object) -> list[tuple[Term, Span]] | None:
    """What each branch makes of the input; None if that is unknown for one."""
    branches = _branches(network, statement, bound)
    if branches is None:
        return None
    if len(branches) == 1:
        _warn_of_one(network, statement, branches[0])
    groups = network.group(statement.name.name, statement.head, len(branches))
    ends = []
    for branch, group in zip(branches, groups, strict=True):
        end = network.body(branch.statements, x, scope.inner(group))
        if end is not None:
            ends.append((end, branch.span))
    return ends if len(ends) == len(branches) else None


def _warn_of_one(network: Network, statement: tree.Layer, branch: tree.Body) -> None:
    """Report branches that nothing parts, where one body is several statements."""
    if len(branch.statements) > 1:
        name = statement.name.name
        parts = " | ".join(inner.span.phrase for inner in branch.statements)
        shown = f"`{name} {{ {parts} }}`" if len(parts) < 60 else "`… | …`"
        network.problems.report("W418", f"`{name}` has one branch, and joins nothing", branch.span, "one branch",
                                fixes=[f"part its branches by `|`: {shown}"])  # fmt: skip


def _join(network: Network, statement: tree.Layer, ends: list[Term], join: Join, scope: Scope) -> Term:
    name = network.name(statement)
    with network.build.at(spans=(statement.head,), layer=name):
        out = join(ends) if len(ends) > 1 else ends[0]
    if len(ends) > 1:
        network.record(statement, name, statement.name.name, tuple(ends), out, (), scope)
    return out


def keep(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The input as it is."""
    network.bind(statement, Signature(), scope)
    if statement.branches is not None:
        network.problems.report("E308", "`pass` has no branches", statement.branches[0].span)
    return x


def recall(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The value that a label names."""
    if statement.branches is not None or statement.options:
        network.problems.report("E308", "`from` takes a label and nothing else", statement.head)
    word = statement.arguments[0] if statement.arguments else None
    foreign = stranger(statement.span.text)
    if foreign is not None:
        network.problems.report("E301", "`from` takes one label", statement.span, foreign.why, fixes=[foreign.fix],
                                edits=removed(statement.span))  # fmt: skip
        return x
    if not isinstance(word, tree.Word) or len(statement.arguments) > 1:
        network.problems.report("E301", "`from` takes one label", statement.head,
                                fixes=["name a value with `as h`, then write `from h`"])  # fmt: skip
        return None
    if word.name not in scope.labels:
        near = nearest(word.name, scope.labels)
        fixes = [f"did you mean `{near}`?"] if near else ["a label is given with `as` before it is used, in the same "
                                                          "body or one around it"]  # fmt: skip
        network.problems.report("E203", f"there is no value `{word.name}` here", word.span, fixes=fixes,
                                edits=instead(word.span, near))  # fmt: skip
        return None
    return scope.labels[word.name][0]


COMBINATORS = {
    combinator.name: combinator
    for combinator in (
        Combinator("repeat", "n copies in sequence, each with its own parameters",
                   "linear 2->8; repeat 3 { linear 8; tanh }", repeat),
        Combinator("residual", "x + f(x)", "linear 2->8; residual { linear 8; tanh }", residual),
        Combinator("sum", "branches on the same input, added", "linear 2->8; sum { linear 8 | tanh | pass }", add),
        Combinator("product", "branches on the same input, multiplied",
                   "linear 2->8; product { linear 8; sigmoid | pass }", multiply),
        Combinator("concat", "branches on the same input, side by side along `axis` of a sample, from 1",
                   "linear 2->8; concat axis=1 { linear ->4 | pass }", concat),
        Combinator("stack", "branches on the same input, along a new `axis` of a sample, from 1",
                   "linear 2->8; stack { linear 4 | linear 4; tanh }", stack),
        Combinator("pass", "the input as it is, for a branch that keeps it", "sum { linear 8->8 | pass }", keep),
        Combinator("from", "the value that was named with `as`", "linear 2->8 as h; tanh; sum { pass | from h }", recall),
    )
}  # fmt: skip
"""Every combinator by its name."""
