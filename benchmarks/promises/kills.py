"""Trainings that are killed without warning, again and again, and resumed: the same bits at the end."""

from __future__ import annotations

import time
from random import Random

from netspec.runs import files as runs
from promises.frame import Effort, Found
from promises.trainings import Training, campaigns

__all__ = ["found_of", "measure"]

_LONGEST = 6.0
"""Seconds after which a process is killed at the latest: about as long as the whole training takes."""


def measure(effort: Effort) -> Found:
    """Kill processes at random moments between their start and their end."""
    return found_of(effort, effort.of(200, 1))


def found_of(effort: Effort, count: int, *, streamed: bool = False) -> Found:
    """Kill processes so many times; `streamed` ones learn from pictures that are read batch by batch."""
    found, wrong = campaigns(effort, _killed, count, streamed=streamed)
    early = sum(not begun for begun in found)
    of = " of trainings that read pictures batch by batch" if streamed else ""
    return Found(
        done=f"{len(found)} processes{of} killed (SIGKILL) at random moments, {early} of them before they had begun to "
        "train; every training resumed until it ended",
        figure=f"{len(wrong)} trainings that could not be resumed or ended with other weights or measurements than the "
        "uninterrupted one" + (f": {wrong[0]}" if wrong else ""),
        kept=not wrong and len(found) == count,
    )


def _killed(training: Training, rng: Random) -> bool | None:
    """Kill a process of the training; returns whether there was something to resume, None where it had ended."""
    process = training.begin()
    # Late moments twice as often: at the beginning there is only the import of JAX to be cut off.
    time.sleep(_LONGEST * max(rng.random(), rng.random()))
    process.kill()
    process.communicate()
    return None if process.returncode == 0 else (training.run / runs.MANIFEST).exists()
