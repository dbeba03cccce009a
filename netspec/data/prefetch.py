"""Reading examples in threads ahead of whoever takes them, in their order, as many at a time as memory allows.

Threads suffice: Pillow decodes and resizes, and the system reads files, without the interpreter's lock.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fillable", "Ring", "read_ahead", "readers", "threads"]

_T = TypeVar("_T")

_Done: TypeAlias = Callable[[NDArray[Any], NDArray[np.int64]], _T]
"""Makes what is handed out of a batch: of its rows, and of their numbers."""


class Fillable(Protocol):
    """Examples that can be read one by one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of their numbers."""

    def fill(self, at: int, out: NDArray[Any]) -> None:
        """Write one of them into an array."""


def threads() -> int:
    """Return how many threads read: one for each processor that this process may use, at most 16."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, usable))


@cache
def readers() -> ThreadPoolExecutor:
    """Return the threads that read, the same ones for all."""
    return ThreadPoolExecutor(threads(), thread_name_prefix="netspec-read")


class _Batch(Generic[_T]):
    """One batch while its rows are read; whoever reads the last of them hands it on."""

    def __init__(self, rows: Fillable, at: NDArray[np.int64], done: _Done[_T]) -> None:
        self.rows, self.at, self.done = rows, at, done
        self.result: Future[_T] = Future()
        self.array = np.zeros((len(at), *rows.shape[1:]), rows.dtype)
        self._lock = threading.Lock()
        own = np.flatnonzero(at >= 0)
        parts = [part for part in np.array_split(own, min(threads(), max(1, len(own)))) if len(part)]
        self._left = max(1, len(parts))
        for part in parts or [own]:
            readers().submit(self._read, part)

    def _read(self, part: NDArray[np.int64]) -> None:
        try:
            for i in part:
                if self.result.cancelled():
                    break
                self.rows.fill(int(self.at[i]), self.array[i, ...])
            with self._lock:
                self._left -= 1
                last = not self._left
            if last and self.result.set_running_or_notify_cancel():
                self.result.set_result(self.done(self.array, self.at))
        except BaseException as error:  # it is raised where the batch is taken
            with self._lock:
                if not self.result.done() and self._left >= 0:
                    self._left = -1
                    self.result.set_exception(error)


class Ring(Generic[_T]):
    """Batches that are being read, in their order: when one is taken the next one is begun.

    Args:
        rows: the examples.
        batches: which examples each has; below 0 are rows that are left zero.
        depth: how many there are at most, of which one is handed out.
        done: makes what is handed out of a batch, in the thread that reads its last row.
    """

    def __init__(self, rows: Fillable, batches: Iterable[NDArray[np.int64]], depth: int, done: _Done[_T]) -> None:
        self._rows, self._batches, self._done = rows, iter(batches), done
        self._waiting: deque[_Batch[_T]] = deque()
        for _ in range(depth):
            self._begin()

    def _begin(self) -> None:
        at = next(self._batches, None)
        if at is not None:
            self._waiting.append(_Batch(self._rows, at, self._done))

    @property
    def is_ready(self) -> bool:
        """Whether the next batch can be taken without waiting."""
        return bool(self._waiting) and self._waiting[0].result.done()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> _T:
        """Return the next batch; waits for it. Raises what reading it raised."""
        batch = self._waiting.popleft()
        try:
            return batch.result.result()
        finally:
            del batch
            self._begin()

    def close(self) -> None:
        """Read nothing any more."""
        while self._waiting:
            self._waiting.pop().result.cancel()


def read_ahead(rows: Fillable, batches: Iterable[NDArray[np.int64]], *, depth: int) -> Iterator[NDArray[Any]]:
    """Yield the rows of each batch as an array, the next ones being read meanwhile."""
    ring = Ring(rows, batches, depth, lambda array, at: array)
    try:
        while len(ring):
            yield ring.take()
    finally:
        ring.close()
