"""What becomes of bad files in a process of their own, and how much memory that takes."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__ = ["outcomes", "peak"]


def outcomes(read: Callable[[Any], str], items: Sequence[Any], patience: float = 60) -> tuple[list[str], float, float]:
    """Return what came of each item, the seconds of the slowest, and by how many MiB memory grew.

    Args:
        read: takes an item and says what came of it; a function of a module, for it is called in another process.
        items: the first is read once before, so that what is imported then does not count.
        patience: seconds after which an item counts as one that is read without end.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_read_all, args=(read, items, there))
    process.start()
    there.close()
    said, slowest, grown = [], 0.0, 0.0
    try:
        for _ in items:
            if not here.poll(patience):
                said.append(f"nothing came of it in {patience:.0f} s")
                break
            outcome, seconds, memory = here.recv()
            slowest, grown = max(slowest, seconds), max(grown, memory)
            said.append(outcome)
    except EOFError:
        said.append("it ended the process")
    process.kill()
    process.join()
    return said, slowest, grown


def _read_all(read: Callable[[Any], str], items: Sequence[Any], answer: Connection) -> None:
    read(items[0])
    before = peak()
    for item in items:
        began = time.perf_counter()
        said = read(item)
        answer.send((said, time.perf_counter() - began, peak() - before))


def peak() -> float:
    """Return the most memory that this process has held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux begins with what the process that started this one held
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
