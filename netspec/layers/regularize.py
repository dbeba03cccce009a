"""Layers that only act in training."""

from typing import ClassVar, Literal

from netspec.layers.base import Builder, Layer, Tensor
from netspec.ops import Dropout as DropoutOp
from netspec.signature import Fraction, positional

__all__ = ["Dropout"]


class Dropout(Layer):
    """Zeroes each value with probability `rate` and scales the rest by 1/(1 − rate), in training. Srivastava 2014."""

    kind: Literal["dropout"] = "dropout"
    aliases: ClassVar[tuple[str, ...]] = ("Dropout", "drop")
    example: ClassVar[str] = "dropout 0.5"

    rate: Fraction = positional("share of the values that are zeroed", 0.5)

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Drop values."""
        return g.apply(DropoutOp(self.rate), x)
