"""Locks of files: those of the system, which are gone with the process that holds them, however it ends.

POSIX has `flock`. Windows has `msvcrt.locking`, which keeps others from reading the bytes that it locks: it is given
one far behind whatever is written in the file.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import Any, BinaryIO

__all__ = ["is_taken", "release", "take"]

# Each is there on its own system only, and so are the names in it for whoever checks types.
fcntl: Any = None
msvcrt: Any = None
with suppress(ImportError):
    import fcntl
with suppress(ImportError):
    import msvcrt

_PLACE = 2**30
"""The byte that is locked on Windows."""

_PAUSE = 0.05
"""Seconds between two attempts there."""

_ATTEMPTS = 4
"""So many before it counts as another's: whoever asks `is_taken` holds it for a moment."""


def take(file: BinaryIO, *, wait: bool = False) -> None:
    """Lock a file for this process, until it is released or closed.

    Args:
        file: open for reading, for writing or for both.
        wait: until whoever holds it lets it go.

    Raises:
        BlockingIOError: when another holds it and it is not waited for.
        OSError: when there are no locks where it lies.
    """
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return
    attempts = 1
    while not _lock_byte(file):
        if not wait and attempts >= _ATTEMPTS:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        attempts += 1
        time.sleep(_PAUSE)


def is_taken(file: BinaryIO) -> bool:
    """Return whether another holds the lock of a file; raises OSError when there are no locks where it lies."""
    if fcntl:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False
    if not _lock_byte(file):
        return True
    release(file)
    return False


def release(file: BinaryIO) -> None:
    """Let others have a file that was taken, as closing it does."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        _at_place(file, "LK_UNLCK")


def _lock_byte(file: BinaryIO) -> bool:
    """Lock the byte on Windows; return whether it is this process's now."""
    try:
        _at_place(file, "LK_NBLCK")
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EDEADLK, errno.EAGAIN}:
            return False
        raise
    return True


def _at_place(file: BinaryIO, mode: str) -> None:
    if not msvcrt:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
    handle = file.fileno()
    before = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _PLACE, os.SEEK_SET)
    try:
        msvcrt.locking(handle, getattr(msvcrt, mode), 1)
    finally:
        os.lseek(handle, before, os.SEEK_SET)
