"""NumPy archives, and what a Python function returns."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from lampc.data import rows
from lampc.data.opened import open_regular
from lampc.data.place import within
from lampc.data.reading import reading
from lampc.data.remarks import described
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SPLIT, VALIDATION, Cut, from_arrays
from lampc.layers.signature import Flag, Param, Signature, Text


def _load_npz(request: Request, check: bool = True) -> Dataset:
    arguments, cut = request.arguments, Cut.of(request)
    name = arguments["path"]
    path = within(request.folder, name)
    with reading(path, name):
        if path.is_file() and (arguments["stream"] or rows.size(path) >= rows.LARGE):
            arrays, cut = _left_there(path, check, cut.below), replace(cut, normalize=cut.normalize and check)
        else:
            arrays = _unpacked(request.folder, name)
    return from_arrays(arrays, cut)


def _unpacked(folder: Path, name: str) -> dict[str, Any]:
    import numpy as np

    with open_regular(folder, name, "rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError("E601", f"{name} holds one array; an .npz archive of several is wanted",
                            ("np.savez(path, x=x, y=y) makes one",))  # fmt: skip
        return {key: archive[key] for key in archive.files}


def _left_there(path: Path, check: bool, below: int) -> dict[str, Any]:
    """Samples stay in the file; targets are read."""
    found: dict[str, Any] = {}
    for name in rows.names(path):
        array = rows.stored(path, name)
        if name.startswith("x"):
            if check:
                array.check(name, below)
            found[name] = array
        else:
            found[name] = array[:]
    return found


def _describe_npz(request: Request) -> Description:
    return described(_load_npz(request, check=False))


def _load_python(request: Request) -> Dataset:
    name = request.arguments["function"]
    if not request.allow_python:
        raise DataError("E507", f'`data python "{name}"` would run Python code, and that is not permitted',
                        ("on the command line: `--allow-python`", "in Python: `allow_python=True`"))  # fmt: skip
    returned = _call(name, request)
    if _is_dataset(returned):
        returned = _gathered(returned, name)
    elif isinstance(returned, tuple | list) and len(returned) == 2 and all(map(_is_dataset, returned)):
        returned = tuple(array for part in returned for array in _gathered(part, name))
    if not isinstance(returned, tuple | list) or len(returned) not in (2, 4):
        raise DataError("E601", f"{name} returned {type(returned).__name__}; (x, y), (x_train, y_train, x_test, y_test), "
                        "or one or two map-style datasets are wanted")  # fmt: skip
    names = ("x", "y") if len(returned) == 2 else ("x_train", "y_train", "x_test", "y_test")
    arrays = dict(zip(names, returned, strict=True))
    return from_arrays(arrays, Cut.of(request))


def _is_dataset(value: Any) -> bool:
    """Whether it is what PyTorch calls a map-style dataset: samples by number, and how many; no array, and no list."""
    return hasattr(value, "__getitem__") and hasattr(value, "__len__") and not hasattr(value, "shape") and not isinstance(
        value, tuple | list | dict | str)  # fmt: skip


def _gathered(dataset: Any, name: str) -> tuple[Any, Any]:
    """All samples of a dataset, and their targets.

    Raises:
        DataError: if one is no pair, or they have several shapes.
    """
    import numpy as np

    xs, ys = [], []
    for index in range(len(dataset)):
        sample = dataset[index]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError("E605", f"sample {index} of what {name} returned is no pair (x, y)")
        xs.append(np.asarray(sample[0]))
        ys.append(np.asarray(sample[1]))
        for part, first in ((xs[-1], xs[0]), (ys[-1], ys[0])):
            if part.shape != first.shape:
                raise DataError(
                    "E605", f"sample {index} of what {name} returned has shape {part.shape}, and the first {first.shape}"
                )
    if not xs:
        raise DataError("E603", f"{name} returned a dataset of no samples")
    return np.stack(xs), np.stack(ys)


def _call(name: str, request: Request) -> Any:
    module, colon, function = name.partition(":")
    if not colon or not module or not function.isidentifier():
        raise DataError("E601", f'"{name}" names no function', ('write "module:function"',))
    folder = str(request.folder.absolute())
    sys.path.insert(0, folder)
    try:
        return getattr(import_module(module), function)()
    except DataError:
        raise
    except Exception as error:  # the user's code may raise anything
        raise DataError("E601", f"{name} failed: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(folder)


def _describe_python(request: Request) -> Description:
    return described(_load_python(request))


_PATH = Param("path", Text(), doc="the file, from the .lamp file's folder")

source(
    DataSource(
        "npz",
        "NumPy arrays `x`, `y`, or `x_train`, `y_train`, `x_test`, `y_test`; whole numbers in one axis are labels, in several "
        "where the loss takes one for each place; `w`, or `w_train`, `w_test`, weighs samples",
        'data npz "points.npz"',
        Signature(
            (
                _PATH,
                SPLIT,
                VALIDATION,
                NORMALIZE,
                Param("stream", Flag(), False, "leave samples on the disk, as those of files above 512 MB are"),
            )
        ),
        _describe_npz,
        _load_npz,
    )
)
source(
    DataSource(
        "python",
        "what a function returns: (x, y), (x_train, y_train, x_test, y_test), or one or two torch datasets; where permitted",
        'data python "module:function"',
        Signature((Param("function", Text(), doc='"module:function"'), SPLIT, VALIDATION, NORMALIZE)),
        _describe_python,
        _load_python,
    )
)
