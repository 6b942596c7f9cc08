"""A program that fails, made as small as it fails all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from generator.program import Body, Option, Program, Statement


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Take away whatever may go, greedily."""
    going = True
    while going:
        going = False
        for smaller in smaller_ones(program):
            if fails(smaller):
                program, going = smaller, True
                break
    return program


def smaller_ones(program: Program) -> Iterator[Program]:
    """Programs with something less, the largest cuts first."""
    training = program.training
    for body in smaller_bodies(program.body):
        yield replace(program, body=body)
    for index in range(len(program.definitions)):
        definition = program.definitions[index]
        for body in smaller_bodies(definition.body):
            yield _defined(program, index, replace(definition, body=body))
        yield replace(program, definitions=program.definitions[:index] + program.definitions[index + 1 :])
    for less in (replace(training, schedule=None), replace(training, metrics=training.metrics[1:]),
                 replace(training, optimizer=Option("sgd"))):  # fmt: skip
        if less != training:
            yield replace(program, training=less)
    for option in training.optimizer.options:
        kept = tuple(each for each in training.optimizer.options if each is not option)
        yield replace(program, training=replace(training, optimizer=replace(training.optimizer, options=kept)))
    for option in training.loss.options:
        kept = tuple(each for each in training.loss.options if each is not option)
        yield replace(program, training=replace(training, loss=replace(training.loss, options=kept)))
    for option in training.options:
        if option[0] != "precision":
            yield replace(program, training=replace(training, options=tuple(o for o in training.options if o is not option)))


def _defined(program: Program, index: int, definition: object) -> Program:
    definitions = [*program.definitions]
    definitions[index] = definition  # type: ignore[call-overload]
    return replace(program, definitions=tuple(definitions))


def smaller_bodies(body: Body) -> Iterator[Body]:
    """A body without a statement, with a branch in a form's place, or with a smaller statement."""
    for index in range(len(body)):
        before, statement, after = body[:index], body[index], body[index + 1 :]
        if before or after:
            yield before + after
        for branch in statement.branches:
            yield before + branch + after
        for smaller in _smaller(statement):
            yield (*before, smaller, *after)


def _smaller(statement: Statement) -> Iterator[Statement]:
    branches = statement.branches
    if len(branches) > 2:
        for index in range(len(branches)):
            yield replace(statement, branches=branches[:index] + branches[index + 1 :])
    for index, branch in enumerate(branches):
        for smaller in smaller_bodies(branch):
            yield replace(statement, branches=(*branches[:index], smaller, *branches[index + 1 :]))
    for argument in statement.arguments:
        yield replace(statement, arguments=tuple(each for each in statement.arguments if each is not argument))
    if statement.label:
        yield replace(statement, label="")
