"""A server in a thread: it listens at an address, and ends when it has answered what it was asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from threading import Thread
from types import TracebackType
from typing import Any

import uvicorn

from netspec.diagnostics.diagnostic import NetspecError
from netspec.serving.connection import Connection

__all__ = ["Server", "address_of", "is_loopback", "listen"]

_GRACE = 30
"""Seconds that requests in flight may still take."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound; nothing is accepted before a server runs.

    Raises:
        NetspecError: the address is none of this machine, or taken.
    """
    try:
        family, kind, number, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no name"
        raise NetspecError(f"there is no host {host!r}: {why}", "give an address, such as 127.0.0.1") from None
    sock = socket.socket(family, kind, number)
    try:
        # A port that a server has just left can be had at once.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        sock.listen()
    except OSError as error:
        sock.close()
        fix = "choose another port, or --port 0 for any that is free"
        raise NetspecError(f"cannot listen at {host}, port {port}: {error.strerror or error}", fix) from None
    return sock


def address_of(sock: socket.socket) -> str:
    """Return the address of a socket as a URL."""
    host, port, *_ = sock.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(sock: socket.socket) -> bool:
    """Return whether only this machine reaches a socket."""
    return ip_address(sock.getsockname()[0].partition("%")[0]).is_loopback


class Server:
    """Serves an ASGI application while its block runs; at the end what it was asked is answered.

    Args:
        app: the application.
        sock: where it listens.
        report: called with what went wrong beside any request.

    Attributes:
        failed: whether it ended of itself.
    """

    def __init__(self, app: Any, sock: socket.socket, report: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = uvicorn.Server(config)
        self._sock, self._report, self.failed = sock, report, False
        # uvicorn leaves signals alone in a thread that is not the main one.
        self._thread = Thread(target=self._run, name="netspec-server", daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._sock.close()

    def wait(self, seconds: float) -> bool:
        """Return whether it still serves after some seconds."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # said once, without a traceback
            self.failed = True
            self._report(f"the server failed: {type(error).__name__}: {error}")

    async def _serve(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._failed)
        await self._server.serve([self._sock])

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError):
            self._report(f"{context.get('message', 'a connection failed')}: {type(error).__name__}: {error}")
