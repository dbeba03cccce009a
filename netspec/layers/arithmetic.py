"""Arithmetic with numbers that stand on the line and are not trained."""

from typing import ClassVar, Literal

from netspec.layers.base import Builder, PositionwiseLayer, Tensor
from netspec.ops import Affine
from netspec.schema.definition import option, positional
from netspec.schema.types import Float

__all__ = ["Times"]


class Times(PositionwiseLayer):
    """Multiplies each value by a constant and, with `plus=`, adds another; `scale` has a trained one.

    `times 0.1` makes a residual body small, `times -1 plus=1` is 1 − x.
    """

    kind: Literal["times"] = "times"
    aliases = ("Rescaling", "rescale")
    example: ClassVar[str] = "times 0.1"

    factor: Float = positional("what each value is multiplied by")
    plus: Float = option(0.0, "what is then added to each value")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Multiply and add."""
        return g.apply(Affine(self.factor, self.plus), x)
