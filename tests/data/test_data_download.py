import gzip
import hashlib
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from data_helpers import Server, sending

from netspec.data.builtin import download as module
from netspec.data.builtin.download import download
from netspec.diagnostics.diagnostic import DatasetUnavailableError

CONTENT = bytes(range(256)) * 2_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def get(target: Path, *urls: str, **more: object) -> Path:
    return download(urls, target, sha256=SHA256, size=len(CONTENT), **{"timeout": 2.0, **more})  # type: ignore[arg-type]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("wrapped", [CONTENT, gzip.compress(CONTENT)], ids=["raw", "gzip"])
def test_a_file_arrives(server: Server, tmp_path: Path, wrapped: bytes) -> None:
    target = tmp_path / "new" / "file"
    assert get(target, server.url("/a", wrapped)) == target
    assert target.read_bytes() == CONTENT
    assert not leftovers(target.parent)


def test_progress_is_told(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    get(tmp_path / "file", server.url("/a", CONTENT), progress=lambda *args: seen.append(args))
    assert seen[-1] == ("file", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    get(tmp_path / "file", server.url("/a", CONTENT))
    assert server.requests == []


def test_a_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT[:-1] + b"x")
    get(tmp_path / "file", server.url("/a", CONTENT))
    assert (tmp_path / "file").read_bytes() == CONTENT


def hangs(handler: BaseHTTPRequestHandler) -> None:
    sending(CONTENT[:1000], len(CONTENT))(handler)
    handler.server.done.wait(10)  # type: ignore[attr-defined]


def never_ends(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"\x1f\x8b\x08\x08" + bytes(6))  # a gzip file whose name never ends
    while not handler.server.done.is_set():  # type: ignore[attr-defined]
        handler.wfile.write(b"n" * 2**16)


def says_nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\0\1\2 this is not HTTP\r\n\r\n")


def says_much(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 500 \x1b[2J" + b"sorry " * 5_000 + b"\r\n\r\n")


BAD = {
    "wrong": (CONTENT[:-1] + b"x", "other content than expected"),
    "cut": (sending(CONTENT[:1000], len(CONTENT)), "cut short"),
    "short": (CONTENT[:1000], "cut short"),
    "empty": (b"", "cut short"),
    "longer": (CONTENT + b"x", "more bytes than expected"),
    "gzip cut": (gzip.compress(CONTENT)[:-9], "cut short"),
    "gzip longer": (gzip.compress(CONTENT) + b"x", "more bytes than expected"),
    "gzip bomb": (gzip.compress(bytes(50_000_000)), "more bytes than expected"),
    "gzip damaged": (gzip.compress(CONTENT)[:-8] + bytes(8), "damaged gzip data"),
    "endless": (never_ends, "more bytes than expected"),
    "slow": (hangs, "timed out"),
    "nonsense": (says_nonsense, "could not be downloaded"),
    "much": (says_much, "sorry"),
}


@pytest.mark.parametrize(("answer", "said"), BAD.values(), ids=BAD)
def test_a_bad_mirror_is_passed_over(server: Server, tmp_path: Path, answer: object, said: str) -> None:
    bad = server.url("/bad", answer)  # type: ignore[arg-type]
    with pytest.raises(DatasetUnavailableError, match=said) as caught:
        get(tmp_path / "file", bad, timeout=0.3)
    assert "127.0.0.1" in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300
    assert not (tmp_path / "file").exists()
    get(tmp_path / "file", bad, server.url("/good", CONTENT), timeout=0.3)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert not leftovers(tmp_path)


def test_a_missing_page_is_passed_over(server: Server, tmp_path: Path) -> None:
    missing = server.url("/good", CONTENT) + "/not"
    with pytest.raises(DatasetUnavailableError, match="Not Found"):
        get(tmp_path / "file", missing)
    get(tmp_path / "file", missing, server.url("/good", CONTENT))


def test_a_mirror_that_only_drips_is_passed_over(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", -1.0)
    monkeypatch.setattr(module, "_SLOWEST", float("inf"))
    with pytest.raises(DatasetUnavailableError, match="too slow"):
        get(tmp_path / "file", server.url("/a", CONTENT))


def test_no_server_at_all(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailableError, match="refused"):
        get(tmp_path / "file", "http://127.0.0.1:1/a")


def test_offline_never_asks(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    with pytest.raises(DatasetUnavailableError, match="NETSPEC_OFFLINE"):
        get(tmp_path / "file", server.url("/a", CONTENT))
    assert server.requests == []


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where a folder should be")
    with pytest.raises(DatasetUnavailableError, match="cannot be written"):
        get(tmp_path / "taken" / "file", server.url("/a", CONTENT))


def test_an_interrupted_download_leaves_nothing(server: Server, tmp_path: Path) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(tmp_path / "file", server.url("/a", CONTENT), progress=interrupt)
    assert not leftovers(tmp_path)


def test_what_a_killed_download_left_is_swept_up(server: Server, tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".file.1.part", ".file.2.part", ".other.3.part"))
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (0, 0))
    get(tmp_path / "file", server.url("/a", CONTENT))
    assert sorted(leftovers(tmp_path)) == [new.name, other.name]


def test_several_processes_at_once(server: Server, tmp_path: Path) -> None:
    url = server.url("/a", gzip.compress(CONTENT))
    script = f"""
import hashlib, pathlib
from netspec.data.builtin.download import download
target = pathlib.Path({str(tmp_path / "file")!r})
download([{url!r}], target, sha256={SHA256!r}, size={len(CONTENT)})
assert hashlib.sha256(target.read_bytes()).hexdigest() == {SHA256!r}
"""
    running = [subprocess.Popen([sys.executable, "-c", script], env=dict(os.environ)) for _ in range(6)]
    assert [process.wait() for process in running] == [0] * 6
    assert not leftovers(tmp_path)
    if sys.platform != "win32":
        assert len(server.requests) == 1  # the others waited for the first
