"""A statement as another language or library writes it, said in lampc's words: for messages to show whole."""

from __future__ import annotations

import re
from functools import partial

from lampc.syntax import elsewhere, words
from lampc.syntax.calls import LONGEST, Cursor, Strange, Value, plain, spelled
from lampc.syntax.elsewhere import at_home, homed
from lampc.syntax.forms import FLOWING, FORMS, Form, channels_first, layers, said_by, statement_name
from lampc.syntax.scan import Token, plain_signs
from lampc.syntax.wording import constant, experiment, whole


def said(text: str) -> str | None:
    """A statement of another language in lampc's words; None where that is not known, or nothing would change.

    The result is one line; who shows it makes sure that it can be read.
    """
    if len(text) > LONGEST:
        return None
    head, brace, body = text.partition("{")
    try:
        found = "; ".join(_loop(head) or _path(head) or _definition(head) or _Reader(head).statements())
    except (Strange, ValueError):
        return None
    if brace and found:
        if ";" in found:
            return None
        found = f"{found} {{{body}"
    return found if found and _spaced(found) != _spaced(text) else None


def _spaced(text: str) -> str:
    """A text with no spaces but between words."""
    return " ".join(re.sub(r"\s*([-+*/<>=;,])\s*", r"\1", text).split())


def certain(text: str, ours: str) -> bool:
    """Whether all that was said comes of the text, and nothing was chosen: an activation, how long to wait."""
    chosen = ("relu" not in text.lower() and "relu" in ours) or ("patience=5" in ours and "5" not in text)
    return not chosen and not any(map(partial(_lost, ours), _OPTION.finditer(text, text.find("(") + 1 or len(text))))


_OPTION = re.compile(r"""(?P<name>\w+)\s*=\s*(?:"(?P<one>[^"]*)"|'(?P<other>[^']*)'|(?P<word>-?[\w.]+))""")
_NOTHING = frozenset({"1", "0", "false", "none", "valid", "same", "linear"})
"""Values of options that most often say what holds anyhow."""
_HOLDS = frozenset({"bias", "use_bias", "affine", "track_running_stats"})
"""What is so, if nobody says otherwise."""


def _lost(ours: str, option: re.Match[str]) -> bool:
    """Whether an option of a call is not in what is said of it."""
    name, value = option["name"], option["one"] or option["other"] or option["word"] or ""
    if name in words.UNSAID or value.lower() in _NOTHING:
        return False
    if value == "True":
        return name not in _HOLDS and not any(
            f"{known}=on" in ours or f" {known}" in ours for known in elsewhere.OPTIONS.get(name, (name,))
        )
    return not any(
        word in ours for word in (value, value.lower(), statement_name(value), elsewhere.WORDS.get(value.lower(), value))
    )


_LOOP = re.compile(r"""\s*(?:for\s+\w+\s+in\s+range\s*\(\s*(?P<range>\d+)\s*\)|for\s+(?P<times>\d+)(?:\s+times)?
                   |(?P<number>\d+)\s*(?:\*|x|times))\s*:?\s*""", re.VERBOSE)  # fmt: skip


def _loop(text: str) -> list[str] | None:
    """``for i in range(3)``, ``3 times``: what is before braces."""
    found = _LOOP.fullmatch(text)
    return None if found is None else [f"repeat {found['range'] or found['times'] or found['number']}"]


_PATH = re.compile(r"""\s*data\s*[=:]?\s*(?:(?P<kind>csv|npz|parquet|images|text)\s+)?["']?(?P<path>[\w./\\: -]+?
                   \.(?:csv|tsv|npz|parquet))["']?(?P<rest>\s[^"]*)?$""", re.VERBOSE)  # fmt: skip


def _path(text: str) -> list[str] | None:
    """``data my iris.csv target=species``: the path in quotes, after what it is."""
    found = _PATH.match(plain_signs(text))
    if found is None or "=" in found["path"]:
        return None
    path = found["path"].replace("\\", "/").removeprefix("./")
    kind = found["kind"] or words.BOOKS[path.rpartition(".")[2]]
    rest = _Reader(f"data {kind} {found['rest']}").statements() if found["rest"] and found["rest"].strip() else []
    options = rest[0].split(" ", 2)[2:] if rest else []
    return [" ".join([f'data {kind} "{path}"', *options])]


_DEFINITION = re.compile(
    r"\s*(?:(?P<word>[A-Za-z]+)\s+)?(?P<name>[A-Za-z_][\w-]*(?:[ ][a-z]\w*)*)"
    r"\s*(?P<sign>:=|=|:)?\s*(?P<value>\S.*?)[\s;,]*$",
    re.DOTALL,
)
_FORMULA = re.compile(
    r"\s*(?P<word>[a-z]+)\s+(?P<name>[A-Za-z_]\w*)\s*(?P<given>\([\w\s,=.]*\))"
    r"\s*(?:=>|->|=|:)?\s*(?:return\s)?(?P<body>[^{}:]+)$"
)


def _definition(text: str) -> list[str] | None:
    """``const width = 8``, ``let width: 8``, ``width := 8``, ``function f(x) = x**2``."""
    text = plain_signs(text)
    formula = _FORMULA.match(text)
    if formula is not None and formula["word"] in ("fn", "function", "func", "def", "fun", "let"):
        return [f"fn {formula['name']}{formula['given']} = {formula['body'].strip().replace('**', '^')}"]
    found = _DEFINITION.match(text)
    if found is None or not (found["word"] in words.DECLARING or (found["sign"] == ":=" and found["word"] is None)):
        return None
    value = found["value"].replace("**", "^")
    return [constant(found["name"], value)] if re.fullmatch(r'[\w.+*/^() -]+|"[^"]*"', value) else None


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
        if self._look().text in ("in", "out") and (self._kind(1) in ("arrow", "end")):  # in -> Linear(2, 8) -> out
            self.at += 1
            return []
        if self._kind() == "name" and self._is("=", ahead=1):
            label = self._next().text.rsplit(".", 1)[-1]
            self.at += 1
            if self._kind() != "name":
                return [self._defined(label)]
        elif self._labelled():
            label = self._next().text
            self.at += 1
        if self._kind() != "name":
            return _row(self._rest()) if not label and self._kind() == "number" else self._no_statement()
        if self._is("(", ahead=1):
            made = self._called()
        elif label and (self._kind(1) == "end" or not (self._kind(1) in ("number", "name", "arrow") or self._is(",", ahead=1))):
            return [self._defined(label)]
        else:
            made = self._words(bool(label))
        if label and label not in FLOWING and len(made) == 1 and made[0].split()[0] not in words.EXPERIMENT:
            made[0] += f" as {label}"
        return made

    def _no_statement(self) -> list[str]:
        raise Strange

    def _labelled(self) -> bool:
        """Whether a label with a colon stands before a layer: ``hidden: linear 8``."""
        return (
            self._kind() == "name"
            and self._is(":", ahead=1)
            and self._kind(2) == "name"
            and statement_name(self._look(2).text) in words.HEADS
            and statement_name(self._look().text) not in (*words.EXPERIMENT, *words.HEADS, "activation", "model", "layers")
        )

    def _called(self) -> list[str]:
        """Statements that a call makes; ``linear(2->8)`` and ``relu(linear 8)`` are no calls."""
        if self._kind(2) == "name" and self._kind(3) in ("number", "name") and statement_name(self._look().text) in words.HEADS:
            outer = statement_name(self._next().text)
            self.at += 1
            name, items = self._next().text, []
            while not self._is(")"):
                items.append(plain(self._next()))
            self.at += 1
            return [*whole(name, items), outer]
        if self._kind(3) == "arrow":
            name = self._next().text
            inner = []
            self.at += 1
            while not self._is(")"):
                inner.append(plain(self._next()))
            self.at += 1
            return whole(name, ["".join(inner)])
        made = layers(self._call())
        if self._is("("):  # Dense(25)(inputs)
            self._list()
        return made

    def _defined(self, name: str) -> str:
        """``epochs = 5`` as an option of its statement, ``loss = mse`` as that, ``width = 25`` as a constant."""
        value = self._rest()
        ours = at_home(name)
        statement = statement_name(name)
        if statement in words.EXPERIMENT:
            items = [item for item in re.split(r"[\s,\[\]()]+", value) if item]
            return experiment(statement, [statement_name(item) for item in items])
        if statement in words.HEADS and value.isdigit():
            return whole(statement, [value])[0]
        return homed(ours, value) if ours else constant(name, re.sub(r"(?<=[\[(]) | (?=[\]),])", "", value))

    def _rest(self) -> str:
        parts = []
        while self.at < len(self.tokens):
            parts.append(plain(self._next()))
        return " ".join(parts)

    def _words(self, flows: bool) -> list[str]:
        """Statements in words, as lampc has them but for what parts them."""
        name = self._next().text
        self.at += self._is(":")
        parts: list[str] = []
        commas = False
        while self._kind() != "end" and not self._is(";", ":"):
            if self._is(","):
                if not self._goes_on(name):
                    break
                commas = commas or self._kind(1) == "number" or self._is("(", "-", ahead=1)
                number = self._kind(1) == "number" and parts and parts[-1][-1:].isdigit() and "=" in parts[-1]
                self.at += 1
                if number:  # lr=0,01
                    parts[-1] = _with_comma(parts[-1], self._next().text)
                    commas = False
            elif self._kind() == "arrow":
                if self._kind(1) == "end":
                    self.at += 1
                    break
                spaced = self.at > 0 and self.tokens[self.at - 1].end < self._look().start
                if self._kind(1) == "name" and (spaced or "->" in (parts or [""])[-1]):
                    break
                parts.append(self._sides(parts))
            elif self._is("-") and self._is("-", ahead=1) and self._kind(2) == "name":  # --epochs 5
                self.at += 2
            elif self._is("-") and self._kind(1) == "name" and self._look(1).text in words.OPTION_WORDS:
                self.at += 1
            elif self._kind() == "name" and self._is("(", ahead=1):
                call = self._call()
                loss = FORMS.get(call.name.rpartition(".")[2])
                if name == "loss" and not parts and loss is not None and loss.ours.startswith("loss"):  # loss MSELoss()
                    return layers(call)
                if statement_name(name) == "optimizer" and not parts:  # optimizer Adam(lr=0.1)
                    return list(said_by(Form(f"optimizer {statement_name(call.name)}", ("lr",)), call))
                parts.append(spelled(call))
            elif self._is("(", "["):
                value = self._value()
                parts += _each(value) if statement_name(name) in ("metrics", "concat", "sum", "product") else [spelled(value)]
            elif self._kind() == "name" and self._is("=", ":", ":=", ahead=1):
                parts += self._option()
            elif self._is("@") or (self._is("$") and self._kind(1) == "name"):  # conv 32@3x3, linear $width
                self.at += 1
            elif self._kind() == "mark" and self._look().text not in ("-", "+", "*", "/", "**", ">"):
                raise Strange
            else:
                parts.append(plain(self._next()))
        if flows and parts and parts[-1] in FLOWING:
            parts.pop()
        if name == "input" and commas:
            return [f"input {channels_first([*parts])}"]
        form = FORMS.get(name)
        arrow = any("->" in part for part in parts)
        if commas and form and form.slots[:2] == ("in", "out") and len(parts) >= 2 and not arrow:
            parts[:2] = [f"{parts[0]}->{parts[1]}"]
        return whole(name, parts)

    def _goes_on(self, name: str) -> bool:
        """Whether what follows a comma belongs to the same statement."""
        if self._kind(1) in ("number", "string") or self._is("(", "-", ahead=1):
            return True
        return self._kind(1) == "name" and (
            self._is("=", ":", ahead=2) or self._look(1).text in words.ARGUMENTS or statement_name(name) == "metrics"
        )

    def _sides(self, parts: list[str]) -> str:
        """An arrow with the sizes beside it; the left one is taken back."""
        arrow = self._next().text
        self.at += self._is("$")
        left = (
            parts.pop()
            if parts and self.tokens[self.at - 2 - (self.tokens[self.at - 1].text == "$")].kind in ("number", "name")
            else ""
        )
        right = plain(self._next())
        return f"{right}->{left}" if arrow == "<-" else f"{left}->{right}"

    def _option(self) -> list[str]:
        """``name=value``, ``name: value``."""
        name = self._next().text
        self.at += 1
        start = self.at
        value = self._value()
        if name == "betas" and isinstance(value, list) and len(value) == 2:
            return [f"beta{number}={beta}" for number, beta in enumerate(value, 1) if isinstance(beta, str)]
        if isinstance(value, str) and value in ("cuda", "gpu") and self._is(":"):  # cuda:0
            self.at += 2
        if self._is("**", "/", "*", "^") and self.at == start + 1:
            return [f"{name}={_formula(self.tokens[start:], self)}"]
        return [f"{name}={spelled(value)}"]


def _formula(tokens: list[Token], reader: _Reader) -> str:
    """A value that is worked out, up to the next space; ``80/20`` is a share."""
    parts: list[str] = []
    last = None
    for token in tokens:
        if last is not None and token.start != last.end:
            break
        parts.append("^" if token.text == "**" else plain(token))
        last = token
        reader.at += last is not tokens[0]
    text = "".join(parts)
    ratio = re.fullmatch(r"(\d+)/(\d+)", text)
    return f"{int(ratio[1]) / 100:g}" if ratio and int(ratio[1]) + int(ratio[2]) == 100 else text


def _with_comma(option: str, digits: str) -> str:
    """A number with a comma in it: ``1,000`` is a thousand, ``0,001`` a thousandth."""
    whole_part = option.partition("=")[2]
    thousands = len(digits) == 3 and whole_part != "0" and digits.isdigit()
    return f"{option}{digits}" if thousands else f"{option}.{digits}"


def _each(value: Value) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else [spelled(value)]


def _row(text: str) -> list[str]:
    """``2 -> 25 -> 1`` alone: a network of these widths."""
    sizes = re.split(r"\s*(?:->|-|>|,|:)\s*", text)
    if len(sizes) < 2 or not all(size.isdigit() for size in sizes):
        raise Strange
    return whole("linear", ["->".join(sizes)])
