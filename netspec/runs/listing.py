"""The list of runs in a folder with the state of each; without JAX and NumPy."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from netspec.diagnostics.diagnostic import NetspecError, RunError
from netspec.runs.files import (
    BEST,
    LAST,
    MANIFEST,
    METRICS,
    NETWORK,
    RESULT,
    read_manifest,
    read_result,
    require_own_record,
)
from netspec.runs.lock import is_held
from netspec.system.files import kind_of, open_to_read, read_text

__all__ = ["RunSummary", "State", "list_runs", "newest"]

State: TypeAlias = Literal["complete", "running", "stopped", "failed", "damaged"]
"""`stopped`: it can be resumed, whether it was asked to stop or killed. `failed`: an error ended it."""

_DEEPEST = 4
"""Levels below the folder in which runs are searched: runs/NAME/001 is two below `runs`."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as it is listed.

    Attributes:
        folder: the run folder.
        state: how it is.
        spec: the name of the network; empty where it cannot be read.
        data: the name of the dataset; likewise.
        accuracy: of the test set after the best epoch; None before one has ended, and without classes.
        loss: likewise.
        done: epochs that have ended.
        epochs: of the recipe; None where it cannot be read.
        begun: its start; of an older run, whose manifest has none, when that was written last.
        problem: why it failed, or what is damaged.
    """

    folder: Path
    state: State
    spec: str = ""
    data: str = ""
    accuracy: float | None = None
    loss: float | None = None
    done: int = 0
    epochs: int | None = None
    begun: str = ""
    problem: str = ""


def newest(path: Path) -> Path:
    """Return the newest run in a folder such as `runs/lenet`: the one of the highest number.

    What is a run or a file itself, or has no numbered run in it, is returned as it is.
    """
    try:
        if not path.is_dir() or any((path / name).exists() for name in (MANIFEST, NETWORK, BEST, LAST)):
            return path
        numbered = [p for p in path.iterdir() if _number(p.name) >= 0 and (p / MANIFEST).is_file()]
    except (OSError, ValueError):
        return path
    return max(numbered, key=lambda p: _number(p.name), default=path)


def list_runs(folder: Path) -> list[RunSummary]:
    """Return the runs in a folder and in those below it, the newest last.

    Raises:
        RunError: when there is no such folder.
    """
    if kind_of(folder, RunError) != "folder":
        raise RunError(f"{folder} is not a folder", "give a folder with runs in it, such as runs or runs/lenet")
    return sorted((_summary(found) for found in _runs(folder)), key=lambda run: (run.begun, run.folder))


def _runs(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        path = Path(place)
        # One that was left before its training began has its number only.
        if MANIFEST in files or (NETWORK in files) or (path != folder and _number(path.name) >= 0):
            folders.clear()
            yield path
        elif len(path.relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _number(name: str) -> int:
    return int(name) if name.isascii() and name.isdecimal() and len(name) < 16 else -1


def _summary(folder: Path) -> RunSummary:
    """Return how a run is, whatever is wrong with its files."""
    running = is_held(folder)
    if not (folder / MANIFEST).exists():
        problem = "" if running else "it ended before its training began"
        return RunSummary(folder, "running" if running else "failed", begun=_written(folder), problem=problem)
    try:
        manifest = read_manifest(folder)
        name, epochs = _network(folder)
        if not running:
            require_own_record(folder, manifest, RESULT, METRICS)
        done, accuracy, loss = _measured(folder)
        state, problem = _state(folder, manifest, running=running)
    except NetspecError as error:
        return RunSummary(folder, "damaged", begun=_written(folder / MANIFEST), problem=error.message)
    begun = str(manifest.get("begun") or _written(folder / MANIFEST))
    return RunSummary(
        folder, state, name, str(manifest.get("dataset", "")), accuracy, loss, done, epochs, begun, problem
    )


def _state(folder: Path, manifest: Mapping[str, Any], *, running: bool) -> tuple[State, str]:
    if running:
        return "running", ""
    if read_result(folder) is not None:
        return "complete", ""
    failed = str(manifest.get("failed") or "")
    return ("failed", failed) if failed else ("stopped", "")


def _network(folder: Path) -> tuple[str, int]:
    """Return the name of a network, and the epochs of its recipe."""
    try:
        network = json.loads(read_text(folder / NETWORK))
        name, epochs = network["name"], network["recipe"]["epochs"]
        if not isinstance(name, str) or type(epochs) is not int:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise RunError(f"{folder / NETWORK} cannot be read", "copy it again from where it was whole") from None
    return name, epochs


def _measured(folder: Path) -> tuple[int, float | None, float | None]:
    """Return how many epochs have ended, and test accuracy and loss after the best of them."""
    done, accuracy, loss = 0, None, None
    try:
        with open_to_read(folder / METRICS) as stream:
            for line in stream:
                record = _epoch(line)
                if record:
                    done = max(done, record["epoch"])
                if record and record.get("best") is True:
                    accuracy, loss = (_finite(record.get(f"test_{name}")) for name in ("accuracy", "loss"))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RunError(f"{folder / METRICS} cannot be read: {error.strerror}") from None
    return done, accuracy, loss


def _epoch(line: bytes) -> dict[str, Any] | None:
    """Return what a line of metrics.jsonl says of an epoch that has ended; None where it says something else."""
    if b'"epoch"' not in line or b'"best"' not in line:
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ended = isinstance(record, dict) and record.get("kind") == "epoch" and type(record.get("epoch")) is int
    return record if ended else None


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e100 else None


def _written(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except (OSError, ValueError, OverflowError):
        return ""
