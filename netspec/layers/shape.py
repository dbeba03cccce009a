"""Layers that change the shape and not the values."""

from math import prod
from typing import ClassVar, Literal

from netspec.layers.base import Builder, Layer, Tensor
from netspec.ops import Reshape

__all__ = ["Flatten"]


class Flatten(Layer):
    """Reads all values into one row, in C, H, W order. `fc` does this by itself."""

    kind: Literal["flatten"] = "flatten"
    aliases: ClassVar[tuple[str, ...]] = ("Flatten",)
    example: ClassVar[str] = "flatten"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Reshape to one axis."""
        return x if len(x.shape) == 1 else g.apply(Reshape((prod(x.shape),)), x)
