"""How well scores tell classes apart at every threshold: ROC curves, and precision against recall."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import COLORS, INK, MARGIN, MUTED, fit, heading, panel, picture

__all__ = ["Thresholds", "draw_roc", "thresholds_of"]

_SIDE, _TOP = 4.0, 1.05
_MOST_CURVES = 8


@dataclass(frozen=True, eq=False, slots=True)
class Thresholds:
    """What a score gives at each threshold, the highest first.

    Attributes:
        false_positive_rate: (T,) of the negatives, those that are taken.
        recall: (T,) of the positives, those that are taken.
        precision: (T - 1,) of those that are taken, the positives; the first threshold takes none.
        area: under the ROC curve.
        average_precision: the mean of the precisions, each for the recall that is gained at its threshold.
    """

    false_positive_rate: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    area: float
    average_precision: float


def thresholds_of(true: NDArray[np.bool_], score: NDArray[Any]) -> Thresholds | None:
    """Return what a score gives at each threshold; None where all examples are positive, or none is.

    Args:
        true: (N,) which examples are positive.
        score: (N,), higher for what is more likely positive; equal scores are taken together.
    """
    positives = int(true.sum())
    if positives in {0, len(true)}:
        return None
    order = np.argsort(-score, kind="stable")
    sorted_true, sorted_score = true[order], score[order]
    ends = np.append(np.flatnonzero(np.diff(sorted_score)), len(true) - 1)
    hits = np.cumsum(sorted_true)[ends]
    wrong = ends + 1 - hits
    recall, false_rate = (np.append(0.0, n / total) for n, total in ((hits, positives), (wrong, len(true) - positives)))
    precision = hits / (ends + 1)
    area = float(((recall[1:] + recall[:-1]) / 2 * np.diff(false_rate)).sum())
    return Thresholds(false_rate, recall, precision, area, float((np.diff(recall) * precision).sum()))


def draw_roc(
    true: NDArray[Any], scores: NDArray[Any], names: Sequence[str], path: str | os.PathLike[str], *, title: str
) -> Path:
    """Draw the ROC curve of each class against all others, and its precision against its recall.

    Args:
        true: (N, K) whether each example is of each class.
        scores: (N, K) the score of each class, higher for what is more likely.
        names: K names.
        path: the picture file to write.
        title: the heading.

    Returns:
        The path written. Of more than eight classes the eight with the smallest areas are drawn, and a line says so.

    Raises:
        DataError: arrays of other shapes, no examples, or no class that some examples are of and others are not.
        RunError: the file cannot be written.
    """
    true, scores = np.asarray(true, bool), np.asarray(scores)
    if true.shape != scores.shape or true.ndim != 2 or not true.size or len(names) != true.shape[1]:
        shapes = f"{true.shape}, {scores.shape} and {plural(len(names), 'name')}"
        raise DataError(f"true, scores and names are {shapes}", "give (N, K) arrays and K names")
    every = [(name, thresholds_of(true[:, k], scores[:, k]), true[:, k].mean()) for k, name in enumerate(names)]
    known = [(name, found, share) for name, found, share in every if found is not None]
    if not known:
        raise DataError(
            "all examples are of the same class: nothing is to be told apart", "give examples of several classes"
        )
    mean = float(np.mean([found.area for _, found, _ in known]))
    shown = sorted(known, key=lambda entry: entry[1].area)[:_MOST_CURVES]
    parts = [plural(len(true), "example")]
    parts += [f"mean area under the ROC curves {mean:.4f}"] if len(known) > 1 else []
    parts += [f"the {len(shown)} smallest of {len(known):,} areas are drawn"] if len(known) > len(shown) else []
    parts += [f"{plural(len(every) - len(known), 'class')} without examples"] if len(known) < len(every) else []
    pitch = _SIDE + 0.95
    with picture(path, MARGIN + 0.6 + 2 * pitch, _TOP + _SIDE + 0.75) as figure:
        if _corner([found for _, found, _ in shown]) < 1:
            parts.append("the corners are enlarged")
        heading(figure, title, ", ".join(parts))
        left, right = (panel(figure, MARGIN + 0.6 + i * pitch, _TOP, _SIDE, _SIDE) for i in range(2))
        left.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        for color, (name, found, share) in zip(COLORS, shown, strict=False):
            label = fit(name, 1.6, 8.5)
            left.plot(found.false_positive_rate, found.recall, color=color, label=f"{label}: area {found.area:.4f}")
            right.step(
                found.recall,
                np.append(found.precision[0], found.precision),
                color=color,
                label=f"{label}: mean precision {found.average_precision:.4f}",
            )
            if len(shown) == 1:
                right.axhline(share, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        size = _corner([found for _, found, _ in shown])
        room = 0.01 * size
        left.set(xlim=(-room, size + room), ylim=(1 - size - room, 1 + room))
        right.set(xlim=(1 - size - room, 1 + room), ylim=(1 - size - room, 1 + room))
        _label(left, "false positives, of all negatives", "recall", "lower right")
        _label(right, "recall", "precision", "lower left")
    return Path(path)


def _corner(curves: Sequence[Thresholds]) -> float:
    """Return how much of the axes to show: of curves that all lie in a corner that corner, large enough for all."""
    smallest = min(min(found.area, found.average_precision) for found in curves)
    return next((size for size, area in ((0.02, 0.999), (0.1, 0.99), (0.3, 0.97)) if smallest > area), 1.0)


def _label(axes: Axes, x: str, y: str, place: Any) -> None:
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y)
    axes.grid()
    axes.legend(loc=place, fontsize=8)
