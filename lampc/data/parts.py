"""What a table's statement says of its parts: ``split=``, ``validation=``, ``group=``, ``time=``, ``stratify=``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lampc.diagnostics.unplaced import DataError
from lampc.layers.signature import Choice, Flag, Float, Kind, Name, Numbers, Param, Refused, Written, shown
from lampc.table.parts import Manner, Shares


class Division(Kind):
    """The share to train on, ``0.8``; the shares of the parts, ``[0.8, 0.2]``, ``[0.7, 0.15, 0.15]``; or a column's name."""

    phrase: ClassVar[str] = "a share such as 0.8, shares such as [0.7, 0.15, 0.15], or a column's name"

    def takes(self, value: Written) -> bool:
        return isinstance(value, int | float | tuple | str | Choice) and not isinstance(value, bool)

    def convert(self, value: Written) -> float | tuple[float, ...] | str:
        if isinstance(value, str | Choice):
            return Name().convert(value)
        if not isinstance(value, tuple):
            return Float(0.0, 1.0, open_low=True).convert(value)
        found = Numbers().convert(value)
        if len(found) not in (2, 3):
            raise Refused(
                f"two or three shares are wanted, such as `[0.8, 0.2]` or `[0.7, 0.15, 0.15]`, not {len(found)}", "E305"
            )
        if min(found) < 0 or not found[0]:
            raise Refused(f"{shown(min(found))} is no share: what is trained on has more than 0, the others at least 0", "E305")
        if abs(sum(found) - 1) > 1e-6:
            raise Refused(f"the shares come to {sum(found):.6g}, not to 1: "
                          f"`[{', '.join(f'{share / sum(found):.4g}' for share in found)}]`", "E305")  # fmt: skip
        return found


SPLIT_OF_TABLE = Param("split", Division(), 0.8, "the share to train on; or the shares of train, validation and test, "
                       "`[0.7, 0.15, 0.15]`; or the column that names the part: `train`, `validation`, `test`",
                       positional=False)  # fmt: skip
GROUP = Param("group", Name(), None, "a column: no group of rows that are alike in it is in two parts", positional=False)
TIME = Param("time", Name(), None, "a column: the latest rows are the test, before them those that choose", positional=False)
STRATIFY = Param("stratify", Flag(), True, "each part has its share of each class; `off` draws from all rows alike",
                 positional=False)  # fmt: skip


def divided(arguments: Mapping[str, Any], classes: bool) -> tuple[Shares, Manner]:
    """How much of a table each part is, and how rows come to be in it, by a statement's arguments.

    Args:
        arguments: ``split``, ``validation``, ``group``, ``time``, ``stratify``.
        classes: Whether the target is one class a row.

    Raises:
        DataError: if two of them clash.
    """
    split, chosen_by = arguments["split"], arguments["validation"]
    group, time = arguments["group"] or None, arguments["time"] or None  # `--set group=` takes the file's back
    if group is not None and time is not None:
        raise DataError("E305", "rows are cut by group or by time, not by both", (f"leave `group={group}` out",), "group")
    if isinstance(split, str):
        for name, other in (("group", group), ("time", time)):
            if other is not None:
                raise DataError("E305", f"the column `{split}` names the parts already", (f"leave `{name}={other}` out",), name)
        return Shares(1 - chosen_by, chosen_by, 0.0), Manner("column", split)
    if isinstance(split, tuple) and chosen_by:
        train, test = split[0] + sum(split[1:-1]), split[-1]
        parts = ", ".join(f"{share:.4g}" for share in (train * (1 - chosen_by), train * chosen_by, test))
        raise DataError("E305", "the validation part is asked for twice: `split=` has the shares of all parts",
                        (f"leave `validation=` out, as in `split=[{parts}]`",), "validation")  # fmt: skip
    shares = _shares(split) if isinstance(split, tuple) else Shares(split * (1 - chosen_by), split * chosen_by, 1 - split)
    if time is not None:
        return shares, Manner("time", time)
    if group is not None:
        return shares, Manner("group", group)
    return shares, Manner("stratified" if classes and arguments["stratify"] else "random")


def _shares(split: tuple[float, ...]) -> Shares:
    return Shares(split[0], split[1] if len(split) == 3 else 0.0, split[-1])
