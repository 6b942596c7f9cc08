"""What a statement takes: its parameters, each of a kind that says which written values it accepts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from lampc import limits
from lampc.syntax import tree


@dataclass(frozen=True)
class Choice:
    """A bare word, perhaps with numbers: ``xavier``, ``uniform(-0.1, 0.1)``, ``xavier(gain=2)``."""

    name: str
    numbers: tuple[float, ...] = ()
    options: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """An evaluated arrow, ``2->25`` or ``->25``."""

    left: int | None
    right: int


Written = int | float | str | bool | tuple[float, ...] | tuple[str, ...] | Choice | Sizes | tree.Function
"""An argument after constants were put in: what kinds accept or refuse."""


class Refused(Exception):
    """A value is not of the kind that the parameter takes; the message continues "`name=value`: …"."""

    def __init__(self, message: str, code: str = "E304", known: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.known = known


@dataclass(frozen=True)
class Kind:
    """What values a parameter takes."""

    phrase: ClassVar[str] = "a value"

    def takes(self, value: Written) -> bool:
        """Whether a value without a name could be meant for this parameter."""
        raise NotImplementedError

    def convert(self, value: Written) -> Any:
        """The value as the parameter holds it.

        Raises:
            Refused: if it does not take it.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Int(Kind):
    """A whole number from ``low`` to ``high``."""

    low: int = 1
    high: int = limits.SIZE
    phrase: ClassVar[str] = "a whole number"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    def convert(self, value: Written) -> int:
        if not isinstance(value, int | float) or isinstance(value, bool) or not float(value).is_integer():
            raise Refused(f"a whole number is wanted, not {shown(value)}")
        if not self.low <= value <= self.high:
            raise Refused(f"{shown(value)} is not between {self.low:,} and {self.high:,}", "E305")
        return int(value)


@dataclass(frozen=True)
class Float(Kind):
    """A number from ``low`` to ``high``; ``open_low`` or ``open_high`` where the end itself is refused."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    phrase: ClassVar[str] = "a number"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    def convert(self, value: Written) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Refused(f"a number is wanted, not {shown(value)}")
        if math.isinf(value) and not (math.isinf(self.low) and math.isinf(self.high)):
            raise Refused(f"{shown(value)} is not a finite number", "E305")
        low_ok = self.low < value if self.open_low else self.low <= value
        high_ok = value < self.high if self.open_high else value <= self.high
        if not (low_ok and high_ok):
            raise Refused(f"{shown(value)} is {self._range()}", "E305")
        return float(value)

    def _range(self) -> str:
        if math.isinf(self.high):
            return f"not {'above' if self.open_low else 'at least'} {self.low:g}"
        return f"not between {self.low:g} and {self.high:g}"


class Flag(Kind):
    """A bare word that is there or not; ``name=off`` takes it back."""

    phrase: ClassVar[str] = "on or off"
    words: ClassVar[Mapping[str, bool]] = {
        "on": True,
        "true": True,
        "yes": True,
        "off": False,
        "false": False,
        "no": False,
    }

    def takes(self, value: Written) -> bool:
        return False

    def convert(self, value: Written) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, Choice) and value.name.lower() in self.words and not value.numbers:
            return self.words[value.name.lower()]
        raise Refused(f"`on` or `off` is wanted, not {shown(value)}")


@dataclass(frozen=True)
class OneOf(Kind):
    """One of some words."""

    words: tuple[str, ...] = ()
    phrase: ClassVar[str] = "a word"

    def takes(self, value: Written) -> bool:
        return isinstance(value, Choice)

    def convert(self, value: Written) -> str:
        name = value.name if isinstance(value, Choice) else value
        if isinstance(name, str) and name in self.words:
            return name
        raise Refused(f"one of {', '.join(f'`{word}`' for word in self.words)} is wanted, not {shown(value)}",
                      known=self.words)  # fmt: skip


class Text(Kind):
    """A string in quotes."""

    phrase: ClassVar[str] = 'a string in quotes: "…"'

    def takes(self, value: Written) -> bool:
        return isinstance(value, str)

    def convert(self, value: Written) -> str:
        if not isinstance(value, str):
            raise Refused(f"a string in quotes is wanted, not {shown(value)}")
        return value


class Name(Kind):
    """A bare word of the user's own, or the same in quotes: a column's name."""

    phrase: ClassVar[str] = "a name"

    def takes(self, value: Written) -> bool:
        return isinstance(value, str | Choice)

    def convert(self, value: Written) -> str:
        if isinstance(value, Choice) and not value.numbers:
            return value.name
        if isinstance(value, str):
            return value
        raise Refused(f"a name is wanted, not {shown(value)}")


class Names(Kind):
    """One name or several: ``age``, ``[age, "the fare"]``."""

    phrase: ClassVar[str] = "names such as [age, fare]"

    def takes(self, value: Written) -> bool:
        return isinstance(value, str | Choice) or (isinstance(value, tuple) and all(isinstance(one, str) for one in value))

    def convert(self, value: Written) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return tuple(Name().convert(str(one)) if isinstance(one, str) else self._refuse(one) for one in value)
        return (Name().convert(value),)

    def _refuse(self, value: Written) -> str:
        raise Refused(f"names are wanted, not {shown(value)}")


class Label(Name):
    """A value that was named with `as`; the layer gets the value."""

    phrase: ClassVar[str] = "the name of a value"


class Dims(Kind):
    """A sample's shape: ``25``, ``28x28``, ``[8, 8]``."""

    phrase: ClassVar[str] = "a size such as 28x28"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float | tuple) and not isinstance(value, bool)

    def convert(self, value: Written) -> tuple[int, ...]:
        dims = value if isinstance(value, tuple) else (value,)
        return tuple(Int().convert(dim) for dim in dims)


class Numbers(Kind):
    """A list of numbers: ``[1, 2.5]``."""

    phrase: ClassVar[str] = "a list such as [1, 2.5]"

    def takes(self, value: Written) -> bool:
        return isinstance(value, tuple)

    def convert(self, value: Written) -> tuple[float, ...]:
        if not isinstance(value, tuple):
            raise Refused(f"a list such as `[1, 2.5]` is wanted, not {shown(value)}")
        return tuple(Float().convert(number) for number in value)


BALANCED = "balanced"
"""Weights of classes that are found from how many samples each has."""


class Weights(Numbers):
    """A list of numbers, or the word ``balanced``."""

    phrase: ClassVar[str] = "a list such as [1, 2.5], or `balanced`"

    def convert(self, value: Written) -> Any:
        name = value.name if isinstance(value, Choice) and not value.numbers else value
        if isinstance(name, str):
            if name == BALANCED:
                return BALANCED
            raise Refused(f"a list such as `[1, 2.5]` or `balanced` is wanted, not {shown(value)}", known=(BALANCED,))
        return super().convert(value)


class Whole(Kind):
    """``int<96>``: whole numbers below 96."""

    phrase: ClassVar[str] = "a type such as int<96>"

    def takes(self, value: Written) -> bool:
        return isinstance(value, Choice) and value.name == "int"

    def convert(self, value: Written) -> int:
        if not isinstance(value, Choice) or value.name != "int" or len(value.numbers) != 1:
            raise Refused(f"a type such as `int<96>` is wanted, not {shown(value)}")
        return Int().convert(value.numbers[0])


@dataclass(frozen=True)
class Amounts(Kind):
    """Whole numbers, one an axis or one for all, or one of some words: ``1``, ``1x2``, ``same``."""

    words: tuple[str, ...] = ()
    low: int = 0
    phrase: ClassVar[str] = "a size such as 2 or 2x1"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float | tuple | Choice) and not isinstance(value, bool)

    def convert(self, value: Written) -> tuple[int, ...] | str:
        if isinstance(value, str) or (isinstance(value, Choice) and not value.numbers):
            name = value if isinstance(value, str) else value.name
            if name in self.words:
                return name
            words = f", {', '.join(f'`{word}`' for word in self.words)}" if self.words else ""
            raise Refused(f"a size{words} is wanted, not {shown(value)}", known=self.words)
        return tuple(Int(self.low).convert(dim) for dim in (value if isinstance(value, tuple) else (value,)))


class Arrow(Kind):
    """``2->25``, ``->25`` or ``25``: input and output sizes."""

    phrase: ClassVar[str] = "sizes such as 2->25 or 25"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float | Sizes) and not isinstance(value, bool)

    def convert(self, value: Written) -> Sizes:
        if isinstance(value, Sizes):
            left = None if value.left is None else Int().convert(value.left)
            return Sizes(left, Int().convert(value.right))
        return Sizes(None, Int().convert(value))


class _Required(Enum):
    REQUIRED = "required"


REQUIRED: Any = _Required.REQUIRED
"""The default of a parameter that has none."""


@dataclass(frozen=True)
class Param:
    """A parameter: positional by its kind, and by name as an option."""

    name: str
    kind: Kind
    default: Any = REQUIRED
    doc: str = ""
    positional: bool = True
    """Whether it may be given without its name."""


@dataclass(frozen=True)
class Signature:
    """The parameters of a statement, in the order in which unnamed arguments fill them."""

    params: tuple[Param, ...] = ()

    def __getitem__(self, name: str) -> Param:
        return next(param for param in self.params if param.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(param.name for param in self.params)

    @property
    def defaults(self) -> dict[str, Any]:
        """The values of those that have one."""
        return {param.name: param.default for param in self.params if param.default is not REQUIRED}


def shown(value: Written) -> str:
    """A value in a message."""
    if isinstance(value, Choice):
        return f"`{value.name}`"
    if isinstance(value, Sizes):
        return f"`{'' if value.left is None else value.left}->{value.right}`"
    if isinstance(value, tuple) and any(isinstance(part, str) for part in value):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, tuple):
        return f"`{'x'.join(part if isinstance(part, str) else f'{part:g}' for part in value)}`"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tree.Function):
        return "a function"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
