"""How fast pictures are read, and how much memory that takes, by netspec, PyTorch and grain: docs/data_speed.md.

    pip install torch scikit-learn grain
    NETSPEC_DATA=… python benchmarks/data.py             # what is not recorded yet, then the page
    python benchmarks/data.py --only photos large        # some rows; --again also where they are recorded
    python benchmarks/data.py --short                    # a few pictures, which shows that it runs; records nothing
    python benchmarks/data.py --page-only                # only the page, from what is recorded

NETSPEC_DATA is a folder with cifar10-images.zip. The other pictures are made in --scratch, 20,000 files that stay there
beside the cache; 20 GB must be free. Each way to read has a process of its own, and they take turns, so that what else
runs is the same for all. What is found goes into benchmarks/results/data.json as soon as a row is done: the work can be
stopped and taken up again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from loading import ROWS, Measure, sets
from recorded import ROOT, Circumstances, Frozen, Records, Rows, circumstances, commit

from netspec.system.files import atomic_write

__all__ = ["main"]

_PACKAGES = ("netspec", "jax", "jaxlib", "numpy", "pillow", "torch", "grain")
_NEEDS = {"torch_reads": "torch", "grain_reads": "grain"}

_INTRO = """# Reading pictures

How fast pictures of files are read, and how much memory that takes: by netspec where they do not fit in memory ([your
data](your_data.md#pictures-that-do-not-fit-in-memory)), by PyTorch's DataLoader, whose dataset is Pillow and NumPy, and
by grain's. One command measures all rows and writes the page:

    NETSPEC_DATA=… python benchmarks/data.py

Every figure is the median of the turns, of which the line below a table says how many there were; the ratio is that of
pairs of one turn. Processor time and
memory are those of all processes that take part, shared pages counted once; what the system keeps of files is not in
them. The cache was read shortly before: from a slow disk that is not in memory, it is slower.
"""


class Measured(Frozen):
    """What was measured of a row: by the ways to read, a dictionary of figures for each turn."""

    turns: Mapping[str, tuple[Mapping[str, float], ...]]
    seconds: float
    load: float


class Row(Circumstances, Measured):
    """What was measured of a row, and when and where."""


RECORDS = Records(Rows[Row], ROWS)
"""Of the rows, in their order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, record it, write the page, and return the exit code."""
    chosen = _options().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="netspec-data-") as scratch:
            folder = Path(scratch) if chosen.short else chosen.scratch
            folder.mkdir(parents=True, exist_ok=True)
            for name in () if chosen.page_only else chosen.only:
                _measure(name, chosen, folder)
    except (ValueError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not chosen.short:
        atomic_write(chosen.page, page(RECORDS.read(chosen.json)))
    return 0


def _measure(name: str, chosen: argparse.Namespace, folder: Path) -> None:
    if not (chosen.short or chosen.again) and name in RECORDS.read(chosen.json):
        print(f"{name}: recorded already", flush=True)
        return
    at, load, began = commit("benchmarks/results/", "docs/data_speed.md"), os.getloadavg()[0], time.perf_counter()
    row = ROWS[name]
    path = {"cifar": sets.cifar, "photos": sets.photos}[row.pictures](folder, short=chosen.short)
    turns: dict[str, list[dict[str, float]]] = {}
    for turn in range(1 if chosen.short or len(row.ways) == 1 else chosen.turns):
        for what, (way, how) in row.ways.items():
            if way in _NEEDS and not find_spec(_NEEDS[way]):
                continue
            turns.setdefault(what, []).append(_one(row, way, how, path, folder, short=chosen.short))
            said = ", ".join(f"{key} {value:,.1f}" for key, value in turns[what][-1].items())
            print(f"{name}, turn {turn + 1}: {what}: {said}", flush=True)
    if not chosen.short:
        found = Row(
            turns={what: tuple(each) for what, each in turns.items()},
            seconds=round(time.perf_counter() - began, 1),
            load=round(load, 1),
            **circumstances(at, _PACKAGES),
        )
        RECORDS.merged(chosen.json, name, found)


def _one(row: Measure, way: str, how: str, path: Path, folder: Path, *, short: bool) -> dict[str, float]:
    """Return what a way to read gives in a process of its own."""
    trains = way == "netspec_trains"
    epochs = 1 if len(row.ways) == 1 else 2 if short else 4
    count = epochs if trains else 128 if row.pictures == "cifar" else 64
    job = {"way": way, "path": str(path), "shape": row.shape, "count": count, "how": how}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NETSPEC_CACHE": str(folder / "cache")}
    command = [sys.executable, str(ROOT / "benchmarks/loading/ways.py")]
    done = subprocess.run(
        command, input=json.dumps(job), env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def page(rows: Mapping[str, Row]) -> str:
    """Return the whole page."""
    return "\n".join([_INTRO, *(_section(name, rows.get(name)) for name in ROWS)])


def _section(name: str, row: Row | None) -> str:
    measure = ROWS[name]
    parts = [f"## {measure.title}\n", f"{measure.text}\n"]
    if row is None:
        return "\n".join([*parts, f"Not measured yet: `python benchmarks/data.py --only {name}`\n"])
    columns = list(dict.fromkeys(key for each in row.turns.values() for key in each[0]))
    compared = len(row.turns) > 1 and measure.first in row.turns
    head = [*columns, *(["times as fast"] if compared else [])]
    lines = [f"| | {' | '.join(head)} |", f"| --- |{' ---: |' * len(head)}"]
    for what, turns in row.turns.items():
        cells = [_number(median(turn[key] for turn in turns)) for key in columns]
        if compared:
            pairs = zip(turns, row.turns[measure.first], strict=True)
            cells.append(f"{median(a['examples a second'] / b['examples a second'] for a, b in pairs):.2f}")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    m = row.machine
    where = (
        f"Measured on {row.date[:10]} at commit `{row.commit}`, {_turns(row)}, on {m.processor}, {m.cores} cores, at a "
        f"load of {row.load}; {', '.join(f'{package} {number}' for package, number in row.versions.items())}."
    )
    return "\n".join([*parts, *lines, "", where, ""])


def _turns(row: Row) -> str:
    count = max(map(len, row.turns.values()))
    return "one turn" if count == 1 else f"{count} turns"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.2f}"


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--turns", type=int, default=3, help="how often each way reads; 3 unless given")
    parser.add_argument("--again", action="store_true", help="also what is recorded")
    parser.add_argument("--short", action="store_true", help="read little, and record nothing")
    parser.add_argument("--page-only", action="store_true", help="measure nothing, write the page")
    scratch = Path(tempfile.gettempdir()) / "netspec-data"
    parser.add_argument("--scratch", type=Path, default=scratch, metavar="FOLDER", help="for pictures and the cache")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/data.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/data_speed.md", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
