"""Layers that give the same values another shape or order."""

from math import prod
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, PositionwiseLayer, Tensor, require_positions
from netspec.schema.definition import positional
from netspec.schema.types import Axes, Order

__all__ = ["Flatten", "Identity", "Permute", "Reshape"]


class Flatten(Layer):
    """Reads all values into one row, in C, H, W order. `fc` does this by itself.

    `flatten positions` reads an image as a sequence: channels x H x W → channels x (H·W), row by row; of a volume slice
    by slice.
    """

    kind: Literal["flatten"] = "flatten"
    aliases = ("Flatten",)
    example: ClassVar[str] = "flatten"

    mode: Literal["all", "positions"] = positional("what becomes one axis: everything, or the positions", "all")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reshape to one axis, or to channels and positions."""
        if self.mode == "positions":
            channels, size = require_positions(self, x)
            return x if len(size) == 1 else g.apply(ops.Reshape((channels, prod(size))), x)
        return x if len(x.shape) == 1 else g.apply(ops.Reshape((prod(x.shape),)), x)


class Identity(PositionwiseLayer):
    """Gives what it reads: a name for a value, or the layer of an `else` that changes nothing."""

    kind: Literal["identity"] = "identity"
    aliases = ("Identity",)
    reads_tokens: ClassVar[bool] = True
    example: ClassVar[str] = "identity"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Return the input itself."""
        del g
        return x


class Reshape(Layer):
    """Reads the values, in C, H, W order, into another shape that has as many."""

    kind: Literal["reshape"] = "reshape"
    aliases = ("Reshape", "view", "Unflatten")
    example: ClassVar[str] = "reshape 2x12x12"

    shape: Axes = positional(
        "the new shape: features, features x length, channels x height x width or channels x depth x height x width"
    )

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reshape."""
        return g.apply(ops.Reshape(self.shape), x)


class Permute(Layer):
    """Puts the axes into another order: `permute 1x2x0` makes channels x H x W into H x W x channels.

    The first axis of the result counts as its channels.
    """

    kind: Literal["permute"] = "permute"
    aliases = ("Permute", "transpose")
    example: ClassVar[str] = "permute 2x0x1"

    order: Order = positional("which axis of the input each axis is, counted from 0, such as 1x2x0")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Move the axes."""
        return g.apply(ops.Permute(self.order), x)
