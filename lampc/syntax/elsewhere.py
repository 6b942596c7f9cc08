"""What other languages and libraries call things, and what lampc does: tables, for messages."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "dense": "linear", "fc": "linear", "fullyconnected": "linear", "affine": "linear", "lin": "linear", "nn.linear": "linear",
    "inner_product": "linear", "lazylinear": "linear",
    "leaky_relu": "leakyrelu", "lrelu": "leakyrelu", "swish": "silu", "hardtanh": "hardtanh", "logistic": "sigmoid",
    "log_softmax": "logsoftmax", "layer_norm": "layernorm", "ln": "layernorm", "skip": "residual", "shortcut": "residual",
    "layernormalization": "layernorm", "batchnormalization": "batchnorm", "groupnormalization": "groupnorm",
    "sequential": "repeat", "add": "sum", "mul": "product", "multiply": "product", "cat": "concat", "concatenate": "concat",
    "identity": "pass", "flatten": "flatten", "view": "reshape", "inputlayer": "input", "simplernn": "rnn",
    "conv_2d": "conv", "convolution": "conv", "convolution2d": "conv", "deconv": "convtranspose",
    "convtranspose2d": "convtranspose", "conv2dtranspose": "convtranspose", "conv_transpose": "convtranspose",
    "maxpool1d": "maxpool", "maxpooling1d": "maxpool", "maxpooling3d": "maxpool",
    "maxpool2d": "maxpool", "maxpool3d": "maxpool", "maxpooling2d": "maxpool", "avgpool1d": "avgpool", "avgpool2d": "avgpool",
    "avgpool3d": "avgpool", "averagepooling2d": "avgpool", "globalaveragepooling2d": "globalpool", "gap": "globalpool",
    "adaptiveavgpool2d": "globalpool", "batchnorm1d": "batchnorm", "batchnorm2d": "batchnorm", "batchnorm3d": "batchnorm",
    "batch_norm": "batchnorm", "bn": "batchnorm", "group_norm": "groupnorm", "gn": "groupnorm", "rms_norm": "rmsnorm",
    "dropout1d": "dropout", "dropout2d": "dropout", "drop": "dropout",
    "instancenorm2d": "instancenorm", "permute": "transpose",
    "multiheadattention": "attention", "mha": "attention", "selfattention": "attention", "embed": "embedding",
    "upsampling2d": "upsample", "zeropadding2d": "pad",
    "depthwiseconv2d": "depthwise", "criterion": "loss", "objective": "loss",
    "optim": "optimizer", "optimiser": "optimizer", "fit": "train", "dataset": "data", "metric": "metrics",
    "scheduler": "schedule", "lr_scheduler": "schedule",
    "mseloss": "mse", "mean_squared_error": "mse", "meansquarederror": "mse", "l2": "mse", "l1": "mae", "l1loss": "mae",
    "mean_absolute_error": "mae", "meanabsoluteerror": "mae",
    "bceloss": "bce", "binary_crossentropy": "bce", "binary_cross_entropy": "bce", "bcewithlogitsloss": "bce",
    "binarycrossentropy": "bce", "categoricalcrossentropy": "crossentropy", "sparsecategoricalcrossentropy": "crossentropy",
    "crossentropyloss": "crossentropy", "cross_entropy": "crossentropy", "categorical_crossentropy": "crossentropy",
    "ce": "crossentropy", "nll": "crossentropy", "nllloss": "crossentropy",
    "sparse_categorical_crossentropy": "crossentropy", "softmax_cross_entropy": "crossentropy",
    "huberloss": "huber", "smoothl1loss": "huber", "smooth_l1": "huber", "gd": "sgd", "momentum": "sgd", "acc": "accuracy",
    "cosineannealinglr": "cosine", "cosine_annealing": "cosine", "steplr": "step", "onecyclelr": "onecycle",
    "sparse_categorical_accuracy": "accuracy", "categorical_accuracy": "accuracy", "binary_accuracy": "accuracy",
    "r2_score": "r2", "f1_score": "f1", "roc_auc": "auc", "crossentropy_loss": "crossentropy",
    "cross_entropy_loss": "crossentropy",
    "logloss": "crossentropy", "log_loss": "crossentropy", "mse_loss": "mse", "l1_loss": "mae", "l2_loss": "mse",
    "squared_error": "mse",
    "pool": "maxpool", "pooling": "maxpool", "max_pool": "maxpool", "max_pooling": "maxpool", "max_pool2d": "maxpool",
    "maxpooling": "maxpool", "avg_pool": "avgpool", "average_pooling": "avgpool", "avgpooling": "avgpool",
    "mean_pool": "avgpool",
    "global_pool": "globalpool", "global_average_pooling": "globalpool", "globalavgpool": "globalpool",
    "fully_connected": "linear", "densely_connected": "linear", "perceptron": "linear",
    "flat": "flatten", "rectifier": "relu", "rectified_linear": "relu", "loss_function": "loss", "loss_fn": "loss",
    "lossfunction": "loss",
    "training": "train", "optimizers": "optimizer", "solver": "optimizer", "learning_rate_schedule": "schedule",
    "initializer": "init", "initialiser": "init", "initialization": "init", "weights_init": "init", "stepwise": "step",
    "residual_block": "residual", "skip_connection": "residual", "resblock": "residual", "parallel": "concat",
    "merge": "concat",
    "loop": "repeat", "times": "repeat", "stochastic_gradient_descent": "sgd",
}  # fmt: skip
"""Their names of layers, losses, metrics and statements, in lower case and without `nn.` or `tf.keras.layers.`, and ours."""

OPTIONS: dict[str, tuple[str, ...]] = {
    "learning_rate": ("lr",), "learningrate": ("lr",), "eta": ("lr",), "step_size": ("lr", "every"), "alpha": ("lr",),
    "batch_size": ("batch",), "batchsize": ("batch",), "bs": ("batch",), "minibatch": ("batch",), "minibatch_size": ("batch",),
    "epoch": ("epochs",), "n_epochs": ("epochs",), "num_epochs": ("epochs",), "max_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "iterations": ("epochs",), "max_iter": ("epochs",), "random_state": ("seed",), "random_seed": ("seed",),
    **dict.fromkeys(("n_folds", "num_folds", "k_folds", "kfold", "kfolds", "cv", "n_splits", "cross_validation"), ("folds",)),
    "validation_split": ("validation",), "val_split": ("validation",), "val": ("validation",),
    "validation_fraction": ("validation",), "train_split": ("split",), "train_size": ("split",), "label": ("target",),
    "labels": ("target",), "y": ("target",), "class_column": ("target",), "sep": ("delimiter",), "normalise": ("normalize",),
    "standardize": ("normalize",), "scale": ("normalize",), "early_stopping": ("patience",),
    "dtype": ("precision",), "n_workers": ("workers",), "num_workers": ("workers",), "accumulate_grad_batches": ("accumulate",),
    "gradient_accumulation_steps": ("accumulate",), "clipnorm": ("clip",), "max_norm": ("clip",), "grad_clip": ("clip",),
    "beta_1": ("beta1",), "beta_2": ("beta2",), "epsilon": ("eps",), "wd": ("weight_decay",), "decay": ("weight_decay",),
    "l2": ("weight_decay",), "warmup_epochs": ("warmup",), "warmup_steps": ("warmup",), "factor": ("gamma",),
    "label_smoothing": ("smoothing",), "ignore_index": ("ignore",), "weight": ("weights",), "class_weight": ("weights",),
    "units": ("sizes",), "out_features": ("sizes",), "hidden_size": ("sizes",), "filters": ("sizes",), "channels": ("sizes",),
    "out_channels": ("sizes",), "output_dim": ("sizes",), "embedding_dim": ("sizes",), "neurons": ("sizes",), "out": ("sizes",),
    "hidden": ("sizes",), "kernel_size": ("kernel",), "pool_size": ("kernel",), "size": ("kernel",), "strides": ("stride",),
    "pad": ("padding",), "dilation_rate": ("dilation",), "padding_mode": ("edges",), "use_bias": ("bias",),
    "kernel_initializer": ("init",), "initializer": ("init",), "weight_init": ("init",),
    "weights": ("init",), "p": ("rate",), "prob": ("rate",),
    "dropout": ("rate",), "negative_slope": ("slope",), "num_heads": ("heads",), "n_heads": ("heads",), "nhead": ("heads",),
    "num_layers": ("layers",), "num_groups": ("groups",), "scale_factor": ("factor",), "is_causal": ("causal",),
    "path": ("path",), "file": ("path",), "filename": ("path",),
}  # fmt: skip
"""Their options, and ours: the first that a statement has is meant."""

HOMES: dict[str, str] = {
    **dict.fromkeys(("epochs", "batch", "shuffle", "seed", "runs", "device", "backend", "precision", "patience", "accumulate",
                     "workers", "best", "folds"), "train"),
    **dict.fromkeys(("lr", "momentum", "weight_decay", "clip", "nesterov", "beta1", "beta2"), "optimizer"),
    **dict.fromkeys(("validation", "split", "target", "normalize"), "data"),
    "warmup": "schedule",
}  # fmt: skip
"""Options that people look for elsewhere, and the statement that takes each."""

BEGINNINGS: dict[str, str] = {
    **dict.fromkeys(("sgd", "adam", "adamw", "rmsprop", "adagrad", "lion", "muon"), "optimizer"),
    **dict.fromkeys(("mse", "bce", "crossentropy", "huber", "nll", "hinge"), "loss"),
    **dict.fromkeys(("accuracy", "f1", "auc", "recall", "balanced_accuracy", "logloss", "perplexity", "confusion", "rmse",
                     "r2"), "metrics"),
    **dict.fromkeys(("cosine", "onecycle"), "schedule"),
    **dict.fromkeys(("digits", "wine", "breastcancer", "diabetes", "disc", "xor", "csv", "npz", "parquet"), "data"),
    **dict.fromkeys(("xavier", "kaiming", "orthogonal"), "init"),
}  # fmt: skip
"""Words that say by themselves which statement is meant."""

METRICS: dict[str, str] = {"mse": "rmse", "mean_squared_error": "rmse", "error": "accuracy", "acc": "accuracy", "f1score": "f1",
                           "confusion_matrix": "confusion", "rocauc": "auc", "aucroc": "auc", "roc_auc": "auc",
                           "log_loss": "logloss", "balanced": "balanced_accuracy", "sensitivity": "recall"}  # fmt: skip
"""Their names of metrics, and what is nearest here, where the loss of that name is none."""

MISSING: dict[str, str] = {
    "steps": "training is counted in epochs, passes over the data: `epochs=10`",
    "steps_per_epoch": "an epoch is a pass over the data; `batch` says how many samples a step takes",
    "features": "every column but the target is a feature: leave the others out of the file",
    "columns": "every column but the target is a feature: leave the others out of the file",
    "test": "there is one file, and `split=0.8` says how much of it to train on",
    "train": "there is one file, and `split=0.8` says how much of it to train on",
    "callbacks": "`patience=5` ends a training early; the best epoch is kept",
    "regularizer": "`optimizer sgd weight_decay=0.01` pulls all weights towards 0",
    "l1": "`optimizer sgd weight_decay=0.01` pulls all weights towards 0",
}  # fmt: skip
"""Their options that have no counterpart, and what there is instead."""

WORDS: dict[str, str] = {
    "gpu": "cuda", "fp32": "f32", "single": "f32", "fp64": "f64", "double": "f64", "fp16": "bf16", "float16": "bf16",
    "half": "bf16", "he": "kaiming", "he_normal": "kaiming", "he_uniform": "kaiming", "glorot": "xavier",
    "glorot_uniform": "xavier",
    "glorot_normal": "xavier", "cuda0": "cuda", "gpu0": "cuda", "yes": "on", "bilinear": "linear", "bidirectional": "both",
    "false": "off", "none": "off",
}  # fmt: skip
"""Their words for an option's value, and ours."""


def option(theirs: str, known: tuple[str, ...]) -> str | None:
    """Our name of an option, where ``known`` has it."""
    return next((ours for ours in OPTIONS.get(theirs.lower(), ()) if ours in known), None)


def at_home(name: str) -> str | None:
    """Our name of an option that a statement of the experiment takes, whoever's name it is."""
    return next((ours for ours in (name, *OPTIONS.get(name.lower(), ())) if ours in HOMES), None)


def homed(name: str, value: str) -> str:
    """An option in the statement that takes it."""
    home = {"optimizer": "optimizer sgd", "data": "data …", "schedule": "schedule cosine"}.get(HOMES[name], HOMES[name])
    return f"{home} {name}={value}"
