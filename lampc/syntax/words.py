"""What words are, so that a statement that lacks its signs can be read: layers, fillers, options, what begins what."""

from __future__ import annotations

from lampc.syntax.elsewhere import HOMES, OPTIONS

EXPERIMENT = frozenset({"optimizer", "loss", "train", "data", "input", "schedule", "metrics", "init", "column"})
"""Statements that make no value."""
BODIES = frozenset({"repeat", "residual", "sum", "product", "concat", "stack"})
"""Statements with braces."""
ACTIVATIONS = frozenset({"relu", "tanh", "sigmoid", "softmax", "gelu", "silu", "elu", "selu", "leakyrelu", "softplus", "mish",
                         "softsign", "hardtanh", "logsoftmax", "prelu"})  # fmt: skip
HEADS = ACTIVATIONS | frozenset({
    "linear", "conv", "conv1d", "conv2d", "conv3d", "depthwise", "convtranspose", "maxpool", "avgpool", "globalpool", "flatten",
    "dropout", "batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "embedding", "attention", "lstm", "gru", "rnn",
    "reshape", "transpose", "upsample",
})  # fmt: skip
"""Layers whose names are nothing else: where one stands among arguments, a new statement begins."""
ROWS = frozenset({"linear", "embedding", "lstm", "gru", "rnn"})
"""Layers that have sizes and no other numbers."""
FILLERS = frozenset({"for", "with", "of", "by", "using", "the", "a", "and", "units", "unit", "neurons", "neuron", "nodes",
                     "features", "feature", "times", "time", "outputs", "filters", "samples", "percent", "x"})  # fmt: skip
"""Words that say nothing more."""
UNSAID = frozenset({"dim", "inplace", "verbose", "batch_first", "input_shape", "metrics", "return_sequences", "trainable",
                    "header",
                    "index_col", "encoding", "download", "root"})  # fmt: skip
"""Options of others that nothing here stands for, and nothing need."""
OPTION_WORDS = frozenset({*HOMES, *OPTIONS, *(ours for all_ours in OPTIONS.values() for ours in all_ours)})
"""Every option's name, ours or theirs."""
DECLARING = frozenset({"let", "const", "constant", "var", "val", "set", "define", "final", "static", "int", "float", "auto",
                       "local",
                       "param", "dim"})  # fmt: skip
"""What declares a constant, somewhere."""
ARGUMENTS = frozenset({"xavier", "kaiming", "normal", "uniform", "zeros", "ones", "orthogonal", "shuffle", "causal", "rope",
                       "last", "same", "classes", "image", "normalize", "amsgrad", "nesterov", "freeze"})  # fmt: skip
"""Words that are arguments of ours, not statements."""
BOOKS = {"csv": "csv", "tsv": "csv", "data": "csv", "npz": "npz", "parquet": "parquet"}
"""Files' endings, and the data that they are."""
NUMBERS = dict(zip(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
"twelve"], range(13), strict=True)) | {
    "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "thousand": 1000,
}  # fmt: skip
"""Numbers in words."""
