"""Normalisation of channels: batchnorm, groupnorm, instancenorm."""

from __future__ import annotations

from lampc.ir.op import ShapeError
from lampc.layers.layer import AFFINE, Arguments, Construct, LayerType, layer
from lampc.layers.signature import Flag, Float, Int, Param, Signature
from lampc.ops.channels import BatchNorm, GroupNorm
from lampc.ops.term import Term


def _channels(x: Term) -> int:
    size = x.type.shape[1] if x.type.rank > 1 else None
    if not isinstance(size, int) or x.type.dtype == "i64":
        raise ShapeError(f"takes samples whose first axis is their channels, but gets {x.type}", code="E402")
    return size


def _affine(make: Construct, channels: int, arguments: Arguments) -> tuple[Term, ...]:
    return make.scale_and_shift(channels, arguments) if arguments["affine"] else ()


def _batchnorm(make: Construct, x: Term, arguments: Arguments) -> Term:
    channels = _channels(x)
    affine = _affine(make, channels, arguments)
    mean = make.state("running_mean", (channels,))
    variance = make.state("running_var", (channels,), 1.0)
    op = BatchNorm(arguments["eps"], arguments["momentum"], bool(affine))
    out, _, _, next_mean, next_variance = make.build.results(op, x, *affine, mean, variance)
    make.next(mean, next_mean)
    make.next(variance, next_variance)
    return out


def _groupnorm(make: Construct, x: Term, arguments: Arguments) -> Term:
    channels, groups = _channels(x), arguments["groups"]
    if channels % groups:
        raise ShapeError(f"cannot split {channels} channels into {groups} equal groups", code="E405",
                         fix=f"take a number that divides {channels}")  # fmt: skip
    return make(GroupNorm(groups, arguments["eps"]), x, *_affine(make, channels, arguments))


def _instancenorm(make: Construct, x: Term, arguments: Arguments) -> Term:
    channels = _channels(x)
    if x.type.rank < 3 or x.type.elements(1) == channels:
        raise ShapeError(f"takes several places a channel, and {x.type} has one", code="E402")
    return make(GroupNorm(channels, arguments["eps"]), x, *_affine(make, channels, arguments))


_EPS = Param("eps", Float(0.0, open_low=True), 1e-5, "added to the variance")

layer(LayerType("batchnorm", "each channel to mean 0 and variance 1 over the minibatch; in use, over all that was seen",
                "input 3x8x8; conv 8 3 bias=off; batchnorm; relu; globalpool; linear 10",
                Signature((_EPS, Param("momentum", Float(0.0, 1.0), 0.1, "how fast the running statistics move"), *AFFINE)),
                _batchnorm, keeps_shape=True, learns=True))  # fmt: skip
layer(LayerType("groupnorm", "each sample's groups of channels to mean 0 and variance 1",
                "input 3x8x8; conv 8 3; groupnorm 4; relu; globalpool; linear 10",
                Signature((Param("groups", Int(), doc="how many groups"), _EPS, *AFFINE)),
                _groupnorm, keeps_shape=True, learns=True))  # fmt: skip
layer(LayerType("instancenorm", "each sample's channels to mean 0 and variance 1",
                "input 3x8x8; conv 8 3; instancenorm; relu; globalpool; linear 10",
                Signature((_EPS, Param("affine", Flag(), False, "then times a weight plus a bias"), AFFINE[1])),
                _instancenorm, keeps_shape=True, learns=True))  # fmt: skip
