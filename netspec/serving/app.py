"""A served model as an application: what is asked, checked and answered, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from netspec.data.files.decoding import HugePictureError
from netspec.diagnostics.diagnostic import DataError, NetspecError, listing
from netspec.serving.application import Application, Bounds, busy, json_response, split_url
from netspec.serving.batching import Batcher, Ended, Full, batch_sizes
from netspec.serving.errors import KINDS, RequestError
from netspec.serving.given import Given
from netspec.serving.metrics import CONTENT_TYPE, Metrics
from netspec.serving.openapi import openapi
from netspec.serving.options import Options, options_of
from netspec.serving.page import POLICY, docs_page
from netspec.serving.requests import read_request
from netspec.serving.served import Served
from netspec.sources.files.libsndfile import SoundfileMissingError
from netspec.system.json_text import json_text
from netspec.workflows.answer_facts import facts_of
from netspec.workflows.row_answers import with_threshold
from netspec.workflows.tagging import facts_of_tagged, tagged
from netspec.workflows.trained import Run

__all__ = ["Limits", "Service"]

_READERS = 4
"""Threads that read requests and write answers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server bounds.

    Attributes:
        batch: examples that are computed together, at most.
        wait: seconds that an example waits for others.
        queue: examples that may wait.
        body: bytes of a request.
        hosts: the names by which it may be called; any where None.
        pause: seconds that a client may send nothing of a body, or take nothing of an answer.
        upload: seconds that a body may take.
    """

    batch: int = 64
    wait: float = 0.002
    queue: int = 1024
    body: int = 32 * 2**20
    hosts: frozenset[str] | None = None
    pause: float = 10.0
    upload: float = 120.0


class Service(Application):
    """An ASGI application that answers by a model; to be ended.

    Args:
        run: the model.
        limits: what is bounded.
        report: called with what went wrong within the server.
    """

    def __init__(self, run: Run, limits: Limits, report: Callable[[str], None] = lambda text: None) -> None:
        smaller = "send several requests, or start the server with a larger --max-body"
        super().__init__(Bounds(limits.body, limits.pause, limits.upload, smaller), report)
        self.served, self.limits = Served(run), limits
        sizes = batch_sizes(limits.batch)
        # Compiled before anyone waits for it.
        for size in sizes:
            self.served.predict(self.served.zeros(size))
        self.served.answer  # noqa: B018 - likewise
        self.metrics = Metrics(sizes)
        self.batcher = Batcher(
            self.served.predict, sizes, wait=limits.wait, most=limits.queue, computed=self.metrics.computed
        )
        self._readers = ThreadPoolExecutor(_READERS, "netspec-requests")
        self._requests = 0
        self.metrics.gauge("netspec_queue_examples", "Examples that wait.", lambda: self.batcher.waiting)
        self.metrics.gauge("netspec_requests_in_flight", "Requests that are being answered.", lambda: self._requests)
        self._routes: Mapping[str, Mapping[str, Callable[[Request], Awaitable[Response]]]] = {
            "/predict": {"POST": self._predict},
            "/health": {"GET": self._health},
            "/metrics": {"GET": self._metrics},
            "/openapi.json": {"GET": self._openapi},
            "/docs": {"GET": self._docs},
            "/": {"GET": self._docs},
        }

    def end(self) -> None:
        """Answer what waits, and end the threads."""
        self.batcher.end()
        self._readers.shutdown()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        self._requests += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._requests -= 1

    def answered(self, request: Request, response: Response) -> None:
        """Count a response."""
        path = request.scope["path"]
        self.metrics.answered(path if path in self._routes else "other", response.status_code)

    def failed(self, error: RequestError) -> None:
        """Count an error."""
        self.metrics.failed(KINDS[error.status])

    def left(self) -> None:
        """Count a client that left."""
        self.metrics.failed("client_left")

    def error_of(self, error: NetspecError) -> RequestError:
        """Return an error of a client where the examples are wrong, and of the server otherwise."""
        if isinstance(error, HugePictureError):
            return RequestError(413, error.message, error.fix)
        if isinstance(error, DataError) and not isinstance(error, SoundfileMissingError):
            # A threshold is an option of the command line too.
            return RequestError(400, error.message, error.fix.replace("--threshold", "threshold"))
        return RequestError(500, error.message, error.fix)

    async def respond(self, request: Request) -> Response:
        """Return the answer to a request."""
        self._require_host(request)
        return await self._route(request)(request)

    # --- what may be asked ----------------------------------------------------------------------------------------

    def _require_host(self, request: Request) -> None:
        """Refuse pages of other places that a browser shows here, and names that lead here from elsewhere."""
        hosts = self.limits.hosts
        host = request.headers.get("host", "")
        if hosts is not None and host and split_url(f"//{host}").hostname not in hosts:
            message = f"this server answers this machine alone, and was called {host[:100]!r}"
            raise RequestError(403, message, f"call it {listing(sorted(hosts), 'or')}, or start it with --host")
        origin = request.headers.get("origin")
        if origin is not None and request.method == "POST":
            page = split_url(origin)
            own = page.hostname in hosts if hosts is not None else page.netloc == host
            if not own:
                message = f"a page of {origin[:100]!r} may not ask this server"
                raise RequestError(403, message, "ask from a program, or from the page of the server itself")

    def _route(self, request: Request) -> Callable[[Request], Awaitable[Response]]:
        # Not the URL, which is made of whatever the client says its host is.
        path = request.scope["path"]
        methods = self._routes.get(path)
        if methods is None:
            there = listing(list(self._routes), "and")
            raise RequestError(404, f"there is no {path[:100]!r} here", f"there are {there}")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
            fix = f"use {listing(allowed, 'or')}"
            message = f"{path} takes no {request.method[:20]!r}"
            raise RequestError(405, message, fix, {"Allow": ", ".join(allowed)})
        return methods[method]

    # --- answers --------------------------------------------------------------------------------------------------

    async def _predict(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        options = options_of(request.query_params.multi_items())
        media, boundary = _content_type(request)
        try:
            async with self.body(request) as body:
                given = await loop.run_in_executor(
                    self._readers, read_request, self.served, body, media, boundary, options
                )
            del body
            answers = await asyncio.wrap_future(self.batcher.submit(given.array))
        except Full:
            raise busy("many examples wait already") from None
        except Ended:
            raise busy("the server ends") from None
        text = await loop.run_in_executor(self._readers, self._written, given, answers, options)
        self.metrics.took(loop.time() - begin)
        return Response(text, media_type="application/json")

    def _written(self, given: Given, answers: list[Any], options: Options) -> str:
        run = self.served.run
        if given.words is not None:
            predictions = list(map(facts_of_tagged, tagged(run, given.words, answers)))
        else:
            predictions = [
                facts_of(with_threshold(run, answer, options.threshold), options.top)
                | ({"framed_as": framed} if framed else {})
                for answer, framed in zip(answers, given.framed, strict=True)
            ]
        return json_text({"predictions": predictions, **({"notes": given.notes} if given.notes else {})}) + "\n"

    async def _health(self, _: Request) -> Response:
        return json_response({"status": "ok", "model": self.served.name, "waiting": self.batcher.waiting})

    async def _metrics(self, _: Request) -> Response:
        return Response(self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _openapi(self, _: Request) -> Response:
        return json_response(openapi(self.served, self.limits.body))

    async def _docs(self, request: Request) -> Response:
        text = docs_page(self.served, request.headers.get("host", ""), self.limits.body)
        return Response(text, media_type="text/html", headers={"Content-Security-Policy": POLICY})


def _content_type(request: Request) -> tuple[str, str]:
    """Return the content type of a body in small letters, and the boundary of a form."""
    media, _, rest = request.headers.get("content-type", "").partition(";")
    boundary = ""
    for parameter in rest.split(";"):
        key, _, value = parameter.strip().partition("=")
        if key.lower() == "boundary":
            boundary = value.strip('"')
    return media.strip().lower(), boundary
