"""The command line in a process of its own that need not import JAX first: it is forked from one that has.

What a user types is `python -m netspec`, and many tests run just that. Those that look at what is said and written
would spend most of their time on imports.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["run"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["jax.numpy", "optax", "typer", "rich.console", "netspec.cli.app", "netspec.workflows.train"]
)


def run(words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `netspec WORDS` as `subprocess.run` would, its output captured as text.

    Variables that Python and JAX read when they start are those of the process it is forked from.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("out", "err")]
        process = _FORKS.Process(target=_main, args=([*words], str(cwd), {**env}, [*map(str, streams)]))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout)
        out, err = (stream.read_text("utf-8") if stream.exists() else "" for stream in streams)
        return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _main(words: list[str], cwd: str, env: dict[str, str], streams: list[str]) -> None:
    """Become what `python -m netspec` is: its folder, its variables, its streams."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate([os.devnull, *streams]):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = ["netspec", *words]
    from netspec.cli import main  # noqa: PLC0415

    main()
