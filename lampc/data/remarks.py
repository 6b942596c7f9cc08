"""What can be seen of data before anybody trains on them, and is likely to be a mistake."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lampc.data.rows import Rows
from lampc.data.source import Dataset, Description, Remark, Split
from lampc.table.spread import without_spread
from lampc.table.written import word

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUGE = 100.0
"""The root mean square from which a feature is too large for weights that begin near 1: its slopes are 100² times too steep."""
LONG = 300.0
"""The length of a sample, all its features together, from which it is too long: of 28×28 pixels up to 255 it is 2,400."""
APART = 1e4
"""How many times larger one feature may be than another."""
MOST = 0.9
"""The share of one class from which always guessing it looks good."""
SHARED = 0.1
"""The share of a held-out part's samples that may be training samples too: measurements do coincide now and then."""
FEW = 20
"""Samples below which all may be chance."""
_FIRST = 2_000
"""Samples on which a column is tried before it is tried on all."""
_LOOKED_AT = 8_000_000
"""Numbers beyond which samples are not compared."""


def described(data: Dataset) -> Description:
    """The data's description, with what is to be remarked."""
    if isinstance(data.train.x, Rows):
        return data.description
    some = _some(data)
    found = [*_sizes(some), *(_constant(data) if some is data else ()), *_telling(data), *_shared(data), *_most(data),
             *_sorted(data)]  # fmt: skip
    return replace(data.description, remarks=tuple(found), sizes=_spread(some))


def _some(data: Dataset) -> Dataset:
    """Of very many training samples of a table, which are drawn, the first: what their sizes are is seen on these."""
    rows = max(FEW, _LOOKED_AT // max(1, math.prod(data.train.x.shape[1:])))
    if data.schema is None or len(data.train) <= rows:
        return data
    return replace(data, train=Split(data.train.x[:rows], data.train.y[:rows]))


def _spread(data: Dataset) -> tuple[float, float, float] | None:
    """The mean and the root mean square of all numbers of the training samples, and that of each feature's mean."""
    import numpy as np

    x = np.asarray(data.train.x)
    if x.dtype.kind != "f" or not x.size:
        return None
    x = x.reshape(len(x), -1)
    means = (x.mean(), np.square(x).mean(), np.square(x.mean(axis=0)).mean())
    return float(means[0]), math.sqrt(means[1]), math.sqrt(means[2])


def _listed(data: Dataset, columns: Sequence[int]) -> str:
    """Some features' names, or numbers."""
    names = data.description.columns
    shown = [f"`{names[index]}`" if names else str(index + 1) for index in columns[:3]]
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    several = "s" if len(columns) > 1 else ""
    return f"{'column' if names else 'feature'}{several} {', '.join(shown)}{more}"


def unscaled(name: str, largest: float, smallest: float, table: bool = False) -> Remark:
    """The remark that one feature is far larger than weights are made for, or than another; ``table``: it was asked for."""
    than = f", and another about {smallest:.1g}" if largest >= APART * smallest else ""
    size = f"{largest:,.0f}" if largest >= 10 else f"{largest:.2g}"
    fix = "leave out `normalize=off`" if table else "add `normalize` to the `data` statement"
    return Remark("W421", f"{name} is about {size} in size{than}: scores begin as large, and steps are too small or too "
                  "large", (f"{fix}: every feature to mean 0 and deviation 1",))  # fmt: skip


def _sizes(data: Dataset) -> list[Remark]:
    import numpy as np

    x = np.asarray(data.train.x)
    if data.normal is not None or x.dtype.kind != "f":
        return []
    sizes = np.sqrt(np.square(x.reshape(len(x), -1)).mean(axis=0))
    if data.schema is not None:  # what is standardised, or 0 and 1, has its size
        own = [column.kind in ("number", "date") and not column.mean for column in data.schema.taken for _ in column.slots]
        sizes = np.where(own, sizes, 0.0)
    varied = sizes[sizes > 0]
    if x.ndim == 2 and len(varied) and (varied.max() >= HUGE or varied.max() >= APART * varied.min()):
        return [
            unscaled(_listed(data, [int(sizes.argmax())]), float(varied.max()), float(varied.min()), data.schema is not None)
        ]
    if float(np.sqrt(np.square(sizes).sum())) < LONG:
        return []
    size = float(np.sqrt(np.square(sizes).mean()))
    return [unscaled("each number of a sample", size, size, data.schema is not None)]


def _constant(data: Dataset) -> list[Remark]:
    """The columns of a table that are the same throughout; of arrays, an image's margin may be."""
    if data.description.columns is None or data.description.vocabulary is not None or len(data.train) < 2:
        return []
    flat = _same(data)
    if data.schema is None:
        names = [name for name, one in zip(data.description.columns, flat, strict=True) if one]
    else:
        names = [name for name, place in data.schema.places.items() if flat[place].all()]
    if not names:
        return []
    are, more = ("is" if len(names) == 1 else "are"), (f" and {len(names) - 3} more" if len(names) > 3 else "")
    listed = f"column{'s' if len(names) > 1 else ''} {', '.join(f'`{name}`' for name in names[:3])}{more}"
    them = "it" if len(names) == 1 else "them"
    out = f"leave {them} out of the file"
    if data.schema is not None:
        out = f"leave {them} out: `drop=[{', '.join(map(word, names))}]`"
    return [Remark("W422", f"{listed} {are} the same in all {len(data.train):,} training samples: nothing can be "
                   "learnt from that", (out,))]  # fmt: skip


def _same(data: Dataset) -> NDArray[Any]:
    """For each feature of a table, whether its numbers differ by no more than rounding."""
    import numpy as np

    x = np.asarray(data.train.x)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    if data.normal is not None:
        mean, deviation = mean * data.normal[1] + data.normal[0], deviation * data.normal[1]
    if data.schema is not None:
        places = data.schema.places
        for column in data.schema.taken:
            for slot, (off, by) in enumerate(zip(column.mean, column.deviation, strict=True), places[column.name].start):
                mean[slot], deviation[slot] = mean[slot] * by + off, deviation[slot] * by
    same: NDArray[Any] = without_spread(mean, deviation)
    return same


def _telling(data: Dataset) -> list[Remark]:
    """A column of a table that says all of the target, beside others."""
    import numpy as np

    columns, part = data.description.columns, data.train
    if columns is None or len(columns) < 2 or len(part) < FEW:
        return []
    target, samples = data.description.name, f"in all {len(part):,} training samples"
    for index in np.flatnonzero(~_same(_some(data))).tolist():
        column = np.asarray(part.x)[:, index]
        few = slice(_FIRST)  # what does not say all of the first does not say all
        if _says(data, column[few], part.y[few]) and _says(data, column, part.y):
            name = columns[index]
            return [
                Remark(
                    "W423",
                    f"column `{name}` alone says what `{target}` is, {samples}",
                    (
                        f"leave `{name}` out, if it is not known before `{target}` is{_left_out(data, name)}",
                        "or take a rule, not a network",
                    ),
                )
            ]
    return []


def _left_out(data: Dataset, slot: str) -> str:
    """How a table's column is left out, by the name of one of its slots."""
    schema = data.schema
    column = next((column.name for column in schema.taken if slot in column.slots), None) if schema is not None else None
    return "" if column is None else f": `drop=[{word(column)}]`"


def _says(data: Dataset, column: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether a column says all of the target."""
    if data.description.classes is not None:
        return _says_class(column, y)
    return y.shape[1] == 1 and _says_number(column, y[:, 0])


def _says_class(column: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Whether a column has one value in each class, and another in each."""
    import numpy as np

    values, where = np.unique(column, return_inverse=True)
    classes = np.unique(labels)
    return len(values) == len(classes) > 1 and len(np.unique(np.stack([where.ravel(), labels]), axis=1).T) == len(classes)


def _says_number(column: NDArray[Any], target: NDArray[Any]) -> bool:
    """Whether the target is the column times a number plus a number, but for rounding."""
    import numpy as np

    a, b = column - column.mean(), target - target.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return size > 0 and math.isfinite(size) and bool(abs(a @ b) > (1 - 1e-13) * size)


def _shared(data: Dataset) -> list[Remark]:
    """Samples of a held-out part that are training samples too, and more of them than chance makes."""
    import numpy as np

    for name, part in data.parts().items():
        if name == "train" or len(part) < FEW or data.train.x.size + part.x.size > _LOOKED_AT:  # type: ignore[union-attr]
            continue
        known = _keys(data.train)
        count = sum(key in known for key in _keys(part, unique=False))
        if count <= SHARED * len(part) or _by_chance(np.asarray(data.train.x)) * len(part) > SHARED * count:
            continue
        return [Remark("W424", f"{count:,} of the {len(part):,} samples of the {name} part are training samples too: what is "
                       "measured on them is what was learnt by heart",
                       ("leave out of the file what stands there twice",))]  # fmt: skip
    return []


def _keys(part: Split, unique: bool = True) -> Any:
    import numpy as np

    rows = (row.tobytes() for row in np.ascontiguousarray(part.x))
    keys = (row + target.tobytes() for row, target in zip(rows, np.ascontiguousarray(part.y), strict=True))
    return set(keys) if unique else list(keys)


def _by_chance(x: NDArray[Any]) -> float:
    """How many training samples have one sample's numbers, if columns had nothing to do with one another."""
    import numpy as np

    flat = x.reshape(len(x), -1)
    columns = np.unique(np.linspace(0, flat.shape[1] - 1, min(64, flat.shape[1])).astype(np.int64))
    chance = float(len(x))
    for column in flat[:2000, columns].T:
        _, counts = np.unique(column, return_counts=True)
        chance *= float(np.square(counts / counts.sum()).sum())
    return chance


def _most(data: Dataset) -> list[Remark]:
    """One class that most training samples have."""
    import numpy as np

    y, names = data.train.y, data.description.classes
    if data.description.vocabulary is not None or len(y) < FEW:
        return []
    if names is None:
        if y.shape[1:] != (1,) or not np.isin(y, (0.0, 1.0)).all():
            return []
        names = ("0", "1")
    counts = np.bincount(y.astype(np.int64).ravel(), minlength=len(names))
    share = float(counts.max() / counts.sum())
    if share < MOST or share == 1:
        return []
    commonest = names[int(counts.argmax())]
    loss = "crossentropy" if data.description.classes is not None else "bce"
    return [Remark("W425", f"{100 * share:.0f} % of the training samples are `{commonest}`: always saying so is right as often",
                   (f"let the others weigh more: `loss {loss} weights=balanced`",
                    "measure what does not gain by it: `metrics f1`, `metrics auc`"))]  # fmt: skip


def _sorted(data: Dataset) -> list[Remark]:
    """Training samples that stand class after class."""
    import numpy as np

    labels = np.asarray(data.train.y)
    if data.description.classes is None and labels.shape[1:] == (1,) and np.isin(labels, (0.0, 1.0)).all():
        labels = labels[:, 0]
    if labels.ndim != 1 or len(labels) < FEW:
        return []
    changes = int((np.diff(labels) != 0).sum())
    if changes + 1 != len(np.unique(labels)) or not changes:
        return []
    return [Remark("W426", "the training samples stand class after class: a minibatch has one class, and undoes the one before",
                   ("`train shuffle` draws a new order before each epoch",))]  # fmt: skip
