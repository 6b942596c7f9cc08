"""A folder of images (extra `images`): its subfolders are the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lampc.data.nearby import beside
from lampc.data.place import within
from lampc.data.reading import reading
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SPLIT, VALIDATION, Cut, make
from lampc.layers.signature import Dims, Flag, Param, Signature, Text

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
"""Names of files that are taken for images."""


def _files(request: Request) -> tuple[list[str], list[tuple[Path, int]]]:
    """The classes, and each image with its class.

    Raises:
        DataError: if there are none, or a path leads out of the folder.
    """
    name = request.arguments["path"]
    try:
        root = within(request.folder, name)
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        found = [(path, label) for label, folder in enumerate(folders)
                 for path in sorted(folder.iterdir()) if not path.name.startswith(".")]  # fmt: skip
        outside = next((path for path, _ in found if not path.resolve().is_relative_to(root)), None)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError("E601", f"cannot read {name}: {reason[:1].lower()}{reason[1:]}",
                        beside(request.folder / name, name), "path") from None  # fmt: skip
    if not folders:
        raise DataError("E603", f"{name} has no subfolders: each class is a folder of images")
    if outside is not None:
        raise DataError("E601", f"{outside.relative_to(root)} leads out of {name}")
    other = next((path for path, _ in found if path.suffix.lower() not in ENDINGS), None)
    if other is not None:
        raise DataError(
            "E601", f"{other.relative_to(root)} is no image by its name", (f"images end in {', '.join(sorted(ENDINGS))}",)
        )
    empty = next((folder for label, folder in enumerate(folders) if label not in {label for _, label in found}), None)
    if empty is not None:
        raise DataError("E603", f"{name}: the class `{empty.name}` has no images")
    return [folder.name for folder in folders], found


def _shape(request: Request) -> tuple[int, int, int]:
    size = request.arguments["size"]
    if len(size) != 2:
        raise DataError("E305", f"a size is height x width, not {'x'.join(map(str, size))}", option="size")
    return (1 if request.arguments["gray"] else 3, *size)


def _describe(request: Request) -> Description:
    shape = _shape(request)
    classes, files = _files(request)
    train, validation, test = Cut.of(request).counts(len(files))
    return Description(shape, (), tuple(classes), train, test, validation=validation)


def files_below(path: Path) -> list[Path]:
    """An image, or all those in a folder and in its folders, in order; links out of it are not followed.

    Raises:
        DataError: if there is none.
    """
    if not path.is_dir():
        return [path]
    root = path.resolve()
    found = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in ENDINGS and file.resolve().is_relative_to(root)]
    if not found:
        raise DataError("E603", f"{path} has no images", (f"images end in {', '.join(sorted(ENDINGS))}",))
    return found


def read_images(files: Sequence[Path], shape: tuple[int, ...]) -> Any:
    """Images as samples [files, channels, height, width], from 0 to 1.

    Raises:
        DataError: if Pillow is not installed, or one cannot be read.
    """
    import numpy as np

    try:
        from PIL import Image
    except ImportError:
        raise DataError("E508", "`data images` needs Pillow", ('pip install "lampc[images]"',)) from None
    channels, height, width = shape
    return np.stack([pixels(Image, file, channels, height, width) for file in files])


def _load(request: Request) -> Dataset:
    import numpy as np

    classes, files = _files(request)
    x = read_images([path for path, _ in files], _shape(request))
    labels = np.array([label for _, label in files], dtype=np.int64)
    return make(x, labels, tuple(classes), Cut.of(request))


def pixels(image: Any, path: Path, channels: int, height: int, width: int) -> Any:
    """An image's numbers from 0 to 1, [channels, height, width]."""
    import numpy as np

    with reading(path, f"{path.parent.name}/{path.name}"), image.open(path) as opened:
        if opened.mode.startswith("I"):  # 16 bits, which Pillow would cut at 255
            gray = opened.convert("I").resize((width, height))
            return np.repeat(np.asarray(gray, dtype=np.float64)[None] / 65535, channels, axis=0)
        read = opened.convert("L" if channels == 1 else "RGB").resize((width, height))
    pixels = np.asarray(read, dtype=np.float64) / 255
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)


source(
    DataSource(
        "images",
        "a folder of images, one subfolder a class, channels first and 0 to 1 (extra `images`)",
        'data images "photos/" size=32x32',
        Signature(
            (
                Param("path", Text(), doc="the folder, from the .lamp file's folder"),
                Param("size", Dims(), (28, 28), "height x width, to which each is resized"),
                Param("gray", Flag(), False, "one channel, not three"),
                SPLIT,
                VALIDATION,
                NORMALIZE,
            )
        ),
        _describe,
        _load,
        "images",
    )
)
