"""Layers that read several values: what flows into them, and the labels on their line."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import Builder, PositionwiseLayer, Tensor

__all__ = [
    "Add",
    "Average",
    "Concat",
    "CosineSimilarity",
    "Divide",
    "Dot",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "Subtract",
]


class Merge(PositionwiseLayer):
    """A layer that reads several values; the labels on its line are the wiring, not arguments."""

    merges: ClassVar[bool] = True
    op: ClassVar[ops.Op]

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Merge one value, which is that value in a form of its own."""
        return self.join(g, (x,))

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Merge the values."""
        return g.apply(self.op, xs)


class Add(Merge):
    """The sum of what flows in and of the labelled values; one number a channel is added at all its positions.

    He et al. 2016.
    """

    kind: Literal["add"] = "add"
    aliases = ("Add", "Eltwise", "shortcut")
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same; add a"
    op: ClassVar[ops.Op] = ops.Add()


class Multiply(Merge):
    """The product of what flows in and of the labelled values; one number a channel multiplies all its positions.

    One channel multiplies all channels: a mask of an image, 1 x H x W, a weight for each position of a sequence, 1 x L,
    or one number for all features. Shapes are otherwise equal.
    """

    kind: Literal["multiply"] = "multiply"
    aliases = ("Multiply",)
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same sigmoid; multiply a"
    op: ClassVar[ops.Op] = ops.Multiply()


class Subtract(Merge):
    """What flows in minus the labelled values; one number a channel is subtracted at all its positions.

    One channel is subtracted from all channels, as in `multiply`.
    """

    kind: Literal["subtract"] = "subtract"
    aliases = ("Subtract", "minus")
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same; subtract a"
    op: ClassVar[ops.Op] = ops.Subtract()


class Divide(Merge):
    """What flows in over the labelled values; one number a channel divides all its positions.

    One channel divides all channels, as in `multiply`. Division by 0 gives ±∞, and 0/0 is not a number (NaN), as in
    PyTorch.
    """

    kind: Literal["divide"] = "divide"
    aliases = ("Divide",)
    example: ClassVar[str] = "sigmoid as a; conv 8 3x3 pad=same; divide a"
    op: ClassVar[ops.Op] = ops.Divide()


class Maximum(Merge):
    """The largest of what flows in and of the labelled values, place by place, spread as in `multiply`."""

    kind: Literal["maximum"] = "maximum"
    aliases = ("Maximum",)
    example: ClassVar[str] = "tanh as a; conv 8 3x3 pad=same; maximum a"
    op: ClassVar[ops.Op] = ops.Maximum()


class Minimum(Merge):
    """The smallest of what flows in and of the labelled values, place by place, spread as in `multiply`."""

    kind: Literal["minimum"] = "minimum"
    aliases = ("Minimum",)
    example: ClassVar[str] = "tanh as a; conv 8 3x3 pad=same; minimum a"
    op: ClassVar[ops.Op] = ops.Minimum()


class Average(Merge):
    """The mean of what flows in and of the labelled values; all have one shape. `avgpool` is the mean of a window."""

    kind: Literal["average"] = "average"
    aliases = ("Average",)
    example: ClassVar[str] = "relu as a; conv 8 3x3 pad=same; average a"
    op: ClassVar[ops.Op] = ops.Average()


class Dot(Merge):
    """The dot product of what flows in with one labelled value: features → 1, or channels at each position → 1.

    The distance of two vectors: `from a; subtract b as d; dot d; clamp min=0.000001; sqrt`.
    """

    kind: Literal["dot"] = "dot"
    aliases = ("Dot", "dot_product")
    example: ClassVar[str] = "tanh as a; conv 8 3x3 pad=same; dot a"
    op: ClassVar[ops.Op] = ops.Dot()


class CosineSimilarity(Merge):
    """The cosine of the angle between what flows in and one labelled value: features → 1, or at each position.

    A length counts as at least 0.00000001, as in PyTorch.
    """

    kind: Literal["cosine_similarity"] = "cosine_similarity"
    aliases = ("CosineSimilarity",)
    example: ClassVar[str] = "tanh as a; conv 8 3x3 pad=same; cosine_similarity a"
    op: ClassVar[ops.Op] = ops.CosineSimilarity()


class Concat(Merge):
    """The channels of what flows in, then those of the labelled values; height and width are equal."""

    kind: Literal["concat"] = "concat"
    aliases = ("concatenate", "Concatenate", "Concat", "route")
    example: ClassVar[str] = "relu as a; conv 4 3x3 pad=same; concat a"
    op: ClassVar[ops.Op] = ops.Concat()
