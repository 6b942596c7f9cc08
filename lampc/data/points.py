"""Points in the plane: the disc of the seed experiment, and xor."""

from __future__ import annotations

import math

from lampc.data.source import Dataset, DataSource, Description, Request, Split, source
from lampc.layers.signature import Int, Param, Signature

RADIUS = 1 / math.sqrt(2 * math.pi)
"""Of a disc that covers half of the unit square."""


def _describe_disc(request: Request) -> Description:
    train, test = request.arguments["train"], request.arguments["test"]
    return Description(
        (2,),
        (1,),
        None,
        train,
        test,
        target_range=(0.0, 1.0),
        bits=True,
        validation=request.arguments["validation"],
        sizes=(0.5, math.sqrt(1 / 3), 0.5),
    )


def _load_disc(request: Request) -> Dataset:
    import numpy as np

    generator = np.random.default_rng(request.seed)
    parts = []
    for name in ("train", "test", "validation"):  # in this order: more change none before
        x = generator.random((request.arguments[name], 2))
        outside = ((x - 0.5) ** 2).sum(axis=1, keepdims=True) > RADIUS**2
        parts.append(Split(x, outside.astype(np.float64)))
    return Dataset(_describe_disc(request), parts[0], parts[1], validation=parts[2])


def _describe_xor(request: Request) -> Description:
    return Description((2,), (1,), None, 4 * request.arguments["repeat"], 4, target_range=(0.0, 1.0), bits=True,
                       sizes=(0.5, math.sqrt(0.5), 0.5))  # fmt: skip


def _load_xor(request: Request) -> Dataset:
    import numpy as np

    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    times = request.arguments["repeat"]
    return Dataset(_describe_xor(request), Split(np.tile(x, (times, 1)), np.tile(y, (times, 1))), Split(x, y))


source(
    DataSource(
        "disc",
        "points uniform in the unit square; target 0 inside the disc of radius 1/√(2π) in its middle, 1 outside",
        "data disc train=1000 test=1000",
        Signature(
            (
                Param("train", Int(1, 10_000_000), 1000, "points to train on"),
                Param("test", Int(0, 10_000_000), 1000, "points held out"),
                Param(
                    "validation", Int(0, 10_000_000), 0, "points to choose by: `best=`, `patience=`, sweeps", positional=False
                ),
            )
        ),
        _describe_disc,
        _load_disc,
        folds=False,
    )
)
source(
    DataSource(
        "xor",
        "the four corners of the unit square; target 1 where the coordinates differ",
        "data xor",
        Signature((Param("repeat", Int(1, 1_000_000), 1, "how often each corner is trained on"),)),
        _describe_xor,
        _load_xor,
        folds=False,
    )
)
