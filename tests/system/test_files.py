"""Files appear whole or not at all, and nothing of a failed writing stays behind."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.system.files import atomic_path, atomic_write, expanded, kind_of

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- what a path is -----------------------------------------------------------------------------------------------


def test_the_kinds(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "broken").symlink_to("nothing")
    found = {name: kind_of(tmp_path / name, DataError) for name in ("file", "link", "broken", "none", "file/x", ".")}
    assert found == {"file": "file", "link": "file", "broken": None, "none": None, "file/x": None, ".": "folder"}
    assert kind_of(Path(os.devnull), DataError) == "neither"


def test_what_the_system_does_not_tell_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="a cannot be opened: ") as caught:
        kind_of(tmp_path / ("a" * 300), RunError)
    assert caught.value.fix
    with pytest.raises(DataError, match="cannot be opened"):
        kind_of(tmp_path / "a\0", DataError)

    def closed(self: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(DataError, match="secret cannot be opened: Permission denied"):
        kind_of(Path("secret"), DataError)


def test_the_folder_of_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x", DataError) == tmp_path / "x"
    assert expanded("x", DataError) == Path("x")
    with pytest.raises(DataError, match="there is no user whose folder is ~no-such-user") as caught:
        expanded("~no-such-user/x", DataError)
    assert caught.value.fix


# --- files that appear whole --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 5, "text", "× and →\n"])
def test_what_is_written_is_read(tmp_path: Path, content: bytes | str) -> None:
    target = tmp_path / "file.bin"
    atomic_write(target, content)
    assert target.read_bytes() == (content.encode("utf-8") if isinstance(content, str) else content)
    assert list(tmp_path.iterdir()) == [target]


def test_line_ends_are_not_translated(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a.txt", "one\r\ntwo\n")
    assert (tmp_path / "a.txt").read_bytes() == b"one\r\ntwo\n"


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old and longer")
    atomic_write(target, "new")
    assert target.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_the_permissions_are_those_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    atomic_write(target, "x", 0o640)
    assert mode(target) == 0o640


def test_the_temporary_file_lies_beside_the_target_and_keeps_its_suffix(tmp_path: Path) -> None:
    # In another folder it could be on another disk, where a rename is a copy; and Pillow goes by the suffix.
    with atomic_path(tmp_path / "curves.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"x")
        assert not (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def write() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        write()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failing_rename_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_is_flushed_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("rename"), replace(self, to))[1])
    atomic_write(tmp_path / "file.txt", "new")
    assert order[:2] == ["fsync", "rename"]
    if sys.platform.startswith("linux"):
        assert order == ["fsync", "rename", "fsync"], "the folder is flushed too, or the rename may be lost"


@POSIX
@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, expected: int) -> None:
    with umask(mask):
        atomic_write(tmp_path / "file.txt", "x")
        assert os.umask(mask) == mask, "the umask itself stays"
    assert mode(tmp_path / "file.txt") == expected


@POSIX
def test_the_umask_decides_also_where_a_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    target.chmod(0o600)
    with umask(0o022):
        atomic_write(target, "new")
    assert mode(target) == 0o644


def test_a_missing_folder_is_an_oserror_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "none" / "file.txt", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=r"file"):
        atomic_write(tmp_path / "file" / "inner.txt", "x")


def test_a_folder_in_place_of_the_target_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(OSError, match=r"target"):
        atomic_write(tmp_path / "target", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_oserror(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with pytest.raises(PermissionError):
            atomic_write(folder / "file.txt", "x")
    finally:
        folder.chmod(0o755)


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "file.bin"
    whole = {bytes([i]) * 200_000 for i in range(2)}
    atomic_write(target, next(iter(whole)))
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(15):
            for content in whole:
                atomic_write(target, content)
    finally:
        done.set()
        reader.join()
    assert seen <= whole
    assert list(tmp_path.iterdir()) == [target]
