"""Every test here runs without the network, with its own cache, and with MNIST only where it asks for it."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from netspec.data import idx

GIVEN = os.environ.get("NETSPEC_DATA", "")

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("NETSPEC_DATA", raising=False)


@pytest.fixture
def mnist_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the real MNIST, also set as NETSPEC_DATA."""
    for folder in (Path(GIVEN) / "mnist", Path(GIVEN)):
        if GIVEN and all(idx.find(folder, name) for name in idx.NAMES):
            monkeypatch.setenv("NETSPEC_DATA", GIVEN)
            return folder
    pytest.skip("NETSPEC_DATA names no folder that holds mnist/")


class Server(ThreadingHTTPServer):
    """Answers each path as the test says, and counts the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.done = threading.Event()

    def url(self, path: str, answer: Answer | bytes) -> str:
        self.answers[path] = sending(answer) if isinstance(answer, bytes) else answer
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # noqa: N802
        self.server.requests.append(self.path)
        answer = self.server.answers.get(self.path)
        if answer:
            answer(self)
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def sending(content: bytes, length: int | None = None) -> Answer:
    """Answer with the content, claiming another length if one is given."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine; the network is allowed, for nothing else is asked."""
    monkeypatch.delenv("NETSPEC_OFFLINE")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.done.set()
            running.shutdown()
            thread.join()
