"""Initializers: what the parameters are before training. Each draws from a stream of (seed, parameter path) alone."""

from typing import Annotated, Literal, TypeAlias

from netspec.family import Family, OneOf
from netspec.signature import Definition, NonNegativeFloat, PositiveFloat, Range, option, positional

__all__ = ["INITIALIZERS", "AnyInitializer", "Initializer"]


class Initializer(Definition):
    """How a parameter begins. Fans: inputs and outputs one value is connected to, kernel positions counted."""


class XavierUniform(Initializer):
    """Uniform in ±√(magnitude / mean fan): Glorot & Bengio 2010 with magnitude 3; `magnitude=2.24` is MXNet's habit."""

    kind: Literal["xavier_uniform"] = "xavier_uniform"
    magnitude: PositiveFloat = positional("3 is Glorot's ±√(6 / (fan in + fan out))", 3.0)


class XavierNormal(Initializer):
    """Normal with variance magnitude / mean fan: Glorot & Bengio 2010 with magnitude 1."""

    kind: Literal["xavier_normal"] = "xavier_normal"
    magnitude: PositiveFloat = positional("1 is Glorot's variance of 2 / (fan in + fan out)", 1.0)


class HeUniform(Initializer):
    """Uniform in ±√(6 / fan in): He et al. 2015, for layers followed by relu."""

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
    mean: float = option(0.0, "mean")


class Uniform(Initializer):
    """Uniform in a range."""

    kind: Literal["uniform"] = "uniform"
    range: Range = positional("lowest and highest value, such as -0.1..0.1")


class Zeros(Initializer):
    """All 0."""

    kind: Literal["zeros"] = "zeros"


class Ones(Initializer):
    """All 1."""

    kind: Literal["ones"] = "ones"


class Constant(Initializer):
    """All the same number."""

    kind: Literal["constant"] = "constant"
    value: float = positional("the number")


class Orthogonal(Initializer):
    """A random orthogonal matrix (the kernel read as outputs x the rest), times a gain: Saxe et al. 2014."""

    kind: Literal["orthogonal"] = "orthogonal"
    gain: NonNegativeFloat = positional("factor; √2 suits relu", 1.0)


INITIALIZERS: Family[Initializer] = Family(
    "initializer",
    {
        "xavier_uniform xavier glorot glorot_uniform": "initializers.XavierUniform",
        "xavier_normal glorot_normal": "initializers.XavierNormal",
        "he_uniform kaiming_uniform": "initializers.HeUniform",
        "he_normal he kaiming kaiming_normal msra": "initializers.HeNormal",
        "lecun_uniform": "initializers.LecunUniform",
        "lecun_normal lecun": "initializers.LecunNormal",
        "torch pytorch": "initializers.Torch",
        "normal gaussian": "initializers.Normal",
        "uniform": "initializers.Uniform",
        "zeros": "initializers.Zeros",
        "ones": "initializers.Ones",
        "constant": "initializers.Constant",
        "orthogonal": "initializers.Orthogonal",
    },
    package="netspec.recipe",
)
"""The one list of them, by all their names; a new one is entered here."""

AnyInitializer: TypeAlias = Annotated[Initializer, OneOf(INITIALIZERS)]
"""Any initializer, told apart by `kind`."""
