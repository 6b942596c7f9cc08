"""What the statements about the experiment take, where they name no loss, optimizer, data or schedule."""

from __future__ import annotations

from lampc.layers.initialisers import Init
from lampc.layers.signature import Dims, Flag, Int, Name, Names, OneOf, Param, Signature, Text, Whole

INPUT = Signature(
    (
        Param("shape", Dims(), doc="a sample's shape"),
        Param("type", Whole(), 0, "`int<96>`: whole numbers below 96; any numbers where left out"),
    )
)
INIT = Signature((Param("init", Init(), None, "how the weights of layers that state none begin"),))
KINDS = ("number", "yesno", "category", "date", "text", "id", "out")
COLUMN = Signature(
    (
        Param("name", Name(), doc="the column, as the table's header has it"),
        Param("kind", OneOf(KINDS), None, "what it is; found where left out"),
        Param(
            "missing",
            OneOf(("mean", "median", "zero", "own", "refuse")),
            "",
            "what a missing cell stands for: of numbers one of these, and a slot says so; `own`: of a category a slot",
            positional=False,
        ),
        Param("embed", Int(0, 4096), 0, "of a category: the length of a vector, learnt for each value", positional=False),
        Param("most", Int(0, 100_000), 0, "of a category: how many values have slots; 0: a hundred", positional=False),
        Param("parts", Names(), (), "of a date: year, month, day, weekday, hour, minute, days", positional=False),
        Param("written", Text(), "", "of a date: its pattern, such as `%d/%m/%Y`", positional=False),
        Param("length", Int(0, 100_000), 0, "of a text: how many words or characters count; 0: 64", positional=False),
        Param("of", OneOf(("words", "characters")), "", "of a text: what is numbered", positional=False),
    )
)
TRAIN = Signature(
    (
        Param("epochs", Int(1), 10, "passes over the training data"),
        Param("batch", Int(1), 50, "samples a step"),
        Param("shuffle", Flag(), False, "draw a new order before each epoch"),
        Param("seed", Int(0, 2**53), 0, "for parameters, data, order and dropout"),
        Param("runs", Int(1, 100_000), 1, "how many seeds to train: seed, seed + 1, …"),
        Param(
            "folds",
            Int(0, 1_000),
            0,
            "cross-validation: the data in so many folds; each is the test of a network trained on the others; 0: none",
            positional=False,
        ),
        Param("device", OneOf(("cpu", "cuda")), "cpu", "where it runs"),
        Param("backend", OneOf(("auto", "torch", "native")), "auto", "torch's kernels, or machine code of its own"),
        Param(
            "precision",
            OneOf(("f32", "f64", "bf16", "float32", "float64", "bfloat16")),
            "f32",
            "of parameters and arithmetic; with bf16 products are in bfloat16, all else in float32",
        ),
        Param("accumulate", Int(1, 1_000_000), 1, "minibatches whose gradients make one update", positional=False),
        Param(
            "patience",
            Int(0),
            0,
            "end after so many epochs in which none was better by the validation part, or else by the training loss; 0: never",
            positional=False,
        ),
        Param(
            "best",
            Name(),
            "",
            "the metric on the validation part whose best epoch is used: the first one, or loss",
            positional=False,
        ),
        Param("workers", Int(1, 100_000), 1, "processes that share each minibatch; `torchrun` says how many", positional=False),
        Param("weights", Text(), "", "a safetensors file: parameters of its names begin as they are there", positional=False),
        Param("recompute", Flag(), False, "compute cheap activations again for the gradient, not keep them"),
    )
)
