"""Floor 0: files appear whole or not at all: a temporary one beside the target, flushed, then renamed over it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

__all__ = ["atomic_path", "atomic_write"]


@contextmanager
def atomic_path(target: Path, mode: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside `target` that replaces it when the block ends well, and vanishes otherwise.

    Args:
        target: the file, new or old.
        mode: its permissions; those of any new file unless given.

    Raises:
        OSError: when the folder cannot be written to.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes files private; a finished one is as readable as any other the user writes.
        temporary.chmod(0o666 & ~_umask() if mode is None else mode)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def atomic_write(target: Path, data: bytes | str, mode: int | None = None) -> None:
    """Write a whole file at once; arguments and errors are those of `atomic_path`."""
    with atomic_path(target, mode) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


_LOOKING = Lock()


def _umask() -> int:
    # It can only be read by changing it: by one thread at a time, and to one that makes files of others private.
    with _LOOKING:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
