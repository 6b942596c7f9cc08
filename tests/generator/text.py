"""A program as the text of a ``.lamp`` file."""

from __future__ import annotations

from typing import Any

from generator.layers import KINDS
from generator.program import Body, Definition, Formula, Init, Option, Program, Statement, Training

BINARY = {"+", "-", "*", "/", "^", "<", ">"}


def text(program: Program) -> str:
    """The whole file."""
    lines = [f"let {name} = {number}" for name, number in program.lets]
    lines += [definition(each) for each in program.definitions]
    if program.init is not None:
        lines.append(" ".join([f"init {program.init.name}", *(f"{name}={number!r}" for name, number in program.init.numbers)]))
    for each in program.inputs:
        below = f" int<{each.below}>" if each.below else ""
        lines.append(f"input {value(each.shape)}{below}{f' as {each.label}' if each.label else ''}")
    lines += [statement(each) for each in program.body]
    return "\n".join([*lines, *experiment(program.training)]) + "\n"


def value(given: Any) -> str:
    """An argument's value."""
    if isinstance(given, Init):
        numbers = ", ".join(f"{name}={number!r}" for name, number in given.numbers)
        return f"{given.name}({numbers})" if numbers else given.name
    if isinstance(given, tuple):
        return "x".join(map(str, given))
    if isinstance(given, list):
        return f"[{', '.join(map(str, given))}]"
    if isinstance(given, bool):
        return "on" if given else "off"
    return str(given)


def arguments(given: tuple[tuple[str, Any], ...], bare: tuple[str, ...] = ()) -> str:
    """Arguments one after another; those in ``bare``, flags that are on among them, without their names."""
    return "".join(
        f" {name}" if each is True else f" {value(each)}" if name in bare else f" {name}={value(each)}" for name, each in given
    )


def statement(each: Statement) -> str:
    """A statement on one line."""
    kind = KINDS.get(each.name)
    bare = kind.bare if kind is not None and not each.written else ("count", "label") if kind is None else ()
    branches = f" {{ {' | '.join(body(branch) for branch in each.branches)} }}" if each.branches else ""
    return f"{each.name}{arguments(each.arguments, bare)}{branches}{f' as {each.label}' if each.label else ''}"


def body(each: Body) -> str:
    """Statements on one line."""
    return "; ".join(statement(one) for one in each)


def definition(each: Definition) -> str:
    """A block or a formula."""
    numbers = [f"{name}={number!r}" for name, number in each.numbers]
    if each.formula is None:
        return f"block {each.name}({', '.join(numbers)}) {{ {body(each.body)} }}"
    return f"fn {each.name}({', '.join(['x', *numbers])}) = {formula(each.formula)}"


def formula(each: Formula) -> str:
    """An expression, with parentheses wherever they may be."""
    if not each.operands:
        return each.head if isinstance(each.head, str) else f"{each.head!r}" if each.head >= 0 else f"({each.head!r})"
    parts = [formula(operand) for operand in each.operands]
    return f"({parts[0]} {each.head} {parts[1]})" if each.head in BINARY else f"{each.head}({', '.join(parts)})"


def option(name: str, each: Option) -> str:
    """A statement of the experiment."""
    return f"{name} {each.choice}{arguments(each.options)}"


def experiment(training: Training) -> list[str]:
    """The statements that train."""
    lines = [option("loss", training.loss)]
    if training.total is not None:
        lines = [f"loss {training.loss.choice} = {formula(training.total)}"]
    lines.append(option("optimizer", training.optimizer))
    if training.schedule is not None:
        lines.append(option("schedule", training.schedule))
    if training.metrics:
        lines.append(f"metrics {' '.join(training.metrics)}")
    return [*lines, f"train{arguments(training.options)}"]
