"""Ctrl-C and SIGTERM: the training stops at its next step and saves; a second signal ends the process at once."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

__all__ = ["Interrupts"]


class Interrupts:
    """Takes note of signals while a training runs; a context manager.

    Before the training has anything to save, a signal ends the command as it would any other.

    Attributes:
        number: of the signal that came; 0 while none has.
    """

    def __init__(self) -> None:
        self.number = 0
        self.training = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def begun(self) -> None:
        """Take note that there is something to save from now on."""
        self.training = True

    def asked(self) -> bool:
        """Return whether the training is to stop."""
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process that a signal ended."""
        return 128 + self.number

    def _came(self, number: int, frame: FrameType | None) -> None:
        if not self.training:
            before = self._before[number]
            if callable(before):
                before(number, frame)
            raise SystemExit(128 + number)
        if self.number:
            # Threads that compile cannot be stopped, and are not waited for.
            os._exit(128 + number)
        self.number = number
