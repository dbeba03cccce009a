"""Activations with a corner: functions that are linear, or nearly, on each side of it."""

from typing import ClassVar, Literal

from netspec import ops
from netspec.layers.base import ActivationLayer, Builder, Tensor
from netspec.recipe.initializers import Constant
from netspec.signature import NonNegativeFloat, PositiveFloat, option, positional

__all__ = [
    "Celu",
    "Elu",
    "HardShrink",
    "LeakyRelu",
    "PRelu",
    "Relu",
    "Relu6",
    "Selu",
    "SoftShrink",
    "Threshold",
]


class Relu(ActivationLayer):
    """Rectified linear unit, max(x, 0). Nair & Hinton 2010."""

    kind: Literal["relu"] = "relu"
    aliases: ClassVar[tuple[str, ...]] = ("ReLU",)
    example: ClassVar[str] = "relu"


class Relu6(ActivationLayer):
    """min(max(x, 0), 6): a relu that fixed-point hardware can hold. Howard et al. 2017."""

    kind: Literal["relu6"] = "relu6"
    aliases: ClassVar[tuple[str, ...]] = ("ReLU6",)
    example: ClassVar[str] = "relu6"


class LeakyRelu(ActivationLayer):
    """x where positive, slope·x elsewhere. Maas et al. 2013."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    aliases: ClassVar[tuple[str, ...]] = ("LeakyReLU", "leaky")
    example: ClassVar[str] = "leaky_relu 0.1"
    slope: NonNegativeFloat = positional("slope where x is negative", 0.01)


class PRelu(ActivationLayer):
    """x where positive, slope·x elsewhere, with a trained slope for each channel (or feature). He et al. 2015."""

    kind: Literal["prelu"] = "prelu"
    aliases: ClassVar[tuple[str, ...]] = ("PReLU",)
    example: ClassVar[str] = "prelu"
    init: float = positional("what each slope begins with", 0.25)
    shared: bool = option(False, "one slope for all channels")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Apply the function with a slope of its own."""
        shape = (1,) if self.shared else x.shape[:1]
        slope = g.weight("slope", shape, role="scale", fans=(1, 1), init=Constant(value=self.init))
        return g.apply(ops.PRelu(), x, slope)


class Elu(ActivationLayer):
    """x where positive, alpha·(eˣ − 1) elsewhere. Clevert et al. 2016."""

    kind: Literal["elu"] = "elu"
    aliases: ClassVar[tuple[str, ...]] = ("ELU",)
    example: ClassVar[str] = "elu"
    alpha: NonNegativeFloat = positional("−alpha is the limit for very negative x", 1.0)


class Selu(ActivationLayer):
    """The self-normalizing elu with fixed constants. Klambauer et al. 2017."""

    kind: Literal["selu"] = "selu"
    aliases: ClassVar[tuple[str, ...]] = ("SELU",)
    example: ClassVar[str] = "selu"


class Celu(ActivationLayer):
    """x where positive, alpha·(e^(x/alpha) − 1) elsewhere: an elu without a corner. Barron 2017."""

    kind: Literal["celu"] = "celu"
    aliases: ClassVar[tuple[str, ...]] = ("CELU",)
    example: ClassVar[str] = "celu 0.5"
    alpha: PositiveFloat = positional("−alpha is the limit for very negative x", 1.0)


class Threshold(ActivationLayer):
    """x where it is above the threshold, one and the same value elsewhere."""

    kind: Literal["threshold"] = "threshold"
    aliases: ClassVar[tuple[str, ...]] = ("Threshold", "ThresholdedReLU")
    example: ClassVar[str] = "threshold 0.5"
    threshold: float = positional("what x must exceed to stay")
    value: float = option(0.0, "what all other values become")


class SoftShrink(ActivationLayer):
    """x moved towards 0 by the limit, and 0 where it is nearer. Donoho 1995."""

    kind: Literal["softshrink"] = "softshrink"
    aliases: ClassVar[tuple[str, ...]] = ("Softshrink",)
    example: ClassVar[str] = "softshrink"
    limit: NonNegativeFloat = positional("how far x is moved", 0.5)


class HardShrink(ActivationLayer):
    """x where it is further from 0 than the limit, 0 elsewhere."""

    kind: Literal["hardshrink"] = "hardshrink"
    aliases: ClassVar[tuple[str, ...]] = ("Hardshrink",)
    example: ClassVar[str] = "hardshrink"
    limit: NonNegativeFloat = positional("how near to 0 becomes 0", 0.5)
