"""Rectifiers that let something through below 0."""

from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import ActivationLayer, Builder, Tensor
from netspec.recipe.initializers import Constant
from netspec.schema.definition import Float, NonNegativeFloat, PositiveFloat, option, positional

__all__ = ["Celu", "Elu", "LeakyRelu", "PRelu", "Selu"]


class LeakyRelu(ActivationLayer):
    """x where positive, slope·x elsewhere. Maas et al. 2013."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    example: ClassVar[str] = "leaky_relu 0.1"
    slope: NonNegativeFloat = positional("slope where x is negative", 0.01)


class PRelu(ActivationLayer):
    """x where positive, slope·x elsewhere, with a trained slope for each channel (or feature). He et al. 2015."""

    kind: Literal["prelu"] = "prelu"
    example: ClassVar[str] = "prelu"
    init: Float = positional("what each slope begins with", 0.25)
    shared: bool = option(False, "one slope for all channels")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Apply the function with a slope of its own."""
        shape = (1,) if self.shared else x.shape[:1]
        slope = g.weight("slope", shape, role="scale", fans=(1, 1), init=Constant(value=self.init))
        return g.apply(ops.PRelu(), x, slope)


class Elu(ActivationLayer):
    """x where positive, alpha·(eˣ − 1) elsewhere. Clevert et al. 2016."""

    kind: Literal["elu"] = "elu"
    example: ClassVar[str] = "elu"
    alpha: NonNegativeFloat = positional("−alpha is the limit for very negative x", 1.0)


class Celu(ActivationLayer):
    """x where positive, alpha·(e^(x/alpha) − 1) elsewhere: an elu without a corner. Barron 2017."""

    kind: Literal["celu"] = "celu"
    example: ClassVar[str] = "celu 0.5"
    alpha: PositiveFloat = positional("−alpha is the limit for very negative x", 1.0)


class Selu(ActivationLayer):
    """The self-normalizing elu with fixed constants. Klambauer et al. 2017."""

    kind: Literal["selu"] = "selu"
    example: ClassVar[str] = "selu"
