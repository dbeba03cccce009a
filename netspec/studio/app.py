"""The studio as an application: who may ask, what may be asked, and the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from netspec.diagnostics.diagnostic import NetspecError
from netspec.serving.application import Application, Bounds, json_response
from netspec.serving.errors import RequestError
from netspec.studio.look import Looks
from netspec.studio.own_page import OwnPage
from netspec.studio.spec_facts import drawing_of, spec_facts
from netspec.studio.things import place_of, things
from netspec.studio.training import Training
from netspec.studio.words import words
from netspec.studio.workspace import STARTER, Workspace
from netspec.system.json_text import json_text, read_json

__all__ = ["Studio"]

_WEB = Path(__file__).parent / "web"
_CHARTS = Path(__file__).parents[1] / "pages" / "charts.js"
"""Of the report's page."""
_BOUNDS = Bounds(body=8 * 2**20, pause=10.0, upload=60.0, smaller="try a smaller picture")
_POLL, _PING = 0.1, 10.0
"""Seconds between two looks for events, and between two signs of life where there are none."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Studio(Application):
    """An ASGI application for one browser at this machine; to be ended.

    Args:
        workspace: the folder that it may touch.
        token: what a request must show: in the address of the page, then in a cookie.
        port: where it listens, which the cookie is named by.
        report: called with what went wrong within the server.
    """

    def __init__(self, workspace: Workspace, token: str, port: int, report: Callable[[str], None]) -> None:
        super().__init__(_BOUNDS, report)
        self._workspace, self._own_page = workspace, OwnPage(token, port)
        self._training = Training(workspace.folder)
        # JAX and the models are for one thread: what is tried is tried in turn.
        self._trials = ThreadPoolExecutor(1, "netspec-trials")
        self._checks = ThreadPoolExecutor(2, "netspec-checks")
        # A look at much data takes long, and what is typed is checked meanwhile.
        self._looks, self._look_at = ThreadPoolExecutor(1, "netspec-looks"), Looks(workspace.folder)
        self._trial: Any = None
        self._over = False
        self._files = {
            f"/{file.relative_to(_WEB).as_posix()}": file.read_bytes() for file in _WEB.rglob("*") if file.is_file()
        } | {"/charts.js": _CHARTS.read_bytes()}
        self._routes: Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/"): self._page,
            ("GET", "/api/state"): self._state,
            ("GET", "/api/words"): self._words,
            ("GET", "/api/runs"): self._runs,
            ("GET", "/api/metrics"): self._metrics,
            ("GET", "/api/reads"): self._reads,
            ("GET", "/api/events"): self._events,
            ("GET", "/api/files"): self._listed,
            ("POST", "/api/open"): self._open,
            ("POST", "/api/new"): self._new,
            ("POST", "/api/new_for"): self._new_for,
            ("POST", "/api/new_from"): self._new_from,
            ("POST", "/api/check"): self._check,
            ("POST", "/api/drawing"): self._drawing,
            ("POST", "/api/save"): self._save,
            ("POST", "/api/look"): self._look,
            ("POST", "/api/train"): self._train,
            ("POST", "/api/resume"): self._resume,
            ("POST", "/api/stop"): self._stop,
            ("POST", "/api/answer"): self._answer,
        }

    def end(self) -> None:
        """Let a training save and stop, and end the threads; streams of events end too."""
        self.close()
        self._training.end()
        self._trials.shutdown(cancel_futures=True)
        self._checks.shutdown(cancel_futures=True)
        self._looks.shutdown(cancel_futures=True)

    def close(self) -> None:
        """End the streams of events and the looks at data, so that the server can end."""
        self._over = True
        self._look_at.end()

    def answered(self, request: Request, response: Response) -> None:  # noqa: ARG002
        """Keep a response to this page."""
        response.headers.update(_HEADERS)

    def error_of(self, error: NetspecError) -> RequestError:
        """Return what is wrong with a spec, its data or a run as a mistake of who asks."""
        return RequestError(400, error.message, error.fix)

    async def respond(self, request: Request) -> Response:
        """Return the answer to a request."""
        self._own_page.require(request)
        method = "GET" if request.method == "HEAD" else request.method
        path = request.scope["path"]
        if method == "GET" and path in self._files:
            return Response(self._files[path], media_type=guess_type(path)[0] or "text/plain")
        route = self._routes.get((method, path))
        if route is None:
            raise RequestError(404, f"there is no {path[:100]!r} here", "open the address that was printed")
        return await route(request)

    # --- the page -------------------------------------------------------------------------------------------------

    async def _page(self, _: Request) -> Response:
        response = Response(self._files["/index.html"], media_type="text/html")
        self._own_page.let_in(response)
        return response

    async def _state(self, _: Request) -> Response:
        workspace = self._workspace
        return json_response(
            {
                "file": workspace.file.name,
                "text": workspace.text,
                "saved": workspace.saved,
                "files": await self._in(self._checks, workspace.specs),
                "training": self._training.runs,
            }
        )

    async def _words(self, _: Request) -> Response:
        return json_response({**await self._in(self._checks, words), "starter": STARTER})

    async def _check(self, request: Request) -> Response:
        text, name = self._typed(await self._object(request))
        return json_response(await self._in(self._checks, spec_facts, text, name, self._workspace.folder))

    async def _drawing(self, request: Request) -> Response:
        text, name = self._typed(await self._object(request))
        return json_response({"svg": await self._in(self._checks, drawing_of, text, name, self._workspace.folder)})

    async def _save(self, request: Request) -> Response:
        self._workspace.save(*self._typed(await self._object(request)))
        return json_response({"saved": True})

    def _typed(self, asked: Mapping[str, Any]) -> tuple[str, str]:
        """Return what was typed, and the name of the file that it belongs to."""
        name = self._workspace.name(asked.get("file"))
        return self._workspace.type(asked.get("text"), name), name

    # --- files and data -------------------------------------------------------------------------------------------

    async def _listed(self, _: Request) -> Response:
        folder = self._workspace.folder
        return json_response(
            {
                "folder": folder.name,
                "data": await self._in(self._checks, things, folder),
            }
        )

    async def _open(self, request: Request) -> Response:
        self._workspace.open((await self._object(request)).get("file"))
        return await self._state(request)

    async def _new(self, request: Request) -> Response:
        asked = await self._object(request)
        self._workspace.begin(asked.get("file"), asked.get("text", STARTER))
        return await self._state(request)

    async def _new_for(self, request: Request) -> Response:
        asked = await self._object(request)
        name, target = place_of(self._workspace.folder, asked.get("data")), asked.get("target")
        known = target if isinstance(target, str) and target else None
        text = await self._in(self._looks, self._look_at.spec_for, name, known)
        self._workspace.begin_for(Path(name).name.split(".")[0], text)
        return await self._state(request)

    async def _new_from(self, request: Request) -> Response:
        self._workspace.begin_from((await self._object(request)).get("run"))
        return await self._state(request)

    async def _look(self, request: Request) -> Response:
        name = place_of(self._workspace.folder, (await self._object(request)).get("data"))
        return json_response(await self._in(self._looks, self._look_at, name))

    # --- trainings ------------------------------------------------------------------------------------------------

    async def _train(self, request: Request) -> Response:
        asked = await self._object(request)
        text, name = self._typed(asked)
        facts = await self._in(self._checks, spec_facts, text, name, self._workspace.folder)
        if facts["errors"]:
            raise RequestError(400, "the spec has errors", "mend them first: they stand under it")
        if not facts["data"]:
            raise RequestError(400, "the spec names no data to learn from", "add a line to it: `data digits`")
        flags: list[str] = []
        epochs = asked.get("epochs")
        if epochs is not None:
            if not isinstance(epochs, int) or isinstance(epochs, bool) or not 1 <= epochs <= 100_000:
                raise RequestError(400, f"epochs is {str(epochs)[:50]!r}", "give a whole number from 1")
            flags += ["--epochs", str(epochs)]
        # Meanwhile something else may have been typed; what was checked is trained.
        self._workspace.save(text, name)
        # A file whose name begins with a dash is no option.
        self._training.start("train", *flags, "--", name)
        return json_response({"started": self._training.number})

    async def _resume(self, request: Request) -> Response:
        run = self._workspace.run_folder((await self._object(request)).get("run"))
        self._training.start("resume", "--", str(run.relative_to(self._workspace.folder)))
        return json_response({"started": self._training.number})

    async def _stop(self, _: Request) -> Response:
        self._training.stop()
        return json_response({"asked": True})

    async def _events(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        """Yield the events of what trains, from its beginning; a further training begins with `begin`."""
        number, last, quiet = -1, 0, 0.0
        while not self._over:
            training = self._training
            if training.number != number:
                number, last = training.number, 0
                yield f"data: {json_text({'event': 'begin', 'number': number, 'running': training.runs})}\n\n"
            new = [event for event in list(training.events) if event["id"] > last]
            for event in new:
                last = event["id"]
                yield f"data: {json_text(event)}\n\n"
            quiet = 0.0 if new else quiet + _POLL
            if quiet >= _PING:
                quiet = 0.0
                yield ": here\n\n"
            await asyncio.sleep(_POLL)

    async def _runs(self, _: Request) -> Response:
        return json_response(
            {"runs": await self._in(self._checks, self._workspace.runs), "training": self._training.runs}
        )

    async def _metrics(self, request: Request) -> Response:
        return json_response(await self._in(self._checks, self._workspace.metrics, request.query_params.get("run")))

    # --- trials ---------------------------------------------------------------------------------------------------

    async def _reads(self, request: Request) -> Response:
        folder = self._workspace.run_folder(request.query_params.get("run"))
        return json_response(await self._in(self._trials, lambda: self._tried().reads(folder)))

    async def _answer(self, request: Request) -> Response:
        folder = self._workspace.run_folder(request.query_params.get("run"))
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        async with self.body(request) as body:
            return json_response(await self._in(self._trials, lambda: self._tried().answer(folder, body, media)))

    def _tried(self) -> Any:
        """Return what tries examples; JAX is imported only now."""
        if self._trial is None:
            from netspec.studio.trial import Trial  # noqa: PLC0415

            self._trial = Trial()
        return self._trial

    # --- requests -------------------------------------------------------------------------------------------------

    async def _in(self, threads: ThreadPoolExecutor, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)

    async def _object(self, request: Request) -> Mapping[str, Any]:
        async with self.body(request) as body:
            try:
                found = read_json(body.decode("utf-8"))
            except ValueError:
                raise RequestError(400, "the body is no JSON", "send an object") from None
        if not isinstance(found, dict):
            raise RequestError(400, "the body is no object", "send an object")
        return found
