"""Normalisation of groups of channels, sample by sample. Sums go channel by channel, so that vectors lie along these."""

from __future__ import annotations

from dataclasses import dataclass

from lampc.ir.expression import Expression, Load, Number, Pattern, call
from lampc.ir.graph import Node
from lampc.ir.types import Type, inverse_count
from lampc.loops.language import Affine, Axis, Extent, Fold, Nest, Reduced, Reduction
from lampc.native.kernel import Store, Way
from lampc.native.making import Making, Order, at, channels_last, dims, extent, put
from lampc.native.spaces import space
from lampc.ops.channels import GroupNorm, GroupNormGrad, channels


@dataclass(frozen=True)
class _Groups:
    """What there is to go over in x[B, C, …]."""

    type: Type
    sample: Axis
    channel: Axis
    group: Axis
    member: Axis
    """A group's channels."""
    places: tuple[Axis, ...]

    @staticmethod
    def of(type: Type, count: int) -> _Groups:
        """The axes of a type whose channels make ``count`` groups."""
        size = channels(type)
        places = tuple(Axis(f"p{n}", length) for n, length in enumerate(dims(type.shape[2:])))
        return _Groups(type, Axis("b", extent(type.shape[0])), Axis("c", Extent(size)), Axis("g", Extent(count)),
                       Axis("k", Extent(size // count)), places)  # fmt: skip

    @property
    def each(self) -> tuple[Axis, ...]:
        """A place of x."""
        return (self.sample, self.channel, *self.places)

    @property
    def inner(self) -> tuple[Axis, ...]:
        """What a sample has, the channels last."""
        return (*self.places, self.channel)

    @property
    def by_channel(self) -> tuple[Axis, Axis]:
        """A sample's channel."""
        return self.sample, self.channel

    @property
    def by_group(self) -> tuple[Axis, Axis]:
        """A sample's group."""
        return self.sample, self.group

    @property
    def within(self) -> Affine:
        """The channel that a member of a group is."""
        return self.group * self.member.extent.count + self.member

    @property
    def by_member(self) -> tuple[Axis, Affine]:
        """The same of a sample."""
        return self.sample, self.within

    @property
    def share(self) -> Number:
        """What each number counts for in its group's mean."""
        return Number(inverse_count((self.member.extent.count, *self.type.shape[2:])))

    @property
    def order(self) -> Order:
        """Channels last."""
        return channels_last(self.type.rank)

    @property
    def channels(self) -> Type:
        """A number for each channel of each sample."""
        return self.type.of(self.type.shape[:2])

    def over_places(self, name: str, expression: Expression) -> Reduction:
        """A channel's sum."""
        return Reduction(name, Fold.SUM, self.places, expression)

    def over_members(self, name: str, expression: Expression) -> Reduction:
        """A group's sum."""
        return Reduction(name, Fold.SUM, (self.member,), expression)


def groupnorm(making: Making, node: Node) -> None:
    """The mean, then what is left of the square, then each number."""
    op, (x, *affine), s = node.op, node.operands, _Groups.of(node.types[0], _count(node))
    assert isinstance(op, GroupNorm)
    out, mean, rstd = making.result(node, order=s.order), making.result(node, 1), making.result(node, 2)
    sums, means, squares, factors = (making.room(f"%{node.id}'", s.channels) for _ in range(4))
    here = at(making.view(x, s.order), s.each)
    centred = here - at(means, s.by_channel)
    normal = centred * at(factors, s.by_channel)
    factor = at(rstd, s.by_group) * making.read(affine[0], [s.within]) if affine else at(rstd, s.by_group)
    square, total = centred * centred, Reduced("sum")
    making.loops(
        op.name,
        Nest("sums", (s.channel,), (put(sums, s.by_channel, total),), (s.over_places("sum", here),)),
        Nest("mean", (s.group,), (put(mean, s.by_group, total * s.share),), (s.over_members("sum", at(sums, s.by_member)),)),
        Nest("means", (s.group, s.member), (put(means, s.by_member, at(mean, s.by_group)),)),
        Nest("squares", (s.channel,), (put(squares, s.by_channel, total),), (s.over_places("sum", square),)),
        Nest("rstd", (s.group,), (put(rstd, s.by_group, 1.0 / call("sqrt", total * s.share + op.eps)),),
             (s.over_members("sum", at(squares, s.by_member)),)),
        Nest("factors", (s.group, s.member), (put(factors, s.by_member, factor),)),
        Nest("normal", s.inner, (put(out, s.each, normal + making.read(affine[1], [s.channel]) if affine else normal),)),
        axes=(s.sample,),
    )  # fmt: skip


def groupnorm_grad(making: Making, node: Node) -> None:
    """What dx lacks to have no mean and no part along x, group by group; the others' gradients are sums over samples."""
    op, (dy, x, mean, rstd, *weight), s = node.op, node.operands, _Groups.of(node.types[0], _count(node))
    dx = making.result(node, order=s.order)
    means, rstds, plain, along, lacks, leans = (making.room(f"%{node.id}'", s.channels) for _ in range(6))
    lack, lean = (making.room(f"%{node.id}'", making.graph.type(mean)) for _ in range(2))
    centred = at(making.view(x, s.order), s.each) - at(means, s.by_channel)
    gradient, rstd_here = at(making.view(dy, s.order), s.each), at(rstds, s.by_channel)

    def weighed(number: Expression, channel: Axis | Affine) -> Expression:
        return number * making.read(weight[0], [channel]) if weight else number

    left = weighed(gradient, s.channel) - at(lacks, s.by_channel) - centred * at(leans, s.by_channel)
    making.loops(
        op.name,
        Nest("statistics", (s.group, s.member), (
            put(means, s.by_member, making.read(mean, s.by_group)), put(rstds, s.by_member, making.read(rstd, s.by_group)))),
        Nest("sums", (s.channel,), (
            put(plain, s.by_channel, Reduced("plain")), put(along, s.by_channel, Reduced("along") * rstd_here)),
            (s.over_places("plain", gradient), s.over_places("along", gradient * centred))),
        Nest("shares", (s.group,), (
            put(lack, s.by_group, Reduced("plain") * s.share),
            put(lean, s.by_group, Reduced("along") * s.share * making.read(rstd, s.by_group))),
            (s.over_members("plain", weighed(at(plain, s.by_member), s.within)),
             s.over_members("along", weighed(at(along, s.by_member), s.within)))),
        Nest("spread", (s.group, s.member), (
            put(lacks, s.by_member, at(lack, s.by_group)), put(leans, s.by_member, at(lean, s.by_group)))),
        Nest("gradient", s.inner, (put(dx, s.each, left * rstd_here),)),
        axes=(s.sample,),
    )  # fmt: skip
    if weight:
        stores = [Store(making.result(node, k).buffer, Load(parts.buffer, Pattern.EACH), Way.SUM_ROWS)
                  for k, parts in ((1, along), (2, plain))]  # fmt: skip
        making.add("sums", *space(s.channels.shape), stores)


def _count(node: Node) -> int:
    assert isinstance(node.op, GroupNorm | GroupNormGrad)
    return node.op.groups
