"""Hostile model files: each must be refused with a ModelFileError, in little memory."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from netspec import model_file
from netspec.diagnostics import ModelFileError
from promises.frame import Effort, Found
from promises.hostile_files import corpus

__all__ = ["measure"]

_MOST = 128.0
"""MiB that refusing may take: eight times the longest header."""


def measure(effort: Effort) -> Found:
    """Read every file of the corpus, in a process of its own, whose memory is looked at."""
    files = [(what, effort.folder / f"{i}.safetensors", write) for i, (what, write) in enumerate(corpus())]
    for _, path, write in files:
        write(path)
    here, there = multiprocessing.Pipe()
    work = ([(what, path) for what, path, _ in files], there)
    process = multiprocessing.get_context("spawn").Process(target=_read_all, args=work)
    process.start()
    there.close()
    try:
        wrong, grown, slowest = here.recv()
    except EOFError:  # it was ended by what it read
        wrong, grown, slowest = ["the process that read them died"], 0.0, 0.0
    process.join()
    return Found(
        done=f"{len(files)} hostile files: other formats, huge and ambiguous headers, specs that ask for too much, "
        "pipes and devices",
        figure=f"{len(files) - len(wrong)} refused{_listed(wrong)}; memory grew by {grown:.0f} MiB at most, "
        f"the slowest took {slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _listed(wrong: list[str]) -> str:
    return f", but not {'; '.join(wrong)}" if wrong else ""


def _read_all(files: list[tuple[str, Path]], answer: Connection) -> None:
    wrong: list[str] = []
    slowest = 0.0
    _refused(files[0][1])  # what is imported at the first reading does not count
    before = _peak()
    for what, path in files:
        began = time.perf_counter()
        said = _refused(path)
        slowest = max(slowest, time.perf_counter() - began)
        if said:
            wrong.append(f"{what} ({said})")
    answer.send((wrong, _peak() - before, slowest))


def _refused(path: Path) -> str:
    """Return what came of reading a file that must not load; empty where that is right."""
    try:
        model_file.read(path)
    except ModelFileError as error:
        return "" if str(path) in error.message else "the message does not name it"
    except BaseException as error:  # what else comes out is what the promise is about
        return type(error).__name__
    return "loaded"


def _peak() -> float:
    """Return the most memory that this process has held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says on Linux begins with what the process that started this one held
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
