"""Tables and images that scikit-learn ships (extra `digits`); their shapes are known without it."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from lampc.data.remarks import unscaled
from lampc.data.source import DataError, Dataset, DataSource, Description, Request, source
from lampc.data.split import NORMALIZE, SPLIT, VALIDATION, Cut, make
from lampc.layers.signature import Flag, Float, Param, Signature


def _sklearn(name: str) -> Any:
    try:
        datasets = import_module("sklearn.datasets")
    except ImportError:
        raise DataError("E508", f"`data {name}` needs scikit-learn", ('pip install "lampc[digits]"',)) from None
    return getattr(datasets, "load_" + {"breastcancer": "breast_cancer"}.get(name, name))()


def _describe_digits(request: Request) -> Description:
    shape = (1, 8, 8) if request.arguments["image"] else (64,)
    train, validation, test = Cut.of(request).counts(1797)
    if request.arguments["denoise"] is not None:
        return Description(shape, shape, None, train, test, target_range=(0.0, 1.0), validation=validation, bits=False,
                           sizes=(0.31, math.hypot(0.48, request.arguments["denoise"]), 0.4))  # fmt: skip
    return Description(shape, (), tuple(map(str, range(10))), train, test, validation=validation, sizes=(0.31, 0.48, 0.4))


def _load_digits(request: Request) -> Dataset:
    digits = _sklearn("digits")
    x = digits.data / 16.0
    if request.arguments["image"]:
        x = x.reshape(-1, 1, 8, 8)
    noise = request.arguments["denoise"]
    if noise is not None:
        import numpy as np

        drawn = np.random.default_rng(request.seed).normal(0.0, 1.0, x.shape)
        return make(x + noise * drawn, x, None, Cut.of(request))
    classes = tuple(map(str, range(10)))
    return make(x, digits.target.astype("int64"), classes, Cut.of(request))


def _table(name: str, doc: str, samples: int, features: int, classes: tuple[str, ...] | None,
           sizes: tuple[float, float, float], span: tuple[float, float] | None = None,
           large: tuple[str, float, float] | None = None) -> None:  # fmt: skip
    """Declare a table; ``sizes``: of its numbers; ``large``: a feature far larger than another, and the size of both."""

    def describe(request: Request) -> Description:
        target = () if classes else (1,)
        train, validation, test = Cut.of(request).counts(samples)
        remarks = () if large is None or request.arguments["normalize"] else (unscaled(*large),)
        return Description((features,), target, classes, train, test, target_range=_span(request), validation=validation,
                           remarks=remarks, sizes=sizes, bits=None if classes else False)  # fmt: skip

    def _span(request: Request) -> tuple[float, float] | None:
        return None if span is None else (0.0, 1.0) if request.arguments.get("scaled") else span

    def load(request: Request) -> Dataset:
        found = _sklearn(name)
        x, y = found.data, found.target
        if classes is None:
            y = y.astype("float64").reshape(-1, 1)
            if request.arguments["scaled"] and span is not None:
                y = (y - span[0]) / (span[1] - span[0])
        else:
            y = y.astype("int64")
        return make(x, y, classes, Cut.of(request))

    more = () if classes else (Param("scaled", Flag(), False, "the target from 0 to 1"),)
    source(DataSource(name, doc, f"data {name} normalize", Signature((SPLIT, VALIDATION, NORMALIZE, *more)), describe, load,
                      "digits"))  # fmt: skip


source(
    DataSource(
        "digits",
        "scikit-learn's 1,797 handwritten digits of 8×8 pixels, 0 to 1 (extra `digits`)",
        "data digits split=0.8",
        Signature(
            (
                SPLIT,
                VALIDATION,
                Param("image", Flag(), False, "samples are 1x8x8, not 64"),
                Param(
                    "denoise",
                    Float(0.0),
                    None,
                    "add so much normal noise; the target is the image without it",
                    positional=False,
                ),
            )
        ),
        _describe_digits,
        _load_digits,
        "digits",
    )
)
_table("wine", "scikit-learn's 178 wines: 13 measurements, 3 growers", 178, 13, ("class_0", "class_1", "class_2"),
       (69.0, 227.0, 209.0), large=("`proline`", 810, 0.38))  # fmt: skip
_table("breastcancer", "scikit-learn's 569 tumours: 30 measurements, malignant or benign", 569, 30, ("malignant", "benign"),
       (62.0, 237.0, 202.0), large=("`worst area`", 1050, 0.0046))  # fmt: skip
_table("diabetes", "scikit-learn's 442 patients: 10 measurements, the disease's progress after a year", 442, 10, None,
       (0.0, 0.048, 0.0), (25.0, 346.0))  # fmt: skip
