"""Background work in a thread, until its result is asked for."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

__all__ = ["Background"]

_T = TypeVar("_T")


class Background(Generic[_T]):
    """Calls a function in a thread that does not keep the process alive.

    Args:
        function: without arguments.
    """

    def __init__(self, function: Callable[[], _T]) -> None:
        self._function = function
        self._found: list[_T] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found.append(self._function())
        except BaseException as error:
            self._error = error

    def result(self) -> _T:
        """Wait for what the function returns; raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]
