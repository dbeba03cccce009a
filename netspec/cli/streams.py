"""Standard streams that cannot fail a command: closed ones lead nowhere, full and unread ones are let go."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import TextIO

__all__ = ["ResilientStream", "claim_output", "keep_going", "open_stream", "output_lost", "reader_left", "set_up"]


class ResilientStream(io.RawIOBase):
    """A descriptor that is written to for as long as it takes what is written; after that, nothing happens any more.

    Args:
        number: the descriptor.

    Attributes:
        lost: why it takes nothing any more; None as long as it does.
        optional: whether the command goes on without it, and succeeds.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.lost: OSError | None = None
        self.optional = False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write bytes and return how many were taken: all, where none can be written any more."""
        while self.lost is None:
            try:
                return os.write(self.number, data)
            except BlockingIOError:
                select.select([], [self.number], [])
            except OSError as error:
                self.lost = error
                if self is _streams.get(1) and error.errno != errno.EPIPE:
                    self._report(error)
        return len(data)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.number

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self.number)

    def _report(self, error: OSError) -> None:
        head, what = ("note", ": the training goes on unseen") if self.optional else ("error", "")
        print(f"{head}: standard output cannot be written to: {error.strerror}{what}", file=sys.stderr, flush=True)


_streams: dict[int, ResilientStream] = {}
"""Those of this process, by what they stand for: 1 for standard output, 2 for standard error. Empty before `set_up`."""


def set_up() -> None:
    """Make the standard streams such as cannot fail; called before any other file is opened."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest free number, this one: otherwise the next file opened would be written to by `print`.
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    sys.stdout = _writer(sys.stdout, 1)
    sys.stderr = _writer(sys.stderr, 2)


def open_stream(number: int, stands_for: int, encoding: str) -> TextIO:
    """Return a text stream that cannot fail.

    Args:
        number: the descriptor.
        stands_for: 1 for standard output, 2 for standard error.
        encoding: of the text.
    """
    raw = _streams[stands_for] = ResilientStream(number)
    at_once = stands_for == 2 or raw.isatty()
    # Shapes and arrows are not ASCII; a terminal that cannot show them gets a substitute, not a crash.
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="replace", line_buffering=at_once)  # type: ignore[type-var]


def keep_going() -> None:
    """Make the streams optional: a training keeps its outcome in a folder, whatever becomes of what it shows."""
    for stream in _streams.values():
        stream.optional = True


def claim_output() -> None:
    """Let standard output be netspec's alone: the libraries that connect processes print there, JSON or not."""
    sys.stdout.flush()
    own = open_stream(os.dup(1), 1, sys.stdout.encoding)
    os.dup2(2, 1)
    sys.stdout = own


def reader_left() -> bool:
    """Return whether the reader of standard output has left."""
    return _lost(errno.EPIPE, same=True)


def output_lost() -> bool:
    """Return whether something that was to be shown is missing, and was all that was asked for."""
    out = _streams.get(1)
    return out is not None and not out.optional and _lost(errno.EPIPE, same=False)


def _lost(number: int, *, same: bool) -> bool:
    out = _streams.get(1)
    return out is not None and out.lost is not None and (out.lost.errno == number) is same


def _writer(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    try:
        own = stream.fileno() == number and os.name == "posix"
    except (OSError, ValueError):
        own = False
    if own:
        stream.flush()
        return open_stream(number, number, stream.encoding)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return stream
