"""What a program writes and nothing uses: layers, and constants, functions, blocks and parameters of its own file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass

from lampc.diagnostics import Problems
from lampc.elaborate.definitions import Definitions
from lampc.elaborate.network import Network
from lampc.ir.keys import Next, lasting
from lampc.ir.layout import LayerUse
from lampc.source import Span
from lampc.syntax import tree


def drop_unused(network: Network, problems: Problems) -> None:
    """Warn of layers that neither prediction nor loss depends on; what they would keep from step to step is not kept.

    Before: the graph has its outputs. A layer whose weight another one shares is used.
    """
    if problems.errors:
        return
    graph = network.graph
    live = graph.live(lasting(graph.outputs).values())
    graph.outputs = {key: value for key, value in graph.outputs.items() if not isinstance(key, Next) or value.node in live}
    working = {graph[node].layer for node in live}
    used = {use.span for use in network.layers if use.name in working or use.output.node in live}
    for first, *others in _runs(network.layers, used):
        more = f" and the {len(others)} after it" if len(others) > 1 else " and the one after it" if others else ""
        problems.report("W405", f"nothing uses `{first.phrase}`{more}", first, "is in vain",
                        fixes=["remove it, or take its value up: name it with `as h`, then `from h`"])  # fmt: skip


def _runs(layers: Sequence[LayerUse], used: set[Span]) -> list[list[Span]]:
    """The places of unused layers; those that follow one another and use one another's values together."""
    runs: list[list[Span]] = []
    before: LayerUse | None = None
    for use in layers:
        if use.span in used:
            before = None
        elif not any(use.span in run for run in runs):
            if before is not None and before.output in use.inputs:
                runs[-1].append(use.span)
            else:
                runs.append([use.span])
            before = use
    return runs


def warn_of_unused(body: tree.Body, definitions: Definitions, problems: Problems) -> None:
    """Warn of what a file defines and no statement names."""
    everything = [body, *definitions.functions.values(), *definitions.blocks.values()]
    named = {word.name for part in everything for word in words(part)}
    called = {word for part in everything for word in _called(part)} | named
    for statement in _statements(body):
        if isinstance(statement, tree.Let) and statement.name.name not in named:
            _report("W406", "constant", statement.name, problems)
        elif isinstance(statement, tree.Fn) and statement.name.name not in called:
            _report("W407", "function", statement.name, problems)
        elif isinstance(statement, tree.Block):
            if statement.name.name not in called:
                _report("W408", "block", statement.name, problems)
            inside = {word.name for word in words(statement)}
            for parameter in statement.parameters:
                if parameter.name.name not in inside:
                    _report("W409", "parameter", parameter.name, problems)


def _report(code: str, what: str, name: tree.Word, problems: Problems) -> None:
    problems.report(code, f"nothing uses the {what} `{name.name}`", name.span, fixes=["remove it, or use it"])


def _statements(body: tree.Body) -> Iterator[tree.Statement]:
    """All statements of a body, inner ones too."""
    for statement in body.statements:
        yield statement
        inner = (statement.branches or ()) if isinstance(statement, tree.Layer) else ()
        for branch in (statement.body,) if isinstance(statement, tree.Block) else inner:
            yield from _statements(branch)


def words(part: object) -> Iterator[tree.Word]:
    """The names that stand for values in a part of the tree: not those of what is defined, called, labelled or given."""
    if isinstance(part, tree.Word):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from words(item)
    elif is_dataclass(part) and not isinstance(part, Span):
        for field in fields(part):
            if field.name not in ("name", "label", "span"):
                yield from words(getattr(part, field.name))


def _called(part: object) -> Iterator[str]:
    """The names of layers and functions in a part of the tree."""
    if isinstance(part, tuple):
        for item in part:
            yield from _called(item)
    elif is_dataclass(part) and not isinstance(part, Span):
        if isinstance(part, tree.Layer | tree.Call):
            yield part.name.name
        for field in fields(part):
            if field.name != "span":
                yield from _called(getattr(part, field.name))
