"""A statement as another language or library writes it, said in lampc's words: for messages to show whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lampc.syntax.elsewhere import NAMES, OPTIONS, at_home, homed


@dataclass(frozen=True)
class _Form:
    """How a call is said: our words, and what each of its unnamed arguments is; ``-`` is left out."""

    ours: str
    slots: tuple[str, ...]


def _forms(table: dict[str, str]) -> dict[str, _Form]:
    return {name: _Form(line.partition(":")[0], tuple(line.partition(":")[2].split())) for name, line in table.items()}


_FORMS = _forms({
    "Linear": "linear:in out bias", "linear": "linear:in out", "LazyLinear": "linear:out bias",
    "Dense": "linear:out activation",
    "Conv1d": "conv1d:in out kernel stride padding", "Conv2d": "conv:in out kernel stride padding",
    "Conv3d": "conv3d:in out kernel stride padding", "Conv1D": "conv1d:out kernel stride padding",
    "Conv2D": "conv:out kernel stride padding", "Conv3D": "conv3d:out kernel stride padding",
    "conv": "conv:out kernel stride padding", "ConvTranspose2d": "convtranspose:in out kernel stride padding",
    "Conv2DTranspose": "convtranspose:out kernel stride padding",
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "maxpool"),
                    "maxpool:kernel stride padding"),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d", "AveragePooling1D", "AveragePooling2D"),
                    "avgpool:kernel stride padding"),
    **dict.fromkeys(("AdaptiveAvgPool2d", "GlobalAveragePooling2D", "GlobalAveragePooling1D"), "globalpool:-"),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "BatchNormalization"), "batchnorm:- eps momentum"),
    **dict.fromkeys(("LayerNorm", "LayerNormalization"), "layernorm:- eps"), "RMSNorm": "rmsnorm:- eps",
    "GroupNorm": "groupnorm:groups - eps", "Embedding": "embedding:in out",
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "dropout"), "dropout:rate"),
    "LSTM": "lstm:in out layers", "GRU": "gru:in out layers", "RNN": "rnn:in out layers", "SimpleRNN": "rnn:out",
    "LeakyReLU": "leakyrelu:slope", "ELU": "elu:alpha", "Softmax": "softmax:-", "LogSoftmax": "logsoftmax:-",
    "Flatten": "flatten:- -", "ReLU": "relu:-", "Input": "input:shape", "input": "input:shape", "InputLayer": "input:shape",
    "Reshape": "reshape:shape",
    "SGD": "optimizer sgd:lr momentum", "Adam": "optimizer adam:lr", "AdamW": "optimizer adamw:lr",
    "RMSprop": "optimizer rmsprop:lr", "Adagrad": "optimizer adagrad:lr", "fit": "train:- -",
    **{name: f"loss {ours}:" for name, ours in {
        "MSELoss": "mse", "MeanSquaredError": "mse", "L1Loss": "mae", "MeanAbsoluteError": "mae", "BCELoss": "bce",
        "BinaryCrossentropy": "bce", "CrossEntropyLoss": "crossentropy", "HuberLoss": "huber",
        "CategoricalCrossentropy": "crossentropy", "SparseCategoricalCrossentropy": "crossentropy", "Huber": "huber"}.items()},
})  # fmt: skip
"""Calls by the names that PyTorch (`Conv2d`) and Keras (`Conv2D`) give them."""

_ROLES = {"in_features": "in", "in_channels": "in", "input_size": "in", "input_dim": "in", "num_embeddings": "in",
          "sizes": "out", "input_shape": "input", "batch_input_shape": "input"}  # fmt: skip
"""What a named argument is, where not an option of ours."""
_BARE = ("kernel", "rate", "groups", "shape", "slope", "alpha", "heads")
"""Arguments that stand without their names."""
_KEPT = frozenset({"stride", "padding", "bias", "dilation", "layers", "lr", "momentum", "nesterov", "weight_decay", "beta1",
                   "beta2", "epochs", "batch", "shuffle", "causal", "eps"})  # fmt: skip
_UNSAID = frozenset({("bias", "on"), ("stride", "1"), ("padding", "0"), ("padding", "valid"), ("layers", "1"),
                     ("shuffle", "off")})  # fmt: skip
"""What holds without being said."""
_HOLDERS = frozenset({"Sequential", "ModuleList", "add", "append", "Model", "Chain"})
"""Calls that hold layers."""
_FLOWING = frozenset({"x", "h", "y", "z", "out", "inputs"})
"""Names for what goes from layer to layer."""
_NO_VALUES = frozenset({"optimizer", "loss", "train", "data", "input", "schedule", "metrics"})
_ARGUMENTS = frozenset({"xavier", "kaiming", "normal", "uniform", "zeros", "ones", "orthogonal", "shuffle", "causal", "rope",
                        "last", "same", "classes", "image", "normalize", "amsgrad", "nesterov", "freeze"})  # fmt: skip
"""Words that are arguments of ours, not statements."""
LONGEST = 2000
"""Characters of a statement that is looked at."""
_DEEPEST = 20
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:(?P<string>'[^'\n]*'|"[^"\n]*"|“[^”\n]*”)|(?P<arrow>->|=>|→|⇒|>>|\|>)
    |(?P<number>(?:\d+(?:x\d+)+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))|(?P<name>[A-Za-z_][\w.]*)|(?P<mark>\S))""",
    re.VERBOSE,
)


class _Strange(Exception):
    """Nothing is known of such a text."""


@dataclass
class _Call:
    name: str
    given: list[str | _Call | list[str | _Call]] = field(default_factory=list)
    named: dict[str, str | _Call | list[str | _Call]] = field(default_factory=dict)


_Value = str | _Call | list[str | _Call]


def said(text: str) -> str | None:
    """A statement of another language in lampc's words; None where that is not known, or nothing would change.

    The result is one line; who shows it makes sure that it can be read.
    """
    if len(text) > LONGEST:
        return None
    try:
        found = "; ".join(_Reader(text).statements())
    except _Strange:
        return None
    return found if found and found.split() != text.split() else None


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Reader:
    """Reads layers parted by commas, arrows or line ends, each in words or as a call."""

    def __init__(self, text: str) -> None:
        self.tokens = [_Token(str(found.lastgroup), found[str(found.lastgroup)], found.start(str(found.lastgroup)), found.end())
                       for found in _TOKEN.finditer(text)]  # fmt: skip
        self.at = 0
        self.depth = 0

    def statements(self) -> list[str]:
        result: list[str] = []
        while self.at < len(self.tokens):
            result += self._statement()
            while self._is(",", ";", ":") or self._kind() == "arrow":
                self.at += 1
        return result

    def _look(self, ahead: int = 0) -> _Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else _Token("end", "", -1, -1)

    def _kind(self, ahead: int = 0) -> str:
        return self._look(ahead).kind

    def _is(self, *texts: str, ahead: int = 0) -> bool:
        return self._look(ahead).text in texts and self._kind(ahead) in ("mark", "arrow")

    def _next(self) -> _Token:
        token = self._look()
        if token.kind == "end":
            raise _Strange
        self.at += 1
        return token

    def _statement(self) -> list[str]:
        label = ""
        if self._kind() == "name" and self._is("=", ahead=1):
            label = self._next().text.rsplit(".", 1)[-1]
            self.at += 1
            if self._kind() != "name":
                return [_constant(label, self._rest())]
        if self._kind() != "name":
            raise _Strange
        if self._is("(", ahead=1):
            made = _layers(self._call())
            if self._is("("):  # Dense(25)(inputs)
                self._list()
        elif label and (self._kind(1) == "end" or not (self._kind(1) in ("number", "name", "arrow") or self._is(",", ahead=1))):
            return [_constant(label, self._rest())]
        else:
            made = [self._words(bool(label))]
        if label and label not in _FLOWING and len(made) == 1 and made[0].split()[0] not in _NO_VALUES:
            made[0] += f" as {label}"
        return made

    def _rest(self) -> str:
        parts = []
        while self.at < len(self.tokens):
            parts.append(_plain(self._next()))
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
                    self._kind(1) == "name"
                    and (self._is("=", ahead=2) or self._look(1).text in _ARGUMENTS or name == "metrics")
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
                parts.append(f"{left}->{_plain(self._next())}")
            elif token.kind == "name" and self._is("(", ahead=1):
                call = self._call()
                if _statement_name(name) == "optimizer" and not parts:  # optimizer Adam(lr=0.1)
                    return " ".join(_said(_Form(f"optimizer {_statement_name(call.name)}", ("lr",)), call))
                parts.append(_text(call))
            elif self._is("("):
                parts.append(_text(self._value()))
            elif token.kind == "name" and self._is("=", ":", ahead=1):
                self.at += 2
                value = "-" if self._is("-") else ""
                self.at += bool(value)
                parts.append(f"{token.text}={value}{_text(self._value())}")
            elif token.kind == "mark" and token.text not in ("-", "+", "*", "/"):
                raise _Strange
            else:
                parts.append(_plain(self._next()))
        if flows and parts and parts[-1] in _FLOWING:
            parts.pop()
        if name == "input" and commas:
            return f"input {_channels_first([*parts])}"
        form = _FORMS.get(name)
        if commas and form and form.slots[:2] == ("in", "out") and len(parts) >= 2 and not arrow:
            parts[:2] = [f"{parts[0]}->{parts[1]}"]
        return " ".join([_statement_name(name), *parts])

    def _call(self) -> _Call:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _Strange
        call = _Call(self._next().text)
        self.at += 1
        while not self._is(")"):
            if self._kind() == "name" and self._is("=", ahead=1):
                name = self._next().text
                self.at += 1
                call.named[name] = self._value()
            else:
                call.given.append(self._value())
            if self._is(","):
                self.at += 1
            elif not self._is(")"):
                raise _Strange
        self.at += 1
        self.depth -= 1
        return call

    def _value(self) -> _Value:
        if self._kind() == "name" and self._is("(", ahead=1):
            return self._call()
        if self._is("(", "["):
            return self._list()
        sign = "-" if self._is("-") else ""
        self.at += bool(sign)
        token = self._next()
        if token.kind == "mark" or (sign and token.kind != "number"):
            raise _Strange
        return sign + _plain(token)

    def _list(self) -> list[str | _Call]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _Strange
        closer = ")" if self._next().text == "(" else "]"
        items: list[str | _Call] = []
        while not self._is(closer):
            item = self._value()
            if isinstance(item, list):
                raise _Strange
            items.append(item)
            if self._is(","):
                self.at += 1
            elif not self._is(closer):
                raise _Strange
        self.at += 1
        self.depth -= 1
        return items


_PYTHON = {"True": "on", "False": "off", "None": ""}


def _plain(token: _Token) -> str:
    """A token in our spelling; words lose their quotes, paths keep them."""
    if token.kind == "string":
        inner = token.text[1:-1].replace("\\", "/")
        return inner if re.fullmatch(r"[A-Za-z_]\w*", inner) else f'"{inner}"'
    if token.kind == "arrow":
        return "->"
    return _PYTHON.get(token.text, token.text)


def _text(value: _Value) -> str:
    """A value in our spelling: tuples are sizes."""
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str) and item]
        if not texts or not all(text.isdigit() for text in texts):
            raise _Strange
        return "x".join(texts)
    if isinstance(value, _Call):
        given = [*map(_text, value.given), *(f"{name}={_text(given)}" for name, given in value.named.items())]
        return f"{value.name}({', '.join(given)})"
    return value


def _constant(name: str, value: str) -> str:
    """``epochs = 5`` as an option of its statement, ``width = 25`` as a constant."""
    ours = at_home(name)
    statement = _statement_name(name)
    if statement in _NO_VALUES:
        return f"{statement} {_statement_name(value)}"
    return homed(ours, value) if ours else f"let {name} = {value}"


def _channels_first(shape: _Value) -> str:
    """A sample's shape; in Keras that of pictures ends in the channels."""
    dims = [dim for dim in shape if isinstance(dim, str) and dim] if isinstance(shape, list) else [_text(shape)]
    return "x".join([dims[-1], *dims[:-1]] if len(dims) == 3 and dims[-1] in ("1", "3", "4") else dims)


def _statement_name(name: str) -> str:
    short = name.rsplit(".", 1)[-1].lower()
    return NAMES.get(short, short)


def _layers(call: _Call) -> list[str]:
    """A call, or the layers in it, as statements."""
    if call.name.startswith("self."):
        raise _Strange
    name = call.name.rsplit(".", 1)[-1]
    if name in _HOLDERS:
        items = [item for value in call.given for item in (value if isinstance(value, list) else [value])]
        return [line for item in items for line in _item(item)]
    if name == "compile":
        return [line for option, value in call.named.items() for line in _compiled(option, value)]
    if name == "Activation":
        return [_statement_name(_text(value)) for value in call.given]
    form = _FORMS.get(name) or _Form(_statement_name(name), ())
    return list(_said(form, call))


def _item(item: str | _Call) -> list[str]:
    if not isinstance(item, _Call):
        raise _Strange
    return _layers(item)


def _compiled(option: str, value: _Value) -> list[str]:
    """What ``model.compile`` names."""
    if isinstance(value, _Call):
        return _layers(value)
    if option not in ("optimizer", "loss", "metrics"):
        return []
    values = [item for item in value if isinstance(item, str)] if isinstance(value, list) else [value]
    return [f"{option} {' '.join(map(_statement_name, values))}"]


def _said(form: _Form, call: _Call) -> Iterator[str]:
    given = [value for value in call.given if not (isinstance(value, str) and value.rsplit(".")[-1] in _FLOWING)]
    if form.ours.startswith("optimizer"):
        given = [value for value in given if not isinstance(value, _Call)]  # model.parameters()
    slots = form.slots if len(given) > 1 or form.slots[:1] != ("in",) else form.slots[1:]
    if form.ours == "input" and len(given) > 1:
        given = [[value for value in given if isinstance(value, str)]]
    if any(isinstance(value, _Call) for value in given) or len(given) > len(slots) > 0:
        raise _Strange
    if not slots and given:
        yield " ".join([form.ours, *map(_text, given)])
        return
    values: dict[str, _Value] = dict(zip(slots, given, strict=False))
    for name, value in call.named.items():
        ours = name if name in slots else OPTIONS.get(name, (name,))[0]
        values[_ROLES.get(name) or _ROLES.get(ours) or ours] = value
    if "input" in values:
        yield f"input {_channels_first(values['input'])}"
        if form.ours == "input":
            return
    if form.ours == "input" and "shape" in values:
        values["shape"] = _channels_first(values["shape"])
    parts = [form.ours]
    if "out" in values:
        parts.append(f"{_text(values['in'])}->{_text(values['out'])}" if "in" in values else _text(values["out"]))
    parts += [_text(values[name]) for name in _BARE if name in values]
    options = {name: _text(value) for name, value in values.items() if name in _KEPT}
    parts += [f"{name}={value}" for name, value in options.items() if value and (name, value) not in _UNSAID]
    yield " ".join(parts)
    activation = values.get("activation")
    if isinstance(activation, str) and activation not in ("", "linear"):
        yield _statement_name(activation)
    elif isinstance(activation, _Call):
        yield from _layers(activation)
