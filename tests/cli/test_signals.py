"""What ends a command from outside before a training begins: signals, and readers that leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT

from netspec.cli.signals import end

IMPORTED = """\
import os, signal
os.kill(os.getpid(), signal.{name})
print("imported to its end", flush=True)
"""
WAITING = """\
import signal
from netspec.cli.signals import end
signal.signal(signal.{name}, end)
try:
    import interrupted
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
    done = python(tmp_path, WAITING.format(name=name))
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "interrupted\n")


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_elsewhere_it_may_clean_up(number: int, error: type[BaseException]) -> None:
    before = signal.signal(number, end)
    try:
        with pytest.raises(error) as found:
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)
    assert found.value.args == (() if number == signal.SIGINT else (143,))


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    code = """\
import os, signal
from netspec.cli import app, entry
def work(words, process):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        print("cleaned up for long", flush=True)
app.run_command = work
entry.run()
"""
    done = python(tmp_path, code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_reader_that_leaves_is_no_error() -> None:
    command = [sys.executable, "-m", "netspec", "show", "specs/lenet.net"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) in {0, 1}


TWO_SIGNALS = "with signals.Interrupts() as i: i.started(); [signal.raise_signal(2) for _ in range(2)]"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("end_", ["signals.exit_at_once(130)", TWO_SIGNALS])
def test_an_end_at_once_shows_the_cursor_again_that_a_live_bar_hides(end_: str) -> None:
    import pty  # noqa: PLC0415

    leader, follower = pty.openpty()
    code = f"import signal\nfrom netspec.cli import signals\n{end_}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=follower, stderr=follower, check=False)
    os.close(follower)
    assert os.read(leader, 1 << 10).endswith(b"\x1b[?25h")
    os.close(leader)
    assert done.returncode == 130
