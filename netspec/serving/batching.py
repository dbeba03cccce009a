"""Examples of several requests computed together: a thread takes what waits and pads it to a compiled size."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

import numpy as np

from netspec.data.types import Arrays, by_array, each_array
from netspec.workflows.answer_facts import by_example

__all__ = ["Batcher", "Ended", "Full", "batch_sizes"]

_STEP = 8
"""From one compiled size to the next."""


class Full(Exception):  # noqa: N818 - a state of the queue, not a mistake
    """So many examples wait that no more are taken."""


class Ended(Exception):  # noqa: N818 - likewise of the server
    """The server ends, and takes no more examples."""


def batch_sizes(most: int) -> tuple[int, ...]:
    """Return the sizes of batches that are compiled: 1, 8, 64 and so on, and the largest."""
    sizes = [1]
    while sizes[-1] * _STEP < most:
        sizes.append(sizes[-1] * _STEP)
    return tuple(dict.fromkeys([*sizes, most]))


@dataclass(eq=False, slots=True)
class _Job:
    """The examples of one request, and the answers that are there."""

    array: Arrays
    form: tuple[Any, ...]
    count: int
    arrived: float
    future: Future[list[Any]]
    taken: int = 0
    answers: list[Any] = field(default_factory=list)


class Batcher:
    """Computes predictions in batches.

    Examples of requests that arrive within `wait` of each other are computed together. What is computed for an example
    does not depend on those beside it: the rows of a batch never meet, and the last one is repeated to fill it.

    Args:
        predict: returns the predictions of examples, those of several outputs by their names.
        sizes: of batches, in order.
        wait: seconds that the first example of a batch waits for others.
        most: examples that may wait; a request of more is taken where nothing waits.
        computed: called with the number of examples of each batch.
    """

    def __init__(
        self,
        predict: Callable[[Arrays], Any],
        sizes: Sequence[int],
        *,
        wait: float,
        most: int,
        computed: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._predict, self._sizes, self._wait, self._most, self._computed = predict, tuple(sizes), wait, most, computed
        self._jobs: deque[_Job] = deque()
        self._changed = Condition()
        self._ending = False
        self._thread = Thread(target=self._work, name="netspec-batches", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many examples wait."""
        with self._changed:
            return self._count()

    def _count(self) -> int:
        return sum(job.count - job.taken for job in self._jobs)

    def submit(self, array: Arrays) -> Future[list[Any]]:
        """Return the future answers for examples that are as the network takes them, one for each.

        Raises:
            Full: too many wait already.
            Ended: the server ends.
        """
        arrays = list(each_array(array))
        form = tuple((one.dtype.str, one.shape[1:]) for one in arrays)
        job = _Job(array, form, len(arrays[0]), time.monotonic(), Future())
        # Who waits may leave, but cannot cancel it: the thread that sets its result would end with an error.
        job.future.set_running_or_notify_cancel()
        with self._changed:
            if self._ending:
                raise Ended
            waiting = self._count()
            if waiting and waiting + job.count > self._most:
                raise Full
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def end(self) -> None:
        """Compute what waits, and end."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while pieces := self._next():
            self._compute(pieces)

    def _next(self) -> list[tuple[_Job, int, int]]:
        """Return the jobs of the next batch and which of their examples are in it; none where the server ends."""
        most = self._sizes[-1]
        with self._changed:
            while not self._jobs:
                if self._ending:
                    return []
                self._changed.wait()
            until = self._jobs[0].arrived + self._wait
            while self._count() < most and not self._ending and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            form, room = self._jobs[0].form, most
            pieces = []
            for job in self._jobs:
                if job.form == form and room:
                    count = min(room, job.count - job.taken)
                    pieces.append((job, job.taken, job.taken + count))
                    job.taken += count
                    room -= count
            self._jobs = deque(job for job in self._jobs if job.taken < job.count)
            return pieces

    def _compute(self, pieces: Sequence[tuple[_Job, int, int]]) -> None:
        count = sum(end - begin for _, begin, end in pieces)
        try:
            answers = by_example(self._predict(self._batch(pieces, count)))
        except Exception as error:  # whatever it is, those who wait are told
            self._drop([job for job, _, _ in pieces], error)
            return
        self._computed(count)
        at = 0
        for job, begin, end in pieces:
            job.answers += answers[at : at + end - begin]
            at += end - begin
            if len(job.answers) == job.count and not job.future.done():
                job.future.set_result(job.answers)

    def _batch(self, pieces: Sequence[tuple[_Job, int, int]], count: int) -> Arrays:
        size = next(size for size in self._sizes if size >= count)

        def part(job: _Job, begin: int, end: int) -> Arrays:
            return by_array(lambda array: array[begin:end], job.array)

        def joined(arrays: Sequence[Any]) -> Any:
            fill = [np.repeat(arrays[-1][-1:], size - count, axis=0)] if size > count else []
            return np.concatenate([*arrays, *fill])

        parts: list[Any] = [part(*piece) for piece in pieces]
        first = parts[0]
        return {name: joined([p[name] for p in parts]) for name in first} if isinstance(first, dict) else joined(parts)

    def _drop(self, jobs: Sequence[_Job], error: Exception) -> None:
        with self._changed:
            self._jobs = deque(job for job in self._jobs if job not in jobs)
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)
