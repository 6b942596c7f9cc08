"""What the files of a run hold. A run may be somebody else's, so that each is held to this before anything is used."""

from __future__ import annotations

from lampc.schema import each, flag, listed, maybe, nested, number, plain, record, text, whole
from lampc.table.stored import STORED

LONG = 16_000_000
"""Characters of a source, of which a program may have a million."""
_SIZES = listed(whole(1, 2**31), 0, 8)
_SEED = whole(0, 2**54)
_EPOCH = whole(1)
_FOLD = {"fold": whole(1, 1000)}
_NAMES = listed(text())
_MEASURES = each(number)
_TABLES = each(listed(listed(number)))
_VERSIONS = each(text())

DESCRIPTION = record(
    {"input": _SIZES, "target": _SIZES, "classes": maybe(listed(text(), 1)), "train": whole(), "test": whole()},
    {"target_range": maybe(listed(number, 2, 2)), "vocabulary": maybe(listed(text(), 1)), "columns": maybe(_NAMES),
     "name": text(), "validation": whole(), "bits": maybe(flag), "sizes": maybe(listed(number, 3, 3)), "below": whole(),
     "labels": maybe(listed(whole(-(2**62)), 1, 4)), "scaled_range": maybe(listed(number, 2, 2)), "stored": flag,
     "schema": STORED, "either": flag, "counts": maybe(listed(whole())), "weighted": flag},
)  # fmt: skip

CONFIG = record(
    {
        "file": text(), "source": text(), "folder": text(), "settings": listed(text(100_000)), "resolved": each(each(plain)),
        "metrics": _NAMES, "backend": text(), "started": text(), "versions": _VERSIONS, "git": maybe(text()), "program": text(),
        "data": maybe(record({"hash": text(), "description": DESCRIPTION})), "measure": _EPOCH,
    },
    {
        "seed": _SEED, "command": listed(text(100_000)), "job": maybe(text()), "shipped": flag,
        "resumed": listed(record({"started": text(), "versions": _VERSIONS}, {"command": listed(text(100_000))})),
    },
)  # fmt: skip

EPOCH = record(
    {"seed": _SEED, "epoch": _EPOCH, "loss": number, "seconds": number, "test": _MEASURES}, {"validation": _MEASURES, **_FOLD}
)
"""A line of the measurements."""

BEST = record({"epoch": _EPOCH, "metric": text(), "value": number, "loss": number}, {"seed": _SEED, **_FOLD})
_PLACE = {"epoch": _EPOCH, "step": whole(), "layer": text()}
_SUMMARY_OF = each(record({"mean": number, "std": number, "values": listed(number, 1)}, {"min": number, "max": number}))

SUMMARY = record(
    {
        "best": maybe(BEST), "seeds": listed(_SEED), "epochs": listed(whole()), "steps": whole(), "seconds": number,
        "train": _SUMMARY_OF, "test": _SUMMARY_OF, "tables": listed(_TABLES),
    },
    {"run": text(), "validation": _SUMMARY_OF, "diverged": listed(record({"seed": _SEED, **_PLACE}, _FOLD)), "ended": text(),
     "folds": listed(whole(1, 1000))},
)  # fmt: skip

_LAYER = record(
    {"name": text(), "text": text(LONG, nul=True), "parameters": each(_SIZES), "start": whole(), "end": whole(), "own": flag}
)
_ENDED = record(
    {
        "seed": _SEED, "steps": whole(), "seconds": number, "train": _MEASURES, "validation": _MEASURES, "test": _MEASURES,
        "ended": text(), "tables": _TABLES, "diverged": maybe(record(_PLACE)),
    },
    _FOLD,
)  # fmt: skip

_MODEL = record(
    {
        "settings": each(plain), "written": listed(text(100_000)), "data": maybe(DESCRIPTION),
        "used": each(text(LONG, nul=True)),
    }
)  # fmt: skip
"""What a model's program was compiled with."""

CHECKPOINT = record(
    {},
    {
        "seed": _SEED, "fold": listed(whole(0, 1000), 2, 2), "normal": maybe(listed(nested(number), 2, 2)), "schema": STORED,
        "unit": maybe(listed(listed(number), 2, 2)), "file": text(), "program": text(), "source": text(LONG, nul=True),
        "network": listed(_LAYER), "best": maybe(BEST), "random": whole(0, 2**64), "settings": _MEASURES,
        "ended": listed(_ENDED), "epochs": _EPOCH, "model": _MODEL,
        "progress": record({"epoch": whole(), "done": whole(), "sums": listed(number), "steps": whole(), "seconds": number}),
    },
)  # fmt: skip
"""What a checkpoint says beside its tensors; which of it there is depends on what it was written for."""

PROGRAM = record({"file": text(), "source": text(LONG, nul=True), "model": _MODEL})
"""A program in a pickle."""

HEADER = record({"__metadata__": record({"lampc": text(LONG * 4)})})
"""A checkpoint's own header, of which the rest is safetensors' matter."""

FORMAT = record({"format": whole()})
"""What every version's checkpoints say."""

OWNER = record({"pid": whole(), "host": text(), "since": text()})

_OUTCOME = each(record({"mean": number, "std": number, "values": listed(number, 1)}))
ROW = record(
    {
        "settings": each(plain), "part": text(), "measures": _OUTCOME, "train": _OUTCOME, "test": _OUTCOME, "by": text(),
        "loss": text(LONG, nul=True), "runs": whole(),
        "diverged": listed(record({"seed": _SEED, **_PLACE}, _FOLD)),
    }
)  # fmt: skip
"""A setting that has been tried, in a study that others may write to."""
DIGESTS = each(text())
