"""How well small networks learn on real data: tables, images, text. Each task is a section of docs/tasks.md.

    pip install -e ".[test,parity]"
    NETSPEC_DATA=… python benchmarks/tasks.py            # what is not recorded yet, then the page
    python benchmarks/tasks.py --only vae pairs          # some tasks; --again also where they are recorded
    python benchmarks/tasks.py --short                   # as little as shows that everything runs; records nothing
    python benchmarks/tasks.py --page-only               # only the page, from what is recorded

NETSPEC_DATA is a folder with mnist/, membrane/ and text/. What is found goes into benchmarks/results/tasks.json as soon
as a task is done: the work can be stopped and taken up again. A task is measured again where its specs or the seed
changed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from learned import TASKS
from learned.frame import RECORDS, ROOT, Row, measured, stamp
from learned.page import cell, page

import netspec as ns
from netspec.system.files import atomic_write

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, record it, write the page, and return the exit code."""
    chosen = _options().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="netspec-tasks-") as scratch:
            for name in () if chosen.page_only else chosen.only:
                _measure(name, chosen, Path(scratch) if chosen.short else chosen.page.parent / "images")
    except (ns.NetspecError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not chosen.short:
        atomic_write(chosen.page, page(RECORDS.read(chosen.json)))
    return 0


def _measure(name: str, chosen: argparse.Namespace, pictures: Path) -> None:
    row = None if chosen.short or chosen.again else RECORDS.read(chosen.json).get(name)
    if row and row.stamp == stamp(name) and row.seed == chosen.seed:
        print(f"{name}: recorded already", flush=True)
        return
    row = measured(name, short=chosen.short, seed=chosen.seed, pictures=pictures)
    _tell(name, row)
    if not chosen.short:
        RECORDS.merged(chosen.json, name, row)


def _tell(name: str, row: Row) -> None:
    for line, columns in row.figures.items():
        print(f"{name}: {line}: {', '.join(f'{key} {cell(values)}' for key, values in columns.items())}", flush=True)
    print(f"{name}: {row.seconds:,.0f} s at a load of {row.load:.1f}", flush=True)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TASKS, default=TASKS, metavar="NAME", help=", ".join(TASKS))
    parser.add_argument("--seed", type=int, default=0, help="all that is random follows from it; 0 unless given")
    parser.add_argument("--again", action="store_true", help="also what is recorded")
    parser.add_argument("--short", action="store_true", help="learn little, and record nothing")
    parser.add_argument("--page-only", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/tasks.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/tasks.md", metavar="FILE")
    return parser


if __name__ == "__main__":
    ns.keep_memory()  # before JAX is imported, as in every training of the command line
    sys.exit(main())
