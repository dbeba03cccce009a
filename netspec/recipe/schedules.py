"""Schedules: the factor on the learning rate, as a function of how far the training is.

Every schedule may begin with `warmup=EPOCHS`, a straight line from 0; the rest then spans what remains. The factor is 1
where the optimizer's own `lr` holds.
"""

from typing import Annotated, Literal, TypeAlias

from netspec.schema.definition import (
    Definition,
    NonNegativeFloat,
    option,
)
from netspec.schema.family import Family, OneOf

__all__ = ["SCHEDULES", "AnySchedule", "Constant", "Schedule"]


class Schedule(Definition):
    """What all schedules share."""

    warmup: NonNegativeFloat = option(0.0, "epochs over which the rate first rises from 0, a fraction allowed")


class Constant(Schedule):
    """The same rate throughout."""

    kind: Literal["constant"] = "constant"


SCHEDULES: Family[Schedule] = Family(
    "schedule",
    {
        "constant": "schedules.Constant",
        "step": "decay.Step",
        "exponential": "decay.Exponential",
        "linear": "decay.Linear",
        "cosine": "decay.Cosine",
        "onecycle one_cycle OneCycleLR": "decay.OneCycle",
    },
    package="netspec.recipe",
)
"""The one list of them, by all their names; a new one is entered here."""

AnySchedule: TypeAlias = Annotated[Schedule, OneOf(SCHEDULES)]
"""Any schedule, told apart by `kind`."""
