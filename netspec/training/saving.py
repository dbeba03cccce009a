"""Checkpoint timer, and the recorder protocol that run folders implement."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from netspec.recipe.settings import Checkpoint
from netspec.training.events import Epoch, Event, Result, Saved, Started
from netspec.training.progress import Snapshot

if TYPE_CHECKING:
    from netspec.backends.jax.model import Variables
    from netspec.data.types import Dataset

__all__ = ["CheckpointTimer", "Recorder"]

_SECONDS, _EPOCHS = 60.0, 1


class CheckpointTimer:
    """The timer of checkpoints, in steps, epochs and seconds.

    Args:
        setting: the recipe's.
        clock: whether seconds count: processes that train together must come to the same answer, and do not where
            each looks at its own clock.
    """

    def __init__(self, setting: Checkpoint, *, clock: bool) -> None:
        self.every = setting.every
        self.seconds = setting.seconds if setting.is_set else _SECONDS
        self.epochs = setting.epochs if setting.is_set else _EPOCHS
        self.clock = clock
        self._step, self._epoch, self._time = 0, 0, time.monotonic()

    def reset(self, step: int, epoch: int) -> None:
        """Start the count anew: all is saved.

        Args:
            step: so many steps have been taken.
            epoch: so many epochs have ended.
        """
        self._step, self._epoch, self._time = step, epoch, time.monotonic()

    def is_due(self, step: int, epoch: int) -> bool:
        """Return whether it is time; arguments as for `reset`."""
        return (
            (self.every is not None and step // self.every > self._step // self.every)
            or (self.epochs is not None and epoch // self.epochs > self._epoch // self.epochs)
            or (self.clock and self.seconds is not None and time.monotonic() - self._time >= self.seconds)
        )


class Recorder(Protocol):
    """What records a training: a run folder."""

    def begin(self, event: Started, dataset: Dataset) -> None:
        """Write what is known before the first step."""

    def add(self, event: Event) -> None:
        """Record a measurement."""

    def mark(self) -> int:
        """Return how much is recorded, for `rewind`."""
        ...

    def rewind(self, mark: int) -> None:
        """Forget the measurements after a mark."""

    def save(self, variables: Variables, epoch: Epoch) -> list[Saved]:
        """Write the model files."""
        ...

    def restore_models(self, variables: Variables, last: Epoch, best: Epoch | None) -> None:
        """Write the model files of the last epoch again where they are missing, when it has just ended."""

    def checkpoint(self, snapshot: Snapshot, *, wait: bool) -> Path:
        """Write what the training can be resumed from; perhaps later, unless it is waited for."""
        ...

    def end(self, result: Result) -> None:
        """Write the result."""

    def fail(self, reason: str) -> None:
        """Write down which error ended the training."""

    def close(self) -> None:
        """Let others have the folder."""
