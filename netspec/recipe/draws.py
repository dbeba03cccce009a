"""The initializers that draw at random, but for the default one: a check imports them when a spec names one."""

from typing import Literal

from netspec.recipe.initializers import Initializer
from netspec.schema.definition import Float, NonNegativeFloat, PositiveFloat, Range, option, positional

__all__ = [
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Orthogonal",
    "Torch",
    "Uniform",
    "XavierNormal",
]


class XavierNormal(Initializer):
    """Normal with variance magnitude / mean fan: Glorot & Bengio 2010 with magnitude 1.

    Keras's `glorot_normal` has the same variance, but draws nothing beyond two standard deviations.
    """

    kind: Literal["xavier_normal"] = "xavier_normal"
    magnitude: PositiveFloat = positional("1 is Glorot's variance of 2 / (fan in + fan out)", 1.0)


class HeUniform(Initializer):
    """Uniform in ±√(6 / fan in): He et al. 2015, for layers followed by relu.

    PyTorch's `kaiming_uniform_` as it is called alone; its layers begin with a=√5, which is `torch` here.
    """

    kind: Literal["he_uniform"] = "he_uniform"


class HeNormal(Initializer):
    """Normal with variance 2 / fan in: He et al. 2015, for layers followed by relu."""

    kind: Literal["he_normal"] = "he_normal"


class LecunUniform(Initializer):
    """Uniform in ±√(3 / fan in): LeCun et al. 1998."""

    kind: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormal(Initializer):
    """Normal with variance 1 / fan in: LeCun et al. 1998."""

    kind: Literal["lecun_normal"] = "lecun_normal"


class Torch(Initializer):
    """Uniform in ±1/√(fan in): what PyTorch's Linear and Conv2d begin with, kernels and biases alike."""

    kind: Literal["torch"] = "torch"


class Normal(Initializer):
    """Normal with a given standard deviation."""

    kind: Literal["normal"] = "normal"
    std: PositiveFloat = positional("standard deviation")
    mean: Float = option(0.0, "mean")


class Uniform(Initializer):
    """Uniform in a range."""

    kind: Literal["uniform"] = "uniform"
    range: Range = positional("lowest and highest value, such as -0.1..0.1")


class Orthogonal(Initializer):
    """A random orthogonal matrix (the kernel read as outputs x the rest), times a gain: Saxe et al. 2014."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: NonNegativeFloat = positional("factor; √2 suits relu", 1.0)
