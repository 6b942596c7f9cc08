"""A statement of loose words as lampc has it: sizes with their arrow, options with their sign, a layer a statement."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lampc.syntax import words
from lampc.syntax.elsewhere import BEGINNINGS, METRICS, OPTIONS, WORDS
from lampc.syntax.forms import statement_name

_NUMBER = re.compile(r"-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_CHAINS = frozenset({"hidden", "layers", "mlp", "hidden_layers", "hidden_layer", "units"})
"""What others call a row of linear layers."""


def layers(name: str, items: Sequence[str]) -> list[str]:
    """The statements that a layer's name and what follows it say."""
    name = statement_name(name)
    if name in _CHAINS:
        return _chain([*map(int, filter(str.isdigit, items))], last=name == "layers")
    if name in words.BODIES:
        return [_composed(name, items)]
    cut = next((at for at, item in enumerate(items) if statement_name(item) in words.HEADS), len(items))
    rest = layers(items[cut], items[cut + 1 :]) if cut < len(items) else []
    if name == "activation":
        return rest
    if name == "output":
        name = "linear"
    own, following = _arguments(name, [item for item in items[:cut] if item != "+"])
    return [*own, *following, *rest]


def experiment(name: str, items: Sequence[str]) -> str:
    """A statement about the experiment."""
    parts = [_valued(item) for item in _pairs(items)]
    parts = [part for part in parts if part.partition("=")[0] not in words.UNSAID]
    if name in ("loss", "optimizer", "schedule", "metrics"):
        parts = [part.partition("=")[2] if "=" in part and part.partition("=")[0] in _KINDS else part for part in parts]
    if name == "metrics":
        parts = [METRICS.get(part, statement_name(part)) for part in parts if part != "loss"]
    elif name == "schedule" and parts and parts[0].lower() in ("exponential", "exponentiallr"):
        parts = ["step", "every=1", *parts[1:]]
    elif name == "data":
        parts = _data(parts)
    elif name == "init" and parts:
        parts[0] = WORDS.get(parts[0].lower(), parts[0])
    elif name == "input" and parts:
        parts[0] = re.sub(r"^(?:[A-Za-z]+|-1)x(?=\d)", "", parts[0])
    elif parts and "=" not in parts[0] and not parts[0].startswith('"') and name in ("loss", "optimizer", "schedule"):
        parts[0] = statement_name(parts[0])
    elif name == "optimizer" and parts:
        parts = ["sgd", *parts]
    return " ".join([name, *parts])


_KINDS = frozenset({"name", "type", "kind", "function", "fn", "method", "algorithm", "loss", "optimizer", "func"})
"""What names the kind of a thing, which stands without a name here."""


def constant(name: str, value: str) -> str:
    """A definition."""
    parts = [part for part in re.split(r"[\s-]+", name) if part not in words.DECLARING]
    return f"let {'_'.join(parts)} = {value}"


def _data(parts: list[str]) -> list[str]:
    """What data's path says it is, first."""
    for at, part in enumerate(parts):
        key, _, value = part.rpartition("=")
        if value.startswith('"') and key in ("", "path", "file", "filename", "source", "train", *words.BOOKS):
            kind = key if key in words.BOOKS else words.BOOKS.get(value.strip('"').rpartition(".")[2].lower())
            kind = parts[0] if parts[0] in words.BOOKS.values() else kind
            if kind is None:
                return parts
            others = [other for other in (*parts[:at], *parts[at + 1 :]) if other != kind]
            return [kind, value, *others]
    return parts


def _pairs(items: Sequence[str]) -> list[str]:
    """Items with a name and a number beside it as an option; fillers left out."""
    items = [item for item in items if item.lower() not in words.FILLERS or item.lower() in words.OPTION_WORDS]
    behind = (
        len(items) > 1
        and _NUMBER.fullmatch(items[0]) is not None
        and items[1] in words.OPTION_WORDS
        and _NUMBER.fullmatch(items[-1]) is None
    )
    result: list[str] = []
    at = 0
    while at < len(items):
        pair = items[at : at + 2]
        name, value = (pair[1], pair[0]) if behind and len(pair) == 2 else (pair[0], pair[-1])
        if len(pair) == 2 and name in words.OPTION_WORDS and _NUMBER.fullmatch(value):
            result.append(f"{name}={value}")
            at += 2
        else:
            result.append(items[at])
            at += 1
    return result


def _valued(item: str) -> str:
    """An option by our name, its value in our words."""
    name, sign, value = item.partition("=")
    if not sign or item.startswith('"'):
        return item
    value = WORDS.get(value.lower(), value)
    value = str(words.NUMBERS.get(value.lower(), value))
    name = OPTIONS.get(name.lower(), (name,))[0]
    if name == "patience" and value in ("on", "true", "yes"):
        value = "5"
    if name == "test_size" and _NUMBER.fullmatch(value) and 0 < float(value) < 1:
        name, value = "split", f"{1 - float(value):g}"
    return f"{name}={value}"


def _arguments(name: str, items: Sequence[str]) -> tuple[list[str], list[str]]:
    """A layer with its arguments, and the statements that some of them are."""
    parts: list[str] = []
    following: list[str] = []
    sides: dict[str, str] = {}
    label = ""
    for item in map(_valued, _pairs(_sized(name, items))):
        option, _, value = item.partition("=")
        if "=" not in item:
            parts.append({"same": "padding=same", "valid": ""}.get(item, item))
        elif option in ("in", "in_features", "in_channels", "input_size", "input_dim", "from"):
            sides["in"] = value
        elif option in ("sizes", "to"):
            sides["out"] = value
        elif option == "activation":
            following.insert(0, statement_name(value))
        elif item.startswith("rate=") and name != "dropout":
            following.append(f"dropout {value}")
        elif option == "name":
            label = value
        elif option not in words.UNSAID:
            parts.append(item)
    if sides:
        parts.insert(0, f"{sides['in']}->{sides.get('out', '')}" if "in" in sides else sides["out"])
    whole = " ".join(part for part in (name, *parts) if part)
    if len(parts) == 1 and parts[0].count("->") > 1:
        first, *others = parts[0].split("->")
        return _chain([*map(int, others)], last=True, first=first), following
    return [f"{whole} as {label}" if label else whole], [part for part in following if part]


def _sized(name: str, items: Sequence[str]) -> list[str]:
    """The items, two sizes side by side as one: ``2 25``, ``2 to 25``, ``2x25``, ``2 - 25``."""
    items = list(items)
    if name not in words.ROWS or not items:
        return items
    if re.fullmatch(r"\d+x\d+", items[0]):
        return [items[0].replace("x", "->"), *items[1:]]
    leading = items[: next((at for at, item in enumerate(items) if not item.isdigit()), len(items))]
    if len(leading) > 1:
        return ["->".join(leading), *items[len(leading) :]]
    if len(items) > 2 and items[0].isdigit() and items[1] in ("to", "x", "-", "/", ":") and items[2].isdigit():
        return [f"{items[0]}->{items[2]}", *items[3:]]
    return items


def _chain(sizes: Sequence[int], last: bool, first: str = "") -> list[str]:
    """Linear layers of so many units, each with an activation; ``last``: not the last one."""
    lines = [line for size in sizes for line in (f"linear {size}", "relu")]
    if first and lines:
        lines[0] = f"linear {first}->{sizes[0]}"
    return lines[:-1] if last else lines


def _composed(name: str, items: Sequence[str]) -> str:
    """A statement whose braces are missing: what follows its number is its body, or the values that it joins."""
    number = [item for item in items[:1] if item.isdigit()]
    inner = [item for item in items[len(number) :] if item not in ("times", "time", "x", "of", "and")]
    head = " ".join([name, *number])
    if not inner:
        return head
    if statement_name(inner[0]) in words.HEADS:
        return f"{head} {{ {'; '.join(layers(inner[0], inner[1:]))} }}"
    values = [f"from {item}" for item in inner]
    return f"{head} {{ {' | '.join(values if len(values) > 1 else ['pass', *values])} }}"


def whole(name: str, items: Sequence[str]) -> list[str]:
    """The statements that a name and what follows it say."""
    name = statement_name(name)
    if name in words.EXPERIMENT:
        return [experiment(name, items)]
    if name in BEGINNINGS:
        return [experiment(BEGINNINGS[name], [name, *items])]
    return layers(name, items)
