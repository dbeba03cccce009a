"""How long a small training takes as a whole process, with no compiled programs kept, and with those of a run before.

    python benchmarks/cold_start.py            # prints, and writes docs/cold_start.md

The command is `netspec train specs/lenet.net --data digits --epochs 1`, from process start to process end, in turn with
a process that only imports JAX. The cache is a fresh folder of this script's own. Beside the time on the clock stands
that of the processor, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "specs" / "lenet.net"
TRAIN = [sys.executable, "-m", "netspec", "train", str(SPEC), "--data", "digits", "--epochs", "1", "--quiet"]
IMPORT = [sys.executable, "-c", "import jax"]

COLD, WARM, OFF, ONLY = (
    "cold: nothing kept yet",
    "warm: a run before kept its programs",
    "cache off",
    "`import jax` alone",
)


def measured(command: list[str], folder: Path, **environment: str) -> tuple[float, float]:
    """Return the seconds of a process on the clock and on the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    given = {**os.environ, "PYTHONPATH": str(ROOT), "NETSPEC_CACHE": str(folder / "cache"), **environment}
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, env=given)
    clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def rounds(count: int) -> dict[str, list[tuple[float, float]]]:
    """Return what some rounds measured, each kind of run once a round."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in (COLD, WARM, OFF, ONLY)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(count):
            shutil.rmtree(folder / "cache", ignore_errors=True)
            found[COLD].append(measured(TRAIN, folder))
            found[WARM].append(measured(TRAIN, folder))
            found[OFF].append(measured(TRAIN, folder, NETSPEC_COMPILE_CACHE="off"))
            found[ONLY].append(measured(IMPORT, folder))
            print(
                *(f"{kind.partition(':')[0]} {runs[-1][0]:.2f} s" for kind, runs in found.items()), sep="; ", flush=True
            )
    return found


def page(found: dict[str, list[tuple[float, float]]], load: float) -> list[str]:
    """Return the page."""
    count = len(found[COLD])
    versions = ", ".join(f"{name} {version(name)}" for name in ("jax", "jaxlib", "numpy", "pydantic"))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    rows = []
    for kind, runs in found.items():
        clock, processor = zip(*runs, strict=True)
        rows.append(f"| {kind} | {min(clock):.2f} | {median(clock):.2f} | {min(processor):.2f} |")
    return [
        "# From nothing to a trained model",
        "",
        f"Written by `python benchmarks/cold_start.py` on {date.today()}: Python {platform.python_version()}, "
        f"{versions}, {machine}; {count} rounds, the kinds in turn; load of the machine {load:.1f}.",
        "",
        "`netspec train specs/lenet.net --data digits --epochs 1`, from process start to process end:",
        "",
        "| | least, s | median, s | least of the processor, s |",
        "| --- | ---: | ---: | ---: |",
        *rows,
        "",
        "The command line keeps compiled programs in a folder that only the user can write to: `netspec doctor` says",
        "where, `NETSPEC_COMPILE_CACHE=off` turns it off. A program that imports netspec keeps none on its own.",
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure a small training as a whole process.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "cold_start.md")
    chosen = parser.parse_args()
    found = rounds(chosen.rounds)
    lines = page(found, os.getloadavg()[0])
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
