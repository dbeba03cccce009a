"""Random changes to specs, by the built-in driver of tests/fuzz/fuzz_spec.py, in two processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from promises.frame import ROOT, Effort, Found

__all__ = ["measure"]

_DRIVER = ROOT / "tests" / "fuzz" / "fuzz_spec.py"


def measure(effort: Effort) -> Found:
    """Fuzz with two seeds; what takes long is told, but on a busy machine it breaks no promise."""
    runs = effort.of(500_000, 400)
    folders = [effort.folder / "one", effort.folder / "two"]
    started = [_start(folder, runs, 2 * effort.seed + i) for i, folder in enumerate(folders)]
    said = [process.communicate()[0] for process in started]
    inputs = sum(int(count.replace(",", "")) for text in said for count in re.findall(r"^([\d,]+) inputs", text))
    found = sorted({path.stem for folder in folders for path in folder.glob("*.net")})
    slow = [name for name in found if name.startswith("slow-")]
    others = [name for name in found if name not in slow]
    return Found(
        done=f"{inputs:,} inputs: shipped specs and golden mistakes with one to six random changes",
        figure=f"{len(others) or 'no'} exceptions but `NetspecError`{_listed(others)}; "
        f"{len(slow)} inputs took more than 1 s{_kept(effort.folder, others)}",
        kept=not others and inputs == 2 * runs and all(process.returncode == 0 for process in started),
    )


def _start(folder: Path, runs: int, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(_DRIVER), "--builtin", "--findings", str(folder), "--runs", str(runs)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.PIPE, text=True, env=environment)


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _kept(folder: Path, names: list[str]) -> str:
    """Return the first finding itself: the folder is gone when the row is read."""
    if not names:
        return ""
    first = next(folder.glob(f"*/{names[0]}.net"))
    return f"; the first: {first.read_bytes()[:500]!r}"
