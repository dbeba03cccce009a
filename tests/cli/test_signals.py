"""What ends a command from outside: signals in every moment before a training begins, and readers that leave."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli_check import ROOT

IMPORTED = """\
import os, signal
os.kill(os.getpid(), signal.{name})
print("imported to its end", flush=True)
"""
WAITING = """\
import os, signal
from netspec.cli.signals import end
signal.signal(signal.{name}, end)
try:
    {act}
except BaseException as error:
    print("cleaned up behind", repr(error), flush=True)
"""


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join((ROOT, str(folder)))}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_import_is_not_left_halfway(tmp_path: Path, name: str, code: int) -> None:
    """An exception within the start of an extension module crashed 2 of 60 processes."""
    (tmp_path / "interrupted.py").write_text(IMPORTED.format(name=name))
    done = python(tmp_path, WAITING.format(name=name, act="import interrupted"))
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "interrupted\n")


@pytest.mark.parametrize(("name", "error"), [("SIGINT", "KeyboardInterrupt()"), ("SIGTERM", "SystemExit(143)")])
def test_elsewhere_it_may_clean_up(tmp_path: Path, name: str, error: str) -> None:
    done = python(tmp_path, WAITING.format(name=name, act=f"os.kill(os.getpid(), signal.{name})"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"cleaned up behind {error}\n", "")


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    code = """\
import os, signal
import netspec.cli.exits as exits
def work(words):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        print("cleaned up for long", flush=True)
exits._act = work
exits.run()
"""
    done = python(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize("words", [("check", "specs/lenet.net"), ("show", "specs/lenet.net"), ("layers",)])
def test_a_reader_that_leaves_is_no_error(words: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "netspec", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) in {0, 1}
