"""What data that is no table holds, before anybody trains on it: nothing is refused; what training would refuse is counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lampc.data.reading import reading
from lampc.data.rows import Rows
from lampc.data.source import DataError, Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DISTINCT = 1000


@dataclass
class Column:
    """An array, or what stands for one: what is in it."""

    name: str
    shape: tuple[int, ...]
    """Of a sample's part; ``()`` for one number or one word."""
    kind: str
    """``numbers``, ``whole numbers``, or ``text``."""
    count: int
    missing: int = 0
    low: float = math.nan
    mean: float = math.nan
    high: float = math.nan
    classes: Mapping[str, int] = field(default_factory=dict)
    """How often each value occurs, where they are few, or words."""
    samples: Sequence[str] = ()


def overview(path: Path) -> list[Column]:
    """The arrays of a NumPy file, the folders of images, or the characters of a text.

    Raises:
        DataError: if the file cannot be read at all.
    """
    if path.is_dir():
        return _images(path)
    kind = path.suffix.lower()
    with reading(path):
        if kind in (".npz", ".npy"):
            return _arrays(path)
        if kind in (".txt", ".md", ""):
            return _text(path)
    raise DataError(
        "E601", f"what {path} holds is not known", ("there are .csv, .tsv, .parquet, .jsonl, .npz, .npy, .txt, and folders",)
    )


def _few(values: Iterable[str], always: bool = False) -> Mapping[str, int]:
    counted = Counter(values)
    if len(counted) > (_DISTINCT if always else 20):
        return {}
    return dict(counted.most_common())


def _arrays(path: Path) -> list[Column]:
    import numpy as np

    if path.suffix.lower() == ".npy":
        return [array("x", np.load(path, allow_pickle=False, mmap_mode="r"))]
    with path.open("rb") as file:
        loaded = np.load(file, allow_pickle=False)
        arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        return [array(name, np.asarray(found)) for name, found in arrays.items()]


def array(name: str, values: NDArray[Any]) -> Column:
    """An array whose first axis is samples."""
    import numpy as np

    count, shape = (len(values), values.shape[1:]) if values.ndim else (1, ())
    samples = (
        [np.array2string(row, threshold=6, precision=4, separator=", ").replace("\n", "") for row in values[:3]]
        if values.ndim
        else []
    )
    if values.dtype.kind not in "fiub":
        return Column(name, shape, "text", count, classes=_few(map(str, values.ravel().tolist()), always=True), samples=samples)
    whole = values.dtype.kind in "iub"
    finite = values if whole else values[np.isfinite(values)]
    found = Column(name, shape, "whole numbers" if whole else "numbers", count, int(values.size - finite.size), samples=samples)
    if finite.size:
        with np.errstate(over="ignore"):
            mean = finite.mean(dtype=np.float64)
        if not np.isfinite(mean):  # the sum alone is too large
            mean = (finite / finite.size).sum(dtype=np.float64)
        found.low, found.high, found.mean = float(finite.min()), float(finite.max()), float(mean)
    if whole and not shape:
        found.classes = _few(f"{value}" for value in values.tolist())
    return found


def _images(path: Path) -> list[Column]:
    """A folder a class, as ``data images`` takes them."""
    counts: dict[str, int] = {}
    names: list[str] = []
    every: list[Path] = []
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
        files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        counts[folder.name] = len(files)
        names += [f"{folder.name}/{file.name}" for file in files[:1]]
        every += files
    if not counts:
        raise DataError("E603", f"{path} has no folders: one a class is wanted")
    return [*_pixels(every), Column("class", (), "text", sum(counts.values()), classes=counts, samples=names[:4])]


def _pixels(files: Sequence[Path]) -> list[Column]:
    """The images' shapes, and what is in them as it is trained on: from 0 to 1. Of many, a thousand are looked at."""
    import numpy as np

    try:
        from PIL import Image
    except ImportError:
        return []
    shapes: list[tuple[int, ...]] = []
    means, ends, unread = [], [math.inf, -math.inf], 0
    for file in files[:: max(1, len(files) // _DISTINCT)]:
        try:
            with reading(file), Image.open(file) as opened:
                whole = np.atleast_3d(np.asarray(opened if opened.mode in ("L", "RGB") else opened.convert("RGB")))
        except DataError:
            unread += 1
            continue
        shapes.append((whole.shape[2], *whole.shape[:2]))
        means.append(float(whole.mean()) / 255)
        ends = [min(ends[0], float(whole.min()) / 255), max(ends[1], float(whole.max()) / 255)]
    sizes = Counter("x".join(map(str, shape)) for shape in shapes)
    found = Column(
        "image", shapes[0] if len(sizes) == 1 else (), "numbers", len(files), unread, classes=dict(sizes.most_common())
    )
    if shapes:
        found.low, found.mean, found.high = ends[0], math.fsum(means) / len(means), ends[1]
    return [found]


def _text(path: Path) -> list[Column]:
    text = path.read_text(encoding="utf-8", errors="replace")
    shown = [line for line in text.splitlines() if line.strip()][:3]
    counted = Counter(text)
    classes = {repr(character)[1:-1]: count for character, count in counted.most_common()}
    return [Column("characters", (), "text", len(text), counted.get("\ufffd", 0), classes=classes, samples=shown)]


def of_dataset(data: Dataset) -> list[Column]:
    """All parts of what a program trains on."""
    found = []
    for name, part in data.parts().items():
        x = part.x[:100_000] if isinstance(part.x, Rows) else part.x  # what stays on the disk is shown in part
        found += [array(f"{name} x", x), array(f"{name} y", part.y)]
    for column in found:
        if data.description.classes is not None and column.classes:
            names = data.description.classes
            column.classes = {names[int(label)]: count for label, count in column.classes.items() if int(label) < len(names)}
    return found
