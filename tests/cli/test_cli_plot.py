"""`--plot`: charts at a real terminal, a pseudo-terminal, and what is said where they cannot be."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command_line import GOOD, cli, variables
from terminal.small_terminal import SmallTerminal

import netspec as ns

unix = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

# Its keys send signals only where it is the terminal of the session.
_OWN_TERMINAL = """\
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from netspec.cli import main
sys.argv[0] = "netspec"
main()
"""


class Session:
    """A command in a window: what it writes is shown, keys are pressed, and the window gets another size."""

    def __init__(self, leader: int, process: subprocess.Popen[bytes], window: SmallTerminal) -> None:
        self.leader, self.process, self.window = leader, process, window
        self.at = 0

    def read(self, until: str = "") -> None:
        """Show what is written until a text was, behind the one before, or to its end."""
        while not until or (at := self.window.seen.find(until, self.at)) < 0:
            assert select.select([self.leader], [], [], 120)[0], f"nothing for long, after:\n{self.window.text}"
            try:
                data = os.read(self.leader, 1 << 16)
            except OSError:
                data = b""
            if not data:
                assert not until, self.window.seen
                return
            while b"\xe2" in data[-2:] or data[-1:] >= b"\xc0":
                data += os.read(self.leader, 1)
            self.window.write(data.decode(errors="replace"))
        self.at = at + len(until)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        _set_size(self.leader, width, height)
        self.window.resize(width, height)

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self.leader, key)


def _set_size(terminal: int, width: int, height: int) -> None:
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


@contextmanager
def at_a_terminal(cwd: Path, *words: str, width: int = 100, height: int = 30) -> Iterator[Session]:
    """Run a command at a pseudo-terminal that is its own."""
    import pty  # noqa: PLC0415

    leader, follower = pty.openpty()
    _set_size(leader, width, height)
    env = {k: v for k, v in variables(cwd).items() if k not in {"NO_COLOR", "LINES"}}
    process = subprocess.Popen(
        [sys.executable, "-c", _OWN_TERMINAL, *words],
        cwd=cwd,
        env=env | {"TERM": "xterm-256color", "NETSPEC_REPORT": "off"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    try:
        yield Session(leader, process, SmallTerminal(width, height))
        process.wait(timeout=120)
    finally:
        process.kill()
        process.wait()
        os.close(leader)


@unix
def test_charts_at_a_terminal(tmp_path: Path) -> None:
    """A window of another size, Ctrl-C, and the run taken up again with the epochs before in its charts."""
    (tmp_path / "good.net").write_text(GOOD.replace("epochs 1", "epochs 2000"))
    with at_a_terminal(tmp_path, "train", "good.net", "-o", "run", "--plot") as session:
        session.read("epoch    2/2000 ")
        assert "loss" in session.window.text
        session.resize(84, 24)
        session.read("\x1b[H\x1b[J")
        session.read("/2000   train")
        session.press(b"\x03")
        session.read()
    assert session.process.returncode == 130
    assert session.window.cursor_shown
    assert session.window.column == 0
    rows = [row for row in session.window.rows if row.strip()]
    stopped = re.fullmatch(r"interrupted after step [\d,]+, in epoch (\d+)", rows[-2])
    assert stopped, session.window.text
    assert rows[-1] == "saved; to go on: netspec resume run"
    heads = [row.split()[0] for row in rows if "⠤o⠤ test" in row]
    assert heads[-2:] == ["loss", "accuracy"], "one below the other"
    assert "━" not in session.window.text
    assert "^C" not in session.window.text

    with at_a_terminal(tmp_path, "resume", "run", "--plot", "--epochs", stopped[1], height=50) as session:
        session.read()
    assert session.process.returncode == 0
    rows = [row for row in session.window.rows if row.strip()]
    top = next(i for i, row in enumerate(rows) if row.startswith("loss"))
    begins = min(at for row in rows[top + 2 : top + 14] for at, letter in enumerate(row[:48]) if letter >= "⠁")
    assert begins < 9 + 40 / 2, "the epochs before are drawn: of the last one alone the curve would begin further right"
    assert rows[-2].startswith("test accuracy ")


@pytest.mark.parametrize("flag", ["--quiet", "--json"])
@pytest.mark.parametrize("words", [["train", "good.net"], ["resume", "run"]], ids=" ".join)
def test_charts_that_are_asked_for_and_left_out(tmp_path: Path, words: list[str], flag: str) -> None:
    done = cli(tmp_path, *words, "--plot", flag)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{flag} shows no charts: leave one of the two out" in " ".join(done.stderr.replace("│", " ").split())


def test_no_charts_of_a_fit_that_shows_nothing() -> None:
    with pytest.raises(ns.NetspecError, match="plot=True draws above the bar, which progress=False leaves out"):
        ns.fit(GOOD, progress=False, plot=True)
    wrong: Any = "yes"
    with pytest.raises(ns.NetspecError, match="plot must be True or False"):
        ns.fit(GOOD, plot=wrong)


def test_a_run_in_a_pipe_with_charts_says_why_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "good.net").write_text(GOOD)
    done = cli(tmp_path, "train", "good.net", "-o", "run", "--plot")
    assert done.returncode == 0
    assert "note: no charts: the output is not a terminal; curves.png of run will have them" in done.stdout
    done = cli(tmp_path, "resume", "run", "--plot", "--epochs", "2")
    assert done.returncode == 0
    assert done.stdout.count("no charts") == 1
