"""Initializers: what the parameters are before training. Each draws from a stream of (seed, parameter path) alone."""

from typing import Annotated, Literal, TypeAlias

from netspec.schema.definition import Definition, option, positional
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Float, NonNegativeFloat, PositiveFloat, Range

__all__ = [
    "INITIALIZERS",
    "AnyInitializer",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Orthogonal",
    "Torch",
    "Uniform",
    "XavierNormal",
]


class Initializer(Definition):
    """How a parameter begins. Fans: inputs and outputs one value is connected to, kernel positions counted."""


class XavierUniform(Initializer):
    """Uniform in ±√(magnitude / mean fan): Glorot & Bengio 2010 with magnitude 3; `magnitude=2.24` is MXNet's habit.

    Caffe's `xavier` divides by the fan in alone, which is `lecun_uniform` here.
    """

    kind: Literal["xavier_uniform"] = "xavier_uniform"
    aliases = ("xavier", "glorot", "glorot_uniform")
    magnitude: PositiveFloat = positional("3 is Glorot's ±√(6 / (fan in + fan out))", 3.0)


class Zeros(Initializer):
    """All 0."""

    kind: Literal["zeros"] = "zeros"


class Ones(Initializer):
    """All 1."""

    kind: Literal["ones"] = "ones"


class Constant(Initializer):
    """All the same number."""

    kind: Literal["constant"] = "constant"
    value: Float = positional("the number")


class XavierNormal(Initializer):
    """Normal with variance magnitude / mean fan: Glorot & Bengio 2010 with magnitude 1.

    Keras's `glorot_normal` has the same variance, but draws nothing beyond two standard deviations.
    """

    kind: Literal["xavier_normal"] = "xavier_normal"
    aliases = ("glorot_normal",)
    magnitude: PositiveFloat = positional("1 is Glorot's variance of 2 / (fan in + fan out)", 1.0)


class HeUniform(Initializer):
    """Uniform in ±√(6 / fan in): He et al. 2015, for layers followed by relu.

    PyTorch's `kaiming_uniform_` as it is called alone; its layers begin with a=√5, which is `torch` here.
    """

    kind: Literal["he_uniform"] = "he_uniform"
    aliases = ("kaiming_uniform",)


class HeNormal(Initializer):
    """Normal with variance 2 / fan in: He et al. 2015, for layers followed by relu."""

    kind: Literal["he_normal"] = "he_normal"
    aliases = ("he", "kaiming", "kaiming_normal", "msra")


class LecunUniform(Initializer):
    """Uniform in ±√(3 / fan in): LeCun et al. 1998."""

    kind: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormal(Initializer):
    """Normal with variance 1 / fan in: LeCun et al. 1998."""

    kind: Literal["lecun_normal"] = "lecun_normal"
    aliases = ("lecun",)


class Torch(Initializer):
    """Uniform in ±1/√(fan in): what PyTorch's Linear and Conv2d begin with, kernels and biases alike."""

    kind: Literal["torch"] = "torch"
    aliases = ("pytorch",)


class Normal(Initializer):
    """Normal with a given standard deviation."""

    kind: Literal["normal"] = "normal"
    aliases = ("gaussian",)
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


INITIALIZERS: Registry[Initializer] = Registry(
    "initializer",
    [
        XavierUniform,
        XavierNormal,
        HeUniform,
        HeNormal,
        LecunUniform,
        LecunNormal,
        Torch,
        Normal,
        Uniform,
        Zeros,
        Ones,
        Constant,
        Orthogonal,
    ],
)
"""All initializers; a new one is entered here."""

AnyInitializer: TypeAlias = Annotated[Initializer, OneOf(INITIALIZERS)]
"""Any initializer, told apart by `kind`."""
