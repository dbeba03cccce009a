"""Hostile model files: each must be refused with a ModelFileError, in little memory."""

from __future__ import annotations

from pathlib import Path

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.runs import model_file
from promises.frame import Effort, Found
from promises.hostile_files import corpus
from promises.memory import outcomes

__all__ = ["measure"]

_MOST = 128.0
"""MiB that refusing may take: eight times the longest header."""


def measure(effort: Effort) -> Found:
    """Read every file of the corpus, in a process of its own, whose memory is looked at."""
    files = [(what, effort.folder / f"{i}.safetensors", write) for i, (what, write) in enumerate(corpus())]
    for _, path, write in files:
        write(path)
    said, slowest, grown = outcomes(_refused, [path for _, path, _ in files])
    wrong = [f"{what} ({own})" for (what, _, _), own in zip(files, said, strict=False) if own]
    return Found(
        done=f"{len(files)} hostile files: other formats, huge and ambiguous headers, specs that ask for too much, "
        "pipes and devices",
        figure=f"{len(files) - len(wrong)} refused{_listed(wrong)}; memory grew by {grown:.0f} MiB at most, "
        f"the slowest took {slowest:.1f} s",
        kept=not wrong and grown < _MOST,
    )


def _listed(wrong: list[str]) -> str:
    return f", but not {'; '.join(wrong)}" if wrong else ""


def _refused(path: Path) -> str:
    """Return what came of reading a file that must not load; empty where that is right."""
    try:
        model_file.read(path)
    except ModelFileError as error:
        return "" if str(path) in error.message else "the message does not name it"
    except BaseException as error:  # what else comes out is what the promise is about
        return type(error).__name__
    return "loaded"
