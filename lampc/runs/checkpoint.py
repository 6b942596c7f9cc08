"""Checkpoints: tensors as safetensors, all else as JSON in their header, and a digest of every byte.

Nothing that is read can name code. The digest is the SHA-256 of the file with zeros in the digest's own place, so that a
flipped bit or a missing end is found wherever it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lampc import files
from lampc.diagnostics import failure
from lampc.runs import schemas
from lampc.schema import Unfit, parse

FORMAT = 1
_BLANK = "0" * 64
_DIGEST = re.compile(rb'"digest":"([0-9a-f]{64})"')


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds."""

    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]
    """Whatever JSON can say: the source, the position, what had been measured."""


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Save a checkpoint, whole or not at all.

    Raises:
        OSError: if it cannot be written; then the old one is as it was.
    """
    files.write(path, encode(checkpoint))


def encode(checkpoint: Checkpoint) -> bytes:
    """A checkpoint's bytes."""
    from safetensors.torch import save

    about = json.dumps({**checkpoint.about, "format": FORMAT}, ensure_ascii=True, allow_nan=True)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in checkpoint.tensors.items()}
    raw = bytearray(save(tensors, metadata={"digest": _BLANK, "lampc": about}))
    place = _place(raw)
    assert place is not None
    raw[place : place + 64] = hashlib.sha256(raw).hexdigest().encode()
    return bytes(raw)


def read(path: Path) -> Checkpoint:
    """Load a checkpoint.

    Raises:
        LampError: if there is none, or it is not whole, or another version of lampc wrote it.
    """
    return decode(raw(path), str(path))


def raw(path: Path) -> bytes:
    """A checkpoint's bytes, as they lie there.

    Raises:
        LampError: if they cannot be had.
    """
    try:
        return files.read(path)
    except OSError as error:
        raise failure("E611", f"{path} cannot be read: {error.strerror or error}",
                      "name a file that `model.save(path)`, or a training, has written") from None  # fmt: skip


def decode(raw: bytes, name: str) -> Checkpoint:
    """A checkpoint from its bytes.

    Raises:
        LampError: if they are not what was written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    place = _place(raw)
    if place is None:
        raise failure("E611", f"{name} is no checkpoint of lampc's, or is damaged in its header",
                     "plain tensors are for `train weights=\"FILE\"`, or `model.load_state_dict(load_file(path))`")  # fmt: skip
    blank = raw[:place] + _BLANK.encode() + raw[place + 64 :]
    if hashlib.sha256(blank).hexdigest().encode() != raw[place : place + 64]:
        raise failure("E611", f"{name} is damaged: its content is not what its digest says",
                     "take `best.safetensors`, or an earlier run")  # fmt: skip
    try:
        header = parse(raw[8 : 8 + int.from_bytes(raw[:8], "little")], schemas.HEADER)
        about = parse(header["__metadata__"]["lampc"], schemas.FORMAT)
        if about["format"] != FORMAT:
            raise failure("E611", f"{name} has format {about['format']}, and this version reads {FORMAT}")
        schemas.CHECKPOINT(about, "")
        return Checkpoint(load(raw), about)
    except (Unfit, SafetensorError, KeyError) as error:  # KeyError: a type of numbers that torch does not have
        raise failure("E611", f"{name} is damaged: {error}", "take another checkpoint, or an earlier run") from None


def _place(raw: bytes | bytearray) -> int | None:
    """Where the digest's digits begin, if the header has one."""
    if len(raw) < 8:
        return None
    length = int.from_bytes(raw[:8], "little")
    if length > len(raw) - 8:
        return None
    found = _DIGEST.search(raw, 8, 8 + length)
    return None if found is None else found.start(1)
