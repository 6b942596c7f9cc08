"""Calling a block: its parameters bound to constants, its body expanded with names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lampc import limits
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.definitions import constant
from lampc.elaborate.scope import Flow, Scope
from lampc.layers.signature import Written
from lampc.syntax import tree

if TYPE_CHECKING:
    from lampc.elaborate.network import Network

VALUELESS = frozenset({"E201", "E203", "E204", "E206", "E207", "E208", "E303", "E306", "E308"})
"""Codes of mistakes in a body that are mistakes whatever its parameters are."""


def call_block(network: Network, statement: tree.Layer, x: Flow, scope: Scope) -> Flow:
    """The block's body on a value, with the block's arguments for constants."""
    block = network.definitions.blocks[statement.name.name]
    if statement.branches is not None:
        network.problems.report("E308", f"`{block.name.name}` has no branches", statement.branches[0].span)
    constants = block_arguments(network, statement, block, scope)
    if constants is None:
        return None
    if not block.body.statements:
        network.problems.report("E207", f"block `{block.name.name}` is empty", block.head)
        return x
    if not _may_open(network, statement, scope):
        return None
    network.expanded.add(block.name.name)
    (group,) = network.group(statement.head.phrase, statement.head, 1)
    inner = Scope(constants, {}, (*scope.path, group), (*scope.blocks, block.name.name))
    with network.problems.within(statement.head, VALUELESS):
        return network.body(block.body.statements, x, inner)


def _may_open(network: Network, statement: tree.Layer, scope: Scope) -> bool:
    """Whether a block lies neither in itself nor too deep in others; otherwise that is reported."""
    block = network.definitions.blocks[statement.name.name]
    name = block.name.name
    if name in scope.blocks:
        path = " → ".join([*scope.blocks[scope.blocks.index(name) :], name])
        network.problems.report("E204", f"block `{name}` contains itself: {path}", statement.head,
                                also=[(block.head, "defined here")],
                                fixes=["blocks expand where they are called; use `repeat` for more of the same"])  # fmt: skip
    elif len(scope.blocks) >= limits.NESTING:
        network.problems.report("E107", f"blocks are nested more than {limits.NESTING} deep", statement.head)
    else:
        return True
    return False


def block_arguments(network: Network, statement: tree.Layer, block: tree.Block, scope: Scope) -> Mapping[str, Written] | None:
    """The constants that a block's body sees: the file's, and its parameters."""
    constants: dict[str, Written] = dict(network.definitions.constants)
    names = [parameter.name.name for parameter in block.parameters]
    given: dict[str, tree.Argument] = dict(zip(names, statement.arguments, strict=False))
    if len(statement.arguments) > len(names):
        network.problems.report("E302", f"`{block.name.name}` takes {len(names)} arguments, not "
                                f"{len(statement.arguments)}", statement.arguments[len(names)].span,
                                also=[(block.head, "defined here")],
                                fixes=[_with_parameters(block, names, statement)])  # fmt: skip
        return None
    for option in statement.options:
        name = option.name.name
        if name not in names or name in given:
            code, what = ("E306", "is given twice") if name in given else ("E303", "is not one of its parameters")
            near = nearest(name, names)
            network.problems.report(code, f"`{block.name.name}`: `{name}` {what}", option.name.span,
                                    also=[(block.head, "defined here")],
                                    fixes=[f"did you mean `{near}`?"] if near and name not in given else [],
                                    edits=instead(option.name.span, near) if name not in given else ())  # fmt: skip
            return None
        given[name] = option.value
    for parameter in block.parameters:
        name = parameter.name.name
        written = given.get(name, parameter.default)
        if written is None:
            network.problems.report("E301", f"`{block.name.name}` needs `{name}`", statement.head,
                                    also=[(block.head, "defined here")])  # fmt: skip
            return None
        if isinstance(written, tree.Arrow | tree.Function):
            network.problems.report("E304", f"`{name}` takes a constant", written.span)
            return None
        value = constant(written, scope.constants if name in given else constants, network.problems)
        constants[name] = 1 if value is None else value
    return constants


def check_uncalled(network: Network) -> None:
    """Report the mistakes in blocks that nothing has called, as far as they do not depend on arguments."""
    for name, block in network.definitions.blocks.items():
        if name in network.expanded:
            continue
        constants = {**network.definitions.constants, **dict.fromkeys((p.name.name for p in block.parameters), 1)}
        network.look_at(block.body.statements, Scope(constants, blocks=(name,)))


def _with_parameters(block: tree.Block, names: list[str], statement: tree.Layer) -> str:
    """How a block that is given more than it takes is mended."""
    more = [argument.span.text for argument in statement.arguments[len(names) :]]
    wanted = [*names, *(name for name in ("n", "m", "k", "l") if name not in names)][: len(names) + len(more)]
    return (
        f"give the block a parameter: `block {block.name.name}({', '.join(wanted)}) {{ … }}`, or leave `{' '.join(more)}` out"
    )
