"""What other frameworks call things, for people who come from them."""

from __future__ import annotations

from collections.abc import Container

from lampc.layers import LAYERS

FOREIGN: dict[str, str] = {
    "dense": "linear", "fc": "linear", "fullyconnected": "linear", "affine": "linear", "lin": "linear", "nn.linear": "linear",
    "inner_product": "linear", "lazylinear": "linear",
    "leaky_relu": "leakyrelu", "lrelu": "leakyrelu", "swish": "silu", "hardtanh": "hardtanh", "logistic": "sigmoid",
    "log_softmax": "logsoftmax", "layer_norm": "layernorm", "ln": "layernorm", "skip": "residual", "shortcut": "residual",
    "sequential": "repeat", "add": "sum", "mul": "product", "multiply": "product", "cat": "concat", "concatenate": "concat",
    "identity": "pass", "flatten": "flatten", "view": "reshape",
    "conv_2d": "conv", "convolution": "conv", "convtranspose": "convtranspose", "deconv": "convtranspose",
    "maxpool1d": "maxpool", "conv_transpose": "convtranspose",
    "maxpool2d": "maxpool", "maxpool3d": "maxpool", "maxpooling2d": "maxpool", "avgpool1d": "avgpool", "avgpool2d": "avgpool",
    "avgpool3d": "avgpool", "averagepooling2d": "avgpool", "globalaveragepooling2d": "globalpool", "gap": "globalpool",
    "adaptiveavgpool2d": "globalpool", "batchnorm1d": "batchnorm", "batchnorm2d": "batchnorm", "batchnorm3d": "batchnorm",
    "batch_norm": "batchnorm", "bn": "batchnorm", "group_norm": "groupnorm", "gn": "groupnorm", "rms_norm": "rmsnorm",
    "instancenorm2d": "instancenorm", "permute": "transpose",
    "multiheadattention": "attention", "mha": "attention", "selfattention": "attention", "embed": "embedding",
    "upsampling2d": "upsample", "zeropadding2d": "pad",
    "depthwiseconv2d": "depthwise", "criterion": "loss", "objective": "loss",
    "optim": "optimizer", "optimiser": "optimizer", "fit": "train", "dataset": "data", "metric": "metrics",
    "mseloss": "mse", "mean_squared_error": "mse", "l2": "mse", "l1": "mae", "l1loss": "mae", "mean_absolute_error": "mae",
    "bceloss": "bce", "binary_crossentropy": "bce", "binary_cross_entropy": "bce", "bcewithlogitsloss": "bce",
    "crossentropyloss": "crossentropy", "cross_entropy": "crossentropy", "categorical_crossentropy": "crossentropy",
    "sparse_categorical_crossentropy": "crossentropy", "softmax_cross_entropy": "crossentropy",
    "huberloss": "huber", "smoothl1loss": "huber", "smooth_l1": "huber", "gd": "sgd", "momentum": "sgd", "acc": "accuracy",
}  # fmt: skip
"""Their names, in lower case and without `nn.` or `tf.keras.layers.`, and ours."""

PLANNED = frozenset({
    "transformer", "schedule",
})  # fmt: skip
"""Layers that people will look for and that lampc does not have."""


def translate(name: str, layers: Container[str] = LAYERS) -> tuple[str | None, bool]:
    """Our name for another framework's, and whether the thing is known but missing."""
    short = name.lower().rsplit(".", 1)[-1]
    ours = short if short in layers and short != name else FOREIGN.get(short)
    return ours, short in PLANNED
