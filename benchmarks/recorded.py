"""Rows of measurements: read from a file and recorded there one by one, with the circumstances of each."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, TypeVar

from comparison.results import Machine
from pydantic import BaseModel, ConfigDict

from netspec.system.files import atomic_write

__all__ = ["ROOT", "Circumstances", "Frozen", "Records", "Rows", "circumstances", "commit", "versions"]

ROOT = Path(__file__).resolve().parents[1]


class Frozen(BaseModel):
    """A value of a file: it has these fields, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Circumstances(Frozen):
    """When, where and with what a row was measured; `commit` ends in + where the files were not those of a commit."""

    date: str
    commit: str
    machine: Machine
    versions: Mapping[str, str]


def circumstances(at: str, packages: Iterable[str]) -> dict[str, Any]:
    """Return the circumstances of what is measured now.

    Args:
        at: the commit, as it was before the measurement.
        packages: whose versions matter.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": at,
        "machine": Machine.this("cpu"),
        "versions": versions(packages),
    }


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


Row = TypeVar("Row", bound=Circumstances)


class Rows(Frozen, Generic[Row]):
    """What a file holds: rows by their names."""

    rows: Mapping[str, Row] = {}


@dataclass(frozen=True, slots=True)
class Records(Generic[Row]):
    """Rows of one kind that are kept in files.

    Attributes:
        kind: what a file of them holds.
        names: those that are read, in their order.
    """

    kind: type[Rows[Row]]
    names: Collection[str]

    def read(self, path: Path) -> dict[str, Row]:
        """Return the recorded rows of a file by name, in the order of the names; none where there is no file."""
        rows = self.kind.model_validate_json(path.read_bytes()).rows if path.exists() else {}
        return {name: rows[name] for name in self.names if name in rows}

    def merged(self, path: Path, name: str, row: Row) -> dict[str, Row]:
        """Record a row in a file, in place of an older one of that name, and return all rows."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {**self.read(path), name: row}
        atomic_write(path, self.kind(rows=rows).model_dump_json(indent=1) + "\n")
        return self.read(path)
