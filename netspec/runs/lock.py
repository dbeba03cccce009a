"""The lock of a run folder: one training at a time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from netspec.diagnostics.diagnostic import RunError
from netspec.system.files import open_to_add, open_to_read

if sys.platform != "win32":
    import fcntl

__all__ = ["NAME", "RunLock", "is_held"]

NAME = ".lock"


def is_held(folder: Path) -> bool:
    """Return whether a process trains in a run folder, as far as the system tells; nothing is changed there."""
    if sys.platform == "win32":
        return False
    try:
        with open_to_read(folder / NAME) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
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
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
