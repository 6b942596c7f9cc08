"""Normalisation of channels, which lie last: over the batch by rows and columns, over groups of channels sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lampc.ir.expression import Expression, Load, Number, Pattern, call, number
from lampc.ir.graph import Node, Value
from lampc.ir.op import Op
from lampc.ir.types import Coefficient, Type, inverse_count
from lampc.native.forms.groups import groupnorm, groupnorm_grad
from lampc.native.kernel import Rows, Store, Way
from lampc.native.making import Making, Order, channels_last, spread
from lampc.ops.channels import BatchNorm, BatchNormGrad, BatchNormInference, GroupNorm, GroupNormGrad


@dataclass(frozen=True)
class _Batch:
    """Samples and their places as rows, channels as columns."""

    making: Making
    type: Type

    @property
    def order(self) -> Order:
        """Channels last."""
        return channels_last(self.type.rank)

    @property
    def space(self) -> tuple[Rows, int]:
        """Rows and columns."""
        return spread(self.type.shape, self.order)

    @property
    def share(self) -> Coefficient:
        """What each number counts for in its channel's mean."""
        return inverse_count((self.type.shape[0], *self.type.shape[2:]))

    def each(self, value: Value) -> Expression:
        """A value of this shape."""
        return self.making.load(value, Pattern.EACH, self.order)

    def channel(self, value: Value) -> Expression:
        """A value that has a number for each channel, beside all rows."""
        return self.making.load(value, Pattern.COLUMN)

    def room(self, name: str) -> int:
        """A buffer with a number for each channel."""
        return self.making.new(name, self.type.dtype, Rows(1), self.space[1])

    def add(self, name: str, *stores: Store) -> None:
        """At every place of every channel."""
        self.making.add(name, *self.space, list(stores))

    def once(self, name: str, *stores: Store) -> None:
        """For every channel."""
        self.making.add(name, Rows(1), self.space[1], list(stores))


def batchnorm(making: Making, node: Node) -> None:
    """The mean, what is left of its square, and then each number; two passes, as the sum of squares alone would cancel."""
    op, (x, *affine, running_mean, running_variance) = node.op, node.operands
    assert isinstance(op, BatchNorm)
    batch = _Batch(making, node.types[0])
    out = making.result(node, order=batch.order).buffer
    mean, rstd, next_mean, next_variance = (making.result(node, k).buffer for k in range(1, 5))
    variance, factor = batch.room(f"%{node.id} variance"), batch.room(f"%{node.id} factor")
    share = number(batch.share)
    batch.add("mean", Store(mean, batch.each(x) * share, Way.SUM_ROWS))
    centred = batch.each(x) - Load(mean, Pattern.COLUMN)
    batch.add("variance", Store(variance, centred * centred * share, Way.SUM_ROWS))
    here = Load(variance, Pattern.EACH)
    found = 1.0 / call("sqrt", here + op.eps)
    count = Number(Coefficient(1.0 / batch.share.value, -batch.share.power))
    batch.once(
        "statistics",
        Store(rstd, found),
        Store(factor, found * making.load(affine[0], Pattern.EACH) if affine else found),
        Store(next_mean, _moved(making, running_mean, Load(mean, Pattern.EACH), op.momentum)),
        Store(next_variance, _moved(making, running_variance, here * (count / (count - 1.0)), op.momentum)),
    )
    normal = centred * Load(factor, Pattern.COLUMN)
    batch.add("batchnorm", Store(out, normal + batch.channel(affine[1]) if affine else normal))


def _moved(making: Making, running: Value, this: Expression, momentum: float) -> Expression:
    return (1.0 - momentum) * making.load(running, Pattern.EACH) + momentum * this


def batchnorm_grad(making: Making, node: Node) -> None:
    """The gradients of weight and bias are what dx lacks to have no mean and no part along x."""
    op, (dy, x, mean, rstd, *weight) = node.op, node.operands
    assert isinstance(op, BatchNormGrad)
    batch = _Batch(making, node.types[0])
    dx = making.result(node, order=batch.order).buffer
    names = ("dweight", "dbias")
    dweight, dbias = (
        making.result(node, k).buffer if op.affine else batch.room(f"%{node.id} {name}") for k, name in enumerate(names, 1)
    )
    factor, mean_dy, along_x = (batch.room(f"%{node.id} {name}") for name in ("factor", "mean", "along"))
    centred = batch.each(x) - batch.channel(mean)
    gradient = batch.each(dy)
    normal = centred * batch.channel(rstd)
    batch.add("sums", Store(dweight, gradient * normal, Way.SUM_ROWS), Store(dbias, gradient, Way.SUM_ROWS))
    share, spread_of = number(batch.share), making.load(rstd, Pattern.EACH)
    batch.once(
        "shares",
        Store(factor, spread_of * making.load(weight[0], Pattern.EACH) if weight else spread_of),
        Store(mean_dy, Load(dbias, Pattern.EACH) * share),
        Store(along_x, Load(dweight, Pattern.EACH) * spread_of * share),
    )
    rest = gradient - Load(mean_dy, Pattern.COLUMN) - centred * Load(along_x, Pattern.COLUMN)
    batch.add("batchnorm_grad", Store(dx, rest * Load(factor, Pattern.COLUMN)))


def batchnorm_inference(making: Making, node: Node) -> None:
    """With statistics that are known."""
    op, (x, *affine, mean, variance) = node.op, node.operands
    assert isinstance(op, BatchNormInference)
    batch = _Batch(making, node.types[0])
    out = making.result(node, order=batch.order).buffer
    factor = batch.room(f"%{node.id} factor")
    rstd = 1.0 / call("sqrt", making.load(variance, Pattern.EACH) + op.eps)
    batch.once("factor", Store(factor, rstd * making.load(affine[0], Pattern.EACH) if affine else rstd))
    normal = (batch.each(x) - batch.channel(mean)) * Load(factor, Pattern.COLUMN)
    batch.add("batchnorm", Store(out, normal + batch.channel(affine[1]) if affine else normal))


CHANNELS: dict[type[Op], Callable[[Making, Node], None]] = {
    BatchNorm: batchnorm, BatchNormGrad: batchnorm_grad, BatchNormInference: batchnorm_inference,
    GroupNorm: groupnorm, GroupNormGrad: groupnorm_grad,
}  # fmt: skip
