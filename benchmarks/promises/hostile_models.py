"""Hostile model files: each must be refused with a ModelFileError, in little memory."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.runs import model_file
from promises.frame import Effort, Found
from promises.hostile_files import corpus

__all__ = ["measure"]

_MOST = 128.0
"""MiB that refusing may take: eight times the longest header."""

_PATIENCE = 60
"""Seconds after which a file counts as one that is read without end."""


def measure(effort: Effort) -> Found:
    """Read every file of the corpus, in a process of its own, whose memory is looked at."""
    files = [(what, effort.folder / f"{i}.safetensors", write) for i, (what, write) in enumerate(corpus())]
    for _, path, write in files:
        write(path)
    wrong, slowest, grown = _outcomes([(what, path) for what, path, _ in files])
    return Found(
        done=f"{len(files)} hostile files: other formats, huge and ambiguous headers, specs that ask for too much, "
        "pipes and devices",
        figure=f"{len(files) - len(wrong)} refused{_listed(wrong)}; memory grew by {grown:.0f} MiB at most, "
        f"the slowest took {slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _listed(wrong: list[str]) -> str:
    return f", but not {'; '.join(wrong)}" if wrong else ""


def _outcomes(files: list[tuple[str, Path]]) -> tuple[list[str], float, float]:
    """Return what went wrong, the seconds of the slowest file, and by how much memory grew."""
    here, there = multiprocessing.Pipe()
    paths = [path for _, path in files]
    process = multiprocessing.get_context("spawn").Process(target=_read_all, args=(paths, there))
    process.start()
    there.close()
    wrong, slowest, grown = [], 0.0, 0.0
    try:
        for what, _ in files:
            if not here.poll(_PATIENCE):
                wrong.append(f"{what} (nothing came of it in {_PATIENCE} s)")
                break
            said, seconds, memory = here.recv()
            slowest, grown = max(slowest, seconds), max(grown, memory)
            if said:
                wrong.append(f"{what} ({said})")
    except EOFError:
        wrong.append(f"{what} (it ended the process)")
    process.kill()
    process.join()
    return wrong, slowest, grown


def _read_all(paths: list[Path], answer: Connection) -> None:
    """Read all files in turn, and send what came of each."""
    _refused(paths[0])  # what is imported at the first reading does not count
    before = _peak()
    for path in paths:
        began = time.perf_counter()
        said = _refused(path)
        answer.send((said, time.perf_counter() - began, _peak() - before))


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
