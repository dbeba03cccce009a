"""Examples that are not kept on the device: each call of the program gets its own, read ahead in threads.

A call takes the examples of its steps as one array, in which the example at position p of the epoch is row p modulo the
number of rows. The program is the one that takes its examples out of the whole set, so that every number is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.data.prefetch import Ring
from netspec.data.rows import Rows
from netspec.data.types import Split, by_array

__all__ = ["Ahead", "Placed", "Streamed"]

_MEMORY = 256 * 2**20
"""Bytes of the batches that are read ahead, where that is more than two of them."""

_MOST = 16
"""Batches that are read ahead at most."""


class Ahead(NamedTuple):
    """The examples of a call that will come.

    Attributes:
        rows: how many rows its array has.
        first: its first position in the epoch.
        examples: which ones, from that position on.
    """

    rows: int
    first: int
    examples: NDArray[np.int32]

    def is_like(self, other: Ahead) -> bool:
        """Return whether another call has the same examples in the same places."""
        return self[:2] == other[:2] and np.array_equal(self.examples, other.examples)


class Placed(NamedTuple):
    """The examples of one call, on the device."""

    images: Any
    labels: Any


class Streamed:
    """A split whose images are read when they are needed; its labels are in memory.

    Args:
        split: the examples.
        group: the devices that share each batch.

    Attributes:
        size: how many examples there are.
        waited: seconds in which the device had nothing to do because the examples were not there yet.
    """

    def __init__(self, split: Split, group: DeviceGroup) -> None:
        self.split, self.group, self.size = split, group, len(split)
        self.waited = 0.0
        self._orders: dict[int, jax.Array] = {}
        self._plan: Iterator[Ahead] = iter(())
        self._begun: list[Ahead] = []
        self._ring: Ring[Placed] | None = None

    @property
    def rows(self) -> Rows:
        """The images."""
        rows: Rows = self.split.images
        return rows

    def like(self, rows: int) -> Placed:
        """Return what a call with so many rows gets, as shapes and types alone."""

        def blank(array: Any) -> Any:
            shape = (rows, *array.shape[1:])
            return jax.ShapeDtypeStruct(shape, array.dtype, sharding=self.group.sharding)  # type: ignore[no-untyped-call]

        return Placed(blank(self.rows), by_array(blank, self.split.labels))

    def order(self, rows: int, positions: int) -> jax.Array:
        """Return where the example at each position of an epoch is in an array of so many rows, on the device."""
        if rows not in self._orders:
            self._orders[rows] = self.group.replicate(np.arange(positions, dtype=np.int32) % rows)
        return self._orders[rows]

    def follow(self, plan: Iterable[Ahead]) -> None:
        """Begin to read ahead for the calls that come next; what was read for others is forgotten."""
        self.close()
        self._plan = iter(plan)

    def close(self) -> None:
        """Read nothing ahead any more."""
        if self._ring is not None:
            self._ring.close()
        self._ring, self._plan, self._begun = None, iter(()), []

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        """Yield the examples of the calls of the plan, by the rows that they lie in."""
        for ahead in self._plan:
            self._begun.append(ahead)
            yield self._laid_out(ahead)

    def _laid_out(self, ahead: Ahead) -> NDArray[np.int64]:
        at = np.full(ahead.rows, -1, np.int64)
        places = (ahead.first + np.arange(len(ahead.examples))) % ahead.rows
        at[places] = ahead.examples
        return at

    def take(self, ahead: Ahead, busy: Callable[[], Any]) -> Placed:
        """Return the examples of a call: those that were read ahead, if it is the one that was planned.

        Args:
            ahead: the call.
            busy: waits until the device has nothing left to do.
        """
        # Not more than one call is under way: each keeps its examples in memory until it is over.
        busy()
        if self._ring is None:
            self._ring = Ring(self.rows, self._batches(), self._depth(ahead.rows), self._place)
        began = time.perf_counter()
        try:
            if self._begun and self._begun[0].is_like(ahead):
                self._begun.pop(0)
                return self._ring.take()
            # A step that is taken again, to find out what was wrong with it.
            return Ring(self.rows, [self._laid_out(ahead)], 1, self._place).take()
        finally:
            self.waited += time.perf_counter() - began

    def in_turn(self, batch: int) -> Iterator[Placed]:
        """Yield all examples in their order, `batch` at a time; the last ones are the last `batch`."""
        own, rows = self.group.own_rows(batch), np.arange(batch, dtype=np.int64)
        starts = range(0, self.size, batch)
        batches = (np.where(own, rows + min(start, self.size - batch), -1) for start in starts)
        ring = Ring(self.rows, batches, self._depth(batch), self._place)
        try:
            while len(ring):
                began = time.perf_counter()
                placed = ring.take()
                self.waited += time.perf_counter() - began
                yield placed
        finally:
            ring.close()

    def take_here(self, indices: NDArray[Any]) -> Placed:
        """Return some examples on the first device of this process."""
        images, labels = self.rows.read(indices), by_array(lambda array: array[indices], self.split.labels)
        placed: Placed = self.group.local(self.group.replicate(Placed(images, labels)))
        return placed

    def _depth(self, rows: int) -> int:
        return max(2, min(_MOST, _MEMORY // max(1, rows * self.rows.row_bytes)))

    def _place(self, images: NDArray[Any], at: NDArray[np.int64]) -> Placed:
        """Copy a batch to the device, in the thread that read the last of it."""
        labels = self.split.labels
        own: Any = {k: a[at] for k, a in labels.items()} if isinstance(labels, Mapping) else labels[at]
        placed: Placed = self.group.replicate(Placed(images, own))
        return placed
