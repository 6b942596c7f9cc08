"""What PyTorch source says of a prediction: ``predict`` and, of classes, ``probabilities``, both of raw cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lampc.export.torch_columns import assigned

if TYPE_CHECKING:
    from lampc.export.answers import Answer
    from lampc.table.schema import Schema

MADE = '''
def made(columns{given}):
    """What the network makes of rows of raw cells, [n, ...]."""
    with torch.no_grad():
        return {network}(from_columns(columns)).double()
'''
PROBABILITIES = '''
def probabilities(columns{given}):
    """The probability of each of CLASSES [n, classes], for rows of raw cells as ``from_columns`` takes them."""
    found = made(columns, network)
    return {shares}
'''
LIKELIEST = '''
def predict(columns{given}):
    """The likeliest of CLASSES for each row of raw cells, as ``from_columns`` takes them."""
    return [CLASSES[place] for place in probabilities(columns, network).argmax(1)]
'''
NUMBER = '''
def predict(columns{given}):
    """A number for each row of raw cells, as ``from_columns`` takes them."""
    return made(columns, network)[:, 0].tolist()
'''
SEVERAL = '''
def predict(columns{given}):
    """A list for each of TARGETS: what it is in each row of raw cells, as ``from_columns`` takes them."""
    answers = {{}}
    for target, words, values in zip(TARGETS, WORDS, made(columns, network).T.tolist()):
        answers[target] = [words[value > 0.5] for value in values] if words else values
    return answers
'''
OTHER = '''
def predict(columns{given}):
    """What the network makes [n, ...] of rows of raw cells, as ``from_columns`` takes them."""
    return made(columns, network)
'''
_SHARES = {
    "as made": "found",
    "logarithms": "found.exp()",
    "scores": "found.softmax(1)",
    "yes": "torch.cat([1 - found, found], 1)",
}


def answering(schema: Schema, answer: Answer, either: bool, loaded: bool) -> list[str]:
    """Texts of functions that answer for rows of raw cells.

    ``either``: the network makes probabilities of yes; ``loaded``: whether the file has ``load``, which gives a trained network
    where none is given.
    """
    given = {
        "given": ", network=None" if loaded else ", network",
        "network": "(load() if network is None else network)" if loaded else "network",
        "shares": _SHARES.get(answer.shares, ""),
    }
    return [text.format(**given) for text in (MADE, *_answers(schema, answer, either))]


def _answers(schema: Schema, answer: Answer, either: bool) -> tuple[str, ...]:
    if answer.shares:
        return PROBABILITIES, LIKELIEST
    if len(schema.targets) == 1:
        return (NUMBER,) if answer.width == 1 else (OTHER,)
    yes = any(target.kind == "yesno" for target in schema.targets)
    return (OTHER,) if answer.width != len(schema.targets) or (yes and not either) else (SEVERAL,)


def constants(schema: Schema, answer: Answer, either: bool) -> list[str]:
    """Lines that name what answers stand on: classes, the words of targets that are yes or no."""
    named: dict[str, Any] = {"TARGETS": [target.name for target in schema.targets]}
    if answer.shares:
        named["CLASSES"] = [*answer.classes]
    elif SEVERAL in _answers(schema, answer, either):
        named["WORDS"] = [target.values if target.kind == "yesno" else () for target in schema.targets]
    return [assigned(name, value) for name, value in named.items()]
