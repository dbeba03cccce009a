"""The command line within the process of the tests; where only a process of its own shows something, in such a one."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import netspec
from netspec.cli.app import run_command

ROOT = str(Path(netspec.__file__).parents[1])
GOOD = "input 1x8x8\nlet width = 8\nfc width relu\nfc 10 softmax\ndata digits\ntrain { epochs 1; batch 500 }\n"
BAD = "input 1x8x8\ncov 3 3x3\nfc 7 softmx\ndata digits\n"


def cli(
    cwd: Path, *words: str | Path, stdin: bytes = b"", encoding: str = "utf-8", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in this process as a user does in a pipe, and check what holds for every run.

    Args:
        cwd: the folder it runs in.
        words: the command line.
        stdin: what it reads.
        encoding: of what it prints, where it does not write UTF-8 of its own accord.
        environment: variables it has besides those of a user without any of netspec's.
    """
    with _surroundings(cwd, stdin, encoding, variables(cwd) | environment) as streams:
        before, frozen = _state(), gc.get_freeze_count()
        code = run_command([*map(str, words)])
        after = _state()
        # JAX sets variables and filters of its own when it is first imported.
        compared = before.keys() - ({"variables", "warnings", "jax"} if before["jax"] is None else set())
        changed = {name: (before[name], after[name]) for name in compared if before[name] != after[name]}
        assert not changed, "a command leaves the process as it was"
        assert gc.get_freeze_count() <= frozen, "only commands in a process of their own freeze what is there"
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    out, err = (stream.getvalue().decode("utf-8") for stream in streams)
    return checked(subprocess.CompletedProcess([*map(str, words)], code, out, err))


def spawn(cwd: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, and check what holds for every run."""
    command = [sys.executable, "-m", "netspec", *map(str, words)]
    # A report takes as long as a small training.
    env = variables(cwd) | {"NETSPEC_REPORT": "off"} | environment
    return checked(
        subprocess.run(command, cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=False, timeout=300)
    )


def variables(cwd: Path) -> dict[str, str]:
    """Return the environment of a command that is run in a folder."""
    env = {k: v for k, v in os.environ.items() if k not in {"NETSPEC_DATA", "FORCE_COLOR", "COLUMNS"}}
    env |= {"NETSPEC_OFFLINE": "1", "NETSPEC_CACHE": str(cwd / ".cache"), "PYTHONPATH": ROOT, "PYTHONUTF8": "1"}
    return env | {"NETSPEC_COMPILE_CACHE": "off"}


def checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Return a run that printed no traceback, and in a pipe nothing that steers a terminal."""
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text, text
        control = {c for c in text if ord(c) < 32 or ord(c) == 127} - {"\n"}
        assert not control, f"control characters in a pipe: {control} in {text!r}"
    return done


def lines(text: str) -> list[dict]:
    """Parse one JSON object a line; NaN and Infinity are not JSON."""

    def never(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return [json.loads(line, parse_constant=never) for line in text.splitlines()]


@contextmanager
def _surroundings(cwd: Path, stdin: bytes, encoding: str, env: dict[str, str]) -> Iterator[tuple[io.BytesIO, ...]]:
    """Give a command the folder, the variables and the streams of a process in a pipe, without a terminal."""
    outer, streams = Path.cwd(), (io.BytesIO(), io.BytesIO())
    out, err = (io.TextIOWrapper(stream, encoding, errors="replace") for stream in streams)
    given = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    os.chdir(cwd)
    try:
        with (
            mock.patch.dict(os.environ, env, clear=True),
            mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err),
            mock.patch.object(os, "get_terminal_size", side_effect=OSError("no terminal")),
        ):
            yield streams
    finally:
        os.chdir(outer)


def _state() -> dict[str, Any]:
    """Return what a command must not change: it runs beside other work."""
    jax: Any = sys.modules.get("jax")
    return {
        "folder": Path.cwd(),
        "variables": dict(os.environ),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "words": list(sys.argv),
        "signals": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "exceptions": sys.excepthook,
        "garbage": gc.get_threshold(),
        "warnings": (warnings.showwarning, list(warnings.filters)),
        "jax": dict(jax.config.values) if jax else None,
    }
