"""What a ``data`` statement names: a source of samples, described before the run and loaded for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.diagnostics.unplaced import DataError as DataError
from lampc.layers.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lampc.data.rows import Rows
    from lampc.data.unit import Unit
    from lampc.table.schema import Schema
    from lampc.table.statement import Override


@dataclass(frozen=True)
class Remark:
    """Something in data that is likely to be a mistake: a warning's code, what is to be said, and how to mend it."""

    code: str
    message: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """What the compiler needs to know of data: shapes, and how many classes."""

    input: tuple[int, ...]
    """The shape of a sample."""
    target: tuple[int, ...]
    """The shape of a target, ``()`` for class labels."""
    classes: tuple[str, ...] | None
    """The classes' names where targets are labels, 0 to len - 1; None where they are numbers."""
    train: int
    """Samples to train on."""
    test: int
    """Samples held out."""
    target_range: tuple[float, float] | None = None
    """The smallest and the greatest target where targets are numbers, as the loss sees them: standardised, if they are."""
    vocabulary: tuple[str, ...] | None = None
    """What a sample's whole numbers stand for, 0 to len - 1; None where samples hold numbers."""
    columns: tuple[str, ...] | None = None
    """The features' names, of a table."""
    name: str = ""
    """The target's name, of a table."""
    validation: int = 0
    """Samples held out from the training, to choose by."""
    remarks: tuple[Remark, ...] = field(default=(), compare=False)
    """What is likely to be a mistake; of a run that is kept, nothing."""
    sizes: tuple[float, float, float] | None = field(default=None, compare=False)
    """Of the training samples' numbers the mean, the root mean square, and that of each feature's mean; None: not known."""
    bits: bool | None = None
    """Whether all targets are 0 or 1, where they are numbers; None where that is not known."""
    below: int = 0
    """What a sample's whole numbers stay below, where they name things; 0 where samples hold any numbers."""
    labels: tuple[int, ...] | None = None
    """Of targets that are whole numbers in several axes, and so may be labels of places, the two least and the two greatest."""
    scaled_range: tuple[float, float] | None = None
    """The smallest and the greatest target once standardised, where targets can be: numbers of a table, not all 0 or 1."""
    stored: bool = field(default=False, compare=False)
    """Whether samples stay on the disk."""
    schema: Schema | None = None
    """Of a table: what its columns are."""
    either: bool = False
    """Whether targets are yes or no: two classes, or numbers 0 and 1, as the loss takes them."""
    counts: tuple[int, ...] | None = field(default=None, compare=False)
    """How many training samples, or labelled places of them, there are of each class; of one number that is 0 or 1, of both.
    None: not known, or of no classes."""
    weighted: bool = False
    """Whether samples have weights."""


@dataclass(frozen=True, repr=False)
class Split:
    """Samples x [n, …sample] and targets y [n, …target] or labels [n]: float64, or int64 for labels and a vocabulary's numbers.

    Samples may stay on the disk. ``weight`` [n], float64 of 0 and more: how much each counts in the loss; None: all alike.
    """

    x: NDArray[np.float64] | NDArray[np.int64] | Rows
    y: NDArray[np.float64] | NDArray[np.int64]
    weight: NDArray[np.float64] | None = None
    rows: NDArray[np.int64] | None = field(default=None, kw_only=True)
    """Which of a table's rows they are [n], from 0; None where they are of none."""

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        x, y = (", ".join(map(str, part.shape)) for part in (self.x, self.y))
        return f"<Split: x [{x}], y [{y}]{'' if self.weight is None else f', weight [{len(self)}]'}>"


@dataclass(frozen=True, repr=False)
class Dataset:
    """Data in memory, as a network is trained on it: parts of x [n, …sample] and targets y [n, …target], or labels [n].

    ``normal``: where samples have been normalised, mean and deviation of the training features, each [features] or [].
    ``unit``: where targets have been standardised, what brings them back.
    """

    description: Description
    train: Split
    test: Split
    normal: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    """Mean and deviation of the training features, where samples have been normalised by them."""
    validation: Split | None = None
    """What the best epoch, and the best of several settings, is chosen by; None or empty where there is no such part."""
    unit: Unit | None = None
    """The targets' own unit, where they have been standardised; None where ``y`` is in it."""
    schema: Schema | None = None
    """Of a table: its columns, with the numbers that these training samples give."""

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(part):,} {name}" for name, part in self.parts().items())
        x, y = (", ".join(["n", *map(str, part.shape[1:])]) for part in (self.train.x, self.train.y))
        return f"<Dataset: {sizes or 'no'} samples, x [{x}], y [{y}]>"

    def parts(self) -> dict[str, Split]:
        """The parts that have samples, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None and len(part)}


@dataclass(frozen=True)
class Request:
    """A bound ``data`` statement."""

    arguments: Mapping[str, Any]
    """A value for each parameter of the source's signature."""
    folder: Path
    """Where relative paths begin: the folder of the ``.lamp`` file."""
    seed: int
    """For what is drawn at random: points, a split's permutation."""
    allow_python: bool = False
    columns: tuple[str, ...] | None = None
    """The features to take of a table, in this order, where that is known; all but the target where not."""
    below: int = 0
    """What a sample's whole numbers are to stay below, as an embedding takes them; 0 where samples hold any numbers."""
    labels: bool = False
    """Whether whole numbers in several axes are labels, one for each place of a sample."""
    fold: tuple[int, int] | None = None
    """Of a cross-validation: which fold is the test, from 0, of how many; the seed draws all of them."""
    overrides: tuple[Override, ...] = ()
    """What the program says of single columns of a table."""
    schema: Schema | None = None
    """A table's columns and their slots, where they are known: only their numbers are to come from the data."""
    bits: bool = False
    """Whether targets of yes and no are wanted as numbers, 1 for yes."""
    scale: bool = False
    """Whether number targets are to be standardised: what the loss and the network make of the statement's ``scale``."""


@dataclass(frozen=True)
class DataSource:
    """A named source.

    ``describe`` may read as much as it must (a CSV file, whole), but not import what is slow; None: not before
    the run. Both raise ``DataError``.
    """

    name: str
    doc: str
    example: str
    signature: Signature
    describe: Callable[[Request], Description | None]
    load: Callable[[Request], Dataset]
    extra: str = ""
    """The extra of lampc's that loading needs, if any."""
    folds: bool = True
    """Whether its samples can be cut into folds."""


SOURCES: dict[str, DataSource] = {}
"""Every source by its name."""


def source(declared: DataSource) -> DataSource:
    """Register a source."""
    assert declared.name not in SOURCES, declared.name
    SOURCES[declared.name] = declared
    return declared
