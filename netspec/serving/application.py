"""What each application here does: it answers a request or says in JSON what is wrong, and nobody keeps it waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from netspec.diagnostics.diagnostic import NetspecError
from netspec.serving.errors import RequestError
from netspec.system.json_text import json_text

__all__ = ["Application", "Bounds", "busy", "json_response", "split_url"]

_HELD = 8
"""Times the largest body: so many bytes of bodies are in memory at once."""


class _Gone(Exception):  # noqa: N818 - no mistake of ours
    """The client has left."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request may take.

    Attributes:
        body: bytes that are sent.
        pause: seconds that a client may send nothing of a body, or take nothing of an answer.
        upload: seconds that a body may take.
        smaller: what helps where a body is too large.
    """

    body: int
    pause: float
    upload: float
    smaller: str


class Application:
    """An ASGI application; its subclasses say what is asked and answered.

    Args:
        bounds: of each request.
        report: called with what went wrong within the application.
    """

    def __init__(self, bounds: Bounds, report: Callable[[str], None]) -> None:
        self._bounds, self._report = bounds, report
        self._held = 0

    async def respond(self, request: Request) -> Response:
        """Return the answer to a request; what it raises is answered as an error."""
        raise NotImplementedError

    def error_of(self, error: NetspecError) -> RequestError:
        """Return as what an error of the compiler or a model is answered."""
        raise NotImplementedError

    def answered(self, request: Request, response: Response) -> None:
        """Note a response before it is sent."""

    def failed(self, error: RequestError) -> None:
        """Note an error that is answered."""

    def left(self) -> None:
        """Note a client that left before it had its answer."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            response = await self._response_to(request)
            self.answered(request, response)
            await response(scope, receive, self._bounded(send))
        except (_Gone, ClientDisconnect, OSError, TimeoutError):
            # Nobody is there any more to be answered.
            self.left()

    def _bounded(self, send: Any) -> Any:
        async def bounded(message: Any) -> None:
            await asyncio.wait_for(send(message), self._bounds.pause)

        return bounded

    async def _response_to(self, request: Request) -> Response:
        try:
            return await self.respond(request)
        except RequestError as error:
            found = error
        except NetspecError as error:
            found = self.error_of(error)
        except MemoryError:
            found = busy("the memory of the server does not suffice now")
        except (_Gone, asyncio.CancelledError):
            raise
        except Exception as error:  # a fault of ours: said once, without a traceback
            self._report(f"{request.method} {request.scope['path']}: {type(error).__name__}: {error}")
            found = RequestError(500, "the server failed to answer", "send something else; the server has said why")
        self.failed(found)
        return json_response({"error": found.message, "fix": found.fix}, found.status, found.headers)

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body of a request, which counts as held while the block runs.

        Raises:
            RequestError: it is too large, too slow, or packed.
        """
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError(415, "the body is packed", "send it as it is, without Content-Encoding")
        bounds = self._bounds
        stated = request.headers.get("content-length", "")
        if stated.isascii() and stated.isdecimal() and (len(stated) > 15 or int(stated) > bounds.body):
            raise self._too_large()
        loop = asyncio.get_running_loop()
        until = loop.time() + bounds.upload
        chunks: list[bytes] = []
        size, whole = 0, False
        try:
            while not whole:
                try:
                    message = await asyncio.wait_for(request.receive(), min(bounds.pause, until - loop.time()))
                except TimeoutError:
                    fix = "send it faster, or in several requests"
                    raise RequestError(408, "the body did not arrive in time", fix, {"Connection": "close"}) from None
                if message["type"] == "http.disconnect":
                    raise _Gone
                chunk = message.get("body", b"")
                size += len(chunk)
                self._held += len(chunk)
                if size > bounds.body:
                    raise self._too_large()
                if self._held > _HELD * bounds.body:
                    raise busy("many requests are being read")
                chunks.append(chunk)
                whole = not message.get("more_body", False)
            yield b"".join(chunks)
        finally:
            self._held -= size

    def _too_large(self) -> RequestError:
        return RequestError(413, f"the body has more than {self._bounds.body:,} bytes", self._bounds.smaller)


def busy(why: str) -> RequestError:
    """Return an error that a client may try again after."""
    return RequestError(503, why, "try again", {"Retry-After": "1"})


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response of JSON."""
    return Response(json_text(value) + "\n", status, headers, media_type="application/json")


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL; empty ones where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
