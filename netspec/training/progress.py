"""Progress and snapshots of a training, which a training is resumed from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.training.events import Epoch

__all__ = ["Snapshot", "TrainingProgress"]

_SKIPPED = "left_out"
"""What the format calls `skipped`."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a training is.

    Attributes:
        epoch: the one that is trained, from 1; one more than there are when all are done.
        taken: steps of that epoch that were taken, skipped ones among them.
        reported: steps of that epoch that Step events have reported.
        seconds: spent on the training so far.
        best: the best epoch so far; None also where its model is lost, when a run is resumed with changes.
        last: the last one that ended.
        watched: the best value of what early stopping watches.
        stale: epochs since that became better.
        watching: which measurement that is; empty where nothing was watched yet.
        skipped: steps whose batches are not learned from, counted from 0 since the training began.
        stopped: why the training ended; empty until then.
    """

    epoch: int = 1
    taken: int = 0
    reported: int = 0
    seconds: float = 0.0
    best: Epoch | None = None
    last: Epoch | None = None
    watched: float | None = None
    stale: int = 0
    skipped: tuple[int, ...] = ()
    stopped: str = ""
    watching: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values; floats keep every bit. Metrics and outputs are there where there are some."""
        values = {_SKIPPED if name == "skipped" else name: value for name, value in asdict(self).items()}
        for part in ("best", "last"):
            for name in ("metrics", "outputs"):
                if values[part] and not values[part][name]:
                    del values[part][name]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainingProgress:
        """Return what `to_json` gave; raises KeyError, TypeError or ValueError where the values are others."""
        counts = [values[key] for key in ("taken", "reported", "stale")]
        if not all(map(_count, [*counts, values["epoch"] - 1, *values[_SKIPPED]])):
            raise ValueError("a number of steps or epochs is none")
        if values["reported"] > values["taken"]:
            raise ValueError("more steps were told of than were taken")
        texts = (values["stopped"], values.get("watching", ""))
        if not _finite(values["seconds"]) or values["seconds"] < 0 or not all(isinstance(t, str) for t in texts):
            raise ValueError("it is not said how long it took, or why it ended")
        if values["watched"] is not None and not _finite(values["watched"]):
            raise ValueError("what early stopping watches is no number")
        if values["epoch"] > 1 and not values["last"]:
            raise ValueError("no epoch has ended before this one")
        best, last = (_epoch(values[key]) if values[key] else None for key in ("best", "last"))
        fields = {name: value for name, value in values.items() if name != _SKIPPED}
        return cls(**{**fields, "best": best, "last": last, "skipped": tuple(values[_SKIPPED])})


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _epoch(values: Mapping[str, Any]) -> Epoch:
    """Return an epoch that has ended; raises TypeError or ValueError where the values are none of one."""
    epoch = Epoch(**values)
    metrics = epoch.metrics.items() if isinstance(epoch.metrics, dict) else [("", "")]
    if not all(isinstance(name, str) and (value is None or isinstance(value, float)) for name, value in metrics):
        raise ValueError("a metric of an epoch is none")
    # Losses may be infinite: that of a test set is not what a training stops for.
    numbers = (epoch.train_loss, epoch.test_loss, epoch.seconds, epoch.data_wait)
    optional = (epoch.train_accuracy, epoch.validation_loss, epoch.validation_accuracy, epoch.test_accuracy)
    if not (
        all(map(_count, (epoch.epoch, epoch.step)))
        and all(isinstance(number, float) for number in numbers)
        and all(number is None or isinstance(number, float) for number in optional)
        and isinstance(epoch.best, bool)
        and _measured(epoch.outputs)
    ):
        raise ValueError("a measurement of an epoch is none")
    return epoch


def _measured(outputs: object) -> bool:
    """Return whether of each output there are numbers by name, or nothing where a number is not known."""
    return isinstance(outputs, dict) and all(
        isinstance(each, dict) and all(value is None or isinstance(value, float) for value in each.values())
        for each in outputs.values()
    )


@dataclass(frozen=True, eq=False, slots=True)
class Snapshot:
    """The state of a training between two steps: all that it takes to continue to the same bits.

    Attributes:
        progress: how far it is.
        step: steps taken since it began.
        arrays: the state and what the steps of the epoch measured, by path, on the host.
        mark: bytes of metrics.jsonl then.
        metrics_sha256: of these bytes; empty where that is not known.
    """

    progress: TrainingProgress
    step: int
    arrays: Mapping[str, NDArray[np.generic]]
    mark: int
    metrics_sha256: str = ""
