"""A cache of decoded pictures on disk, so that later epochs and later trainings do not decode them again.

Each set of files has a folder: `index`, what is known of each picture, `rows`, the pictures one after the other, and
`kept.json`, hashes of many of them. A picture counts if its checksum fits: whatever a killed process, a full disk or
another process left behind is decoded again. Rows are read, not mapped: a mapped file that is cut off ends the process,
and what was looked at of it counts as memory of the process.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import NetspecError
from netspec.system.files import atomic_write
from netspec.system.places import cache_root

__all__ = ["OFF", "PictureCache", "cache_limit", "cached_bytes", "open_cache", "pictures_folder"]

OFF = "NETSPEC_PICTURE_CACHE"
"""The environment variable that turns the cache off, `off`, or says how many gigabytes it may take: `200GB`."""

_GIGABYTE = 10**9
_LIMIT = 64 * _GIGABYTE
_SPARE = 2 * _GIGABYTE
"""Of a disk this much stays free."""

ENTRY = np.dtype([("digest", "V16"), ("draw", "<u8"), ("pixels", "<u4"), ("check", "<u4")])
"""What is known of a picture: a hash of its file, its place in the draw for validation, the checksum of its pixels, and
one of all this."""


def pictures_folder() -> Path:
    """Return the folder of this cache."""
    return cache_root() / "pictures"


def cache_limit() -> int:
    """Return how many bytes all pictures may take; 0 where nothing is kept.

    Raises:
        NetspecError: when the environment variable says neither.
    """
    said = os.environ.get(OFF, "").strip().lower()
    if said in {"", "on"}:
        return _LIMIT
    if said in {"off", "no", "false", "0"}:
        return 0
    try:
        number = int(float(said.removesuffix("gb")) * _GIGABYTE)
    except (ValueError, OverflowError):
        number = -1
    if number < 0:
        raise NetspecError(f"{OFF} is {said!r}", f"say `{OFF}=off`, or how much it may take: `{OFF}=200GB`")
    return number


def cached_bytes() -> tuple[int, int]:
    """Return how many sets of pictures are kept, and the bytes that they take."""
    sizes = [_size(folder) for folder in _sets()]
    return len(sizes), sum(sizes)


def _sets() -> list[Path]:
    folder = pictures_folder()
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            # Of a file with holes only what is written takes room.
            found = path.stat()
            total += getattr(found, "st_blocks", -(-found.st_size // 512)) * 512
    return total


@dataclass
class PictureCache:
    """What is kept of one set of pictures.

    Attributes:
        folder: where; None where nothing is kept, and everything is decoded whenever it is needed.
        count: of pictures.
        bytes_each: of a decoded picture.
        entries: what is known of each, (N,) of `ENTRY`; zeros where nothing is.
        keeps_rows: whether the pictures themselves are kept, and not only what is known of them.
        reason: why not.
    """

    folder: Path | None
    count: int
    bytes_each: int
    entries: NDArray[Any]
    keeps_rows: bool
    reason: str = ""

    def __post_init__(self) -> None:
        self._rows, self._index = -1, -1
        self._lock = threading.Lock()
        self._memory: dict[str, str] = {}
        if self.folder is not None:
            self._open(self.folder)

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._index = _opened(folder / "index", self.count * ENTRY.itemsize)
            if self.keeps_rows:
                self._rows = _opened(folder / "rows", self.count * self.bytes_each)
            # By this time it is seen which ones are the oldest.
            os.utime(folder)
        except OSError as error:
            self._give_up(f"{folder} cannot be written: {error.strerror or error}")
            return
        found = np.frombuffer(_read_at(self._index, self.count * ENTRY.itemsize, 0), ENTRY).copy()
        if len(found) == self.count:
            whole = [_check(entry) == entry["check"] for entry in found]
            self.entries[whole] = found[whole]
        with suppress(OSError, ValueError):
            kept = json.loads((folder / "kept.json").read_text(encoding="utf-8"))
            self._memory = {str(key): str(value) for key, value in kept.items()} if isinstance(kept, dict) else {}

    def _give_up(self, reason: str) -> None:
        """Write nothing any more."""
        self.keeps_rows, self.folder, self.reason = False, None, reason
        self.close()

    def close(self) -> None:
        """Close the files."""
        for stream in (self._rows, self._index):
            if stream >= 0:
                with suppress(OSError):
                    os.close(stream)
        self._rows = self._index = -1

    def knows(self, number: int) -> bool:
        """Return whether a picture was decoded before."""
        return bool(self.entries[number]["check"])

    def read(self, number: int, out: NDArray[Any]) -> bool:
        """Write a picture into an array; returns whether it is there, and as it was."""
        stream = self._rows
        if stream < 0 or not self.knows(number):
            return False
        try:
            whole = _read_into(stream, out, number * self.bytes_each)
        except OSError:
            return False
        return whole and zlib.crc32(out.data) == self.entries[number]["pixels"]

    def write(self, number: int, digest: bytes, draw: int, pixels: NDArray[Any]) -> None:
        """Keep a picture, as far as there is room."""
        entry = np.zeros((), ENTRY)
        entry["digest"], entry["draw"], entry["pixels"] = np.void(digest), draw, zlib.crc32(pixels.data)
        entry["check"] = _check(entry)
        try:
            if self._rows >= 0:
                _write_at(self._rows, pixels.data.cast("B"), number * self.bytes_each)
            if self._index >= 0:
                _write_at(self._index, entry.tobytes(), number * ENTRY.itemsize)
        except OSError as error:
            with self._lock:
                if self._index >= 0:
                    # What others are reading stays open; what was written stays right.
                    self.keeps_rows, self.reason = False, f"{self.folder}: {error.strerror or error}"
        self.entries[number] = entry

    def remembered(self, key: str) -> str | None:
        """Return a text that was kept."""
        return self._memory.get(key)

    def remember(self, key: str, text: str) -> None:
        """Keep a text."""
        with self._lock:
            self._memory[key] = text
            if self.folder is not None:
                with suppress(OSError):
                    atomic_write(self.folder / "kept.json", json.dumps(self._memory, indent=2).encode())


def open_cache(key: str, count: int, bytes_each: int) -> PictureCache:
    """Return what is kept of a set of pictures; room is made for it by removing what was used longest ago.

    Args:
        key: what they are: their files, and how these are decoded.
        count: how many there are.
        bytes_each: of a decoded one.
    """
    entries, limit = np.zeros(count, ENTRY), cache_limit()
    if not limit:
        return PictureCache(None, count, bytes_each, entries, keeps_rows=False, reason=f"{OFF} turns the cache off")
    root = pictures_folder()
    folder, needed = root / key, count * (bytes_each + ENTRY.itemsize)
    reason = ""
    if needed > limit:
        reason = f"decoded they would take {_gigabytes(needed)}, more than {_gigabytes(limit)} ({OFF} says how much)"
    else:
        reason = _make_room(folder, needed, limit)
    return PictureCache(folder, count, bytes_each, entries, keeps_rows=not reason, reason=reason)


def _make_room(folder: Path, needed: int, limit: int) -> str:
    """Remove the sets that were used longest ago; returns why there is no room, nothing where there is."""
    others = sorted((path for path in _sets() if path != folder), key=_used)
    taken = {path: _size(path) for path in others}
    while others and sum(taken[path] for path in others) + needed > limit:
        shutil.rmtree(others.pop(0), ignore_errors=True)
    missing = needed - _size(folder)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        while (free := shutil.disk_usage(there).free) < missing + _SPARE and others:
            shutil.rmtree(others.pop(0), ignore_errors=True)
    except OSError as error:
        return f"{there} cannot be looked at: {error.strerror}"
    if missing > 0 and free < missing + _SPARE:
        return f"decoded they would take {_gigabytes(needed)}, and {_gigabytes(free)} are free on the disk of {there}"
    return ""


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _gigabytes(count: int) -> str:
    return f"{count / _GIGABYTE:.1f} GB"


def _check(entry: Any) -> int:
    """Return the checksum of what is known of a picture; never 0, which stands for nothing."""
    return zlib.crc32(entry.tobytes()[:-4]) or 1


def _opened(path: Path, size: int) -> int:
    """Return an open file of this size; what is missing in it are zeros, which take no room on the disk."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    stream = os.open(path, flags, 0o600)
    try:
        if os.fstat(stream).st_size != size:
            os.ftruncate(stream, size)
    except BaseException:
        os.close(stream)
        raise
    return stream


_SEEKING = threading.Lock()


def _read_at(stream: int, count: int, offset: int) -> bytes:
    out = np.zeros(count, np.uint8)
    return out.tobytes() if _read_into(stream, out, offset) else b""


def _read_into(stream: int, out: NDArray[Any], offset: int) -> bool:
    """Fill an array from a place in a file; returns whether the file goes so far."""
    if not out.size:
        return True
    view = out.data.cast("B")
    done = 0
    while done < len(view):
        if hasattr(os, "preadv"):
            got = os.preadv(stream, [view[done:]], offset + done)
        else:
            with _SEEKING:
                os.lseek(stream, offset + done, os.SEEK_SET)
                part = os.read(stream, len(view) - done)
            got = len(part)
            view[done : done + got] = part
        if not got:
            return False
        done += got
    return True


def _write_at(stream: int, content: bytes | memoryview, offset: int) -> None:
    view = memoryview(content)
    done = 0
    while done < len(view):
        if hasattr(os, "pwrite"):
            done += os.pwrite(stream, view[done:], offset + done)
        else:
            with _SEEKING:
                os.lseek(stream, offset + done, os.SEEK_SET)
                done += os.write(stream, view[done:])
