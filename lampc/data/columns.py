"""Columns of a table by their names, where all are numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from lampc.data.source import DataError
from lampc.diagnostics.suggest import nearest


def target_column(wanted: str | None, header: list[str]) -> int:
    """Which column is the target.

    Raises:
        DataError: if there is none of that name.
    """
    if wanted is None:
        return len(header) - 1
    if wanted not in header:
        near = nearest(wanted, header)
        raise DataError("E601", f"there is no column `{wanted}`",
                        (f"did you mean `{near}`?" if near else f"there are {', '.join(header)}",), "target")  # fmt: skip
    return header.index(wanted)


def feature_columns(wanted: Sequence[str] | None, name: str, header: list[str], target: int) -> list[int]:
    """Which columns are features: those that are asked for, in that order, or all but the target.

    Raises:
        DataError: if there are none, or one is missing.
    """
    if wanted is None:
        features = [index for index in range(len(header)) if index != target]
        if not features:
            raise DataError("E601", "there is no feature column beside the target")
        return features
    return places(header, wanted, name, header[target])


def places(header: Sequence[str], wanted: Sequence[str], name: str, target: str = "") -> list[int]:
    """Where the columns are that a network was trained on, by their names; of others a warning tells.

    Raises:
        DataError: if one is missing, or two have one name.
    """
    missing = next((column for column in wanted if column not in header), None)
    if missing is not None:
        near = nearest(missing, [column for column in header if column not in wanted])
        raise DataError("E601", f"{name} has no column `{missing}`, which the network was trained on",
                        (f"is it `{near}`?" if near else f"it has {', '.join(header)}",))  # fmt: skip
    double = next((column for column in wanted if header.count(column) > 1), None)
    if double is not None:
        raise DataError("E601", f"{name}: two columns are called `{double}`")
    others = [column for column in header if column not in wanted and column != target]
    if others:
        warnings.warn(f"{name} has columns that the network was not trained on, which are not looked at: "
                      f"{', '.join(others[:10])}{', …' if len(others) > 10 else ''}", UserWarning, stacklevel=2)  # fmt: skip
    return [header.index(column) for column in wanted]
