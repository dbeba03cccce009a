"""Recipe + model + data → a stream of events. Nothing here prints."""

from netspec.training.events import (
    Epoch,
    Evaluated,
    Event,
    Finished,
    Notice,
    Result,
    Rewound,
    Saved,
    Started,
    Step,
    Stopped,
)
from netspec.training.loop import train
from netspec.training.recovery import NonFiniteLossError

__all__ = [
    "Epoch",
    "Evaluated",
    "Event",
    "Finished",
    "NonFiniteLossError",
    "Notice",
    "Result",
    "Rewound",
    "Saved",
    "Started",
    "Step",
    "Stopped",
    "train",
]
