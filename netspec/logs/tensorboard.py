"""`tensorboard/`: the files that TensorBoard reads, written by its own library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import NetspecError
from netspec.training.events import Event, Started, measurements

__all__ = ["TENSORBOARD", "TensorBoardLog", "require_tensorboard"]

TENSORBOARD = "tensorboard"


def require_tensorboard(resumed: Path | None = None) -> None:
    """Raise NetspecError where TensorBoard is not installed.

    Args:
        resumed: the run folder, where a training goes on that wrote for TensorBoard.
    """
    try:
        import tensorboard  # noqa: F401, PLC0415
    except ImportError:
        install = 'pip install "netspec[tensorboard]"'
        if resumed is not None:
            files = resumed / TENSORBOARD
            raise NetspecError(
                f"{files} is for TensorBoard, which is not installed here",
                f"{install}, or go on without it: move {files} elsewhere",
            ) from None
        raise NetspecError(
            "--tensorboard needs TensorBoard", f"{install}, or leave it out: metrics.jsonl has all"
        ) from None


class TensorBoardLog:
    """Adds the measurements of events to files in the run folder; a training that goes on begins a further one."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: PLC0415

        self._writer: Any = EventFileWriter(str(folder / TENSORBOARD))

    def add(self, event: Event) -> None:
        """Add what an event measured, at its step."""
        from tensorboard.compat.proto import event_pb2, summary_pb2  # noqa: PLC0415

        now = time.time()
        if isinstance(event, Started):
            # What an interrupted training wrote behind its last checkpoint is passed over: from this step on.
            begins = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._writer.add_event(event_pb2.Event(wall_time=now, step=event.step + 1, session_log=begins))
            return
        values = measurements(event)
        if values:
            summary = summary_pb2.Summary(
                value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
            )
            self._writer.add_event(event_pb2.Event(wall_time=now, step=event.step, summary=summary))  # type: ignore[union-attr]

    def close(self) -> None:
        """Write what is not written yet."""
        self._writer.close()
