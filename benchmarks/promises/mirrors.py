"""A web server on this machine whose pages misbehave, each in a way of its own."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

__all__ = ["BAD", "GOOD", "Mirrors", "serving"]

Answer: TypeAlias = Callable[[BaseHTTPRequestHandler, bytes], None]


class Mirrors(ThreadingHTTPServer):
    """Serves `content` as each of `BAD` and `GOOD`: `url("cut")` cuts it short."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b""

    def url(self, kind: str) -> str:
        """Return the address of a page."""
        return f"http://127.0.0.1:{self.server_port}/{kind.replace(' ', '_')}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up on what misbehaves."""


@contextmanager
def serving() -> Iterator[Mirrors]:
    """Run a server in a thread."""
    with Mirrors() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Mirrors

    def do_GET(self) -> None:
        kind = self.path.strip("/").replace("_", " ")
        {**BAD, **GOOD}[kind](self, self.server.content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def _flipped(body: bytes, at: float) -> bytes:
    """Return the bytes with one bit flipped, so far from the beginning."""
    place = int(at * len(body))
    return body[:place] + bytes([body[place] ^ 4]) + body[place + 1 :]


def _slow(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Send half, and then nothing more for longer than anybody waits."""
    _send(handler, body[: len(body) // 2], len(body))
    time.sleep(1)


def _endless(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body)
    while True:
        handler.wfile.write(bytes(2**16))


def _nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff nonsense\r\n\r\n" * 100)


def _redirected(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.end_headers()


GOOD: Mapping[str, Answer] = {
    "good": _send,
    "good packed": lambda handler, body: _send(handler, gzip.compress(body, 1)),
}
"""Pages that do as they should."""

BAD: Mapping[str, Answer] = {
    "not found": lambda handler, body: handler.send_error(404),
    "broken": lambda handler, body: handler.send_error(500),
    "silent": lambda handler, body: time.sleep(1),
    "slow": _slow,
    "cut": lambda handler, body: _send(handler, body[: len(body) * 2 // 3]),
    "said to be longer": lambda handler, body: _send(handler, body[: len(body) * 2 // 3], len(body)),
    "said to be shorter": lambda handler, body: _send(handler, body, len(body) // 2),
    "longer": lambda handler, body: _send(handler, body + b"x"),
    "endless": _endless,
    "one bit flipped": lambda handler, body: _send(handler, _flipped(body, 0.6)),
    "other content": lambda handler, body: _send(handler, body[::-1]),
    "nothing": lambda handler, body: _send(handler, b""),
    "a page of text": lambda handler, body: _send(handler, b"<html>Please log in to the network</html>"),
    "gzip damaged": lambda handler, body: _send(handler, _flipped(gzip.compress(body, 1), 0.5)),
    "gzip with a wrong checksum": lambda handler, body: _send(handler, gzip.compress(body, 1)[:-8] + bytes(8)),
    "gzip cut": lambda handler, body: _send(handler, gzip.compress(body, 1)[:-100]),
    "gzip bomb": lambda handler, body: _send(handler, gzip.compress(bytes(20_000_000), 9)),
    "no http": lambda handler, body: _nonsense(handler),
    "redirected in a circle": lambda handler, body: _redirected(handler),
}
"""Pages that do not."""
