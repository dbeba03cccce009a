"""How long `netspec check` takes: beside importing its libraries alone, and as a spec grows to 10,000 layers.

    python benchmarks/check_time.py            # prints, and writes docs/check_time.md

Every figure is the least of several runs of the real command, taken in turn with a run that only starts Python and
imports what check stands on (Lark, Pydantic, Typer): their ratio means the same on a fast and on a slow machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZES = (10, 100, 1_000, 2_000, 5_000, 10_000)
LIBRARIES = "import typer, pydantic.main, lark"


def spec(layers: int, form: str) -> str:
    """Return a network of so many layers, written out, repeated, or of blocks."""
    pair = "conv 8 3x3 pad=same; relu"
    body = {
        "written out": f"{pair}\n" * (layers // 2),
        "repeat": f"repeat {layers // 2} {{ {pair} }}\n",
        "blocks": f"block b(n) {{ conv n 3x3 pad=same; relu }}\nrepeat {layers // 2} {{ b 8 }}\n",
    }[form]
    return f"input 8x32x32\n{body}globalpool; fc 10 softmax\n"


def seconds(command: list[str]) -> float:
    """Return how long a command takes, from start to end."""
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began


def measure(file: Path, rounds: int) -> tuple[float, float]:
    """Return the least seconds of a check and of the imports, taken in turn."""
    checks, imports = [], []
    for _ in range(rounds):
        checks.append(seconds([sys.executable, "-m", "netspec", "check", str(file)]))
        imports.append(seconds([sys.executable, "-c", LIBRARIES]))
    return min(checks), min(imports)


def table(rounds: int) -> list[str]:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        check, imports = measure(ROOT / "specs" / "lenet.net", rounds)
        lines = [
            "# How long a check takes",
            "",
            f"Written by `python benchmarks/check_time.py` on {date.today()}: python {platform.python_version()}, "
            f"lark {version('lark')}, pydantic {version('pydantic')}, {os.cpu_count()} cores; least of {rounds} runs.",
            "",
            f"`netspec check specs/lenet.net`: {check:.2f} s, {check / imports:.1f} times as long as importing Lark, "
            f"Pydantic and Typer alone ({imports:.2f} s).",
            "",
            "| layers | " + " | ".join(f"{form}, s" for form in FORMS) + " |",
            "| ---: |" + " ---: |" * len(FORMS),
        ]
        for size in SIZES:
            row = []
            for form in FORMS:
                file = Path(folder) / "grown.net"
                file.write_text(spec(size, form), encoding="utf-8")
                row.append(f"{measure(file, rounds)[0]:.2f}")
            lines.append(f"| {size:,} | {' | '.join(row)} |")
            print(lines[-1], flush=True)
    return lines


FORMS = ("written out", "repeat", "blocks")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure `netspec check`.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "check_time.md")
    chosen = parser.parse_args()
    lines = table(chosen.rounds)
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
