"""Initializers: what the parameters are before training. Each draws from a stream of (seed, parameter path) alone."""

from typing import Annotated, Literal, TypeAlias

from netspec.schema.definition import Definition, Float, PositiveFloat, positional
from netspec.schema.family import Family, OneOf

__all__ = ["INITIALIZERS", "AnyInitializer", "Initializer"]


class Initializer(Definition):
    """How a parameter begins. Fans: inputs and outputs one value is connected to, kernel positions counted."""


class XavierUniform(Initializer):
    """Uniform in ±√(magnitude / mean fan): Glorot & Bengio 2010 with magnitude 3; `magnitude=2.24` is MXNet's habit.

    Caffe's `xavier` divides by the fan in alone, which is `lecun_uniform` here.
    """

    kind: Literal["xavier_uniform"] = "xavier_uniform"
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


INITIALIZERS: Family[Initializer] = Family(
    "initializer",
    {
        "xavier_uniform xavier glorot glorot_uniform": "initializers.XavierUniform",
        "xavier_normal glorot_normal": "draws.XavierNormal",
        "he_uniform kaiming_uniform": "draws.HeUniform",
        "he_normal he kaiming kaiming_normal msra": "draws.HeNormal",
        "lecun_uniform": "draws.LecunUniform",
        "lecun_normal lecun": "draws.LecunNormal",
        "torch pytorch": "draws.Torch",
        "normal gaussian": "draws.Normal",
        "uniform": "draws.Uniform",
        "zeros": "initializers.Zeros",
        "ones": "initializers.Ones",
        "constant": "initializers.Constant",
        "orthogonal": "draws.Orthogonal",
    },
    package="netspec.recipe",
)
"""The one list of them, by all their names; a new one is entered here."""

AnyInitializer: TypeAlias = Annotated[Initializer, OneOf(INITIALIZERS)]
"""Any initializer, told apart by `kind`."""
