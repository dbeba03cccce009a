"""What the tests of datasets share: a web server that misbehaves as told, and a check on errors."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError

Answer = Callable[[BaseHTTPRequestHandler], None]


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

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        answer = self.server.answers.get(self.path)
        if answer:
            answer(self)
        else:
            self.send_error(404)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def names_its_file(read: Callable[[], object], path: Path) -> bool:
    """Whether a reading ends well or in a DataError that names the file; any other error passes through."""
    try:
        read()
    except DataError as error:
        return str(path) in error.message
    return True


def sending(content: bytes, length: int | None = None) -> Answer:
    """Answer with the content, claiming another length if one is given."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer
