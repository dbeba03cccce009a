"""What a server refuses: who asks, what is asked, how large it is and how slowly it comes; and how it ends."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.command_line import cli, variables
from starlette.testclient import TestClient
from untrained import untrained

from netspec.serving import json_body, requests
from netspec.serving.app import Limits, Service
from netspec.serving.batching import Full
from netspec.serving.connection import Connection
from netspec.serving.server import Server, address_of, is_loopback, listen
from netspec.workflows.trained import open_run

HOSTS = frozenset({"localhost", "127.0.0.1"})
SPEC = "input 1x4x4\nflatten; fc 3 softmax\n"
EXAMPLE = np.zeros((4, 4)).tolist()
ERROR = {"error", "fix"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("bounds"), "small", SPEC)


class Served:
    """A model that is served: its client in this process, and what it reported."""

    def __init__(self, file: Path, **limits: Any) -> None:
        self.reports: list[str] = []
        wanted = {"batch": 4, "wait": 0, "hosts": HOSTS, "body": 10_000, **limits}
        self.service = Service(open_run(file), Limits(**wanted), self.reports.append)
        self.client = TestClient(self.service, base_url="http://localhost")

    def post(self, **given: Any) -> Any:
        return self.client.post("/predict", **given)


@contextmanager
def served(file: Path, **limits: Any) -> Iterator[Served]:
    found = Served(file, **limits)
    yield found
    found.service.end()


@contextmanager
def listening(file: Path, **limits: Any) -> Iterator[tuple[Served, int]]:
    """Serve at a port of this machine."""
    with served(file, **limits) as found, listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with Server(found.service, sock, found.reports.append):
            yield found, port
    assert found.reports == []


def said(response: Any, status: int, *texts: str) -> dict[str, str]:
    """Check an error, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    found: dict[str, str] = response.json()
    assert set(found) == ERROR
    assert found["fix"]
    assert all(text in found["error"] + found["fix"] for text in texts), found
    return found


def test_who_may_ask(file: Path) -> None:
    with served(file) as found:
        get = found.client.get
        for host in ("localhost", "localhost:9", "127.0.0.1:8000"):
            assert get("/health", headers={"host": host}).status_code == 200
        for host in ("evil.example", "localhost.evil.example", "evil.example:80", "[::ffff", "127.0.0.1@evil.example"):
            said(get("/health", headers={"host": host}), 403, "answers this machine alone")
        for origin in ("http://evil.example", "null", "http://[", "file://"):
            said(found.post(json=EXAMPLE, headers={"origin": origin}), 403, "a page of")
        assert found.post(json=EXAMPLE, headers={"origin": "http://localhost:8000"}).status_code == 200
    with served(file, hosts=None) as found:
        for host in ("model.example", "[::ffff", "a@b:c"):
            assert found.client.get("/health", headers={"host": host}).status_code == 200
        assert found.reports == []
        own = {"host": "model.example", "origin": "http://model.example"}
        assert found.post(json=EXAMPLE, headers=own).status_code == 200
        said(found.post(json=EXAMPLE, headers={**own, "origin": "http://evil.example"}), 403)


def test_what_may_be_asked(file: Path) -> None:
    with served(file) as found:
        client = found.client
        said(client.get("/nothing"), 404, "/predict")
        said(client.get("/docs/"), 404)
        said(client.get("/../etc/passwd"), 404)
        wrong = client.get("/predict")
        said(wrong, 405, "POST")
        assert wrong.headers["allow"] == "POST"
        assert client.delete("/health").headers["allow"] == "GET, HEAD"
        said(client.options("/predict"), 405)
        assert client.head("/health").status_code == 200
        for media in ("application/x-www-form-urlencoded", "text/html", "text/csv", "text/plain", "nonsense"):
            said(found.post(content=b"a=1", headers={"content-type": media}), 415, "Content-Type: application/json")
        said(found.post(json=EXAMPLE, headers={"content-encoding": "gzip"}), 415, "without Content-Encoding")
        said(found.post(), 400, "no body")
        for boundary in ("multipart/form-data", "multipart/form-data; boundary=x"):
            said(found.post(content=b"--y\r\n", headers={"content-type": boundary}), 400, "the form is damaged")
        parts = b"--x\r\n\r\n" * 2000 + b"--x--"
        said(found.post(content=parts[:9000], headers={"content-type": "multipart/form-data; boundary=x"}), 400)
        assert client.get("/health").json() == {"status": "ok", "model": "small", "waiting": 0}
        text = client.get("/metrics").text
        assert 'netspec_errors_total{kind="wrong_method"} 3' in text
        assert 'netspec_requests_total{path="other",status="404"} 3' in text
        assert found.reports == []


def test_an_answer_that_nobody_takes_is_given_up(file: Path) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        await asyncio.Event().wait()

    head = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": "/health", "query_string": b"", "headers": head}
    with served(file, pause=0.05) as found:
        asyncio.run(asyncio.wait_for(found.service(scope, receive, send), 20))
        assert 'netspec_errors_total{kind="client_left"} 1' in found.service.metrics.text()


def huge_png(width: int, height: int) -> bytes:
    """Return the beginning of a picture that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_how_large_it_may_be(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(file) as found:
        most = "10,000 bytes"
        said(found.post(content=b"[" * 10_001), 413, most, "--max-body")
        said(found.post(content=iter([b"[" * 6000, b"[" * 6000])), 413, most)
        assert found.service._held == 0
        for size in ((60_000, 60_000), (8001, 8000)):
            png = {"content": huge_png(*size), "headers": {"content-type": "image/png"}}
            said(found.post(**png), 413, f"{size[0]:,}x{size[1]:,} pixels", "64,000,000")
        monkeypatch.setattr(json_body, "_MOST_VALUES", 100)
        said(found.post(json=[[]] * 101), 413, "very many values", "100 are the most")
        monkeypatch.setattr(found.service.served, "most_examples", 2)
        said(found.post(json=[EXAMPLE] * 3), 413, "the request has 3 examples", "2 are the most")
        packed = io.BytesIO()
        np.savez_compressed(packed, x=np.zeros((2, 1, 4, 4)))
        monkeypatch.setattr(requests, "_MOST_UNPACKED", 200)
        said(found.post(content=packed.getvalue()), 413, "unpacks to")
        monkeypatch.setattr(requests, "MOST_PIXELS", 1000)
        pictures = [("a", ("a.png", huge_png(20, 30), "image/png")), ("b", ("b.png", huge_png(20, 30), "image/png"))]
        assert "damaged" in said(found.post(files=pictures[:1]), 400)["error"]
        reader = requests._Reader(found.service.served, requests.Options())
        reader._spend(huge_png(20, 30), "one")
        with pytest.raises(requests.RequestError, match="too many with those before it"):
            reader._spend(huge_png(20, 30), "two")


def test_what_a_busy_or_failing_server_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(file) as found:

        def fails(error: Exception) -> Any:
            def submit(array: Any) -> Any:
                raise error

            monkeypatch.setattr(found.service.batcher, "submit", submit)
            return found.post(json=EXAMPLE)

        busy = fails(Full())
        said(busy, 503, "many examples wait already")
        assert busy.headers["retry-after"] == "1"
        said(fails(MemoryError()), 503, "memory")
        assert found.reports == []
        error = said(fails(RuntimeError("secret /path")), 500, "the server failed")
        assert "secret" not in json.dumps(error)
        assert found.reports == ["POST /predict: RuntimeError: secret /path"]
        text = found.client.get("/metrics").text
        assert 'netspec_errors_total{kind="busy"} 2' in text
        assert 'netspec_errors_total{kind="failed"} 1' in text


def test_a_server_that_fails_says_so_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(file) as found, listen("127.0.0.1", 0) as sock:
        server = Server(found.service, sock, found.reports.append)

        async def fails(sockets: Any) -> None:
            raise RuntimeError("no")

        monkeypatch.setattr(server._server, "serve", fails)
        with server:
            while server.wait(1):
                pass
        assert server.failed
        assert found.reports == ["the server failed: RuntimeError: no"]


def raw(port: int, *pieces: bytes, close: bool = False) -> bytes:
    """Return what a server answers to some bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for piece in pieces:
            client.sendall(piece)
        if close:
            client.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while piece := client.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


def head(length: int | str, *more: str, target: str = "/predict") -> bytes:
    lines = [
        f"POST {target} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, *more, "", ""]).encode()


BODY = json.dumps(EXAMPLE).encode()


def test_connections_that_are_hostile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "patience", 0.5)
    with listening(file, pause=0.5) as (found, port):
        # No request at all, part of one, and one whose headers never end.
        assert raw(port) == b""
        assert raw(port, b"POST /predict HTT") == b""
        assert b" 400 " in raw(port, b"GET /health HTTP/1.1\r\nX: " + b"a" * 70_000)
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
            b"GET /\r\n\r\n",
            head("-1"),
            head("1\r\nContent-Length: 2"),
        ):
            answer = raw(port, garbage)
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"), answer
            assert set(json.loads(answer.partition(b"\r\n\r\n")[2])) == ERROR
        # A body that is shorter than it says: the client waits, or leaves.
        assert b" 408 Request Timeout" in raw(port, head(len(BODY) + 5), BODY)
        assert raw(port, head(len(BODY) + 5), BODY, close=True) == b""
        assert b"netspec_requests_in_flight 1\n" in raw(port, b"GET /metrics HTTP/1.0\r\n\r\n")
        # One that is longer: what is behind it is another request, and none.
        answer = raw(port, head(len(BODY)), BODY + b"more and more\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"HTTP/1.1 400 Bad Request" in answer
        # One that is too long is refused before it is sent, and a client that asks whether it may send is told.
        assert b" 413 " in raw(port, head(10**12))
        answer = raw(port, head(10**6, "Expect: 100-continue"))
        assert answer.startswith(b"HTTP/1.1 413 ")
        chunked = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert b" 413 " in raw(port, chunked, b"4000\r\n" + b"[" * 0x4000 + b"\r\n0\r\n\r\n")
        assert b" 400 " in raw(port, chunked, b"nonsense\r\n")
        # Requests behind each other on one connection.
        assert raw(port, (head(len(BODY)) + BODY) * 3).count(b"HTTP/1.1 200 OK") == 3
        # The server goes on as if nothing had been.
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
            client.request("GET", "/health")
            assert json.load(client.getresponse()) == {"status": "ok", "model": "small", "waiting": 0}
        assert found.service._held == 0
    monkeypatch.setattr(Connection, "most", 1)
    with listening(file) as (_, port), socket.create_connection(("127.0.0.1", port)):
        answer = raw(port, b"GET /health HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable") or answer == b""


class Unread:
    """What a connection writes to, whose client reads some bytes now and then."""

    def __init__(self, *left: int) -> None:
        self.left, self.ended = list(left), ""

    def get_write_buffer_size(self) -> int:
        return self.left.pop(0)

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


@pytest.mark.parametrize(("left", "ended"), [((0,), "closed"), ((9, 9), "aborted"), ((9, 5, 0), "closed")])
def test_an_answer_that_nobody_reads_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, left: tuple[int, ...], ended: str
) -> None:
    connection = object.__new__(Connection)
    connection.cycle = None  # type: ignore[assignment]
    connection.transport = unread = Unread(*left)  # type: ignore[assignment]
    looks: list[bool] = []
    monkeypatch.setattr(connection, "_wait", lambda: looks.append(True))
    for _ in left:
        connection._give_up()
    assert (unread.ended, len(looks)) == (ended, len(left) - 1)


def test_many_at_once_have_the_answers_of_one_alone(file: Path) -> None:
    """Law: requests that are computed together are answered as each of them is by itself."""
    examples = np.random.default_rng(1).random((24, 1, 4, 4)).astype(np.float32)
    alone = open_run(file).predict(examples)
    with listening(file, wait=0.05, batch=8) as (found, port):
        answers: dict[int, Any] = {}

        def ask(number: int) -> None:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
                body = json.dumps(examples[number].tolist())
                client.request("POST", "/predict?top=9", body, {"Content-Type": "application/json"})
                answers[number] = json.load(client.getresponse())

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(len(examples))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        text = found.client.get("/metrics").text
    for number, expected in enumerate(alone):
        (prediction,) = answers[number]["predictions"]
        ranked = {each["label"]: each["probability"] for each in prediction["top"]}
        assert prediction["label"] == expected.label
        assert ranked == pytest.approx(dict(expected.probabilities), rel=1e-5)
    assert "netspec_batch_examples_sum 24\n" in text
    assert 'netspec_requests_total{path="/predict",status="200"} 24' in text
    assert "netspec_batch_examples_count 24\n" not in text, "some were computed together"


def test_a_server_ends_when_it_has_answered(file: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "netspec", "serve", str(file), "--port", "0", "--batch", "1"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=variables(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline()
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("\n")
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=30) as client:
        # The server has begun to read it when it asks for the body.
        client.sendall(head(len(BODY), "Expect: 100-continue"))
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        os.kill(process.pid, signal.SIGTERM)
        client.sendall(BODY)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]) == 1
    assert process.wait(60) == 143
    assert process.stdout.read() == ""
    assert process.stderr is not None
    assert process.stderr.read() == "interrupted\n"
    process.stdout.close()
    process.stderr.close()


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=20).close()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:
        # It was closed while it was asked.
        pass
    time.sleep(0.01)
    return True


def test_a_request_that_is_on_its_way_when_the_server_ends_is_answered(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "last_call", 20.0)
    with served(file) as found, listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        server = Server(found.service, sock, found.reports.append)
        server.__enter__()
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
            client.request("GET", "/health")
            assert client.getresponse().read()
            ending = threading.Thread(target=server.__exit__, args=(None, None, None))
            ending.start()
            while accepts(port):
                pass
            client.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
            response = client.getresponse()
            assert response.status == 200
            assert response.headers["connection"] == "close"
            assert len(json.load(response)["predictions"]) == 1
        ending.join()
        assert found.reports == []


def test_no_request_is_lost_at_the_end(file: Path) -> None:
    """Law: who asks without a pause has an answer to each request, the last of which says that it is the last."""
    lost: list[Exception] = []
    answered: list[int] = []
    enough = threading.Event()

    def ask(port: int) -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
                last = False
                while not last:
                    client.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
                    response = client.getresponse()
                    answered.append(len(json.load(response)["predictions"]))
                    last = response.headers["connection"] == "close"
                    if len(answered) > 40:
                        enough.set()
        except Exception as error:
            lost.append(error)
            enough.set()

    with listening(file) as (_, port):
        threads = [threading.Thread(target=ask, args=(port,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        assert enough.wait(60)
    for thread in threads:
        thread.join()
    assert not lost
    assert set(answered) == {1}


def test_where_it_cannot_listen(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert (address_of(sock), is_loopback(sock)) == (f"http://127.0.0.1:{port}", True)
        taken = cli(file.parent, "serve", file.name, "--port", str(port))
    assert (taken.returncode, taken.stdout) == (1, "")
    assert taken.stderr.startswith(f"error: cannot listen at 127.0.0.1, port {port}: Address already in use")
    assert "--port 0" in taken.stderr
    nowhere = cli(file.parent, "serve", file.name, "--host", "no..host")
    assert (nowhere.returncode, nowhere.stderr[:30]) == (1, "error: there is no host 'no..h")
    assert cli(file.parent, "serve", file.name, "--port", "70000").returncode == 2
    lost = cli(file.parent, "serve", "none.safetensors", "--port", "0")
    assert (lost.returncode, lost.stdout) == (1, "")
    with listen("0.0.0.0", 0) as sock:
        assert not is_loopback(sock)
    monkeypatch.setattr(Server, "wait", lambda self, seconds: False)
    other = cli(file.parent, "serve", file.name, "--port", "0", "--host", "0.0.0.0", "--batch", "1")
    assert other.returncode == 0
    assert other.stdout.startswith("http://0.0.0.0:")
    assert other.stderr == "note: who reaches 0.0.0.0 may ask: there is no password, and no encryption\n"
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    missing = cli(file.parent, "serve", file.name)
    assert missing.returncode == 1
    assert missing.stderr == (
        "error: a model is served by starlette and uvicorn, and uvicorn is not installed\n"
        "  fix: install them: pip install 'netspec[studio]'\n"
    )
