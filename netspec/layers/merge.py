"""Layers that read several values: what flows into them, and the labels on their line."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, Layer, Tensor

__all__ = ["Add", "Concat", "Merge", "Multiply"]


class Merge(Layer):
    """A layer that reads several values; the labels on its line are the wiring, not arguments."""

    merges: ClassVar[bool] = True
    op: ClassVar[ops.Op]

    @property
    def positionwise(self) -> bool:
        """Whether padding stays padding: what is merged has the same."""
        return True

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Merge one value, which is that value in a form of its own."""
        return self.join(g, (x,))

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Merge the values."""
        return g.apply(self.op, xs)


class Add(Merge):
    """The sum of what flows in and of the labelled values; all have one shape. He et al. 2016."""

    kind: Literal["add"] = "add"
    aliases = ("Add", "Eltwise", "shortcut")
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same; add a"
    op: ClassVar[ops.Op] = ops.Add()


class Multiply(Merge):
    """The product of what flows in and of the labelled values; one number a channel multiplies all its positions."""

    kind: Literal["multiply"] = "multiply"
    aliases = ("Multiply",)
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same sigmoid; multiply a"
    op: ClassVar[ops.Op] = ops.Multiply()


class Concat(Merge):
    """The channels of what flows in, then those of the labelled values; height and width are equal."""

    kind: Literal["concat"] = "concat"
    aliases = ("concatenate", "Concatenate", "Concat", "route")
    example: ClassVar[str] = "relu as a; conv 4 3x3 pad=same; concat a"
    op: ClassVar[ops.Op] = ops.Concat()
