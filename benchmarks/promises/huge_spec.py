"""A spec that asks for 10¹² parameters: refused, the layer named, without JAX, and how long that takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from promises.frame import ROOT, Effort, Found

__all__ = ["measure"]

_SPEC = "input 1000000\nfc 1000000 relu\nfc 10 softmax\n"
_MOST = 0.3
"""Seconds, from process start to process end."""


def measure(effort: Effort) -> Found:
    """Check the spec in a fresh process, several times; the time counts only in the long form."""
    spec = effort.folder / "huge.net"
    spec.write_text(_SPEC, encoding="utf-8")
    # Processors of virtual machines are slower at times, for seconds: few tries would fall into one of these.
    tries = effort.of(50, 2)
    _check(str(spec))  # so that the files are in the system's memory, and compiled
    runs = [_check(str(spec)) for _ in range(tries)]
    seconds = median(taken for taken, _, _ in runs)
    refused = all(code == 1 and "huge.net:2:" in said and "fc 1000000" in said for _, code, said in runs)
    jax = "jax" in _imported(str(spec))
    kept = refused and not jax and (effort.short or seconds < _MOST)
    return Found(
        done=f"`netspec check` of a layer of 10¹² weights, {tries} times, as a process from start to end",
        figure=f"{'refused, the layer named' if refused else 'not refused as it should be'}, in {seconds:.2f} s "
        f"(median; {min(runs)[0]:.2f} to {max(runs)[0]:.2f}), JAX {'imported' if jax else 'not imported'}",
        kept=kept,
    )


def _check(spec: str) -> tuple[float, int, str]:
    """Return the seconds, the exit code and what was said."""
    began = time.perf_counter()
    done = _run([sys.executable, "-m", "netspec", "check", spec])
    return time.perf_counter() - began, done.returncode, done.stdout


def _imported(spec: str) -> set[str]:
    """Return the packages that a check imports."""
    said = _run([sys.executable, "-X", "importtime", "-m", "netspec", "check", spec]).stderr
    names = [line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith("import time:")]
    assert "netspec" in names, "importtime says what is imported"
    return {name.partition(".")[0] for name in names}


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    # What is installed is compiled; so is this, unless the environment forbids it.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
