"""Floor 0: what a path is, and files that appear whole or not at all.

These are written as a temporary one beside the target, flushed, then renamed over it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Literal, TypeAlias

from netspec.diagnostics import NetspecError

__all__ = ["Kind", "atomic_path", "atomic_write", "expanded", "kind_of", "specs_beside"]

Kind: TypeAlias = Literal["file", "folder", "neither"]
"""What can be under a path; a device and a pipe are neither."""


def kind_of(path: Path, refusal: type[NetspecError]) -> Kind | None:
    """Return what is under a path, links followed; None where there is nothing.

    Args:
        path: what the user gave.
        refusal: the error to raise.

    Raises:
        NetspecError: as `refusal`, when the system does not tell: it may not be read, or is no name that a file can
            have.
    """
    # `Path.is_file` and the like let through what the system says of folders not to be read and of names too long.
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise refusal(f"{path} cannot be opened: {reason}", "give a path that can be read") from None
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "neither"


def specs_beside(path: Path) -> list[str]:
    """Return the names of the other specs in a file's folder; none where it cannot be looked into."""
    try:
        return [p.name for p in path.parent.glob("*.net") if p != path]
    except OSError:
        return []


def expanded(path: str | Path, refusal: type[NetspecError]) -> Path:
    """Return a path with a leading `~` or `~user` replaced by that user's folder.

    Args:
        path: what the user gave.
        refusal: the error to raise.

    Raises:
        NetspecError: as `refusal`, when there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        who = Path(path).parts[0]
        raise refusal(f"{path}: there is no user whose folder is {who}", "write the path in full") from None


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
