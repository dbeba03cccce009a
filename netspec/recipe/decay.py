"""The schedules that move the rate: a check imports them when a spec names one."""

from typing import Literal

from netspec.recipe.schedules import Schedule
from netspec.schema.definition import Fraction, NonNegativeFloat, PositiveFloat, option, positional

__all__ = ["Cosine", "Exponential", "Linear", "OneCycle", "Step"]


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
    rise: Fraction = option(0.3, "share of the training spent rising")
    start: PositiveFloat = option(0.04, "share of the rate at the beginning")
    end: NonNegativeFloat = option(4e-6, "share of the rate at the end")
