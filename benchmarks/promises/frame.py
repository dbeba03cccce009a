"""Measuring a promise: how much is tried, what is found, and under which circumstances."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from comparison.results import Machine
from pydantic import BaseModel, ConfigDict

from netspec.system.files import atomic_write
from promises import PROMISES

__all__ = ["ROOT", "Effort", "Found", "Row", "commit", "measured", "merged", "read", "versions"]

ROOT = Path(__file__).resolve().parents[2]

_PACKAGES = ("netspec", "jax", "jaxlib", "lark", "numpy", "pillow", "pydantic", "safetensors")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried.

    Attributes:
        short: as little as shows that everything runs, for continuous integration.
        seed: all that is random follows from it.
        folder: an empty one of the measurement's own.
    """

    short: bool
    seed: int
    folder: Path

    def of(self, long: int, short: int) -> int:
        """Return one of two counts."""
        return short if self.short else long


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Found(_Frozen):
    """What a measurement says.

    Attributes:
        done: what was tried, with counts.
        figure: what came of it.
        kept: whether the promise held.
    """

    done: str
    figure: str
    kept: bool


class Row(Found):
    """What a measurement said, and when and where; `commit` ends in + where the files were not those of a commit."""

    seconds: float
    seed: int
    date: str
    commit: str
    machine: Machine
    versions: Mapping[str, str]


def measured(name: str, *, short: bool, seed: int) -> Row:
    """Measure a promise."""
    measure, at = import_module(f"promises.{name}").measure, commit("benchmarks/results/", "docs/reliability.md")
    with tempfile.TemporaryDirectory(prefix=f"netspec-{name}-") as folder:
        began = time.perf_counter()
        found: Found = measure(Effort(short, seed, Path(folder)))
        seconds = time.perf_counter() - began
    return Row(
        **found.model_dump(),
        seconds=round(seconds, 1),
        seed=seed,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=at,
        machine=Machine.this("cpu"),
        versions=versions(_PACKAGES),
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit(*own: str) -> str:
    """Return the commit that is measured; `own` are the paths that the program writes itself: they are no changes."""
    try:
        found = _git("rev-parse", "--short=12", "HEAD")
        changes = [line[3:] for line in _git("status", "--porcelain").splitlines()]
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found + ("+" if any(not path.startswith(own) for path in changes) else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.rstrip("\n")


class _Rows(_Frozen):
    rows: Mapping[str, Row] = {}


def read(path: Path) -> Mapping[str, Row]:
    """Return the recorded rows of a file by name, in the order of the promises; none where there is no file."""
    rows = _Rows.model_validate_json(path.read_bytes()).rows if path.exists() else {}
    return {name: rows[name] for name in PROMISES if name in rows}


def merged(path: Path, name: str, row: Row) -> Mapping[str, Row]:
    """Record a row in a file, in place of an older one of that name, and return all rows."""
    rows = {**read(path), name: row}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, _Rows(rows=rows).model_dump_json(indent=1) + "\n")
    return read(path)
