"""Text, character by character: windows of it, and the characters that follow."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lampc.data.opened import open_regular
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, Split, source
from lampc.layers.signature import Float, Int, Param, Signature, Text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST = 65_536
"""Characters that a vocabulary may have."""


def vocabulary(text: str) -> tuple[str, ...]:
    """The characters that occur, in order."""
    return tuple(sorted(set(text)))


@lru_cache(maxsize=4)
def _decoded(folder: Path, name: str, _changed: int) -> str:
    with open_regular(folder, name, "rb") as file:
        raw = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError("E601", f"{name}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8",
                        ("save the file as UTF-8",)) from None  # fmt: skip


def _parts(request: Request) -> tuple[tuple[str, str, str], tuple[str, ...]]:
    """The text to train on, to choose by, and to test on, one after another; and the vocabulary of all."""
    name, context = request.arguments["path"], request.arguments["context"]
    path = request.folder / name
    try:
        changed = path.stat().st_mtime_ns
    except (OSError, ValueError):
        changed = 0
    text = _decoded(request.folder, name, changed)
    known = vocabulary(text)
    if len(known) > MOST:
        raise DataError("E601", f"{name} has {len(known):,} different characters; there may be {MOST:,}")
    share = request.arguments["split"]
    cut = len(text) if share == 1 else round(share * len(text))
    held_out = request.arguments["validation"]
    begin = cut - round(held_out * cut)
    train, validation, test = text[:begin], text[begin:cut], text[cut:]
    if len(train) <= context:
        raise DataError("E603", f"{name} leaves {len(train):,} characters to train on, and a window takes {context + 1:,}",
                        option="context")  # fmt: skip
    for option, given, part in (("split", share, test if share < 1 else None),
                                ("validation", held_out, validation if held_out else None)):  # fmt: skip
        if part is not None and len(part) <= context:
            raise DataError("E603", f"{option}={given:g} of {name} holds out {len(part):,} characters, and a window takes "
                            f"{context + 1:,}", option=option)  # fmt: skip
    return (train, validation, test), known


def _windows(characters: int, request: Request) -> int:
    context, stride = request.arguments["context"], request.arguments["stride"] or request.arguments["context"]
    return 0 if characters <= context else (characters - context - 1) // stride + 1


def _describe(request: Request) -> Description:
    context = (request.arguments["context"],)
    parts, known = _parts(request)
    train, validation, test = (_windows(len(part), request) for part in parts)
    return Description(context, context, known, train, test, vocabulary=known, validation=validation)


def _load(request: Request) -> Dataset:
    import numpy as np

    parts, known = _parts(request)
    number = {character: index for index, character in enumerate(known)}
    context, stride = request.arguments["context"], request.arguments["stride"] or request.arguments["context"]

    def windows(text: str) -> Split:
        numbers: NDArray[np.int64] = np.fromiter((number[c] for c in text), np.int64, len(text))
        if len(numbers) <= context:
            return Split(np.empty((0, context), np.int64), np.empty((0, context), np.int64))
        every = np.lib.stride_tricks.sliding_window_view(numbers, context + 1)[::stride]
        return Split(every[:, :-1].copy(), every[:, 1:].copy())

    train, validation, test = map(windows, parts)
    return Dataset(_describe(request), train, test, validation=validation)


source(
    DataSource(
        "text",
        "windows of a text's characters as whole numbers; each place's target is the character after it",
        'data text "fables.txt" context=64',
        Signature(
            (
                Param("path", Text(), doc="the file, from the .lamp file's folder"),
                Param("context", Int(1, 1_000_000), 64, "characters a window"),
                Param("stride", Int(0, 1_000_000), 0, "from one window to the next; 0: the context", positional=False),
                Param("split", Float(0.0, 1.0, open_low=True), 0.9, "the share to train on, from the start", positional=False),
                Param(
                    "validation",
                    Float(0.0, 1.0, open_high=True),
                    0.0,
                    "the share of that, its end, to choose by: `best=`, `patience=`, sweeps",
                    positional=False,
                ),
            )
        ),
        _describe,
        _load,
        folds=False,
    )
)
