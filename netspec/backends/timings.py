"""Measured times, remembered for each user: one small file for each operation, device and versions.

Files are written whole or not at all, so processes that measure at the same time do no harm: the last one's numbers
stay. A file that is damaged, or of another operation, counts as none and is written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any

from netspec.planning import OpInstance, Strategy
from netspec.system.files import atomic_write, open_to_read
from netspec.system.packages import installed_version

__all__ = ["TimingsCache", "clear", "count", "cpu_name"]

_FORMAT = 1
_MOST_BYTES = 100_000


class TimingsCache:
    """The measured times of one device, under the versions at hand.

    Args:
        folder: of the files; made when one is written.
        device: a name that differs between devices of different speed.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.device = device
        self._versions = {name: installed_version(name) for name in ("netspec", "jax", "jaxlib")}

    def get(self, instance: OpInstance) -> dict[Strategy, float] | None:
        """Return the microseconds of the strategies that were measured; None where that has not been done."""
        facts = self._facts(instance)
        try:
            with open_to_read(self._file(facts)) as stream:
                found = json.loads(stream.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return None
        strategies = {_name(strategy): strategy for strategy in instance.strategies()}
        times = found.pop("microseconds", None) if isinstance(found, dict) else None
        if found != facts or not isinstance(times, dict) or set(times) != set(strategies):
            return None
        if not all(time is None or _is_time(time) for time in times.values()):
            return None
        return {strategy: float(times[name]) for name, strategy in strategies.items() if times[name] is not None}

    def put(self, instance: OpInstance, times: Mapping[Strategy, float]) -> None:
        """Remember the microseconds of some strategies; of the others, that they were not worth measuring.

        Raises:
            OSError: when it cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        facts = self._facts(instance)
        whole = {**facts, "microseconds": {_name(strategy): times.get(strategy) for strategy in instance.strategies()}}
        atomic_write(self._file(facts), json.dumps(whole, indent=1) + "\n", mode=0o600)

    def _facts(self, instance: OpInstance) -> dict[str, Any]:
        return {"format": _FORMAT, "problem": instance.key, "device": self.device, "versions": self._versions}

    def _file(self, facts: Mapping[str, Any]) -> Path:
        return self.folder / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}.json"


def _name(strategy: Strategy) -> str:
    return f"{strategy.name} {strategy.layout.name}".strip()


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0


def count(folder: Path) -> int:
    """Return how many operations are remembered in a folder."""
    return len(_files(folder))


def clear(folder: Path) -> int:
    """Forget what is remembered in a folder; return how many operations that were.

    Raises:
        OSError: when a file cannot be removed.
    """
    files = _files(folder)
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


def _files(folder: Path) -> list[Path]:
    try:
        return [p for p in folder.iterdir() if p.suffix == ".json" and not p.name.startswith(".")]
    except OSError:
        return []


def cpu_name() -> str:
    """Return the CPU's model and how many cores this process may use: times of one are those of all such."""
    model = ""
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as stream:
        model = next((line.partition(":")[2].strip() for line in stream if line.startswith("model name")), "")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"cpu: {model or platform.processor() or platform.machine()}, {usable} cores"
