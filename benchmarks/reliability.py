"""Tries to break what netspec promises, a row of docs/reliability.md at a time.

    python benchmarks/reliability.py                        # everything, then the page; some of it takes long
    python benchmarks/reliability.py --only model_flips     # one row again
    python benchmarks/reliability.py --short                # as little as shows that everything runs; records nothing
    python benchmarks/reliability.py --list
    python benchmarks/reliability.py --page-only            # only the page, from the recorded rows

What is found goes into benchmarks/results/reliability.json as soon as a row is done: the work can be stopped and taken
up again with --only. The exit code is 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from promises import PROMISES
from promises.frame import RECORDS, ROOT, Row, measured
from promises.page import page

from netspec.system.files import atomic_write

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, record it, write the page, and return the exit code."""
    chosen = _options().parse_args(arguments)
    if chosen.list:
        print("\n".join(f"{name:<16} {text}" for name, text in PROMISES.items()))
        return 0
    broken = 0
    for name in () if chosen.page_only else chosen.only:
        row = measured(name, short=chosen.short, seed=chosen.seed)
        broken += not row.kept
        _tell(name, row)
        if not chosen.short:
            RECORDS.merged(chosen.json, name, row)
    if not chosen.short:
        atomic_write(chosen.page, page(RECORDS.read(chosen.json)))
    return 1 if broken else 0


def _tell(name: str, row: Row) -> None:
    kept = "kept" if row.kept else "BROKEN"
    print(f"{name}: {kept}: {row.done}: {row.figure} ({row.seconds:,.1f} s)", flush=True)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Try to break what netspec promises.")
    parser.add_argument("--only", nargs="+", choices=list(PROMISES), default=list(PROMISES), metavar="NAME")
    parser.add_argument("--short", action="store_true", help="try little, and record nothing")
    parser.add_argument("--seed", type=int, default=1, help="all that is random follows from it; 1 unless given")
    parser.add_argument("--list", action="store_true", help="say what is promised")
    parser.add_argument("--page-only", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/reliability.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/reliability.md", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
