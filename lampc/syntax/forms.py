"""What the calls of PyTorch and Keras are in lampc's words: a table of forms, and a call said by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lampc.syntax.calls import Call, Strange, Value, spelled
from lampc.syntax.elsewhere import NAMES, OPTIONS
from lampc.syntax.words import ACTIVATIONS


@dataclass(frozen=True)
class Form:
    """How a call is said: our words, and what each of its unnamed arguments is; ``-`` is left out."""

    ours: str
    slots: tuple[str, ...]


def _forms(table: dict[str, str]) -> dict[str, Form]:
    return {name: Form(line.partition(":")[0], tuple(line.partition(":")[2].split())) for name, line in table.items()}


FORMS = _forms({
    "Linear": "linear:in out bias", "linear": "linear:in out", "LazyLinear": "linear:out bias",
    "Dense": "linear:out activation",
    "Conv1d": "conv1d:in out kernel stride padding", "Conv2d": "conv:in out kernel stride padding",
    "Conv3d": "conv3d:in out kernel stride padding", "Conv1D": "conv1d:out kernel stride padding",
    "Conv2D": "conv:out kernel stride padding", "Conv3D": "conv3d:out kernel stride padding",
    "conv": "conv:out kernel stride padding", "ConvTranspose2d": "convtranspose:in out kernel stride padding",
    "Conv2DTranspose": "convtranspose:out kernel stride padding",
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "maxpool"),
                    "maxpool:kernel stride padding"),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d", "AveragePooling1D", "AveragePooling2D"),
                    "avgpool:kernel stride padding"),
    **dict.fromkeys(("AdaptiveAvgPool2d", "GlobalAveragePooling2D", "GlobalAveragePooling1D"), "globalpool:-"),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "BatchNormalization"), "batchnorm:- eps momentum"),
    **dict.fromkeys(("LayerNorm", "LayerNormalization"), "layernorm:- eps"), "RMSNorm": "rmsnorm:- eps",
    "GroupNorm": "groupnorm:groups - eps", "Embedding": "embedding:in out",
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "dropout"), "dropout:rate"),
    "LSTM": "lstm:in out layers", "GRU": "gru:in out layers", "RNN": "rnn:in out layers", "SimpleRNN": "rnn:out",
    "LeakyReLU": "leakyrelu:slope", "ELU": "elu:alpha", "Softmax": "softmax:-", "LogSoftmax": "logsoftmax:-",
    "Flatten": "flatten:- -", "ReLU": "relu:-", "Input": "input:shape", "input": "input:shape", "InputLayer": "input:shape",
    "Reshape": "reshape:shape",
    "SGD": "optimizer sgd:lr momentum", "Adam": "optimizer adam:lr", "AdamW": "optimizer adamw:lr",
    "RMSprop": "optimizer rmsprop:lr", "Adagrad": "optimizer adagrad:lr", "fit": "train:- -",
    "StepLR": "schedule step:- every gamma", "CosineAnnealingLR": "schedule cosine:- -",
    "OneCycleLR": "schedule onecycle:- -", "ExponentialLR": "schedule step every=1:- gamma",
    "read_csv": "data csv:path", "csv": "data csv:path target", "load_digits": "data digits:", "load_wine": "data wine:",
    "load_breast_cancer": "data breastcancer:", "load_diabetes": "data diabetes:",
    **{name: f"loss {ours}:" for name, ours in {
        "MSELoss": "mse", "MeanSquaredError": "mse", "L1Loss": "mae", "MeanAbsoluteError": "mae", "BCELoss": "bce",
        "BinaryCrossentropy": "bce", "CrossEntropyLoss": "crossentropy", "HuberLoss": "huber",
        "CategoricalCrossentropy": "crossentropy", "SparseCategoricalCrossentropy": "crossentropy", "Huber": "huber"}.items()},
})  # fmt: skip
"""Calls by the names that PyTorch (`Conv2d`) and Keras (`Conv2D`) give them."""

_ROLES = {"in_features": "in", "in_channels": "in", "input_size": "in", "input_dim": "in", "num_embeddings": "in",
          "sizes": "out", "input_shape": "input", "batch_input_shape": "input"}  # fmt: skip
"""What a named argument is, where not an option of ours."""
_BARE = ("path", "kernel", "rate", "groups", "shape", "slope", "alpha", "heads")
"""Arguments that stand without their names."""
_KEPT = frozenset({"stride", "padding", "bias", "dilation", "layers", "lr", "momentum", "nesterov", "weight_decay", "beta1",
                   "beta2", "epochs", "batch", "shuffle", "causal", "eps", "target", "split", "validation", "every",
                   "gamma"})  # fmt: skip
_UNSAID = frozenset({("bias", "on"), ("stride", "1"), ("padding", "0"), ("padding", "valid"), ("layers", "1"),
                     ("shuffle", "off")})  # fmt: skip
"""What holds without being said."""
_HOLDERS = frozenset({"Sequential", "ModuleList", "add", "append", "Model", "Chain"})
"""Calls that hold layers."""
FLOWING = frozenset({"x", "h", "y", "z", "out", "inputs"})
"""Names for what goes from layer to layer."""


def channels_first(shape: Value) -> str:
    """A sample's shape; in Keras that of pictures ends in the channels."""
    dims = [dim for dim in shape if isinstance(dim, str) and dim] if isinstance(shape, list) else [spelled(shape)]
    return "x".join([dims[-1], *dims[:-1]] if len(dims) == 3 and dims[-1] in ("1", "3", "4") else dims)


def statement_name(name: str) -> str:
    """Our name of a layer, loss or statement, whoever's name it is."""
    short = name.rsplit(".", 1)[-1].lower()
    return NAMES.get(short, short)


def layers(call: Call) -> list[str]:
    """A call, or the layers in it, as statements."""
    if call.name.startswith("self."):
        raise Strange
    name = call.name.rsplit(".", 1)[-1]
    if name in _HOLDERS:
        items = [item for value in call.given for item in (value if isinstance(value, list) else [value])]
        return [line for item in items for line in _item(item)]
    if name == "compile":
        return [line for option, value in call.named.items() for line in _compiled(option, value)]
    if name == "Activation":
        return [statement_name(spelled(value)) for value in call.given]
    if name in ("MLPClassifier", "MLPRegressor"):
        return list(_perceptron(call))
    if statement_name(name) in ACTIVATIONS and call.given and isinstance(call.given[0], Call):  # relu(linear(2, 8))
        return [*layers(call.given[0]), statement_name(name)]
    form = FORMS.get(name) or Form(statement_name(name), ())
    return list(said_by(form, call))


def _perceptron(call: Call) -> Iterator[str]:
    """scikit-learn's network, less its last layer, which the data says there."""
    given = [*call.given, call.named.get("hidden_layer_sizes", [])][0]
    activation = call.named.get("activation", "relu")
    for size in given if isinstance(given, list) else [given]:
        yield f"linear {spelled(size)}"
        yield statement_name(spelled(activation))
    if "max_iter" in call.named:
        yield f"train epochs={spelled(call.named['max_iter'])}"


def _item(item: str | Call) -> list[str]:
    if not isinstance(item, Call):
        raise Strange
    return layers(item)


def _compiled(option: str, value: Value) -> list[str]:
    """What ``model.compile`` names."""
    if isinstance(value, Call):
        return layers(value)
    if option not in ("optimizer", "loss", "metrics"):
        return []
    values = [item for item in value if isinstance(item, str)] if isinstance(value, list) else [value]
    return [f"{option} {' '.join(map(statement_name, values))}"]


def said_by(form: Form, call: Call) -> Iterator[str]:
    """A call as statements, each argument where its form has it."""
    given = [value for value in call.given if not (isinstance(value, str) and value.rsplit(".")[-1] in FLOWING)]
    if form.ours.startswith("optimizer"):
        given = [value for value in given if not isinstance(value, Call)]  # model.parameters()
    slots = form.slots if len(given) > 1 or form.slots[:1] != ("in",) else form.slots[1:]
    if form.ours == "input" and len(given) > 1:
        given = [[value for value in given if isinstance(value, str)]]
    if any(isinstance(value, Call) for value in given) or len(given) > len(slots) > 0:
        raise Strange
    if not slots and given:
        yield " ".join([form.ours, *map(spelled, given)])
        return
    values: dict[str, Value] = dict(zip(slots, given, strict=False))
    for name, value in call.named.items():
        known = OPTIONS.get(name, (name,))
        ours = name if name in slots else next((option for option in known if option in slots), known[0])
        values[_ROLES.get(name) or _ROLES.get(ours) or ours] = value
    if "input" in values:
        yield f"input {channels_first(values['input'])}"
        if form.ours == "input":
            return
    if form.ours == "input" and "shape" in values:
        values["shape"] = channels_first(values["shape"])
    parts = [form.ours]
    if "out" in values:
        parts.append(f"{spelled(values['in'])}->{spelled(values['out'])}" if "in" in values else spelled(values["out"]))
    parts += [spelled(values[name]) for name in _BARE if name in values]
    options = {name: spelled(value) for name, value in values.items() if name in _KEPT}
    parts += [f"{name}={value}" for name, value in options.items() if value and (name, value) not in _UNSAID]
    yield " ".join(parts)
    activation = values.get("activation")
    if isinstance(activation, str) and activation not in ("", "linear"):
        yield statement_name(activation)
    elif isinstance(activation, Call):
        yield from layers(activation)
