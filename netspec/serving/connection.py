"""One connection of a client: HTTP/1.1 of uvicorn, with bounds on how long a request may be waited for."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from netspec.system.json_text import json_text

__all__ = ["Connection"]

_CLOSE = (b"connection", b"close")


class Connection(H11Protocol):
    """A connection that is closed where no whole request arrives in time, and whose errors are JSON.

    Attributes:
        patience: seconds within which a request must have arrived, but for its body.
        last_call: seconds that the end of the server waits for a request that may be on its way.
        most: connections at once.
    """

    patience = 15.0
    last_call = 0.25
    most = 512
    _ending = False
    _left = sys.maxsize
    """Bytes of the answer that the client had not read at the last look."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection, or refuse it where there are very many."""
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > self.most:
            transport.write(_BUSY)
            transport.close()
            return
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(self.last_call if self._ending else self.patience, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # What answers a request bounds it.
            return
        left = self.transport.get_write_buffer_size()
        if not left:
            self.transport.close()
        elif left < self._left:
            # It is slow, and reads its answer.
            self._left = left
            self._wait()
        else:
            self.transport.abort()

    def shutdown(self) -> None:
        """Answer what is asked already, or has been sent, and close."""
        self._ending = True
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._make_last()

    def handle_events(self) -> None:
        """Read what was sent; at the end of the server a request is the last of its connection."""
        super().handle_events()
        if self._ending and self.headers is not None:
            self._make_last()

    def _make_last(self) -> None:
        """Close behind the request, as if the client had asked for it: the response says so, if it has not begun."""
        if _CLOSE not in self.headers:
            self.headers.append(_CLOSE)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._left = sys.maxsize
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer what is no HTTP request."""
        if self.conn.our_state is h11.IDLE or self.conn.our_state is h11.SEND_RESPONSE:
            self.transport.write(_WRONG)
        self.transport.close()


def _whole(status: str, error: str, fix: str, *more: str) -> bytes:
    """Return a whole response."""
    body = json_text({"error": error, "fix": fix}) + "\n"
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*head, "Connection: close", "", body]).encode("ascii")


_BUSY = _whole("503 Service Unavailable", "there are too many connections", "try again", "Retry-After: 1")
_WRONG = _whole("400 Bad Request", "this is no HTTP/1.1 request that can be read", "send one, with headers below 16 kB")
