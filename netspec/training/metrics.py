"""Metrics of an epoch's steps: fetched from the device, then yielded as events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.training.events import Step

__all__ = ["EpochMetrics", "NotFinite"]


class NotFinite(Exception):  # noqa: N818 - it is caught where it is known what follows from it
    """Some number of a training is no longer finite.

    Args:
        epoch: in which epoch it was seen.
        step: when it was seen: so many steps of the epoch had been taken.
    """

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(epoch, step)
        self.epoch, self.step = epoch, step


class EpochMetrics:
    """What the steps of one epoch measured.

    Args:
        epoch: which one, from 1.
        before: steps taken before it.
        sizes: examples in each of its steps.
        skipped: steps of the epoch that learned nothing.
        rows: (n, 3) or (n, 5) what the steps already reported measured: loss, correct, learning rate; of
            several outputs four numbers of each stand behind.
        outputs: the names of several outputs.
        waited: tells for how many seconds the device has waited for examples so far.
    """

    def __init__(
        self,
        epoch: int,
        before: int,
        sizes: NDArray[np.int64],
        skipped: Collection[int],
        rows: NDArray[np.float64],
        outputs: Sequence[str] = (),
        waited: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._outputs, self._waited = outputs, waited
        self.epoch, self.before, self.rows = epoch, before, rows
        self._began = self._since = (time.perf_counter(), waited())
        self._sizes = sizes.copy()
        self._sizes[sorted(skipped)] = 0
        self._pending: tuple[jax.Array, int] | None = None

    def enqueue(self, snapshot: jax.Array, stop: int) -> None:
        """Enqueue a history that is on its way from the device, filled up to a step of the epoch."""
        self._pending = (snapshot, stop)

    def restart(self) -> None:
        """Begin to measure the time of the next steps."""
        self._since = (time.perf_counter(), self._waited())

    def seconds(self, since: tuple[float, float] | None = None) -> float:
        """Return the time since the epoch began, or since another moment."""
        return time.perf_counter() - (since or self._began)[0]

    def data_wait(self, since: tuple[float, float] | None = None) -> float:
        """Return the share of that time in which the device waited for examples."""
        since = since or self._began
        return min(1.0, (self._waited() - since[1]) / max(self.seconds(since), 1e-9))

    def events(self) -> Iterator[Step]:
        """Yield the event of the steps that were waited for, if there are any.

        Raises:
            NotFinite: when the loss of one of them is not.
        """
        if self._pending is None:
            return
        snapshot, stop = self._pending
        self._pending = None
        start, self.rows = len(self.rows), np.asarray(snapshot, np.float64)[:stop]
        # Waiting for the numbers is part of the time the steps took.
        seconds, data_wait = self.seconds(self._since), self.data_wait(self._since)
        self.restart()
        bad = np.flatnonzero(~np.isfinite(self.rows[start:, 0]) & (self._sizes[start:stop] > 0))
        if bad.size:
            raise NotFinite(self.epoch, start + int(bad[0]) + 1)
        examples = self._sizes[start:stop].sum()
        if examples:
            loss, accuracy = self.means(start)
            rate = float(examples / max(seconds, 1e-9))
            learned = start + int(np.flatnonzero(self._sizes[start:stop])[-1])
            yield Step(self.epoch, self.before + stop, loss, accuracy, float(self.rows[learned, 2]), rate, data_wait)

    def means(self, start: int = 0) -> tuple[float, float | None]:
        """Return mean loss and accuracy (None without classes) over the examples of the steps from `start` on.

        One of them at least was learned from.
        """
        sizes = self._sizes[start : len(self.rows)]
        rows, sizes = self.rows[start:][sizes > 0], sizes[sizes > 0]
        # By how much the examples of a step count, where that is not once each.
        weighs = rows.shape[1] > 3 and not self._outputs
        weights, counts = (rows[:, 3], rows[:, 4]) if weighs else (sizes, sizes)
        loss, correct = rows[:, 0] @ weights / (weights.sum() or 1), rows[:, 1].sum() / (counts.sum() or 1)
        return float(loss), None if math.isnan(correct) else float(correct)

    def output_means(self) -> dict[str, tuple[float, float | None]]:
        """Return what `means` does of each of several outputs by its name, its own loss alone."""
        rows = self.rows[self._sizes[: len(self.rows)] > 0]
        found = {}
        for at, name in enumerate(self._outputs):
            loss, losses, correct, hits = rows[:, 3 + 4 * at : 7 + 4 * at].sum(axis=0)
            accuracy = None if math.isnan(correct) else float(correct / (hits or 1))
            found[name] = (float(loss / (losses or 1)), accuracy)
        return found
