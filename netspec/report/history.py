"""The history of a run: lines of metrics.jsonl as the series of the curves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["History", "Measure", "Series", "read_history", "read_rate"]

MeasureName = Literal["loss", "accuracy"]


@dataclass(frozen=True, slots=True)
class Series:
    """Finite values over steps.

    Attributes:
        steps: (n,) in rising order.
        values: (n,).
    """

    steps: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def smoothed(self) -> Series:
        """Return the running mean over up to a tenth of the series, centered on each step.

        The window widens from the start, where the values change fastest, to its full width.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        places = np.arange(len(self))
        reach = np.minimum(1 + places // 2, max(2, len(self) // 20))
        first, last = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(self))
        return Series(self.steps, (sums[last] - sums[first]) / (last - first))


@dataclass(frozen=True, slots=True)
class Measure:
    """Loss or accuracy over a run.

    Attributes:
        steps: per logged training step, as noisy as single batches are; may be empty.
        train: the training line to show: the steps smoothed, or else one point an epoch.
        validation: one point an evaluation; may be empty.
        test: likewise.
    """

    steps: Series
    train: Series
    validation: Series
    test: Series

    @property
    def lines(self) -> tuple[Series, Series, Series]:
        """The series that lines are drawn through, in a fixed order."""
        return self.train, self.validation, self.test

    def __bool__(self) -> bool:
        return any(len(line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class History:
    """All that the curves show.

    Attributes:
        loss: in the units of the loss.
        accuracy: shares in 0..1.
        epoch_ends: (epochs,) the last step of each epoch.
        best: the step at the end of the best epoch, as the training decided; None where the records do not say.
        broke_at: the first step whose training loss was not finite, or None.
    """

    loss: Measure
    accuracy: Measure
    epoch_ends: tuple[int, ...]
    best: int | None
    broke_at: int | None


def read_history(records: Iterable[Mapping[str, Any]]) -> History:
    """Sort records into series.

    Of several values for one step the last counts, as when a resumed run repeats steps. Values that are
    absent, None or not finite are left out, and so are records of an unknown kind.

    Args:
        records: objects with `kind` (`step`, `evaluation` or `epoch`) and `step`, as in metrics.jsonl.

    Returns:
        The series, each in the order of its steps.
    """
    lines = [record for record in records if record.get("kind") in ("step", "evaluation", "epoch")]
    losses = [(int(r["step"]), r.get("loss")) for r in lines if r["kind"] == "step"]
    broken = [step for step, loss in losses if isinstance(loss, float) and not math.isfinite(loss)]
    return History(
        loss=_measure(lines, "loss"),
        accuracy=_measure(lines, "accuracy"),
        epoch_ends=tuple(sorted({int(r["step"]) for r in lines if r["kind"] == "epoch"})),
        best=max((int(r["step"]) for r in lines if r["kind"] == "epoch" and r.get("best") is True), default=None),
        broke_at=min(broken, default=None),
    )


def read_rate(records: Iterable[Mapping[str, Any]]) -> Series:
    """Return the learning rate at the steps that a run has recorded."""
    return _series((r["step"], r.get("learning_rate")) for r in records if r.get("kind") == "step")


def _measure(records: list[Mapping[str, Any]], name: MeasureName) -> Measure:
    steps = _series((r["step"], r.get(name)) for r in records if r["kind"] == "step")
    epochs = _series((r["step"], r.get(f"train_{name}")) for r in records if r["kind"] == "epoch")
    return Measure(
        steps=steps,
        train=steps.smoothed() if len(steps) else epochs,
        validation=_evaluated(records, "validation", name),
        test=_evaluated(records, "test", name),
    )


def _evaluated(records: list[Mapping[str, Any]], split: str, name: MeasureName) -> Series:
    return _series(
        (r["step"], r.get(f"{split}_{name}") if r["kind"] == "epoch" else r.get(name))
        for r in records
        if r["kind"] == "epoch" or (r["kind"] == "evaluation" and r.get("split") == split)
    )


def _series(pairs: Iterable[tuple[Any, Any]]) -> Series:
    points = {int(step): float(value) for step, value in pairs if value is not None and math.isfinite(float(value))}
    ordered = sorted(points.items())
    return Series(np.array([s for s, _ in ordered], dtype=float), np.array([v for _, v in ordered], dtype=float))
