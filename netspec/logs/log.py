"""The contract of a log, and how the events of a training pass through some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from netspec.logs.table import TABLE, TableLog
from netspec.logs.tensorboard import TENSORBOARD, TensorBoardLog, require_tensorboard
from netspec.training.events import Event, Started

__all__ = ["LOGS", "Log", "kept_logs", "logged", "require"]


class Log(Protocol):
    """Keeps measurements in a run folder."""

    def add(self, event: Event) -> None:
        """Keep what an event says."""
        ...

    def close(self) -> None:
        """Write what is not written yet."""
        ...


LOGS: Mapping[str, Callable[[Path], Log]] = {"csv": TableLog, "tensorboard": TensorBoardLog}
"""Logs by the names of their flags, each begun with the run folder."""

_FILES = {"csv": TABLE, "tensorboard": TENSORBOARD}


def require(names: Iterable[str], resumed: Path | None = None) -> None:
    """Raise NetspecError where what a log needs is not installed.

    Args:
        names: of logs.
        resumed: the run folder, where they are those that it has.
    """
    if "tensorboard" in names:
        require_tensorboard(resumed)


def kept_logs(folder: Path) -> list[str]:
    """Return the names of the logs that a run folder has."""
    return [name for name, file in _FILES.items() if (folder / file).exists()]


def logged(events: Iterable[Any], names: Sequence[str]) -> Iterator[Any]:
    """Yield events, and keep them in logs from when the run folder is known; they are closed however this ends."""
    logs: list[Log] = []
    try:
        for event in events:
            if isinstance(event, Started) and event.folder is not None:
                logs = [LOGS[name](event.folder) for name in names]
            if isinstance(event, Event):
                for log in logs:
                    log.add(event)
            yield event
    finally:
        for log in logs:
            log.close()
