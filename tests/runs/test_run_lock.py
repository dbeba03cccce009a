"""The lock of a run folder: one process at a time, and nothing left behind by one that is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import netspec as ns
from netspec.runs.lock import NAME, RunLock

_HOLD = """
import sys, time
from pathlib import Path
from netspec.runs.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    root = str(Path(ns.__file__).parents[1])
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_the_first_one_named(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with pytest.raises(ns.RunError, match=f"is being trained in by process {holder.pid}"):
        RunLock(tmp_path)
    stop(holder)


def test_a_process_that_was_killed_holds_nothing(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    stop(holder)
    RunLock(tmp_path).release()


def test_a_copy_is_not_locked(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(tmp_path / NAME, copy / NAME)
    RunLock(copy).release()
    stop(holder)


def test_released_it_can_be_taken_again(tmp_path: Path) -> None:
    first = RunLock(tmp_path)
    with pytest.raises(ns.RunError, match="is being trained in"):
        RunLock(tmp_path)
    first.release()
    RunLock(tmp_path).release()


@pytest.mark.skipif(os.name != "posix", reason="links are those of POSIX")
def test_it_is_not_taken_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / NAME).symlink_to(tmp_path / "victim")
    with pytest.raises(ns.RunError, match="cannot be written: it is a link"):
        RunLock(tmp_path)
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_folder_that_is_not_there_is_a_run_error(tmp_path: Path) -> None:
    with pytest.raises(ns.RunError, match="cannot be written"):
        RunLock(tmp_path / "nowhere")
