"""Kernels over axes, for people."""

from __future__ import annotations

from collections.abc import Callable

from lampc.ir.expression import Call, Expression, Number
from lampc.loops.language import At, Axis, Index, Loops, Nest, Place, Reduced, Scan, Through, View

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}

Name = Callable[[int], str]
"""A buffer's name by its id."""


def listing(loops: Loops, name: Name) -> str:
    """A kernel: what it goes over, what it reduces and what it stores."""
    over = f" for each {', '.join(map(_axis, loops.axes))}" if loops.axes else ""
    over += f", threads share {loops.shared.name}" if loops.shared else ""
    lines = [f"{loops.name}{over}:"]
    for part in loops.body:
        lines += _part(part, name, "  ")
    return "\n".join(lines)


def _part(part: Nest | Scan, name: Name, indent: str) -> list[str]:
    if isinstance(part, Scan):
        lines = [f"{indent}one after another {_axis(part.axis)}:"]
        for inner in part.body:
            lines += _part(inner, name, indent + "  ")
        return lines
    lines = [f"{indent}{part.name}: {', '.join(map(_axis, part.axes)) or 'once'}"]
    for reduction in part.reductions:
        axes = ", ".join(map(_axis, reduction.axes))
        lines.append(f"{indent}  {reduction.name} = {reduction.fold} {axes}: {text(reduction.expression, name)}")
    for store in part.stores:
        sign = "+=" if store.add else "="
        lines.append(f"{indent}  {place(store.view, store.index, name)} {sign} {text(store.expression, name)}")
    return lines


def _axis(axis: Axis) -> str:
    return f"{axis.name}<{axis.extent}"


def place(view: View, index: tuple[Index, ...], name: Name) -> str:
    """A view at an index."""
    inner = [place(part.view, part.index, name) if isinstance(part, Through) else str(part) for part in index]
    order = "" if view.memory == tuple(range(len(view.dims))) else "".join(f"'{dim}" for dim in view.memory)
    return f"{name(view.buffer)}{order}[{', '.join(inner)}]"


def text(expression: Expression, name: Name) -> str:
    """An expression."""
    if isinstance(expression, At):
        outside = "" if expression.otherwise is None else f" or {expression.otherwise:g}"
        return place(expression.view, expression.index, name) + outside
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Place):
        return str(expression.value)
    if isinstance(expression, Reduced):
        return expression.name
    assert isinstance(expression, Call)
    parts = [text(argument, name) for argument in expression.arguments]
    sign = _SIGNS.get(expression.function)
    return f"({parts[0]} {sign} {parts[1]})" if sign else f"{expression.function}({', '.join(parts)})"
