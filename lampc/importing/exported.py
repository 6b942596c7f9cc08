"""Programs of ``torch.export``, in memory or in a file, as calls of ATen's functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lampc.importing.archive import from_archive
from lampc.importing.aten import Call, Ref, one_of_each
from lampc.importing.aten_reader import read_calls
from lampc.importing.text import Imported

INLINED = "wrap_with_set_grad_enabled"
"""A function of functions: what stands in ``torch.no_grad()``."""


def from_exported(program: Any) -> Imported:
    """A network from what ``torch.export.export`` gives, or from the file that ``torch.export.save`` writes of it.

    Raises:
        LampError: if it is none, or a call in it has no layer.
    """
    if isinstance(program, str | Path):
        return from_archive(Path(program))
    signature = program.graph_signature
    one_of_each(len(signature.user_inputs), len(signature.user_outputs))
    weights: dict[str, Any] = {}
    shape: tuple[int | None, ...] = ()
    whole = False
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder"]
    for spec, node in zip(signature.input_specs, placeholders, strict=True):
        if spec.target is None:
            value = node.meta["val"]
            shape, whole = tuple(n if isinstance(n, int) else None for n in value.shape), not value.dtype.is_floating_point
        else:
            found = program.state_dict.get(spec.target)
            weights[node.name] = (program.constants[spec.target] if found is None else found).detach().cpu()
    walk = _Walk()
    (made,) = walk.module(program.graph_module, [Ref(node.name) for node in placeholders])[-1:]
    return read_calls(walk.calls, weights, signature.user_inputs[0], shape, whole, made.name)


class _Walk:
    """Goes through a graph and those in it."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def module(self, module: Any, given: list[Any], prefix: str = "") -> list[Any]:
        """A graph's calls, on what it is given; what it gives."""
        found: dict[Any, Any] = {}
        inputs = iter(given)
        for node in module.graph.nodes:
            if node.op == "placeholder":
                found[node] = next(inputs)
            elif node.op == "get_attr":
                found[node] = getattr(module, node.target)
            elif node.op == "output":
                return list(_plain(node.args[0], found))
            else:
                found[node] = self._call(node, found, prefix)
        return []

    def _call(self, node: Any, found: dict[Any, Any], prefix: str) -> Any:
        """A call; its result, or the results of one that gives several."""
        arguments = [_plain(argument, found) for argument in node.args]
        name = _called(node.target)
        if name == "_operator.getitem" and isinstance(arguments[0], list):
            return arguments[0][arguments[1]]
        if name == INLINED:
            _, inner, *given = arguments
            return self.module(inner, given, f"{prefix}{node.name}/")
        schema = getattr(node.target, "_schema", None)
        names = [str(i) for i in range(len(arguments))] if schema is None else [argument.name for argument in schema.arguments]
        more = {key: _plain(value, found) for key, value in node.kwargs.items()}
        value = node.meta.get("val")
        results = [Ref(f"{prefix}{node.name}#{i}") for i in range(len(value))] if isinstance(value, list | tuple) else None
        made = results or [Ref(prefix + node.name)]
        self.calls.append(Call(name, {**dict(zip(names, arguments, strict=False)), **more}, tuple(ref.name for ref in made)))
        return results or made[0]


def _plain(value: Any, found: dict[Any, Any]) -> Any:
    """An argument, with what was made of the nodes in it."""
    if isinstance(value, list | tuple):
        return [_plain(entry, found) for entry in value]
    return found[value] if hasattr(value, "op") and hasattr(value, "meta") else value


def _called(target: Any) -> str:
    name = getattr(target, "__name__", str(target))
    if name == INLINED:
        return name
    return str(target) if hasattr(target, "_schema") else f"{getattr(target, '__module__', '')}.{name}"
