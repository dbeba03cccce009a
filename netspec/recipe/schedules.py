"""Schedules: the factor on the learning rate, as a function of how far the training is.

Every schedule may begin with `warmup=EPOCHS`, a straight line from 0; the rest then spans what remains. The factor is 1
where the optimizer's own `lr` holds.
"""

from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from netspec.schema.definition import Definition, option, positional
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Expects, Fraction, NonNegativeFloat, PositiveFloat

__all__ = [
    "SCHEDULES",
    "AnySchedule",
    "Constant",
    "Cosine",
    "Exponential",
    "Inverse",
    "Linear",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "Schedule",
    "Step",
]


class Schedule(Definition):
    """What all schedules share."""

    warmup: NonNegativeFloat = option(0.0, "epochs over which the rate first rises from 0, a fraction allowed")


class Constant(Schedule):
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"


class Step(Schedule):
    """The rate is multiplied by `factor` after every so many epochs."""

    kind: Literal["step"] = "step"
    every: PositiveFloat = positional("epochs between two drops")
    factor: PositiveFloat = option(0.1, "what the rate is multiplied by")


def _one_epoch(value: Any) -> Any:
    """Return a number as the text of one epoch; anything else as it is."""
    return str(value) if type(value) in {int, float} else value


_Epochs = Annotated[
    str,
    BeforeValidator(_one_epoch),
    Field(pattern=r"^[.0-9e]+( [.0-9e]+)*$", max_length=10_000),
    Expects('an epoch such as 30, or several that rise, in quotes, such as "30 60 80"'),
]


class MultiStep(Schedule):
    """The rate is multiplied by `factor` at each of some epochs: `multistep "30 60 80"`."""

    kind: Literal["multistep"] = "multistep"
    aliases = ("MultiStepLR",)
    at: _Epochs = positional("the epochs after which it drops, in quotes, fractions allowed")
    factor: PositiveFloat = option(0.1, "what the rate is multiplied by")

    @property
    def epochs(self) -> tuple[float, ...]:
        """The epochs after which it drops."""
        return tuple(map(float, self.at.split()))

    @field_validator("at")
    @classmethod
    def _rising(cls, at: str) -> str:
        try:
            epochs = [float(word) for word in at.split()]
        except ValueError:
            raise ValueError("these are no numbers of epochs") from None
        if not all(map(isfinite, epochs)) or any(a >= b for a, b in pairwise(epochs)):
            raise ValueError("the epochs stand in their order, each once")
        return at


class Exponential(Schedule):
    """The rate is multiplied by `factor` over each epoch, smoothly."""

    kind: Literal["exponential"] = "exponential"
    factor: PositiveFloat = positional("what one epoch multiplies the rate by", 0.9)


class Linear(Schedule):
    """A straight line from the rate to `end` times the rate."""

    kind: Literal["linear"] = "linear"
    end: NonNegativeFloat = option(0.0, "share of the rate at the end")


class Polynomial(Schedule):
    """The rate times (1 − t)^power, t the share of the training that is done; Caffe's and Darknet's `poly`."""

    kind: Literal["polynomial"] = "polynomial"
    aliases = ("poly", "PolynomialLR")
    power: PositiveFloat = positional("exponent: 1 is a straight line, 4 falls quickly at first", 1.0)


class Inverse(Schedule):
    """The rate times (1 + gamma·epochs)^−power: Caffe's and Darknet's `inv`, which never ends."""

    kind: Literal["inverse"] = "inverse"
    gamma: PositiveFloat = positional("how fast it falls: after 1/gamma epochs it is 2^−power")
    power: PositiveFloat = option(1.0, "exponent")


class Cosine(Schedule):
    """Half a cosine from the rate to `end` times the rate. Loshchilov & Hutter 2017, without restarts."""

    kind: Literal["cosine"] = "cosine"
    end: NonNegativeFloat = option(0.0, "share of the rate at the end")


class OneCycle(Schedule):
    """Up along half a cosine to the rate, then down along another to nearly 0. Smith & Topin 2018."""

    kind: Literal["onecycle"] = "onecycle"
    aliases = ("one_cycle", "OneCycleLR")
    rise: Fraction = option(0.3, "share of the training spent rising")
    start: PositiveFloat = option(0.04, "share of the rate at the beginning")
    end: NonNegativeFloat = option(4e-6, "share of the rate at the end")


SCHEDULES: Registry[Schedule] = Registry(
    "schedule",
    [
        Constant,
        Step,
        MultiStep,
        Exponential,
        Linear,
        Polynomial,
        Inverse,
        Cosine,
        OneCycle,
    ],
)
"""All schedules; a new one is entered here."""

AnySchedule: TypeAlias = Annotated[Schedule, OneOf(SCHEDULES)]
"""Any schedule, told apart by `kind`."""
