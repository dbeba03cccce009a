"""Schedules: the factor on the learning rate, as a function of how far the training is.

Every schedule may begin with `warmup=EPOCHS`, a straight line from 0; the rest then spans what remains. The factor is 1
where the optimizer's own `lr` holds.
"""

from typing import Annotated, Literal, TypeAlias

from netspec.schema.definition import Definition, option, positional
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Fraction, NonNegativeFloat, PositiveFloat

__all__ = ["SCHEDULES", "AnySchedule", "Constant", "Cosine", "Exponential", "Linear", "OneCycle", "Schedule", "Step"]


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


class Exponential(Schedule):
    """The rate is multiplied by `factor` over each epoch, smoothly."""

    kind: Literal["exponential"] = "exponential"
    factor: PositiveFloat = positional("what one epoch multiplies the rate by", 0.9)


class Linear(Schedule):
    """A straight line from the rate to `end` times the rate."""

    kind: Literal["linear"] = "linear"
    end: NonNegativeFloat = option(0.0, "share of the rate at the end")


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
        Exponential,
        Linear,
        Cosine,
        OneCycle,
    ],
)
"""All schedules; a new one is entered here."""

AnySchedule: TypeAlias = Annotated[Schedule, OneOf(SCHEDULES)]
"""Any schedule, told apart by `kind`."""
