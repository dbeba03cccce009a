"""Downloading one file of known content from several mirrors, so that it is either right or not there."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import http.client
import itertools
import os
import time
import urllib.parse
import urllib.request
import uuid
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from netspec.data.types import DownloadProgress
from netspec.diagnostics.diagnostic import DatasetUnavailableError
from netspec.diagnostics.visible import visible
from netspec.system import locks
from netspec.system.files import open_to_read, replace
from netspec.system.places import offline

__all__ = ["download", "file_sha256"]

_CHUNK = 2**16
_PATIENCE = 30.0  # seconds after which a mirror must have given at least _SLOWEST bytes a second
_SLOWEST = 1024.0
_FORGOTTEN = 3600.0  # seconds after which a partial file that nobody writes to is removed
_WRAPPING = 2**20  # bytes that gzip may add to what it cannot compress
_LONGEST = 100  # characters of a server's answer in a message


class _MirrorError(Exception):
    """What one mirror did wrong; the next one is tried."""


@dataclass(frozen=True, slots=True)
class _File:
    """What is wanted, and how; the fields are the arguments of `download`."""

    target: Path
    sha256: str
    size: int
    progress: DownloadProgress | None
    timeout: float
    unpack: bool


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str,
    size: int,
    progress: DownloadProgress | None = None,
    timeout: float = 5.0,
    unpack: bool = True,
) -> Path:
    """Put a file of known content at `target`, unless it is there already.

    The bytes go to a temporary file beside the target and take its name only when their hash is right: who
    looks sees the whole file or none, whatever is killed and however many processes do the same at once.

    Args:
        urls: the mirrors, tried in turn.
        target: the file; missing folders above it are made.
        sha256: of the file, in hexadecimal.
        size: of the file in bytes; nothing larger is accepted.
        progress: called with the name of the file, the bytes received and the bytes to come in all.
        timeout: seconds to wait for a connection, and for each further piece.
        unpack: whether what arrives gzip-wrapped is unpacked on the way; else it is kept as it is.

    Returns:
        `target`.

    Raises:
        DatasetUnavailableError: no mirror gave that content, the network is forbidden, or the disk refused.
    """
    file = _File(target, sha256, size, progress, timeout, unpack)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            if not (target.is_file() and file_sha256(target) == sha256):
                _from_any(urls, file)
    except OSError as error:
        raise DatasetUnavailableError(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open_to_read(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def _from_any(urls: Sequence[str], file: _File) -> None:
    if offline():
        raise DatasetUnavailableError(f"{file.target.name} was not downloaded: NETSPEC_OFFLINE is set")
    _sweep(file.target)
    failures = []
    for url in urls:
        partial = file.target.with_name(f".{file.target.name}.{uuid.uuid4().hex}.part")
        try:
            with partial.open("xb") as stream:
                _receive(url, stream, file)
                stream.flush()
                os.fsync(stream.fileno())
            if file_sha256(partial) != file.sha256:
                raise _MirrorError("other content than expected")
            replace(partial, file.target)
            _sync_folder(file.target.parent)
        except _MirrorError as error:
            # What a server says is shown, but steers no terminal and fills none.
            failures.append(f"{urllib.parse.urlsplit(url).netloc}: {visible(str(error)[:_LONGEST])}")
        else:
            return
        finally:
            partial.unlink(missing_ok=True)
    raise DatasetUnavailableError(f"{file.target.name} could not be downloaded ({'; '.join(failures)})")


def _sweep(target: Path) -> None:
    """Remove what processes left that were killed while they downloaded; one at work writes every few seconds."""
    for partial in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _FORGOTTEN:
                partial.unlink()


def _receive(url: str, stream: BinaryIO, file: _File) -> None:
    """Write what `url` sends to `stream`, unpacked where it is to be: exactly `size` bytes."""
    written, pieces = 0, _pieces(url, file)
    for content in _unpacked(pieces) if file.unpack else pieces:
        written += len(content)
        if written > file.size:
            raise _MirrorError("more bytes than expected")
        stream.write(content)
    if written < file.size:
        raise _MirrorError("cut short")


def _pieces(url: str, file: _File) -> Iterator[bytes]:
    """Yield what a URL sends, piece by piece, and not without end."""
    started, done = time.monotonic(), 0
    try:
        with urllib.request.urlopen(url, timeout=file.timeout) as response:
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            # read1 returns what has arrived; read would wait for a whole chunk, and see slowness too late.
            while piece := response.read1(_CHUNK):
                done += len(piece)
                seconds = time.monotonic() - started
                if done > file.size + _WRAPPING:
                    raise _MirrorError("more bytes than expected")
                if seconds > _PATIENCE and done < _SLOWEST * seconds:
                    raise _MirrorError("too slow")
                if file.progress:
                    file.progress(file.target.name, done, total)
                yield piece
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _MirrorError(str(getattr(error, "reason", error)) or type(error).__name__) from error


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same content, unpacked if it begins as a gzip file does; no piece of it is large."""
    head = b""
    while len(head) < 2 and (piece := next(pieces, b"")):
        head += piece
    pieces = itertools.chain([head], pieces)
    if head[:2] != b"\x1f\x8b":
        yield from pieces
        return
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for packed in pieces:
            rest = packed
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
            if unpacker.eof:
                break
    except zlib.error as error:
        raise _MirrorError("damaged gzip data") from error
    if unpacker.unused_data or next(pieces, b""):
        raise _MirrorError("more bytes than expected")
    if not unpacker.eof:
        raise _MirrorError("cut short")


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Let one process download while others wait; where locks do not work, each downloads, as safely."""
    with target.with_name(f".{target.name}.lock").open("ab") as lock:
        with contextlib.suppress(OSError):
            locks.take(lock, wait=True)
        yield


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
