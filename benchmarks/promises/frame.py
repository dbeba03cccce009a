"""Measuring a promise: how much is tried, what is found, and under which circumstances."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from recorded import ROOT, Circumstances, Frozen, Records, Rows, circumstances, commit

from promises import PROMISES

__all__ = ["RECORDS", "ROOT", "Effort", "Found", "Row", "measured"]

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


class Found(Frozen):
    """What a measurement says.

    Attributes:
        done: what was tried, with counts.
        figure: what came of it.
        kept: whether the promise held.
    """

    done: str
    figure: str
    kept: bool


class Timed(Found):
    """What a measurement says, how long it took, and the seed that all that is random follows from."""

    seconds: float
    seed: int


class Row(Circumstances, Timed):
    """What a measurement said, and when and where."""


RECORDS = Records(Rows[Row], PROMISES)
"""Of the promises, in their order."""


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
        **circumstances(at, _PACKAGES),
    )
