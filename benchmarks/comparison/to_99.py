"""Seconds from the start of `netspec train` to 99 % test accuracy, with an empty compilation cache and a full one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from comparison.results import Cache, Reached, Run
from netspec.data.builtin.mnist import MNIST

__all__ = ["ACCURACY", "last_test_accuracy", "race", "train"]

ACCURACY = 0.99
_CACHES: tuple[Cache, ...] = ("cold", "warm")


def race(spec: Path, seeds: Sequence[int], accuracy: float = ACCURACY) -> Iterator[str | Reached]:
    """Train a spec with each seed, twice; yields a line for each run, and at last all of them.

    Raises:
        ValueError: when there is no MNIST here, or `netspec train` fails.
    """
    data = MNIST.locate()
    if data is None:
        raise ValueError("there is no MNIST here: set NETSPEC_DATA to a folder that holds mnist/")
    runs = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="to-99-") as name:
            for cache in _CACHES:
                runs.append(train(spec, seed, cache, Path(name), data, accuracy))
                reached = runs[-1].reached
                yield f"seed {seed}, {cache} cache: {'never' if reached is None else f'{reached:.1f} s'}"
    yield Reached(accuracy=accuracy, runs=tuple(runs))


def train(spec: Path, seed: int, cache: Cache, folder: Path, data: Path, accuracy: float) -> Run:
    """Train once, in a process of its own, and watch the clock; what it compiles is kept in the folder."""
    command = [sys.executable, "-m", "netspec", "train", str(spec), "--seed", str(seed), "--json"]
    command += ["--data", "mnist", "-o", str(folder / cache)]
    reached, last = None, 0.0
    began = time.perf_counter()
    with (
        (folder / f"{cache}.log").open("w+") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment(folder, data)
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            last = last_test_accuracy(json.loads(line), last)
            if reached is None and last >= accuracy:
                reached = time.perf_counter() - began
        if process.wait():
            log.seek(0)
            raise ValueError(f"netspec train {spec} failed: {log.read().strip()[-300:]}")
    ended = time.perf_counter() - began
    return Run(seed=seed, cache=cache, reached=reached, ended=ended, test_accuracy=last)


def last_test_accuracy(event: Mapping[str, Any], last: float) -> float:
    """Return the test accuracy that an event tells of, at the end of an epoch or within it; else the last one."""
    if event.get("event") == "evaluated" and event["split"] == "test":
        return event["accuracy"]
    return event.get("test_accuracy") or last


def _environment(folder: Path, data: Path) -> dict[str, str]:
    cache = str(folder / "cache")
    inherited = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    return {
        **inherited,
        # Whichever of the two a cache is looked for by.
        "NETSPEC_CACHE": cache,
        "XDG_CACHE_HOME": cache,
        "NETSPEC_DATA": str(data),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
