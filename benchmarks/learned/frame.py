"""Measuring a task: what it is trained on, how much of it, what comes of it, and under which circumstances."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recorded import ROOT, Circumstances, Frozen, Records, Rows, circumstances, commit

import netspec as ns
from learned import TASKS
from netspec import data as datasets

__all__ = ["RECORDS", "ROOT", "Effort", "Found", "Row", "first", "measured", "module", "stamp", "trained"]

_PACKAGES = ("netspec", "jax", "jaxlib", "numpy", "pillow", "scikit-learn", "torch")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is learned, and from what.

    Attributes:
        short: as little as shows that everything runs.
        seed: all that is random follows from it.
        folder: an empty one of the measurement's own.
        pictures: where pictures of the page go.
        data: a folder with `mnist/`, `membrane/` and `text/`; none where NETSPEC_DATA is not set.
    """

    short: bool
    seed: int
    folder: Path
    pictures: Path
    data: Path | None

    def of(self, long: int, short: int) -> int:
        """Return one of two counts."""
        return short if self.short else long

    def file(self, name: str) -> Path:
        """Return a file or a folder of the real data.

        Raises:
            ValueError: when it is not there.
        """
        if self.data is None:
            raise ValueError(
                "the environment variable NETSPEC_DATA must name a folder with mnist/, membrane/ and text/"
            )
        path = self.data / name
        if not path.exists():
            raise ValueError(f"there is no {path}: NETSPEC_DATA must name a folder with mnist/, membrane/ and text/")
        return path

    def digits(self) -> datasets.Dataset:
        """Return MNIST; in the short form the digits that come with netspec, enlarged."""
        return datasets.load(["digits" if self.short else "mnist"], shape=(1, 28, 28))


class Found(Frozen):
    """What a measurement says.

    Attributes:
        figures: by row and column of a table: a value for each seed.
        samples: texts that a model wrote, by what they are.
    """

    figures: Mapping[str, Mapping[str, tuple[float, ...]]]
    samples: Mapping[str, str] = {}


class Timed(Found):
    """What a measurement says, and how long it took.

    Attributes:
        stamp: of the specs that were measured.
        load: processes that ran or waited on the machine before the measurement began, the mean of a minute.
    """

    stamp: str
    seconds: float
    load: float
    seed: int


class Row(Circumstances, Timed):
    """What a measurement said, and when and where."""


RECORDS = Records(Rows[Row], TASKS)
"""Of the tasks, in the order of the page."""


def module(name: str) -> ModuleType:
    """Return the module of a task: TITLE, TEXT, SPECS and `measure`."""
    return import_module(f"learned.{name}")


def stamp(name: str) -> str:
    """Return what tells whether the specs of a task have changed."""
    specs: Mapping[str, str] = module(name).SPECS
    return hashlib.sha256("\0".join(f"{key}\0{text}" for key, text in specs.items()).encode()).hexdigest()[:16]


def measured(name: str, *, short: bool, seed: int, pictures: Path) -> Row:
    """Measure a task."""
    at, load = commit("benchmarks/results/", "docs/tasks.md", "docs/images/"), os.getloadavg()[0]
    data = os.environ.get("NETSPEC_DATA")
    with tempfile.TemporaryDirectory(prefix=f"netspec-{name}-") as folder:
        began = time.perf_counter()
        effort = Effort(short, seed, Path(folder), pictures, Path(data) if data else None)
        found: Found = module(name).measure(effort)
        seconds = time.perf_counter() - began
    return Row(
        **found.model_dump(),
        stamp=stamp(name),
        seconds=round(seconds, 1),
        load=round(load, 1),
        seed=seed,
        **circumstances(at, _PACKAGES),
    )


def trained(
    spec: str | Path,
    data: Any,
    seed: int,
    *,
    name: str,
    epochs: int | None = None,
    out: Path | None = None,
    weights: Path | None = None,
) -> ns.Finished:
    """Return the end of a training, with the model of its last epoch; the epochs are told on standard error."""
    network = spec if isinstance(spec, Path) else ns.parse(spec, name=name)
    for event in ns.train(network, data, seed=seed, epochs=epochs, out=out, weights=weights):
        if isinstance(event, ns.Epoch):
            print(f"{name}: epoch {event.epoch} loss {event.test_loss:.4f}", file=sys.stderr, flush=True)
        elif isinstance(event, ns.Notice):
            print(f"{name}: {event.text}", file=sys.stderr, flush=True)
    assert isinstance(event, ns.Finished)
    return event


def first(part: datasets.Split, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the first images of a part of a dataset and their labels."""
    return np.asarray(part.images)[:count], np.asarray(part.labels)[:count].astype(np.int64)
