"""The lock of a run folder: one training at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from netspec.diagnostics.diagnostic import RunError
from netspec.system import locks
from netspec.system.files import open_to_add, open_to_read

__all__ = ["NAME", "RunLock", "is_held"]

NAME = ".lock"


def is_held(folder: Path) -> bool:
    """Return whether a process trains in a run folder, as far as the system tells; nothing is changed there."""
    try:
        with open_to_read(folder / NAME) as file:
            return locks.is_taken(file)
    except OSError:
        return False


class RunLock:
    """Holds a run folder for this process until it is released, or the process ends, however that happens.

    A lock of the system, not a file that stands for one: nothing is left behind by a process that was killed, and a
    copy of the folder is not locked.

    Args:
        folder: the run folder.

    Raises:
        RunError: when another process trains there, or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = open_to_add(folder / NAME, make=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(
                f"{folder / NAME} cannot be written: {reason}", "a training needs a folder it can write to"
            ) from None
        try:
            locks.take(self._file)
        except BlockingIOError:
            self._file.seek(0)
            owner = self._file.read(20).decode("ascii", errors="replace").strip()
            self._file.close()
            by = f"by process {owner}" if owner.isdecimal() else "by another process"
            raise RunError(
                f"{folder} is being trained in {by}", "wait until it has ended, or choose another folder"
            ) from None
        except OSError:  # a file system without locks: two processes there are on their own
            return
        with suppress(OSError):
            self._file.truncate(0)
            self._file.write(f"{os.getpid()}\n".encode())
            self._file.flush()

    def release(self) -> None:
        """Let others have the folder."""
        self._file.close()
