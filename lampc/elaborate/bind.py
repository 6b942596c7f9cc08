"""Fitting what a statement gives to what its signature takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lampc.diagnostics import Edit, Problems
from lampc.diagnostics.edits import instead
from lampc.diagnostics.suggest import nearest
from lampc.elaborate.constants import Evaluator
from lampc.elaborate.values import value_instead
from lampc.layers import LAYERS
from lampc.layers.signature import REQUIRED, Arrow, Choice, Flag, Name, Names, Param, Refused, Signature, Text, Written, shown
from lampc.source import Span
from lampc.syntax import elsewhere, tree


def bind(
    what: str,
    signature: Signature,
    place: Span,
    arguments: Sequence[tree.Argument],
    options: Sequence[tree.Option],
    evaluator: Evaluator,
    problems: Problems,
) -> dict[str, Any] | None:
    """A value for each parameter; None if one without default is missing or wrong, which has been reported.

    Unnamed arguments go, in order, to the first parameter not yet filled whose kind takes them.
    """
    bound = _Binding(what, signature, evaluator, problems)
    bound.options = options
    for argument in arguments:
        bound.unnamed(argument)
    for option in options:
        bound.named(option)
    return bound.finish(place)


class _Binding:
    def __init__(self, what: str, signature: Signature, evaluator: Evaluator, problems: Problems) -> None:
        self.what = what
        self.signature = signature
        self.evaluator = evaluator
        self.problems = problems
        self.options: Sequence[tree.Option] = ()
        self.parted = False
        """Whether an option's value goes on in a word of its own, so that it is not known."""
        self.values: dict[str, Any] = {}
        self.places: dict[str, Span] = {}

    def unnamed(self, argument: tree.Argument) -> None:
        """Give an argument to the first free parameter whose kind takes it."""
        value = None if self._twofold(argument) else self.evaluator.argument(argument)
        free = [param for param in self.signature.params if param.name not in self.places]
        if value is None:
            if free:  # it has been reported; let it fill the place that it was probably meant for
                self.places[free[0].name] = argument.span
            return
        if isinstance(value, Choice):
            flag = next((param for param in self.signature.params if param.name == value.name), None)
            if flag is not None and isinstance(flag.kind, Flag) and not value.numbers:
                self._fill(flag, True, argument.span)
                return
        param = next((param for param in free if param.positional and param.kind.takes(value)), None)
        if param is not None and not self._names_another(value, param):
            self._fill(param, value, argument.span)
        else:
            self._surplus(value, argument)

    def named(self, option: tree.Option) -> None:
        name = option.name.name
        if name not in self.signature.names:
            fixes, edits = self._instead(option)
            self.problems.report("E303", f"{self.what} has no option `{name}`", option.name.span, fixes=fixes, edits=edits)
            ours = elsewhere.option(name, self.signature.names)
            if ours is None or ours in self.places:
                return
            name = ours  # what it says is known: go on with it
        param = self.signature[name]
        value = self.evaluator.argument(option.value)
        if isinstance(option.value, tree.Word) and isinstance(param.kind, Name) and isinstance(value, int | float):
            value = Choice(option.value.name)  # a name is wanted, whatever number is called so, too
        if isinstance(param.kind, Names) and isinstance(option.value, tree.Word):
            value = Choice(option.value.name)
        elif isinstance(param.kind, Names) and isinstance(option.value, tree.ListOf):
            value = self.evaluator.names_of(option.value) or value
        if value is None:
            self.places.setdefault(name, option.span)
        else:
            self._fill(param, value, option.span, option.value.span)

    def _instead(self, option: tree.Option) -> tuple[list[str], tuple[Edit, ...]]:
        """What to write for an option that the statement does not have."""
        name, value, names = option.name.name, option.value.span.text, self.signature.names
        ours = elsewhere.option(name, names)
        if ours and isinstance(self.signature[ours].kind, Arrow):
            return [f"sizes stand without a name: `{value}`"], instead(option.span, value)
        if ours:
            edits = () if ours in self.places else instead(option.name.span, ours)
            return [f"lampc calls it `{ours}`: `{ours}={value}`"], edits
        if name.lower() == "activation":
            return [f"an activation is a statement of its own: `; {value.lower()}`"], ()
        home = elsewhere.at_home(name)
        if home and f"`{elsewhere.HOMES[home]}" != self.what.split()[0].rstrip("`"):
            return [f"`{home}` belongs to `{elsewhere.HOMES[home]}`: `{elsewhere.homed(home, value)}`"], ()
        if name in elsewhere.MISSING:
            return [elsewhere.MISSING[name]], ()
        near = nearest(name, names)
        known = ", ".join(f"`{known}`" for known in names)
        if near:
            return [f"did you mean `{near}`?"], instead(option.name.span, near)
        return [f"it takes {known}"] if known else [], ()

    def finish(self, place: Span) -> dict[str, Any] | None:
        complete = True
        for param in self.signature.params:
            if param.name in self.values:
                continue
            if param.default is not REQUIRED:
                self.values[param.name] = param.default
                continue
            complete = False
            if param.name not in self.places:
                self.problems.report("E301", f"{self.what} needs {param.kind.phrase} ({param.name})", place,
                                     fixes=[f"{param.name}: {param.doc}"] if param.doc else [])  # fmt: skip
        if self.parted and any(param.default is REQUIRED for param in self.signature.params):
            return None
        return self.values if complete else None

    def _twofold(self, argument: tree.Argument) -> bool:
        """Whether a word is a constant of the file and means something here, too, which is reported."""
        if not isinstance(argument, tree.Word) or argument.name not in self.evaluator.names:
            return False
        word = argument.name
        param = next((param for param in self.signature.params if _knows(param, word)), None)
        if param is None:
            return False
        own = f"{word}=on" if isinstance(param.kind, Flag) else f"{param.name}={word}"
        constant = shown(self.evaluator.names[word])
        self.problems.report("E202", f"`{word}` could be the file's constant, {constant}, or `{own}` of {self.what}",
                             argument.span, fixes=["give the constant another name"])  # fmt: skip
        return True

    def _names_another(self, value: Written, param: Param) -> bool:
        """Whether a word is the name of a parameter whose value is missing: ``train epochs`` for ``train epochs=5``."""
        word = value.name if isinstance(value, Choice) else ""
        return word in self.signature.names and not isinstance(param.kind, Name) and not _knows(param, word)

    def _fill(self, param: Param, value: Written, span: Span, written: Span | None = None) -> None:
        """Give a parameter its value; ``written`` is the value's own place, where a name stands before it."""
        if param.name in self.places:
            self.values.pop(param.name, None)  # either may be meant
            self.problems.report("E306", f"{self.what} is given `{param.name}` twice", span,
                                 also=[(self.places[param.name], "first here")])  # fmt: skip
            return
        self.places[param.name] = span
        try:
            self.values[param.name] = param.kind.convert(value)
        except Refused as refused:
            near = None
            if isinstance(value, Choice):
                theirs = elsewhere.WORDS.get(value.name.lower())
                near = theirs if theirs in (*refused.known, "off") else nearest(value.name, refused.known)
            layer = value.name if near is None and isinstance(value, Choice) and value.name in LAYERS else ""
            fixes, edits = [f"did you mean `{near}`?"] if near else [], instead(written or span, near)
            if layer:
                fixes = [f"a layer is a statement of its own: `; {layer}`"]
            elif near is None:
                fixes, edits = value_instead(param, value, written or span, written is not None)
            self.problems.report(refused.code, f"{self.what}, `{param.name}`: {refused}", span, fixes=fixes, edits=edits)

    def _several_words(self, span: Span) -> tuple[list[str], tuple[Edit, ...]]:
        """What to write for a word that follows a name and belongs to it: ``target=species name``."""
        text = span.source.text
        for option in self.options:
            name, end = option.name.name, option.span.end
            if (
                name in self.signature.names
                and isinstance(self.signature[name].kind, Name | Names)
                and text[end : span.start].isspace()
            ):
                self.parted = True
                whole = f'{name}="{option.value.span.text} {span.text}"'
                return [f"a name of several words stands in quotes: `{whole}`"], instead(option.span.to(span), whole)
        return [], ()

    def _surplus(self, value: Written, argument: tree.Argument) -> None:
        span = argument.span
        if isinstance(value, Choice):
            flags = [param.name for param in self.signature.params if isinstance(param.kind, Flag)]
            near = nearest(value.name, [*flags, *self.evaluator.names])
            fixes, edits = [f"did you mean `{near}`?"] if near else [], instead(span, near)
            if not fixes:
                fixes, edits = self._several_words(span)
            if not fixes and value.name in self.signature.names:
                fixes = [f"write `{value.name}=…`"]
            if not fixes and any(
                isinstance(param.kind, Text) and param.default is REQUIRED and param.name not in self.places
                for param in self.signature.params
            ):
                fixes, edits = [f'write it in quotes: `"{value.name}"`'], instead(span, f'"{span.text}"')
            self.problems.report("E302", f"{self.what} does not take {shown(value)}", span, fixes=fixes, edits=edits)
            return
        takers = [param for param in self.signature.params if param.kind.takes(value)]
        minus = []
        if span.text.startswith("-") and not span.text.startswith("->"):
            minus = [f"a difference has spaces on both sides or none: `… - {span.text[1:].lstrip()}`"]
        if takers and takers[0].name in self.places:
            self.problems.report("E302", f"{self.what} takes {takers[0].kind.phrase} ({takers[0].name}) once", span,
                                 also=[(self.places[takers[0].name], "already given here")], fixes=minus)  # fmt: skip
        else:
            names = ", ".join(f"`{param.name}`: {param.kind.phrase}" for param in self.signature.params)
            self.problems.report("E302", f"{self.what} does not take {shown(value)}", span,
                                 fixes=[f"it takes {names}" if names else "it takes no arguments", *minus])  # fmt: skip


def _knows(param: Param, word: str) -> bool:
    """Whether a parameter is a flag of that name, or takes that word among others that it knows."""
    if isinstance(param.kind, Flag):
        return param.name == word
    if isinstance(param.kind, Name) or not param.positional or not param.kind.takes(Choice(word)):
        return False
    try:
        return param.kind.convert(Choice(word)) is not None
    except Refused:
        return False
