"""Layers that take some of the channels (or features), put them into another order, or add some."""

from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, PositionwiseLayer, Tensor, require_positions
from netspec.ops import ShapeError
from netspec.schema.definition import option, positional
from netspec.schema.types import NonNegativeInt, PositiveInt

__all__ = ["ChannelShuffle", "Channels", "Coordinates", "Part"]


class Channels(PositionwiseLayer):
    """Keeps some channels (or features), the first ones unless an offset is given; all positions.

    `channels 16` are the first 16, `channels 16 offset=16` the next. `crop` keeps a part of the positions.
    """

    kind: Literal["channels"] = "channels"
    example: ClassVar[str] = "channels 4 offset=2"

    count: PositiveInt = positional("how many")
    offset: NonNegativeInt = option(0, "how many before them are left out")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the channels."""
        return g.apply(ops.Channels(self.offset, self.count), x)


class Part(PositionwiseLayer):
    """One of several equal parts of the channels (or features), counted from 1; of two unless more are said.

    `part 1 of=2` is the first half. The other half is read from the same label:
    `conv 32 3x3 as y; part 1 of=2 as a; from y; part 2 of=2`.
    """

    kind: Literal["part"] = "part"
    example: ClassVar[str] = "part 1 of=2"

    number: PositiveInt = positional("which one, counted from 1")
    of: PositiveInt = option(2, "how many equal parts there are")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Take the part."""
        if self.number > self.of:
            message = f"there is no part {self.number} of {self.of}"
            raise ShapeError("E0309", message, f"parts are counted from 1: `part {self.of} of={self.of}` is the last")
        if x.shape[0] % self.of:
            message = f"{x.shape[0]:,} channels (or features) cannot be cut into {self.of} equal parts"
            fix = f"use a number that divides {x.shape[0]:,}, or take so many with `channels`"
            raise ShapeError("E0309", message, fix)
        count = x.shape[0] // self.of
        return g.apply(ops.Channels((self.number - 1) * count, count), x)


class ChannelShuffle(PositionwiseLayer):
    """Takes the channels of equal groups in turn: the first of each, then the second of each. Zhang et al. 2018.

    The next convolution in groups then reads channels of each, as in ShuffleNet.
    """

    kind: Literal["channelshuffle"] = "channelshuffle"
    aliases = ("ChannelShuffle", "channel_shuffle")
    example: ClassVar[str] = "channelshuffle 2"

    groups: PositiveInt = positional("number of equal groups that the channels are in")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reorder the channels."""
        return g.apply(ops.ShuffleChannels(self.groups), x)


class Coordinates(Layer):
    """Adds channels that say where a position is, -1 at the first and 1 at the last: C x H x W → (C + 2) x H x W.

    The row comes before the column, and of a volume the slice before the row; a sequence, C x L, gets one channel. A
    convolution behind it is a CoordConv. Liu et al. 2018.
    """

    kind: Literal["coordinates"] = "coordinates"
    aliases = ("AddCoords", "coords")
    example: ClassVar[str] = "coordinates"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Add the channels."""
        require_positions(self, x)
        return g.apply(ops.Coordinates(), x)
