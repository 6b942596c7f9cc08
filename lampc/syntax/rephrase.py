"""A statement as another language or library writes it, said in lampc's words: for messages to show whole."""

from __future__ import annotations

from lampc.syntax.calls import LONGEST, Cursor, Strange, plain, spelled
from lampc.syntax.elsewhere import at_home, homed
from lampc.syntax.forms import FLOWING, FORMS, Form, channels_first, layers, said_by, statement_name

NO_VALUES = frozenset({"optimizer", "loss", "train", "data", "input", "schedule", "metrics"})
ARGUMENTS = frozenset({"xavier", "kaiming", "normal", "uniform", "zeros", "ones", "orthogonal", "shuffle", "causal", "rope",
                        "last", "same", "classes", "image", "normalize", "amsgrad", "nesterov", "freeze"})  # fmt: skip
"""Words that are arguments of ours, not statements."""


def said(text: str) -> str | None:
    """A statement of another language in lampc's words; None where that is not known, or nothing would change.

    The result is one line; who shows it makes sure that it can be read.
    """
    if len(text) > LONGEST:
        return None
    try:
        found = "; ".join(_Reader(text).statements())
    except Strange:
        return None
    return found if found and found.split() != text.split() else None


class _Reader(Cursor):
    """Reads layers parted by commas, arrows or line ends, each in words or as a call."""

    def statements(self) -> list[str]:
        result: list[str] = []
        while self.at < len(self.tokens):
            result += self._statement()
            while self._is(",", ";", ":") or self._kind() == "arrow":
                self.at += 1
        return result

    def _statement(self) -> list[str]:
        label = ""
        if self._kind() == "name" and self._is("=", ahead=1):
            label = self._next().text.rsplit(".", 1)[-1]
            self.at += 1
            if self._kind() != "name":
                return [constant(label, self._rest())]
        if self._kind() != "name":
            raise Strange
        if self._is("(", ahead=1):
            made = layers(self._call())
            if self._is("("):  # Dense(25)(inputs)
                self._list()
        elif label and (self._kind(1) == "end" or not (self._kind(1) in ("number", "name", "arrow") or self._is(",", ahead=1))):
            return [constant(label, self._rest())]
        else:
            made = [self._words(bool(label))]
        if label and label not in FLOWING and len(made) == 1 and made[0].split()[0] not in NO_VALUES:
            made[0] += f" as {label}"
        return made

    def _rest(self) -> str:
        parts = []
        while self.at < len(self.tokens):
            parts.append(plain(self._next()))
        return " ".join(parts)

    def _words(self, flows: bool) -> str:
        """A statement in words, as lampc has them but for what parts them."""
        name = self._next().text
        parts: list[str] = []
        commas = arrow = False
        self.at += self._is(":")
        while self._kind() != "end" and not self._is(";", ":"):
            token = self._look()
            if self._is(","):
                if self._kind(1) == "number" or self._is("(", "-", ahead=1):
                    commas = True
                elif not (
                    self._kind(1) == "name" and (self._is("=", ahead=2) or self._look(1).text in ARGUMENTS or name == "metrics")
                ):
                    break
                decimal = self._kind(1) == "number" and parts and parts[-1][-1:].isdigit() and "=" in parts[-1]
                self.at += 1
                if decimal:  # lr=0,01
                    parts[-1] += "." + self._next().text
                    commas = False
            elif token.kind == "arrow":
                spaced = self.at > 0 and self.tokens[self.at - 1].end < token.start
                if self._kind(1) == "name" and (spaced or arrow):
                    break
                arrow = True
                self.at += 1
                left = parts.pop() if parts and self.tokens[self.at - 2].kind in ("number", "name") else ""
                parts.append(f"{left}->{plain(self._next())}")
            elif token.kind == "name" and self._is("(", ahead=1):
                call = self._call()
                if statement_name(name) == "optimizer" and not parts:  # optimizer Adam(lr=0.1)
                    return " ".join(said_by(Form(f"optimizer {statement_name(call.name)}", ("lr",)), call))
                parts.append(spelled(call))
            elif self._is("("):
                parts.append(spelled(self._value()))
            elif token.kind == "name" and self._is("=", ":", ahead=1):
                self.at += 2
                value = "-" if self._is("-") else ""
                self.at += bool(value)
                parts.append(f"{token.text}={value}{spelled(self._value())}")
            elif token.kind == "mark" and token.text not in ("-", "+", "*", "/"):
                raise Strange
            else:
                parts.append(plain(self._next()))
        if flows and parts and parts[-1] in FLOWING:
            parts.pop()
        if name == "input" and commas:
            return f"input {channels_first([*parts])}"
        form = FORMS.get(name)
        if commas and form and form.slots[:2] == ("in", "out") and len(parts) >= 2 and not arrow:
            parts[:2] = [f"{parts[0]}->{parts[1]}"]
        return " ".join([statement_name(name), *parts])


def constant(name: str, value: str) -> str:
    """``epochs = 5`` as an option of its statement, ``width = 25`` as a constant."""
    ours = at_home(name)
    statement = statement_name(name)
    if statement in NO_VALUES:
        return f"{statement} {statement_name(value)}"
    return homed(ours, value) if ours else f"let {name} = {value}"
