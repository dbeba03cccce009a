"""Ctrl-C, SIGTERM and SIGHUP: a training stops at its next step and saves, other work ends; a second ends at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import NoReturn

from netspec.cli import streams
from netspec.cli.output import say

__all__ = ["Interrupts", "end", "exit_at_once"]

_HANGUP = getattr(signal, "SIGHUP", None)
_STOPPING = tuple(int(number) for number in (signal.SIGINT, signal.SIGTERM, _HANGUP) if number is not None)


def end(number: int, frame: FrameType | None) -> NoReturn:
    """End the running command because of a signal; it may clean up behind itself.

    Args:
        number: of the signal.
        frame: where it came.

    Raises:
        KeyboardInterrupt: for SIGINT.
        SystemExit: with 128 + the number, for any other.
    """
    # An extension that an exception leaves half initialized can crash the process, now or at its exit.
    if _importing(frame):
        exit_at_once(128 + number)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


def exit_at_once(code: int) -> NoReturn:
    """End the process at once with `interrupted`, without waiting for threads that compile.

    Args:
        code: exit code, 128 + the number of a signal.
    """
    try:
        say("interrupted", error=True)
        sys.stdout.flush()
    finally:
        _exit(code)


def _exit(code: int) -> NoReturn:
    """End the process as it is; the cursor, which a live bar hides, is seen again."""
    for number in (1, 2):
        with suppress(OSError):
            if os.isatty(number):
                os.write(number, b"\x1b[?25h")
    os._exit(code)


def _importing(frame: FrameType | None) -> bool:
    """Return whether a signal arrived during an import."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


class Interrupts:
    """Records signals while a training runs; a context manager.

    Before the training has anything to save, a signal ends the command as it would any other.

    Args:
        signals: which ones; within another program, none.
        watched: whether a training is to stop when the reader of its output leaves, too.

    Attributes:
        number: of the signal that came; 0 while none has.
        training: whether there is something to save.
        stopped: whether a training has stopped, and saved, because of a signal or of a reader that left.
    """

    def __init__(self, signals: Iterable[int] = _STOPPING, *, watched: bool = True) -> None:
        self.signals = signals
        self.watched = watched
        self.number = 0
        self.training = False
        self.stopped = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupts:
        for number in self.signals:
            # `nohup` lets it be ignored, and means it.
            if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def started(self) -> None:
        """Record that there is something to save from now on."""
        self.training = True

    def requested(self) -> bool:
        """Return whether the training is to stop."""
        return self.number != 0 or (self.watched and streams.reader_left())

    @property
    def exit_code(self) -> int:
        """The exit code of a command that stopped: what a shell expects after a signal; 0 where the reader left."""
        return 128 + self.number if self.number else 0

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.training:
            before = self._before[number]
            if callable(before):
                before(number, frame)
            end(number, frame)
        if number == _HANGUP and self.number:
            # A terminal that closes sends it together with its shell, and nobody has lost patience.
            return
        if self.number not in {0, _HANGUP}:
            # Threads that compile cannot be stopped, and are not waited for.
            _exit(128 + number)
        self.number = number
