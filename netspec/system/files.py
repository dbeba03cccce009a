"""What a path is; files appear whole or not at all, and only files are opened.

A file is written as a temporary one beside the target, flushed, then renamed over it. A folder may come from somebody
else: what is opened there must be a regular file, since a pipe would be waited for, and what is added to is no link,
since that may lead to any file of the user's.
"""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal, TypeAlias

from netspec.diagnostics.diagnostic import NetspecError

__all__ = [
    "Kind",
    "atomic_path",
    "atomic_write",
    "expanded",
    "kind_of",
    "open_to_add",
    "open_to_read",
    "read_given",
    "read_text",
    "replace",
    "sweep",
]

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


def open_to_read(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Raises:
        OSError: when it is another thing, is not there, or cannot be read.
    """
    return os.fdopen(_regular(path, os.O_RDONLY), "rb")


def read_text(path: Path) -> str:
    """Return the text in a regular file; errors are those of `open_to_read`, and ValueError where it is no UTF-8."""
    with open_to_read(path) as stream:
        # Line ends as in text mode.
        return stream.read().decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def read_given(path: Path, most: int) -> bytes:
    """Return so many bytes of a regular file at most, or of what a shell hands over as `<(…)` or `/dev/stdin`.

    Raises:
        OSError: when it is another thing, such as a named pipe, for whose other end one would wait forever; or nothing
            comes for a while.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISFIFO(mode) and _HANDED.fullmatch(str(path)):
        return _read_pipe(path, most)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_what(mode)}, not a file", str(path))
    with open_to_read(path) as stream:
        return stream.read(most)


_HANDED = re.compile(r"/dev/stdin|(/dev/fd|/proc/self/fd)/[0-9]+")
_PATIENCE = 10.0  # seconds until the next bytes


def _read_pipe(path: Path, most: int) -> bytes:
    found = bytearray()
    # Windows has no such pipes, and no such flags.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        while len(found) < most:
            if not select.select([handle], [], [], _PATIENCE)[0]:
                raise OSError(errno.ETIMEDOUT, f"nothing has come from it for {_PATIENCE:.0f} seconds", str(path))
            with suppress(BlockingIOError):
                piece = os.read(handle, most - len(found))
                if not piece:
                    break
                found += piece
    finally:
        os.close(handle)
    return bytes(found)


def _what(mode: int) -> str:
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"


def open_to_add(path: Path, *, make: bool) -> BinaryIO:
    """Open a regular file, never through a link, for reading and for writing at its end.

    Args:
        path: the file.
        make: whether to make it where it is missing.

    Raises:
        OSError: when it is another thing, or cannot be written.
    """
    flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | (os.O_CREAT if make else 0)
    try:
        return os.fdopen(_regular(path, flags), "a+b")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link", str(path)) from None
        raise


def _regular(path: Path, flags: int) -> int:
    # Without waiting for whoever is at the other end of a pipe; to files that makes no difference.
    others = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | others, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return handle


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
        replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def replace(source: Path, target: Path) -> None:
    """Give a file the name of another one, which is gone then.

    Windows refuses that as long as another program has the other one open, be it to read or to look for viruses: there
    it is tried again for a while.

    Raises:
        OSError: when it cannot be done.
    """
    for pause in _PAUSES:
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    source.replace(target)


_PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0, 1.0) if os.name == "nt" else ()
"""Seconds between the attempts."""


def atomic_write(target: Path, data: bytes | str, mode: int | None = None) -> None:
    """Write a whole file at once; arguments and errors are those of `atomic_path`."""
    with atomic_path(target, mode) as temporary:
        temporary.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


def sweep(folder: Path, ours: Callable[[str], bool]) -> None:
    """Remove the temporary files of `atomic_path` that a process left when it was killed.

    Args:
        folder: where they lie; it may be missing.
        ours: whether a file of this name is written there by netspec. What is left of others stays.
    """
    for path in folder.glob(".*"):
        # mkstemp puts eight such characters between what it is given.
        found = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}(\.[^.]+)?", path.name)
        if found and Path(found[1]).suffix == (found[2] or "") and ours(found[1]):
            with suppress(OSError):
                path.unlink()


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
