"""PyTorch's own reference cases as judge: each is written as a `.lamp` program; values and all gradients agree in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing._internal.common_modules import module_db

import lampc.compile
from lampc.compile import WHOLE, run_passes
from lampc.ir.keys import Grad
from lampc.passes.differentiate import differentiate
from lampc.passes.lower import lower
from lampc.runtime.executor import Executor, run


@dataclass
class Case:
    """A program for a module's sample."""

    source: str
    x: Tensor
    """Samples along the first axis."""
    names: dict[str, str] = field(default_factory=dict)
    """The module's parameters by lampc's names, where they differ."""
    out: Callable[[Tensor], Tensor] = lambda y: y
    """lampc's prediction in the module's shape."""
    inputs: int = 1
    """How many of the module's inputs lie side by side in x."""


ACTIVATIONS = {
    "ReLU": "relu", "LeakyReLU": "leakyrelu {0}", "ELU": "elu {0}", "SELU": "selu", "GELU": "gelu", "SiLU": "silu",
    "Softplus": "fn soft(x) = where(x * {0} > {1}, x, softplus(x * {0}) / {0}); soft",
    "Softsign": "softsign", "Tanh": "tanh", "Sigmoid": "sigmoid", "Mish": "mish",
    "Hardtanh": "hardtanh {0} {1}", "ReLU6": "hardtanh 0 6",
    "CELU": "fn celu(x) = max(0, x) + min(0, {alpha} * (exp(x / {alpha}) - 1)); celu",
    "LogSigmoid": "fn logsigmoid(x) = log(sigmoid(x)); logsigmoid", "Tanhshrink": "fn shrink(x) = x - tanh(x); shrink",
    "Hardswish": "fn hardswish(x) = x * min(6, max(0, x + 3)) / 6; hardswish",
    "Hardshrink": "fn shrink(x) = where(abs(x) > {0}, x, 0); shrink",
    "Softshrink": "fn shrink(x) = where(abs(x) > {0}, x - {0} * (where(x > 0, 1, -1)), 0); shrink",
}  # fmt: skip
DEFAULTS: dict[str, tuple[float, ...]] = {
    "Softplus": (1.0, 20.0),
    "LeakyReLU": (0.01,),
    "ELU": (1.0,),
    "Hardtanh": (-1.0, 1.0),
    "Hardshrink": (0.5,),
    "Softshrink": (0.5,),
}


def size(*amounts: Any) -> str:
    flat = amounts[0] if isinstance(amounts[0], tuple | list) else amounts
    return "x".join(map(str, flat))


def batched(x: Tensor, rank: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The input with a batch axis, and the way back."""
    return (x, lambda y: y) if x.dim() == rank else (x.unsqueeze(0), lambda y: y.squeeze(0))


def sample(x: Tensor) -> str:
    return "x".join(map(str, x.shape[1:]))


def activation(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    known = {**dict(zip("0123", DEFAULTS.get(m, ()), strict=False)), **dict(zip("0123", args, strict=False))}
    named = {"alpha": "0", "negative_slope": "0", "min_val": "0", "max_val": "1", "lambd": "0"}
    known.update({named[name]: value for name, value in options.items() if name in named})
    text = ACTIVATIONS[m]
    for name, value in (*known.items(), *options.items()):
        text = text.replace("{" + str(name) + "}", f"{value:.17g}" if isinstance(value, float) else str(value))
    shape = x.shape
    flat = x.reshape(1, -1) if x.dim() < 2 else x
    definitions, _, call = text.rpartition("; ")
    return Case(f"{definitions}\ninput {sample(flat)}\n{call}", flat, out=lambda y: y.reshape(shape))


def softmax(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    name = "softmax" if m == "Softmax" else "logsoftmax"
    axis = (args or (options.get("dim"),))[0]
    moved = x.reshape(1, 1) if x.dim() == 0 else x.movedim(axis, -1)
    shape = moved.shape
    back = (lambda y: y.reshape(())) if x.dim() == 0 else (lambda y: y.reshape(shape).movedim(-1, axis))
    return Case(f"input {sample(moved)}\n{name}", moved, out=back)


def linear(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    x, out = batched(x, 2)
    bias = "" if options.get("bias", True) else " bias=off"
    return Case(f"input {sample(x)}\nlinear {args[0]}->{args[1]}{bias}", x, out=out)


def bilinear(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor, z: Tensor) -> Case:
    (x, out), (z, _) = batched(x, 2), batched(z, 2)
    bias = "" if options.get("bias", True) else " bias=off"
    text = f"pass as both; slice {args[0]} as z; from both; slice 0 {args[0]}; bilinear {args[2]} with=z{bias}"
    return Case(f"input {args[0] + args[1]}\n{text}", torch.cat([x, z], 1), out=out, inputs=2)


def embedding(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    names, width = options["num_embeddings"], options["embedding_dim"]
    return Case(f"input {sample(x)} int<{names}>\nembedding {width}", x)


def convolution(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    x, out = batched(x, 2 + int(m[-2]))
    more = "".join(f" {name}={value}" for name, value in options.items())
    name = m.lower().replace("lazy", "")
    sizes = f"->{args[0]} {args[1]}" if "Lazy" in m else f"{args[0]}->{args[1]} {args[2]}"
    return Case(f"input {sample(x)}\n{name} {sizes}{more}", x, out=out)


def pool(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    x, out = batched(x, 2 + int(m[-2]))
    named = dict(zip(("kernel_size", "stride", "padding"), args, strict=False)) | dict(options)
    named.pop("return_indices", None)
    ours = {"kernel_size": "kernel", "divisor_override": "divisor"}
    text = "".join(f" {ours.get(name, name)}={size(value)}" for name, value in named.items())
    return Case(f"input {sample(x)}\n{'max' if 'Max' in m else 'avg'}pool{text}", x, out=out)


def globalpool(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    axes = int(m[-2])
    x, out = batched(x, 2 + axes)
    sizes = args[0] if isinstance(args[0], tuple) else (args[0],) * axes
    sizes = tuple(n or x.shape[2 + i] for i, n in enumerate(sizes))
    return Case(f"input {sample(x)}\nglobalpool {'max' if 'Max' in m else 'mean'} to={size(sizes)}", x, out=out)


def norm(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case | str:
    """BatchNorm, GroupNorm and InstanceNorm."""
    if m.startswith("Batch") and not len(x):
        return "no samples have no mean"
    group = m == "GroupNorm"
    eps = (args[2:3] if group else args[1:2]) or (1e-5,)
    affine = (args[3] if len(args) > 3 else True) if group else (args[3] if len(args) > 3 else m.startswith("Batch"))
    affine = options.get("affine", affine)
    if m.startswith("Instance"):
        x, out = batched(x, 2 + int(m[-2]))
    else:
        out = lambda y: y  # noqa: E731
    flags = f" affine={'on' if affine else 'off'} bias={'on' if options.get('bias', True) else 'off'}"
    name = {"B": "batchnorm", "G": f"groupnorm {args[0]}", "I": "instancenorm"}[m[0]]
    return Case(f"input {sample(x)}\n{name} eps={eps[0]:.17g}{flags}", x, out=out)


def last_axis(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    """LayerNorm and RMSNorm; over several axes they are flattened."""
    affine = args[2] if len(args) > 2 else options.get("elementwise_affine", True)
    flags = f" affine={'on' if affine else 'off'}"
    flags += f" bias={'on' if options.get('bias', True) else 'off'}" if m == "LayerNorm" else ""
    lead = "flatten; " if len(args[0]) > 1 else ""
    shape = x.shape
    return Case(f"input {sample(x)}\n{lead}{m.lower()} eps={args[1]:.17g}{flags}", x, out=lambda y: y.reshape(shape))


def prelu(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor) -> Case:
    shape = x.shape
    flat = x.reshape(1, -1) if x.dim() < 2 else x
    return Case(f"input {sample(flat)}\nprelu{' channels' if args and args[0] > 1 else ''}", flat, {"slope": "weight"},
                lambda y: y.reshape(shape))  # fmt: skip


def inputs(**parts: Tensor) -> tuple[str, Tensor]:
    """The statements of several inputs, each of one sample, and the sample: all flat, side by side."""
    text = "\n".join(f"input {size(part.shape)} as {name}" for name, part in parts.items())
    return text, torch.cat([part.reshape(1, -1).double() for part in parts.values()], 1)


def recurrent(m: str, args: tuple[Any, ...], options: Mapping[str, Any], x: Tensor, *states: Tensor) -> Case | str:
    """A single sequence, whatever the order of its axes."""
    if options.get("proj_size"):
        return "there is no projected lstm"
    direction = "both" if options["bidirectional"] else "forward"
    text = f"{m.lower()} {options['hidden_size']} layers={options['num_layers']} direction={direction}"
    text += f" bias={'on' if options['bias'] else 'off'}"
    text += f" activation={options['nonlinearity']}" if m == "RNN" else ""
    named = dict(zip(("state", "cell"), states, strict=False))
    text += "".join(f" {name}={name}" for name in named)
    declared, flat = inputs(x=x, **named)
    return Case(f"{declared}\nfrom x; {text}" if states else f"input {size(x.shape)}\n{text}",
                flat if states else x.unsqueeze(0), out=lambda y: y.squeeze(0), inputs=1 + len(states))  # fmt: skip


def attention(m: str, args: tuple[Any, ...], options: Mapping[str, Any], q: Tensor, k: Tensor, v: Tensor,
              padding: Tensor | None, mask: Tensor | None) -> Case:  # fmt: skip
    """torch's masks name what is hidden, lampc's what is seen."""
    masks = {name: ~hidden for name, hidden in (("padding", padding), ("mask", mask)) if hidden is not None}
    declared, flat = inputs(q=q, k=k, v=v, **masks)
    sink = {(True, True): " sink=both", (True, False): " sink=learned", (False, True): " sink=zero", (False, False): ""}
    text = f"attention {options['num_heads']} keys=k values=v{'' if options['bias'] else ' bias=off'}"
    text += sink[options["add_bias_kv"], options["add_zero_attn"]] + "".join(f" {name}={name}" for name in masks)
    return Case(f"{declared}\nfrom q; {text}", flat, out=lambda y: y.squeeze(0), inputs=3)


TRANSLATORS: dict[str, Callable[..., Case | str]] = {
    **dict.fromkeys(ACTIVATIONS, activation), "Softmax": softmax, "LogSoftmax": softmax, "PReLU": prelu,
    "Linear": linear, "Bilinear": bilinear, "Embedding": embedding,
    **dict.fromkeys([f"{lazy}{kind}{n}d" for lazy in ("", "Lazy") for kind in ("Conv", "ConvTranspose") for n in (1, 2, 3)],
                    convolution),
    **dict.fromkeys([f"{kind}Pool{n}d" for kind in ("Max", "Avg") for n in (1, 2, 3)], pool),
    **dict.fromkeys([f"Adaptive{kind}Pool{n}d" for kind in ("Max", "Avg") for n in (1, 2, 3)], globalpool),
    **dict.fromkeys([f"{kind}Norm{n}d" for kind in ("Batch", "Instance") for n in (1, 2, 3)], norm), "GroupNorm": norm,
    "LayerNorm": last_axis, "RMSNorm": last_axis, "RNN": recurrent, "GRU": recurrent, "LSTM": recurrent,
    "MultiheadAttention": attention,
}  # fmt: skip


def samples() -> Iterator[tuple[str, Any, Any]]:
    for info in module_db:
        name = info.name.split(".")[-1]
        if name in TRANSLATORS:
            torch.manual_seed(0)
            for given in info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=False, training=True):
                yield name, info.module_cls, given


def judge(cls: Any, given: Any) -> tuple[torch.nn.Module, Tensor, list[Tensor], Tensor]:
    """The module, its output, its inputs as leaves, and a random cotangent."""
    module = cls(*given.constructor_input.args, **given.constructor_input.kwargs).double().train()
    leaves: list[Tensor] = []

    def leaf(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(leaf(part) for part in value)
        if not isinstance(value, Tensor):
            return value
        leaves.append(value.clone().requires_grad_() if value.is_floating_point() else value)
        return leaves[-1]

    arguments, options = given.forward_input.args, given.forward_input.kwargs
    out = module(*[leaf(value) for value in arguments], **{name: leaf(value) for name, value in options.items()})
    out = out[0] if isinstance(out, tuple) else out
    cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return module, out, leaves, cotangent


def compare(name: str, cls: Any, given: Any, case: Case) -> None:
    module, wanted, leaves, cotangent = judge(cls, given)
    wanted.backward(cotangent)
    program = lampc.compile.text(f"{case.source}\nloss fn(p, y) = sum(p * y)\ntrain precision=f64")
    model = program.model()
    ours = {label.split(".", 1)[1]: tensor for label, tensor in model.parameters.items()}
    theirs = dict(module.named_parameters())
    assert {case.names.get(label, label) for label in ours} == set(theirs)
    for label, tensor in ours.items():
        tensor.copy_(theirs[case.names.get(label, label)].detach().reshape(tensor.shape))
    whole = run_passes(differentiate(program.simplified, inputs=True), WHOLE)
    executor = Executor(lower(whole), len(case.x), model.storage)
    y = executor.inputs["y"]
    executor.fill(case.x, cotangent.reshape(y.shape) if case.out(torch.zeros_like(y)).shape == wanted.shape else None)
    if name in ("Softmax", "LogSoftmax") and wanted.dim():
        axis = (given.constructor_input.args or (given.constructor_input.kwargs.get("dim"),))[0]
        y.copy_(cotangent.movedim(axis, -1))
    run(executor.forward)
    run(executor.backward)
    close(case.out(executor.outputs["prediction"]), wanted)
    for label in ours:
        gradient = theirs[case.names.get(label, label)].grad
        assert gradient is not None
        close(executor.outputs[Grad(name_of(program, label))].reshape(gradient.shape), gradient)
    if case.x.is_floating_point():
        found = executor.outputs[Grad("x")]
        if name in ("Softmax", "LogSoftmax") and wanted.dim():
            found = found.movedim(-1, axis)
        if name == "Bilinear":
            parts = found.split([leaf.shape[-1] for leaf in leaves], -1)
        else:
            parts = (found,) if case.inputs == 1 else found[0].split([leaf.numel() for leaf in leaves] + _rest(found, leaves))
        for part, leaf in zip(parts[: case.inputs], leaves, strict=False):
            close(part.reshape(leaf.shape), leaf.grad)


def _rest(found: Tensor, leaves: list[Tensor]) -> list[int]:
    """What lies behind the leaves."""
    left = found.shape[1] - sum(leaf.numel() for leaf in leaves)
    return [left] if left else []


def name_of(program: lampc.compile.Program, label: str) -> str:
    return next(name for name in program.parameters if name.split(".", 1)[1] == label)


def close(found: Tensor, wanted: Any) -> None:
    """Within 1e-10 of the largest number there."""
    assert found.shape == wanted.shape
    scale = max(1.0, float(wanted.detach().abs().max())) if wanted.numel() else 1.0
    assert float((found - wanted).detach().abs().max() if wanted.numel() else 0.0) <= 1e-10 * scale


def test_every_sample_of_torchs_modules(capsys: pytest.CaptureFixture[str]) -> None:
    covered, skipped = 0, []
    for name, cls, given in samples():
        arguments, options = given.forward_input.args, given.forward_input.kwargs
        assert [*options] in ([], ["input"], ["key_padding_mask", "attn_mask"])
        given_all = (*arguments, *options.values())
        flat = [part for value in given_all for part in (value if isinstance(value, tuple) else (value,))]
        case = TRANSLATORS[name](name, given.constructor_input.args, given.constructor_input.kwargs, *flat)
        if isinstance(case, str):
            skipped.append(f"{name}: {case}")
            continue
        compare(name, cls, given, case)
        covered += 1
    total = covered + len(skipped)
    with capsys.disabled():
        print(f"\ntorch's modules: {covered} covered / {total} in scope")
        for line in sorted(set(skipped)):
            print(f"  {line} ({skipped.count(line)})")
    assert covered >= 0.95 * total
