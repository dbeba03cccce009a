"""Locks of POSIX and of Windows; those of Windows over a stand-in for `msvcrt`, two open files for two processes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import netspec as ns
from netspec.data.builtin.download import _locked
from netspec.runs.lock import NAME, RunLock, is_held
from netspec.system import files, locks


class Msvcrt:
    """What `msvcrt.locking` does: a byte at the position of a descriptor is held until it is unlocked or closed.

    A descriptor of the same number as one that holds the byte was opened after that one was closed.
    """

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], int] = {}
        self.refusals: list[int] = []

    def locking(self, handle: int, mode: int, count: int) -> None:
        assert count == 1
        place = (os.fstat(handle).st_ino, os.lseek(handle, 0, os.SEEK_CUR))
        if mode == self.LK_UNLCK:
            assert self.held.pop(place) == handle
        elif self.refusals:
            raise OSError(self.refusals.pop(), "refused")
        elif self.held.get(place) != handle and self._is_open(self.held.get(place)):
            raise PermissionError(errno.EACCES, "Permission denied")
        else:
            self.held[place] = handle

    @staticmethod
    def _is_open(handle: int | None) -> bool:
        try:
            return handle is not None and bool(os.fstat(handle))
        except OSError:
            return False


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Msvcrt:
    """A system without fcntl."""
    fake = Msvcrt()
    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(locks, "msvcrt", fake)
    monkeypatch.setattr(locks, "_PAUSE", 0.001)
    return fake


@pytest.fixture(params=["here", "windows"])
def system(request: pytest.FixtureRequest) -> str:
    if request.param == "windows":
        request.getfixturevalue("windows")
    return str(request.param)


@pytest.mark.usefixtures("system")
def test_one_holds_a_folder_and_a_second_is_refused_by_the_first_ones_number(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    assert is_held(tmp_path)
    with pytest.raises(ns.RunError, match=f"is being trained in by process {os.getpid()}"):
        RunLock(tmp_path)
    # What is written in the file can be read while it is locked.
    assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    first.release()
    assert not is_held(tmp_path)
    RunLock(tmp_path).release()


@pytest.mark.usefixtures("system")
def test_a_folder_that_nobody_trains_in_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    RunLock(tmp_path).release()
    assert not is_held(tmp_path)


def test_who_only_looks_does_not_make_a_training_fail(windows: Msvcrt, tmp_path: Path) -> None:
    windows.refusals = [errno.EACCES, errno.EDEADLK]
    RunLock(tmp_path).release()


def test_downloads_wait_for_each_other(windows: Msvcrt, tmp_path: Path) -> None:
    windows.refusals = [errno.EACCES] * 10
    with _locked(tmp_path / "file"):
        assert len(windows.held) == 1
        assert not windows.refusals
    with _locked(tmp_path / "file"):
        pass


def test_without_any_locks_a_training_goes_on_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(locks, "msvcrt", None)
    RunLock(tmp_path).release()
    assert not is_held(tmp_path)
    with _locked(tmp_path / "file"):
        pass


def test_a_file_that_another_program_has_open_is_replaced_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, refusals, rename = tmp_path / "lock.json", [1, 2, 3], Path.replace

    def busy(self: Path, other: Path) -> Path:
        if refusals:
            refusals.pop()
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "replace", busy)
    # POSIX refuses for good, and is asked once.
    with pytest.raises(PermissionError):
        files.atomic_write(target, "text")
    assert (len(refusals), list(tmp_path.iterdir())) == (2, [])
    monkeypatch.setattr(files, "_PAUSES", (0.0, 0.0, 0.0))
    files.atomic_write(target, "text")
    assert target.read_text() == "text"
    refusals[:] = range(9)
    with pytest.raises(PermissionError):
        files.atomic_write(target, "more")
    assert target.read_text() == "text"
    assert list(tmp_path.iterdir()) == [target]
