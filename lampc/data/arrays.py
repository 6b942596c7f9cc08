"""NumPy archives, scikit-learn's digits, and what a Python function returns."""

from __future__ import annotations

import sys
import zipfile
from importlib import import_module
from typing import Any

from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SPLIT, from_arrays, make
from lampc.data.table import open_regular
from lampc.layers.signature import Flag, Param, Signature, Text


def _load_npz(request: Request) -> Dataset:
    import numpy as np

    arguments = request.arguments
    name = arguments["path"]
    with open_regular(request.folder, name, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError("E601", f"{name} holds one array; an .npz archive of several is wanted",
                                ("np.savez(path, x=x, y=y) makes one",))  # fmt: skip
            arrays = {key: archive[key] for key in archive.files}
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise DataError("E601", f"cannot read {name}: {error}") from None
        except MemoryError:
            raise DataError("E601", f"cannot read {name}: an array in it is larger than memory") from None
    return from_arrays(arrays, arguments["split"], arguments["normalize"], request.seed)


def _describe_npz(request: Request) -> Description:
    return _load_npz(request).description


def _describe_digits(request: Request) -> Description:
    """Known without the package: 1,797 images of 8×8 pixels, 10 classes."""
    shape = (1, 8, 8) if request.arguments["image"] else (64,)
    train = round(request.arguments["split"] * 1797)
    if train == 0:
        raise DataError("E603", f"split={request.arguments['split']:g} of 1797 samples leaves no training data", option="split")
    return Description(shape, (), tuple(map(str, range(10))), train, 1797 - train)


def _load_digits(request: Request) -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError("E508", "`data digits` needs scikit-learn", ('pip install "lampc[digits]"',)) from None
    digits = load_digits()
    x = digits.data / 16.0
    if request.arguments["image"]:
        x = x.reshape(-1, 1, 8, 8)
    classes = tuple(map(str, range(10)))
    return make(x, digits.target.astype("int64"), classes, request.arguments["split"], False, request.seed)


def _load_python(request: Request) -> Dataset:
    name = request.arguments["function"]
    if not request.allow_python:
        raise DataError("E507", f'`data python "{name}"` would run Python code, and that is not permitted',
                        ("on the command line: `--allow-python`", "in Python: `allow_python=True`"))  # fmt: skip
    returned = _call(name, request)
    if not isinstance(returned, tuple | list) or len(returned) not in (2, 4):
        raise DataError("E601", f"{name} returned {type(returned).__name__}; (x, y) or (x_train, y_train, x_test, y_test) "
                        "is wanted")  # fmt: skip
    names = ("x", "y") if len(returned) == 2 else ("x_train", "y_train", "x_test", "y_test")
    arrays = dict(zip(names, returned, strict=True))
    return from_arrays(arrays, request.arguments["split"], request.arguments["normalize"], request.seed)


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
    return _load_python(request).description


_PATH = Param("path", Text(), doc="the file, from the .lamp file's folder")

source(
    DataSource(
        "npz",
        "NumPy arrays `x`, `y`, or `x_train`, `y_train`, `x_test`, `y_test`; whole numbers in one axis are labels",
        'data npz "points.npz"',
        Signature((_PATH, SPLIT, NORMALIZE)),
        _describe_npz,
        _load_npz,
    )
)
source(
    DataSource(
        "digits",
        "scikit-learn's 1,797 handwritten digits of 8×8 pixels, 0 to 1 (extra `digits`)",
        "data digits split=0.8",
        Signature((SPLIT, Param("image", Flag(), False, "samples are 1x8x8, not 64"))),
        _describe_digits,
        _load_digits,
    )
)
source(
    DataSource(
        "python",
        "what a function returns: (x, y) or (x_train, y_train, x_test, y_test); only where it is permitted",
        'data python "module:function"',
        Signature((Param("function", Text(), doc='"module:function"'), SPLIT, NORMALIZE)),
        _describe_python,
        _load_python,
    )
)
