"""Options of a training, axis by axis, and the program of a choice on each."""

from __future__ import annotations

from typing import Any

from generator.pairs import Row, covering
from generator.program import Input, Option, Program, Statement, Training
from generator.text import text

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.1, "momentum": 0.9}, "adam": {"lr": 0.02, "amsgrad": True}, "adamw": {"lr": 0.02},
    "rmsprop": {"lr": 0.01, "centered": True}, "adagrad": {"lr": 0.05, "lr_decay": 0.1}, "lion": {"lr": 0.01},
    "muon": {"lr": 0.02, "lr_vectors": 0.01},
}  # fmt: skip
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {}, "step": {"every": 2, "gamma": 0.5}, "cosine": {"warmup": 1}, "linear": {"end": 0.1},
    "onecycle": {},
}  # fmt: skip
AXES: dict[str, tuple[str, ...]] = {
    "optimizer": tuple(OPTIMIZERS), "schedule": tuple(SCHEDULES), "accumulate": ("1", "2", "3"), "clip": ("0", "0.3"),
    "decay": ("none", "matrices", "all"), "freeze": ("no", "yes"), "lr": ("one", "own"), "recompute": ("no", "yes"),
    "precision": ("f64", "f32", "bf16"), "dropout": ("0", "0.2"), "patience": ("0", "2"), "best": ("accuracy", "loss"),
    "shuffle": ("no", "yes"), "runs": ("1", "2"), "resume": ("no", "yes"), "workers": ("1", "2"),
    "backend": ("torch", "native"),
}  # fmt: skip
"""What may be chosen, by the option's name."""

EPOCHS, BATCH, SAMPLES = 6, 10, 64


def fits(row: Row) -> bool:
    """Whether choices may stand together: several processes train one seed, on the op list."""
    several = row.get("workers") == "2"
    return not (several and (row.get("runs") == "2" or row.get("backend") == "native" or row.get("resume") == "yes"))


ROWS = covering(AXES, fits)


def program(row: Row, seed: int) -> Program:
    """A classifier that is trained in a row's way."""
    body = (
        Statement("linear", (("sizes", 8), *((("freeze", True),) if row["freeze"] == "yes" else ()))),
        Statement("layernorm"),
        Statement("gelu"),
        Statement("dropout", (("rate", float(row["dropout"])),)),
        Statement("linear", (("sizes", 6), *((("lr", 0.004),) if row["lr"] == "own" else ()))),
        Statement("tanh"),
        Statement("linear", (("sizes", 3),)),
    )
    decay = {"none": {"weight_decay": 0.0}, "matrices": {"weight_decay": 0.1}, "all": {"weight_decay": 0.1, "decay_all": True}}
    clip = {} if row["clip"] == "0" else {"clip": float(row["clip"])}
    numbers = {**OPTIMIZERS[row["optimizer"]], **decay[row["decay"]], **clip}
    schedule = Option(row["schedule"], tuple(SCHEDULES[row["schedule"]].items()))
    options: dict[str, Any] = {"epochs": EPOCHS, "batch": BATCH, "seed": seed, "precision": row["precision"]}
    options |= {name: int(row[name]) for name in ("accumulate", "patience", "runs") if row[name] not in "01"}
    options |= {name: True for name in ("shuffle", "recompute") if row[name] == "yes"}
    options |= {"best": row["best"], "backend": row["backend"]}
    training = Training(Option("crossentropy"), None, Option(row["optimizer"], tuple(numbers.items())), schedule,
                        ("accuracy",), tuple(options.items()))  # fmt: skip
    return Program((Input((4,)),), body, training, seed=seed)


def source(row: Row, seed: int) -> str:
    """Its text, on the samples of ``table``."""
    return f'{text(program(row, seed))}data csv "samples.csv" split=0.8 validation=0.3\n'


def table() -> str:
    """Samples of three classes that lie in one another, so that what is better for one part need not be for another."""
    import torch

    generator = torch.Generator().manual_seed(5)
    x = torch.randn(SAMPLES, 4, generator=generator)
    kinds = (x[:, 0] + 0.7 * torch.randn(SAMPLES, generator=generator)).mul(1.2).round().clamp(-1, 1).long() + 1
    rows = [
        f"{','.join(f'{n:.4f}' for n in each.tolist())},{'abc'[kind]}" for each, kind in zip(x, kinds.tolist(), strict=True)
    ]
    return "\n".join(["p,q,r,s,kind", *rows]) + "\n"
