"""Puts small mistakes into the package, one at a time, and says which of them no test notices.

    python benchmarks/mutation_guard.py                                    # 200 mistakes, all quick tests: takes hours
    python benchmarks/mutation_guard.py --resume --count 300               # goes on, to 300
    python benchmarks/mutation_guard.py --only syntax elaborate diagnostics --tests without-jax --count 50
    python benchmarks/mutation_guard.py --only runs/checkpoints.py --tests tests/runs tests/training

A mistake is an operator turned, `not` left out, a number moved by one, a bound made wider or narrower by its end, True
for False, or a result that is not returned. It is made in a copy of the tree. The tests of the file run first, then the
others; one that takes more than the time limit counts as caught. Each mistake is a line of --out as soon as it is
tried, and a table stands beside it (.md). The same seed makes the same mistakes, and a larger count begins with those
of a smaller one. The exit code is 1 when one has survived: then a test is missing, or the code says more than it does.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutants.mutate import applied, mutations
from mutants.trial import FAILED, Trial, baseline, by_relevance, copied, tried

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_JAX = ROOT / "tests" / "without_jax.txt"
_KEY = ("file", "line", "start", "before", "after", "text")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mistakes, write what becomes of them, and return the exit code."""
    asked = _options().parse_args(arguments)
    trials = chosen(asked.only, asked.seed, asked.count)
    tests = test_files(asked.tests)
    done = _read(asked.out) if asked.resume else []
    known = {_key(record) for record in done}
    waiting = [trial for trial in trials if _key(_record(trial)) not in known]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="netspec-mutants-") as place,
        asked.out.open("a" if asked.resume else "w", encoding="utf-8") as out,
    ):
        folder = Path(place)
        copied(ROOT, folder)
        print(f"{len(waiting)} mistakes, {len(tests)} test files; the tests without a mistake …", flush=True)
        limit = asked.limit or max(60.0, 3 * baseline(folder, tests, asked.workers))
        for number, trial in enumerate(waiting, 1):
            began = time.monotonic()
            stages = by_relevance(trial.file, tests, ROOT)
            outcome = tried(trial, folder, stages, limit=limit, workers=asked.workers)
            record = {**_record(trial), "outcome": outcome, "seconds": round(time.monotonic() - began, 1)}
            print(f"{number}/{len(waiting)} {outcome}: {_told(record)} ({record['seconds']} s)", flush=True)
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
            out.flush()
            done.append(record)
    page = table(done)
    asked.out.with_suffix(".md").write_text(page, encoding="utf-8")
    print(page)
    return FAILED if any(record["outcome"] == "survived" for record in done) else 0


def chosen(only: Sequence[str], seed: int, count: int) -> list[Trial]:
    """Return so many mistakes in these folders and files of the package; all follows from the seed."""
    paths = [ROOT / "netspec" / name for name in only] or [ROOT / "netspec"]
    if missing := [path for path in paths if not path.exists()]:
        raise SystemExit(f"{missing[0]} does not exist: --only takes folders and files of netspec/")
    files = {file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path])}
    trials = []
    for file in sorted(f for f in files if "_bundled" not in f.parts):
        text = file.read_text(encoding="utf-8")
        lines, name = text.split("\n"), file.relative_to(ROOT).as_posix()
        trials += [Trial(name, mutation, lines[mutation.line - 1].strip()) for mutation in mutations(text)]
    random.Random(seed).shuffle(trials)
    return trials[:count]


def test_files(names: Sequence[str]) -> list[str]:
    """Return the test files in these files and folders, and in those of the tier `without-jax` where it is named."""
    paths: list[str] = []
    for name in names:
        paths += WITHOUT_JAX.read_text(encoding="utf-8").split() if name == "without-jax" else [name]
    if missing := [path for path in paths if not (ROOT / path).exists()]:
        raise SystemExit(f"{missing[0]} does not exist: --tests takes files, folders, and without-jax")
    found = {f for p in paths for f in ((ROOT / p).rglob("test_*.py") if (ROOT / p).is_dir() else [ROOT / p])}
    return sorted(file.relative_to(ROOT).as_posix() for file in found)


def table(records: Sequence[dict[str, Any]]) -> str:
    """Return how many mistakes of each folder were caught, and each that was not."""
    lines = ["| folder | mistakes | caught | survived |", "|---|---:|---:|---:|"]
    folders = sorted({Path(record["file"]).parent.as_posix() for record in records})
    for folder in [*folders, "all"]:
        of_folder = [r for r in records if folder == "all" or Path(r["file"]).parent.as_posix() == folder]
        survived = sum(record["outcome"] == "survived" for record in of_folder)
        lines.append(f"| {folder} | {len(of_folder)} | {len(of_folder) - survived} | {survived} |")
    survivors = [f"- {_told(record)}" for record in records if record["outcome"] == "survived"]
    return "\n".join([*lines, *(["", "Survived:", "", *survivors] if survivors else [])]) + "\n"


def _record(trial: Trial) -> dict[str, Any]:
    mutation = trial.mutation
    changed = applied((ROOT / trial.file).read_text(encoding="utf-8"), mutation).split("\n")[mutation.line - 1].strip()
    return {
        "file": trial.file,
        "line": mutation.line,
        "start": mutation.start,
        "before": mutation.before,
        "after": mutation.after,
        "text": trial.text,
        "changed": changed,
    }


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in _KEY)


def _told(record: dict[str, Any]) -> str:
    return f"`{record['file']}:{record['line']}` `{record['text']}` → `{record['changed']}`"


def _read(path: Path) -> list[dict[str, Any]]:
    """Return what was tried before; a last line that was cut off is left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n") if line.endswith("}")]


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make small mistakes in the package, and see which no test notices.")
    parser.add_argument("--count", type=int, default=200, help="how many mistakes; 200 unless given")
    parser.add_argument("--seed", type=int, default=1, help="all that is random follows from it; 1 unless given")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="folders and files of netspec/")
    parser.add_argument("--tests", nargs="+", default=["tests"], metavar="PATH", help="which tests; also without-jax")
    parser.add_argument("--resume", action="store_true", help="go on: leave out what --out says was tried")
    parser.add_argument("--limit", type=float, help="seconds for the tests of one mistake; three times theirs, or 60")
    parser.add_argument("--workers", default="auto", metavar="N", help="processes that run tests, as pytest's -n")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutation_guard.jsonl", metavar="FILE")
    return parser


if __name__ == "__main__":
    # Ended from outside, it still ends the tests that run, and removes the copy.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
